"""What is deleted is as if it were unknown, comes back as it was, and is removed at last; what is Alice's is not Bob's."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from rill import store, trash
from rill.db import Database
from rill.errors import Conflict, NotFound
from rill.models import Conversation, Message, Usage, new_id, utc_now
from rill.schema import conversations, messages, wire_records
from tests.cast import ALICE, BOB

LONG_AGO = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def tx(db: Database) -> Any:
    with db.write() as connection:
        yield connection


@pytest.fixture
def conversation(tx: Connection) -> Conversation:
    return store.create_conversation(tx, ALICE.id, title="Trees")


def say(tx: Connection, conversation: Conversation, content: str, parent: Message | None = None, **values: Any) -> Message:
    """A message under `parent`: a question below an answer, an answer below a question."""
    is_reply = parent is not None and parent.role == "user"
    given = {"role": "assistant" if is_reply else "user", "status": "completed", "finished_at": LONG_AGO, **values}
    made = store.add_message(tx, conversation.user_id, conversation.id, parent_id=parent and parent.id, content=content, **given)
    store.update_conversation(tx, conversation.user_id, conversation.id, head_id=made.id)
    return made


def as_stored(message: Message) -> Message:
    return message


def head(tx: Connection, conversation: Conversation, one: Message) -> Conversation:
    return store.update_conversation(tx, conversation.user_id, conversation.id, head_id=one.id)


def texts(tx: Connection, conversation: Conversation) -> list[str]:
    return [one.content for one in store.conversation_messages(tx, conversation.user_id, conversation.id)]


def count(tx: Connection, table: Any) -> int:
    return tx.scalar(select(func.count()).select_from(table))


# ---- owners

@pytest.mark.parametrize("ask", [
    lambda tx, who, conversation, message: trash.delete_conversation(tx, who, conversation, as_stored),
    lambda tx, who, conversation, message: trash.delete_branch(tx, who, message, as_stored),
    lambda tx, who, conversation, message: trash.restore_conversation(tx, who, conversation),
    lambda tx, who, conversation, message: trash.restore_branch(tx, who, message),
    lambda tx, who, conversation, message: trash.mark_of_conversation(tx, who, conversation),
    lambda tx, who, conversation, message: trash.place_of_message(tx, who, message),
])
@pytest.mark.parametrize("is_deleted", [False, True])
def test_what_is_alices_is_for_bob_as_if_it_did_not_exist(tx: Connection, conversation: Conversation, ask: Callable, is_deleted: bool) -> None:
    message = say(tx, conversation, "Hello")
    if is_deleted:
        trash.delete_conversation(tx, ALICE.id, conversation.id, as_stored)
    with pytest.raises(NotFound) as foreign:
        ask(tx, BOB.id, conversation.id, message.id)
    with pytest.raises(NotFound) as unknown:
        ask(tx, BOB.id, new_id(), new_id())
    assert foreign.value.message == unknown.value.message
    assert texts(tx, conversation) == ([] if is_deleted else ["Hello"])


# ---- deleted is unknown

@pytest.mark.parametrize("ask", [
    lambda tx, conversation, message: store.get_conversation(tx, ALICE.id, conversation.id),
    lambda tx, conversation, message: store.update_conversation(tx, ALICE.id, conversation.id, title="x"),
    lambda tx, conversation, message: store.add_message(tx, ALICE.id, conversation.id, parent_id=None, role="user", content="x", status="completed"),
    lambda tx, conversation, message: store.get_message(tx, ALICE.id, message.id),
    lambda tx, conversation, message: trash.delete_conversation(tx, ALICE.id, conversation.id, as_stored),
    lambda tx, conversation, message: trash.delete_branch(tx, ALICE.id, message.id, as_stored),
    lambda tx, conversation, message: trash.restore_branch(tx, ALICE.id, message.id),
])
def test_a_deleted_conversation_is_not_found_by_anything(tx: Connection, conversation: Conversation, ask: Callable) -> None:
    message = say(tx, conversation, "Hello")
    trash.delete_conversation(tx, ALICE.id, conversation.id, as_stored)
    with pytest.raises(NotFound):
        ask(tx, conversation, message)


def test_no_list_no_search_and_no_sum_holds_what_is_deleted(tx: Connection, conversation: Conversation) -> None:
    question = say(tx, conversation, "oak")
    kept, gone = say(tx, conversation, "kept", question), say(tx, conversation, "gone", question)
    for one in (kept, gone):
        store.update_message(tx, one.seq, **store.usage_values(Usage(1, 10, None, None), None))
    trash.delete_branch(tx, ALICE.id, gone.id, as_stored)
    found = store.get_conversation(tx, ALICE.id, conversation.id)
    assert (found.message_count, found.usage) == (2, Usage(1, 10, None, None))
    assert texts(tx, conversation) == ["oak", "kept"]
    assert store.list_conversations(tx, ALICE.id, search="gone") == ([], None)
    assert store.branch(tx, ALICE.id, gone) == []
    trash.delete_conversation(tx, ALICE.id, conversation.id, as_stored)
    assert store.list_conversations(tx, ALICE.id) == ([], None)
    assert store.list_conversations(tx, ALICE.id, search="oak") == ([], None)
    assert texts(tx, conversation) == []


def test_a_growing_reply_is_deleted_with_all_its_text(tx: Connection, conversation: Conversation) -> None:
    reply = say(tx, conversation, "so ", say(tx, conversation, "?"), status="streaming", finished_at=None)
    other = say(tx, store.create_conversation(tx, ALICE.id), "", say(tx, conversation, "?"), status="streaming", finished_at=None)
    [stopped] = trash.delete_conversation(tx, ALICE.id, conversation.id, lambda message: replace(message, content="so far", reasoning="why"))
    assert (stopped.id, stopped.status, stopped.content, stopped.reasoning) == (reply.id, "stopped", "so far", "why")
    assert [one.id for one in store.unfinished_messages(tx)] == [other.id]
    assert trash.restore_conversation(tx, ALICE.id, conversation.id)
    back = store.get_message(tx, ALICE.id, reply.id)
    assert (back.status, back.content, back.reasoning, back.error) == ("stopped", "so far", "why", None) and back.finished_at
    assert sum(entry[2] for entry in back.timeline if len(entry) == 3) == len("so farwhy")


# ---- back

def test_a_restored_conversation_is_what_it_was_without_what_was_deleted_before(tx: Connection, conversation: Conversation) -> None:
    question = say(tx, conversation, "?")
    gone, kept = say(tx, conversation, "gone", question), say(tx, conversation, "kept", question)
    trash.delete_branch(tx, ALICE.id, gone.id, as_stored)
    tx.execute(update(messages).where(messages.c.id == gone.id).values(deleted_at=LONG_AGO))
    before = store.get_conversation(tx, ALICE.id, conversation.id)
    trash.delete_conversation(tx, ALICE.id, conversation.id, as_stored)
    assert trash.restore_conversation(tx, ALICE.id, conversation.id) is True
    assert store.get_conversation(tx, ALICE.id, conversation.id) == before
    assert texts(tx, conversation) == ["?", "kept"]
    assert trash.restore_conversation(tx, ALICE.id, conversation.id) is False, "it is there already"
    assert store.get_message(tx, ALICE.id, kept.id) == kept


def test_a_deleted_branch_takes_what_is_below_and_comes_back_with_it(tx: Connection, conversation: Conversation) -> None:
    first = say(tx, conversation, "1")
    left, right = say(tx, conversation, "left", first), say(tx, conversation, "right", first)
    below = say(tx, conversation, "below left", left)
    end = say(tx, conversation, "end", below)
    after, _ = trash.delete_branch(tx, ALICE.id, left.id, as_stored)
    assert texts(tx, conversation) == ["1", "right"] and after.head_id == right.id and after.message_count == 2
    with pytest.raises(NotFound):
        store.get_message(tx, ALICE.id, end.id)
    back, is_back = trash.restore_branch(tx, ALICE.id, left.id)
    assert is_back and texts(tx, conversation) == ["1", "left", "right", "below left", "end"] and back.head_id == end.id
    assert trash.restore_branch(tx, ALICE.id, left.id) == (back, False)


def test_inner_and_outer_branches_come_back_each_by_itself_the_outer_first(tx: Connection, conversation: Conversation) -> None:
    outer = say(tx, conversation, "outer")
    inner = say(tx, conversation, "inner", outer)
    trash.delete_branch(tx, ALICE.id, inner.id, as_stored)
    tx.execute(update(messages).where(messages.c.id == inner.id).values(deleted_at=LONG_AGO))
    trash.delete_branch(tx, ALICE.id, outer.id, as_stored)
    with pytest.raises(Conflict):
        trash.restore_branch(tx, ALICE.id, inner.id)
    trash.restore_branch(tx, ALICE.id, outer.id)
    assert texts(tx, conversation) == ["outer"]
    trash.restore_branch(tx, ALICE.id, inner.id)
    assert texts(tx, conversation) == ["outer", "inner"]


@pytest.mark.parametrize(("deleted", "left_at"), [("b", "a2"), ("a", "b"), ("c", "b"), ("a2", "a1"), ("a1", "a"), ("?", None)])
def test_the_head_moves_to_what_is_left_beside_or_above(tx: Connection, conversation: Conversation, deleted: str, left_at: str | None) -> None:
    made = {"?": say(tx, conversation, "?")}
    made |= {name: say(tx, conversation, name, made["?"]) for name in "abc"}
    made["a1"] = say(tx, conversation, "a1", made["a"])
    made["a2"] = say(tx, conversation, "a2", made["a1"])
    head(tx, conversation, made["a2" if deleted in ("a", "a1") else deleted if deleted != "?" else "c"])
    after, _ = trash.delete_branch(tx, ALICE.id, made[deleted].id, as_stored)
    assert after.head_id == (left_at and made[left_at].id)


def test_a_head_elsewhere_stays_where_it_is(tx: Connection, conversation: Conversation) -> None:
    question = say(tx, conversation, "?")
    a, b = say(tx, conversation, "a", question), say(tx, conversation, "b", question)
    assert trash.delete_branch(tx, ALICE.id, a.id, as_stored)[0].head_id == b.id


def test_a_branch_of_thousands_goes_and_comes_back_whole(tx: Connection, conversation: Conversation) -> None:
    root = say(tx, conversation, "root")
    for at in range(1200):
        store.add_message(tx, ALICE.id, conversation.id, parent_id=root.id, role="assistant", content=str(at), status="completed", finished_at=LONG_AGO)
    assert trash.delete_branch(tx, ALICE.id, root.id, as_stored)[0].message_count == 0
    assert trash.restore_branch(tx, ALICE.id, root.id)[0].message_count == 1201


# ---- the end

def test_a_purge_removes_what_is_old_enough_and_nothing_else(tx: Connection, conversation: Conversation) -> None:
    other = store.create_conversation(tx, ALICE.id)
    kept, gone = say(tx, other, "kept"), say(tx, conversation, "gone")
    store.save_wire(tx, gone.seq, [{"at_ms": 1, "raw": "x"}])
    branch = say(tx, other, "branch")
    trash.delete_conversation(tx, ALICE.id, conversation.id, as_stored)
    trash.delete_branch(tx, ALICE.id, branch.id, as_stored)
    assert trash.purge(tx, utc_now(-60), 10) == 0 and trash.is_any(tx)
    assert trash.purge(tx, utc_now(60), 2) == 2 and trash.is_any(tx)
    assert trash.purge(tx, utc_now(60), 2) == 1 and not trash.is_any(tx)
    assert (count(tx, conversations), count(tx, messages), count(tx, wire_records)) == (1, 1, 0)
    assert store.get_message(tx, ALICE.id, kept.id).content == "kept"
    with pytest.raises(NotFound):
        trash.restore_conversation(tx, ALICE.id, conversation.id)
    with pytest.raises(NotFound):
        trash.restore_branch(tx, ALICE.id, branch.id)
