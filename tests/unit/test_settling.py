"""Asking what calls really cost: in the place of the estimate, later and later, and not at all where it is not told."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from rill import charges, settling, store, trash
from rill.bills import Bill
from rill.errors import CostsWithheld, HttpRefused, UpstreamError
from rill.models import Cost, Message, Usage, utc_now
from rill.schema import charges as ledger
from rill.settling import TRIES, WAITS, Settler
from tests.cast import ALICE
from tests.support import Core, wait_until

WAIT_SECONDS = 1000.0


class Gateway:
    """Answers with what the test put in, by the id that is asked for; `asked` is what was asked."""

    def __init__(self, **bills: Any) -> None:
        self.bills, self.asked, self.tells_costs = bills, [], True

    def fetch_bill(self, generation_id: str) -> Bill | None:
        self.asked.append(generation_id)
        found = self.bills.get(generation_id)
        if isinstance(found, Exception):
            raise found
        return found if found is None else Bill(found)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settling, "PAUSE_SECONDS", 0)


@pytest.fixture
def settle(core: Core) -> Iterator[Callable[..., Settler]]:
    made: list[Settler] = []

    def make(gateway: Gateway, wait_seconds: float = WAIT_SECONDS) -> Settler:
        made.append(Settler(core.db, core.hub, gateway, wait_seconds))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def spend(core: Core, generation_id: str, amount: float = 0.2, *, ago: float = WAIT_SECONDS) -> Message:
    """A finished reply in a conversation of its own, with a charge that waits since so long."""
    conversation = core.conversation()
    with core.db.write() as tx:
        made = store.add_message(tx, ALICE.id, conversation.id, parent_id=None, role="assistant", status="completed", model="demo/hand", finished_at=utc_now())
        store.update_message(tx, made.seq, **store.usage_values(Usage(1, 1), Cost(amount)))
        charges.add_run(tx, made, generation_id, Usage(1, 1), amount)
        tx.execute(ledger.update().where(ledger.c.generation_id == generation_id).values(waits_from=utc_now(-ago)))
    return made


def row(core: Core, generation_id: str) -> Any:
    with core.witness.read() as tx:
        return tx.execute(select(ledger).where(ledger.c.generation_id == generation_id)).one()


def test_the_true_cost_takes_the_place_of_the_estimate_and_is_told_once(core: Core, settle: Callable[..., Settler]) -> None:
    message = spend(core, "a")
    reader = core.open_reader()
    assert not settle(Gateway(a=0.15)).settle_some(), "nothing more waits"
    assert core.stored(message.id).cost == Cost(0.15, "actual")
    [event] = reader._events
    assert event.name == "conversation" and event.data["conversation"]["cost"] == {"amount": 0.15, "currency": "USD", "kind": "actual"}
    assert event.data["costs"] == {message.id: {"amount": 0.15, "currency": "USD", "kind": "actual"}}
    with core.witness.read() as tx:
        assert event.revision == store.revision(tx, ALICE.id)


def test_nothing_is_asked_before_its_time(core: Core, settle: Callable[..., Settler]) -> None:
    spend(core, "a", ago=WAIT_SECONDS - 5)
    gateway = Gateway(a=0.1)
    settle(gateway).settle_some()
    assert gateway.asked == []


def test_each_not_yet_waits_longer_and_the_last_is_given_up(core: Core, settle: Callable[..., Settler]) -> None:
    spend(core, "a")
    gateway = Gateway(b=0.1)
    asking = settle(gateway)
    spend(core, "b")
    asking.settle_some()
    for tries in range(1, TRIES + 1):
        found = row(core, "a")
        assert (found.tries, found.kind, found.amount) == (tries, "estimate", 0.2)
        assert (found.waits_from is None) == (tries == TRIES)
        if tries < TRIES:
            due_in = WAITS[tries - 1] * WAIT_SECONDS
            assert utc_now(due_in - 5 - WAIT_SECONDS) < found.waits_from < utc_now(due_in + 5 - WAIT_SECONDS)
            with core.db.write() as tx:
                charges.postpone(tx, found.seq, found.tries, utc_now(-WAIT_SECONDS))
            asking.settle_some()
    assert gateway.asked.count("a") == TRIES


def test_an_answer_of_nothing_for_what_has_a_price_is_not_believed_at_once(core: Core, settle: Callable[..., Settler]) -> None:
    spend(core, "a")
    spend(core, "free", 0.0)
    settle(Gateway(a=0.0, free=0.0)).settle_some()
    assert (row(core, "a").kind, row(core, "free").kind) == ("estimate", "actual")
    with core.db.write() as tx:
        charges.postpone(tx, row(core, "a").seq, TRIES - 1, utc_now(-WAIT_SECONDS))
    settle(Gateway(a=0.0, free=0.0)).settle_some()
    assert (row(core, "a").kind, row(core, "a").amount) == ("actual", 0.0)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_may_not_ask_ends_the_asking_and_costs_nothing_learnt(core: Core, settle: Callable[..., Settler], status: int) -> None:
    first = spend(core, "a", ago=WAIT_SECONDS + 9)
    spend(core, "b")
    gateway = Gateway(a=0.1, b=HttpRefused("no", status=status))
    with pytest.raises(CostsWithheld):
        settle(gateway).settle_some()
    assert core.stored(first.id).cost == Cost(0.1, "actual")
    assert (row(core, "b").tries, row(core, "b").waits_from is None) == (0, False), "it waits for the next start"


def test_an_upstream_that_never_tells_a_cost_is_left_alone(core: Core, settle: Callable[..., Settler]) -> None:
    spend(core, "a")
    with core.db.write() as tx:
        charges.postpone(tx, row(core, "a").seq, TRIES - 1, utc_now(-WAIT_SECONDS))
    with pytest.raises(CostsWithheld):
        settle(Gateway()).settle_some()
    assert row(core, "a").waits_from is None


@pytest.mark.parametrize("status", [400, 404])
def test_a_call_that_the_upstream_does_not_know_is_asked_for_again(core: Core, settle: Callable[..., Settler], status: int) -> None:
    spend(core, "a")
    settle(Gateway(a=HttpRefused("unknown", status=status))).settle_some()
    assert (row(core, "a").tries, row(core, "a").waits_from is None) == (1, False)


@pytest.mark.parametrize("status", [422, 429, 500, None])
def test_trouble_counts_as_no_try(core: Core, settle: Callable[..., Settler], status: int | None) -> None:
    spend(core, "a")
    with pytest.raises(UpstreamError):
        settle(Gateway(a=HttpRefused("later", status=status))).settle_some()
    assert row(core, "a").tries == 0


def test_many_are_asked_for_a_few_at_a_time_and_a_conversation_is_told_of_once(core: Core, settle: Callable[..., Settler]) -> None:
    message = spend(core, "g0")
    with core.db.write() as tx:
        for n in range(1, settling.BATCH + 1):
            charges.add_run(tx, message, f"g{n}", Usage(1, 1), 0.1)
        tx.execute(ledger.update().values(waits_from=utc_now(-WAIT_SECONDS)))
    reader, gateway = core.open_reader(), Gateway(**{f"g{n}": 0.1 for n in range(9)})
    assert settle(gateway).settle_some()
    assert len(gateway.asked) == settling.BATCH and len(reader._events) == 1


def test_of_a_deleted_conversation_nobody_is_told(core: Core, settle: Callable[..., Settler]) -> None:
    message = spend(core, "a")
    with core.db.write() as tx:
        trash.delete_conversation(tx, ALICE.id, message.conversation_id, lambda message: message)
    reader = core.open_reader()
    settle(Gateway(a=0.15)).settle_some()
    assert (row(core, "a").amount, row(core, "a").kind, list(reader._events)) == (0.15, "actual", [])


def test_in_the_background_it_asks_until_told_to_stop(core: Core, settle: Callable[..., Settler]) -> None:
    gateway = Gateway(a=0.1, b=0.1)
    asking = settle(gateway, 0.01)
    asking.start()
    spend(core, "a")
    wait_until(lambda: row(core, "a").kind == "actual", "the cost")
    asking.stop()
    wait_until(lambda: not asking.is_asking, "the end")
    spend(core, "b")
    assert row(core, "b").kind == "estimate"


@pytest.mark.parametrize(("tells", "seconds"), [(False, 1), (True, 0)])
def test_with_a_subscription_or_without_a_time_nothing_is_asked(core: Core, settle: Callable[..., Settler], tells: bool, seconds: float) -> None:
    gateway = Gateway()
    gateway.tells_costs = tells
    asking = settle(gateway, seconds)
    asking.start()
    assert not asking.is_asking
