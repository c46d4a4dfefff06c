"""The ledger of what calls cost: one row a run, sums that follow it, and rows that outlive their messages."""
from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from rill import charges, store, trash
from rill.bills import Bill
from rill.db import Database
from rill.models import Cost, Message, Usage, utc_now
from rill.replies import Options
from rill.schema import charges as ledger
from tests.cast import ALICE, BOB
from tests.support import Core

LATER = "9999"


@pytest.fixture
def tx(db: Database) -> Any:
    with db.write() as connection:
        yield connection


def reply(tx: Connection, cost: Cost | None = None, user_id: str = ALICE.id, **values: Any) -> Message:
    conversation = store.create_conversation(tx, user_id)
    made = store.add_message(tx, user_id, conversation.id, parent_id=None, role="assistant", status="completed", model="demo/hand",
                             **{"finished_at": utc_now(), **values})
    store.update_message(tx, made.seq, **store.usage_values(Usage(), cost))
    return store.get_message(tx, user_id, made.id)


def settled(tx: Connection, message: Message, *amounts: float) -> Cost | None:
    cost = None
    for charge, amount in zip(charges.due(tx, LATER, 10), amounts, strict=True):
        cost = charges.settle(tx, charge, Bill(amount))
    assert cost == store.get_message(tx, message.user_id, message.id).cost
    return cost


def rows(tx: Connection) -> list[Any]:
    return list(tx.execute(select(ledger).order_by(ledger.c.seq)))


def test_a_call_that_was_refused_is_no_charge(tx: Connection) -> None:
    charges.add_run(tx, reply(tx), None, Usage(), None)
    assert rows(tx) == []


def test_a_charge_without_an_id_of_the_call_is_kept_and_not_asked_for(tx: Connection) -> None:
    charges.add_run(tx, reply(tx), None, Usage(10, 5), 0.2)
    assert (rows(tx)[0].amount, charges.due(tx, LATER, 10)) == (0.2, [])


def test_a_message_costs_what_its_runs_cost_and_is_actual_when_all_are(tx: Connection) -> None:
    message = reply(tx, Cost(0.5))
    charges.add_run(tx, message, "one", Usage(10, 5), 0.2)
    charges.add_run(tx, message, "two", Usage(10, 5), 0.3)
    first, second = charges.due(tx, LATER, 10)
    assert charges.settle(tx, first, Bill(0.1)) == Cost(0.4, "estimate")
    assert charges.settle(tx, second, Bill(0.25)) == Cost(0.35, "actual") == store.get_message(tx, ALICE.id, message.id).cost
    assert charges.due(tx, LATER, 10) == []


def test_a_stopped_run_whose_cost_nobody_knew_gets_one_and_its_tokens(tx: Connection) -> None:
    message = reply(tx)
    charges.add_run(tx, message, "one", Usage(), None)
    [charge] = charges.due(tx, LATER, 10)
    assert charges.settle(tx, charge, Bill(0.1, Usage(7, 8))) == Cost(0.1, "actual")
    assert (rows(tx)[0].input_tokens, rows(tx)[0].output_tokens) == (7, 8)


def test_tokens_that_the_stream_told_stay(tx: Connection) -> None:
    charges.add_run(tx, reply(tx), "one", Usage(1, 2), 0.1)
    charges.settle(tx, charges.due(tx, LATER, 10)[0], Bill(0.1, Usage(7, 8, 9)))
    assert (rows(tx)[0].input_tokens, rows(tx)[0].output_tokens, rows(tx)[0].reasoning_tokens) == (1, 2, 9)


def test_the_cost_of_a_copied_message_keeps_what_was_copied(tx: Connection) -> None:
    """A copy holds a cost that no charge of its own stands for; it is continued, and that run is settled."""
    message = reply(tx, Cost(0.7 + 0.2))
    charges.add_run(tx, message, "one", Usage(), 0.2)
    assert settled(tx, message, 0.1) == Cost(0.8, "estimate")


def test_while_a_run_makes_its_message_grow_a_charge_waits(tx: Connection) -> None:
    message = reply(tx, Cost(0.2))
    charges.add_run(tx, message, "one", Usage(), 0.2)
    [charge] = charges.due(tx, LATER, 10)
    store.update_message(tx, message.seq, finished_at=None, status="queued")
    assert charges.due(tx, LATER, 10) == []
    assert charges.settle(tx, charge, Bill(0.1)) is None, "it was asked for just before the run began"
    assert store.get_message(tx, ALICE.id, message.id).cost == Cost(0.2) and rows(tx)[0].kind == "estimate"
    store.update_message(tx, message.seq, finished_at=utc_now(), status="completed")
    assert settled(tx, message, 0.1) == Cost(0.1, "actual")


def test_what_was_spent_stays_when_its_conversation_is_deleted(tx: Connection) -> None:
    message = reply(tx, Cost(0.2))
    charges.add_run(tx, message, "one", Usage(10, 5), 0.2)
    trash.delete_conversation(tx, ALICE.id, message.conversation_id, lambda message: message)
    trash.purge(tx, LATER, 10)
    [charge] = charges.due(tx, LATER, 10)
    assert charges.settle(tx, charge, Bill(0.1)) is None
    assert [(row.amount, row.kind, row.waits_from) for row in rows(tx)] == [(0.1, "actual", None)]


def test_due_are_those_that_wait_long_enough_oldest_first_and_not_those_given_up(tx: Connection) -> None:
    for name in "abc":
        charges.add_run(tx, reply(tx), name, Usage(), 0.1)
    a, b, c = charges.due(tx, LATER, 10)
    charges.postpone(tx, a.seq, 1, "2026-01-02")
    charges.postpone(tx, b.seq, 1, "2026-01-01")
    charges.postpone(tx, c.seq, 6, None)
    assert [one.generation_id for one in charges.due(tx, LATER, 10)] == ["b", "a"]
    assert [one.generation_id for one in charges.due(tx, LATER, 1)] == ["b"]
    assert [one.generation_id for one in charges.due(tx, "2026-01-01", 10)] == ["b"]
    charges.forget_waiting(tx, LATER)
    assert charges.due(tx, LATER, 10) == []


def test_sums_are_by_model_purpose_and_kind_and_only_of_ones_own(tx: Connection) -> None:
    for owner, amount in ((ALICE, 0.1), (ALICE, 0.2), (ALICE, None), (BOB, 5.0)):
        charges.add_run(tx, reply(tx, user_id=owner.id), "x", Usage(10, None), amount)
    charges.add(tx, ALICE.id, purpose="title", conversation_id="c", model="demo/hand", generation_id=None, usage=Usage(1, 1), amount=0.01)
    found = {(row.model, row.purpose, row.kind): row for row in charges.spent(tx, ALICE.id, "2000", LATER)}
    replies = found["demo/hand", "reply", "estimate"]
    assert set(found) == {("demo/hand", "reply", "estimate"), ("demo/hand", "title", "estimate")}
    assert (replies.calls, replies.known, round(replies.amount, 6), replies.input_tokens, replies.output_tokens) == (3, 2, 0.3, 30, None)
    assert charges.spent(tx, ALICE.id, "2000", "2001") == []


def test_every_run_leaves_one_charge_in_the_transaction_of_its_end(core: Core) -> None:
    core.engine._committer._estimate = lambda model, usage: usage and usage["completion_tokens"] / 100
    conversation = core.conversation()
    run, call = core.started(conversation)
    call.write("Hello")
    call.finish("length", {"prompt_tokens": 3, "completion_tokens": 5})
    assert run.committed.wait(5)
    core.replies.continue_(ALICE.id, core.stored(run.message.id), Options())
    again = core.engine.runs[run.message.id]
    call = core.opened(again, 1)
    call.finish("stop", {"prompt_tokens": 4, "completion_tokens": 7})
    assert again.committed.wait(5)
    with core.witness.read() as tx:
        left = rows(tx)
    assert [(row.message_id, row.purpose, row.generation_id, row.amount, row.output_tokens) for row in left] == [
        (run.message.id, "reply", "generation-1", 0.05, 5), (run.message.id, "reply", "generation-1", 0.07, 7)]
    assert core.stored(run.message.id).cost == Cost(0.12)
