"""What happens when a person deletes a conversation or a branch, and when they take that back: runs end, readers hear of
it, and what nobody took back within UNDO_SECONDS is removed for good.

Which rows are marked, and how, is the business of `trash.py`.
"""
from __future__ import annotations

import logging
from collections.abc import Callable

import gevent
from sqlalchemy import Connection

from rill import charges, store, trash
from rill.committer import message_event
from rill.db import Database
from rill.engine import Engine
from rill.errors import RequestError
from rill.hub import Hub, StateEvent
from rill.models import Conversation, Message, Usage, utc_now
from rill.replies import conversation_event
from rill.text import LiveText
from rill.turns import give_turn

log = logging.getLogger(__name__)

UNDO_SECONDS = 3600  # how long what was deleted can come back
PURGE_ROWS = 50  # removed in one transaction: a few milliseconds, and running answers get their turn between two
AGAIN_SECONDS = 60  # after a purge that the database refused


class Deletions:
    def __init__(self, db: Database, hub: Hub, engine: Engine, on_purged: Callable[[], None] = lambda: None) -> None:
        self._db, self._hub, self._engine = db, hub, engine
        self._on_purged = on_purged  # told when rows are gone for good
        self._purge: gevent.Greenlet | None = None

    def delete_conversation(self, user_id: str, conversation_id: str) -> None:
        """Raises NotFound."""
        with self._db.write() as tx:
            stopped = trash.delete_conversation(tx, user_id, conversation_id, self._engine.grown)
            events = self._endings(tx, stopped)
            events.append(StateEvent("conversation_deleted", {"id": conversation_id}, store.next_revision(tx, user_id)))
        self._done(user_id, stopped, events)

    def restore_conversation(self, user_id: str, conversation_id: str) -> Conversation:
        """Raises NotFound: also when it was removed already."""
        with self._db.write() as tx:
            is_back = trash.restore_conversation(tx, user_id, conversation_id)
            conversation = store.get_conversation(tx, user_id, conversation_id)
            event = conversation_event(tx, conversation) if is_back else None
        if event is not None:
            self._hub.tell(user_id, event)
        return conversation

    def delete_branch(self, user_id: str, message_id: str) -> Conversation:
        """A message with all that follows it. Raises NotFound."""
        with self._db.write() as tx:
            conversation, stopped = trash.delete_branch(tx, user_id, message_id, self._engine.grown)
            events = [*self._endings(tx, stopped), conversation_event(tx, conversation)]
        self._done(user_id, stopped, events)
        return conversation

    def _endings(self, tx: Connection, stopped: list[Message]) -> list[StateEvent]:
        """Readers follow replies that grow: for them these end, before they are gone. And what they cost was spent."""
        events = []
        for reply in stopped:
            if run := self._engine.runs.get(reply.id):
                charges.add_run(tx, reply, run.generation_id, Usage.from_upstream(run.usage), None)
            live = run.live if run else LiveText(reply.id, reply.conversation_id, reply.content, reply.reasoning)
            events.append(message_event(reply, store.next_revision(tx, reply.user_id), live))
        return events

    def _done(self, user_id: str, stopped: list[Message], events: list[StateEvent]) -> None:
        """In the turn of the commit: no run goes on if it succeeded, and all do if it failed."""
        self._engine.discard(stopped)
        for event in events:
            self._hub.tell(user_id, event)
        self.plan_purge()

    def restore_branch(self, user_id: str, message_id: str) -> Conversation:
        """Raises NotFound, and Conflict while what is above it is deleted."""
        with self._db.write() as tx:
            conversation, is_back = trash.restore_branch(tx, user_id, message_id)
            event = conversation_event(tx, conversation) if is_back else None
        if event is not None:
            self._hub.tell(user_id, event)
        return conversation

    # -- the end

    def plan_purge(self, seconds: float = UNDO_SECONDS + 1) -> None:
        """Once at a time: a purge that finds more to do later plans the next."""
        if self._purge is None:
            self._purge = gevent.spawn_later(seconds, self._run_purge)

    def cancel_purge(self) -> gevent.Greenlet | None:
        """Returns the one that waited."""
        waiting, self._purge = self._purge, None
        if waiting is not None:
            waiting.kill(block=False)
        return waiting

    def _run_purge(self) -> None:
        self._purge = None
        try:
            removed, is_more = self.purge()
        except RequestError as error:
            log.warning("purge failed error=%s", error.type)
            return self.plan_purge(AGAIN_SECONDS)
        if removed:
            log.info("purged rows=%d", removed)
            self._on_purged()
        if is_more:
            self.plan_purge()

    def purge(self, seconds: float = UNDO_SECONDS) -> tuple[int, bool]:
        """Remove what was deleted so long ago, a little at a time. Returns how many rows, and whether others wait."""
        before, removed = utc_now(-seconds), 0
        while True:
            with self._db.write() as tx:
                count = trash.purge(tx, before, PURGE_ROWS)
                is_more = trash.is_any(tx)
            removed += count
            if count < PURGE_ROWS:
                return removed, is_more
            give_turn()
