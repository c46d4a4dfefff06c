"""A fork is a copy of one branch under new ids: the same words in the same order, nothing of its siblings."""
from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from rill import charges, forks, store
from rill.db import Database
from rill.errors import Conflict, NotFound
from rill.models import Conversation, Cost, Message, Usage
from tests.cast import ALICE, BOB


@pytest.fixture
def tx(db: Database) -> Any:
    with db.write() as connection:
        yield connection


@pytest.fixture
def conversation(tx: Connection) -> Conversation:
    made = store.create_conversation(tx, ALICE.id, title="Trees", model="demo/hand", system_prompt="Be brief.", params={"top_p": 0.5})
    return store.update_conversation(tx, ALICE.id, made.id, pinned=True, archived=True)


def say(tx: Connection, conversation: Conversation, content: str, parent: Message | None = None, **values: Any) -> Message:
    given = {"role": "user", "status": "completed", "finished_at": "2026-01-01T00:00:00.000Z", **values}
    return store.add_message(tx, ALICE.id, conversation.id, parent_id=parent and parent.id, content=content, **given)


def reply(tx: Connection, conversation: Conversation, content: str, parent: Message, **values: Any) -> Message:
    return say(tx, conversation, content, parent, **{"role": "assistant", "model": "demo/hand", **values})


def test_a_fork_holds_the_branch_in_order_under_new_ids_and_leaves_the_old_one_alone(tx: Connection, conversation: Conversation) -> None:
    question = say(tx, conversation, "?")
    reply(tx, conversation, "sibling", question)
    answer = reply(tx, conversation, "answer", question, reasoning="why", status="stopped", timings={"total_ms": 5.0}, timeline=[[0.0, "queued"]])
    more = say(tx, conversation, "more", answer)
    reply(tx, conversation, "below", more)
    before = store.conversation_messages(tx, ALICE.id, conversation.id)
    made = forks.fork(tx, ALICE.id, more.id, None)
    copies = store.conversation_messages(tx, ALICE.id, made.id)
    assert [one.content for one in copies] == ["?", "answer", "more"] and made.head_id == copies[-1].id
    assert [one.parent_id for one in copies] == [None, copies[0].id, copies[1].id]
    for old, new in zip((question, answer, more), copies, strict=True):
        different = {"seq", "id", "parent_id", "conversation_id"}
        assert all(getattr(old, name) == getattr(new, name) for name in Message.__slots__ if name not in different)
        assert old.id != new.id
    assert (made.title, made.model, made.system_prompt, made.params) == ("Trees", "demo/hand", "Be brief.", {"top_p": 0.5})
    assert (made.pinned, made.archived) == (False, False)
    assert store.conversation_messages(tx, ALICE.id, conversation.id) == before


def test_a_fork_takes_the_title_and_tells_what_its_answers_cost_but_nothing_is_paid_again(tx: Connection, conversation: Conversation) -> None:
    answer = reply(tx, conversation, "answer", say(tx, conversation, "?"))
    store.update_message(tx, answer.seq, **store.usage_values(Usage(1, 2, 3, 4), Cost(0.5, "actual")))
    charges.add_run(tx, answer, "gen-1", Usage(1, 2, 3, 4), 0.5)
    made = forks.fork(tx, ALICE.id, answer.id, "Trees (fork)")
    assert (made.title, made.usage, made.cost) == ("Trees (fork)", Usage(1, 2, 3, 4), Cost(0.5, "actual"))
    assert [row.amount for row in charges.spent(tx, ALICE.id, "2000", "3000")] == [0.5]


@pytest.mark.parametrize("where", ["end", "above"])
def test_while_an_answer_on_the_branch_grows_there_is_no_fork(tx: Connection, conversation: Conversation, where: str) -> None:
    growing = reply(tx, conversation, "", say(tx, conversation, "?"), status="streaming", finished_at=None)
    with pytest.raises(Conflict):
        forks.fork(tx, ALICE.id, growing.id if where == "end" else say(tx, conversation, "more", growing).id, None)


def test_a_fork_of_what_is_foreign_is_not_found(tx: Connection, conversation: Conversation) -> None:
    with pytest.raises(NotFound):
        forks.fork(tx, BOB.id, say(tx, conversation, "?").id, None)
    assert store.list_conversations(tx, BOB.id) == ([], None)


def test_a_long_branch_is_copied_whole(tx: Connection, conversation: Conversation) -> None:
    at = say(tx, conversation, "0")
    for number in range(1, 1101):
        at = say(tx, conversation, str(number), at)
    made = forks.fork(tx, ALICE.id, at.id, None)
    assert [one.content for one in store.conversation_messages(tx, ALICE.id, made.id)] == [str(number) for number in range(1101)]
