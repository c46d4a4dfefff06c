"""Asks the upstream what each call really cost, minutes after it, and puts that in the place of the estimate.

A greenlet of its own, beside everything: it asks for a few at a time, waits longer after each "not yet", and gives up on
one after TRIES. A key that may not know (403, or never a cost in any answer) is not asked with again until the next start.
What waits stands in the ledger, so a restart goes on where it was. Told as a `conversation` event, which carries the new
costs of its messages: a message that ended has had its last event.

It waits for nothing and nobody waits for it. Started and stopped by parts.py.
"""
from __future__ import annotations

import logging
from datetime import timedelta
from typing import Protocol

import gevent
from sqlalchemy import Row

from rill import charges, store
from rill.bills import Bill
from rill.db import Database
from rill.errors import CostsWithheld, NotFound, RequestError, UpstreamError
from rill.hub import Hub, StateEvent
from rill.models import Cost, utc_now
from rill.replies import conversation_event

log = logging.getLogger(__name__)

BATCH = 5  # asked for one after the other, then written together
PAUSE_SECONDS = 0.1  # between two questions
IDLE_SECONDS = 60.0  # between two looks at the ledger
WAITS = (0.5, 1.5, 5, 20, 90)  # after each "not yet": so many times the first wait
TRIES = len(WAITS) + 1
TROUBLE_SECONDS = 60.0  # when the upstream or the database cannot be reached
LONGEST_PAUSE_SECONDS = 3600.0
OLDEST = timedelta(days=3)
REFUSALS = (401, 403)


class Asked(Protocol):
    tells_costs: bool

    def fetch_bill(self, generation_id: str) -> Bill | None: ...


class Settler:
    """`wait_seconds` after a call its cost is asked for; 0 never asks."""

    def __init__(self, db: Database, hub: Hub, upstream: Asked, wait_seconds: float) -> None:
        self._db, self._hub, self._upstream = db, hub, upstream
        self._wait_seconds = wait_seconds
        self._has_seen_costs = False
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        if self._wait_seconds and self._upstream.tells_costs:
            self._greenlet = gevent.spawn(self._work)

    def stop(self) -> None:
        """At once; what was being asked for stays in the ledger."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    @property
    def is_asking(self) -> bool:
        return bool(self._greenlet)

    def _work(self) -> None:
        pause = 0.0
        is_first = True
        while True:
            gevent.sleep(pause)
            try:
                if is_first:
                    with self._db.write() as tx:
                        charges.forget_waiting(tx, utc_now(-OLDEST.total_seconds()))
                    is_first = False
                was_busy = self.settle_some()
                pause = PAUSE_SECONDS if was_busy else min(IDLE_SECONDS, self._wait_seconds)
            except CostsWithheld as reason:
                log.info("costs: %s Estimates stay until the next start.", reason.message)
                return
            except UpstreamError as error:
                pause = min(max(error.retry_after or 0, TROUBLE_SECONDS), LONGEST_PAUSE_SECONDS)
                log.info("costs: error=%s status=%s again_in_seconds=%.0f", error.type, error.status, pause)
            except RequestError as error:
                pause = TROUBLE_SECONDS
                log.warning("costs: error=%s", error.type)
            except Exception:
                log.exception("costs: asking failed")
                return

    def settle_some(self) -> bool:
        """Ask for what is due, a few at most, and write what was learnt, also when one of the questions went wrong.
        Returns whether there may be more. Raises CostsWithheld, UpstreamError, RequestError."""
        with self._db.read() as tx:
            due = charges.due(tx, utc_now(-self._wait_seconds), BATCH)
        learnt: list[tuple[Row, Bill | None]] = []
        try:
            for charge in due:
                learnt.append((charge, self._ask(charge)))
                gevent.sleep(PAUSE_SECONDS)
        finally:
            if learnt:
                self._write(learnt)
        return len(due) == BATCH

    def _ask(self, charge: Row) -> Bill | None:
        try:
            bill = self._upstream.fetch_bill(charge.generation_id)
        except UpstreamError as error:
            if error.status in REFUSALS:
                raise CostsWithheld(f"The key may not ask for them (status {error.status}).") from None
            if error.status in (400, 404):  # unknown: not yet, or no more
                bill = None
            else:
                raise
        if bill is None and charge.tries + 1 >= TRIES and not self._has_seen_costs:
            self._write([(charge, None)])
            raise CostsWithheld("The upstream names none to this key.")
        if bill is not None and not bill.amount and charge.amount and charge.tries + 1 < TRIES:
            return None  # nothing, for what has a price: it was not rated yet
        self._has_seen_costs = self._has_seen_costs or bill is not None
        return bill

    def _write(self, learnt: list[tuple[Row, Bill | None]]) -> None:
        events: list[tuple[str, StateEvent]] = []
        with self._db.write() as tx:
            changed: dict[tuple[str, str], dict[str, Cost]] = {}
            for charge, bill in learnt:
                if bill is None:
                    tries = charge.tries + 1
                    charges.postpone(tx, charge.seq, tries, None if tries >= TRIES else utc_now((WAITS[tries - 1] - 1) * self._wait_seconds))
                elif cost := charges.settle(tx, charge, bill):
                    changed.setdefault((charge.user_id, charge.conversation_id), {})[charge.message_id] = cost
            for (user_id, conversation_id), costs in changed.items():
                try:
                    events.append((user_id, conversation_event(tx, store.get_conversation(tx, user_id, conversation_id))))
                except NotFound:  # deleted, and perhaps to be brought back: nobody is told of it meanwhile
                    continue
                events[-1][1].data["costs"] = {message_id: cost.as_dict() for message_id, cost in costs.items()}
        for user_id, event in events:
            self._hub.tell(user_id, event)
