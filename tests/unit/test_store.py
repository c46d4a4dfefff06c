"""Every function of the store on a real file; what is Alice's does not exist for Bob."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, update

from rill import store, trash
from rill.db import Database
from rill.errors import InvalidRequest, NotFound
from rill.models import ID_PATTERN, Conversation, Cost, Message, Usage, new_id
from rill.schema import conversations, idempotency_keys, users
from tests.cast import ALICE, BOB


@pytest.fixture
def tx(db: Database) -> Any:
    with db.write() as connection:
        yield connection


@pytest.fixture
def conversation(tx: Connection) -> Conversation:
    return store.create_conversation(tx, ALICE.id, title="Trees")


def say(tx: Connection, conversation: Conversation, content: str = "", **values: Any) -> Message:
    """A user message, or with `status` a reply."""
    role = {"role": "assistant", "model": "demo/hand"} if "status" in values else {"role": "user", "status": "completed", "finished_at": "2026-01-01"}
    return store.add_message(tx, conversation.user_id, conversation.id, **{"parent_id": None, "content": content, **role, **values})


def count(tx: Connection, table: Any) -> int:
    return tx.scalar(select(func.count()).select_from(table))


# ---- Bob

@pytest.mark.parametrize("ask", [
    lambda tx, who, conversation, message: store.get_conversation(tx, who, conversation.id),
    lambda tx, who, conversation, message: store.update_conversation(tx, who, conversation.id, title="Bob's"),
    lambda tx, who, conversation, message: trash.delete_conversation(tx, who, conversation.id, lambda message: message),
    lambda tx, who, conversation, message: store.get_message(tx, who, message.id),
    lambda tx, who, conversation, message: store.add_message(tx, who, conversation.id, parent_id=None, role="user", content="Bob's", status="completed"),
])
def test_what_is_alices_is_for_bob_as_if_it_did_not_exist(tx: Connection, conversation: Conversation, ask: Callable) -> None:
    message = say(tx, conversation, "Hello")
    before = (store.get_conversation(tx, ALICE.id, conversation.id), store.conversation_messages(tx, ALICE.id, conversation.id))
    with pytest.raises(NotFound) as foreign:
        ask(tx, BOB.id, conversation, message)
    unknown = Conversation(0, new_id(), BOB.id, "", None, "", {}, False, False, None, "", "")
    with pytest.raises(NotFound) as nothing:
        ask(tx, BOB.id, unknown, Message(0, new_id(), "", "", None, "", "", "", "", None, {}, None, None, Usage(), None, {}, [], None, None, "", None))
    assert foreign.value.message == nothing.value.message
    assert (store.get_conversation(tx, ALICE.id, conversation.id), store.conversation_messages(tx, ALICE.id, conversation.id)) == before
    ask(tx, ALICE.id, conversation, message)


def test_bobs_lists_hold_nothing_of_alices(tx: Connection, conversation: Conversation) -> None:
    reply = say(tx, conversation, "Trees", status="streaming")
    assert store.list_conversations(tx, BOB.id) == ([], None)
    assert store.list_conversations(tx, BOB.id, search="Trees") == ([], None)
    assert store.conversation_messages(tx, BOB.id, conversation.id) == []
    assert store.unfinished_messages(tx, BOB.id) == []
    assert store.branch(tx, BOB.id, reply) == []
    store.remember_answer(tx, ALICE.id, "/route", "key", body_sha256="x", status=0, answer={})
    assert store.remembered_answer(tx, BOB.id, "/route", "key") is None


def test_a_message_for_a_conversation_that_was_deleted_meanwhile_is_not_found(tx: Connection, conversation: Conversation) -> None:
    trash.delete_conversation(tx, ALICE.id, conversation.id, lambda message: message)
    with pytest.raises(NotFound):
        say(tx, conversation, "too late")


# ---- settings, users, revisions

def test_a_setting_is_made_once(tx: Connection) -> None:
    assert store.setting(tx, "secret_key", lambda: "first") == "first"
    assert store.setting(tx, "secret_key", lambda: "second") == "first"


def test_the_local_owner_is_made_once_and_has_a_proper_id(tmp_path: Any) -> None:
    empty = Database(tmp_path / "empty.db")
    empty.upgrade()
    with empty.write() as tx:
        owner = store.local_owner(tx)
        assert ID_PATTERN.fullmatch(owner.id)
        assert store.local_owner(tx) == owner
        assert count(tx, users) == 1
    empty.close()


def test_each_users_revisions_count_up_by_one(tx: Connection) -> None:
    assert store.revision(tx, ALICE.id) == 0
    assert [store.next_revision(tx, ALICE.id) for _ in range(3)] == [1, 2, 3]
    assert (store.revision(tx, ALICE.id), store.revision(tx, BOB.id)) == (3, 0)


def test_after_a_restore_revisions_leap_forward_and_never_back(tx: Connection) -> None:
    store.next_revision(tx, ALICE.id)
    store.leap_revisions(tx, 1000)
    assert (store.revision(tx, ALICE.id), store.revision(tx, BOB.id)) == (1000, 1000)
    store.leap_revisions(tx, 10)
    assert store.next_revision(tx, ALICE.id) == 1001


# ---- conversations

def test_a_new_conversation_is_empty_and_has_what_it_was_given(tx: Connection) -> None:
    made = store.create_conversation(tx, ALICE.id, title="T", model="openai/gpt-5", system_prompt="Be brief.", params={"top_p": 0.5})
    assert ID_PATTERN.fullmatch(made.id)
    assert made.as_dict() == {
        "id": made.id, "title": "T", "model": "openai/gpt-5", "system_prompt": "Be brief.", "params": {"top_p": 0.5}, "pinned": False,
        "archived": False, "head_id": None, "created_at": made.created_at, "updated_at": made.created_at, "message_count": 0,
        "usage": None, "cost": None,
    }


def test_a_change_changes_what_it_names_and_nothing_else(tx: Connection, conversation: Conversation) -> None:
    other = store.create_conversation(tx, ALICE.id, title="Other")
    changed = store.update_conversation(tx, ALICE.id, conversation.id, pinned=True, params={"temperature": 1})
    assert {**changed.as_dict(), "pinned": False, "params": {}} == conversation.as_dict()
    assert (changed.pinned, changed.params) == (True, {"temperature": 1})
    assert store.get_conversation(tx, ALICE.id, other.id) == other


def test_a_conversation_sums_usage_and_cost_of_its_messages(tx: Connection, conversation: Conversation) -> None:
    for amount, kind in ((0.1, "actual"), (0.2, "estimate"), (None, None)):
        reply = say(tx, conversation, status="completed", finished_at="2026-01-01")
        usage = Usage(10, 5, None, None) if amount else Usage()
        store.update_message(tx, reply.seq, **store.usage_values(usage, amount and Cost(amount, kind)))
    found = store.get_conversation(tx, ALICE.id, conversation.id)
    assert found.message_count == 3
    assert found.usage == Usage(20, 10, None, None)
    assert found.cost == Cost(0.3, "estimate")


def test_pages_put_end_to_end_are_the_list_newest_activity_first(tx: Connection) -> None:
    made = [store.create_conversation(tx, ALICE.id, title=str(n)) for n in range(25)]
    for place, one in enumerate(made):  # several at the same millisecond
        tx.execute(update(conversations).where(conversations.c.id == one.id).values(updated_at=f"2026-01-01T00:00:0{place % 4}.000Z"))
    expected = sorted(made, key=lambda one: (made.index(one) % 4, one.seq), reverse=True)
    for size in (1, 4, 24, 25, 26):
        seen, before = [], None
        while True:
            page, before = store.list_conversations(tx, ALICE.id, limit=size, before=before)
            assert len(page) <= size
            seen += page
            if before is None:
                break
        assert [one.id for one in seen] == [one.id for one in expected], size


def test_archived_conversations_are_a_list_of_their_own(tx: Connection, conversation: Conversation) -> None:
    away = store.update_conversation(tx, ALICE.id, store.create_conversation(tx, ALICE.id).id, archived=True)
    assert [one.id for one in store.list_conversations(tx, ALICE.id)[0]] == [conversation.id]
    assert [one.id for one in store.list_conversations(tx, ALICE.id, archived=True)[0]] == [away.id]


@pytest.mark.parametrize("before", ["x", "_", "_1", "2026_", "2026_x", "2026_-1", "2026_" + "9" * 40, "2026_" + "9" * 20, "2026_1.5", "a" * 100 + "_1"])
def test_a_place_that_no_page_gave_is_refused(tx: Connection, before: str) -> None:
    with pytest.raises(InvalidRequest):
        store.list_conversations(tx, ALICE.id, before=before)


@pytest.mark.parametrize(("words", "search"), [
    ("今天天气很好", "天气"), ("Straße", "raß"), ("mañana", "ñan"), ("Привет", "вет"), ("こんにちは", "にち"), ("مرحبا", "حبا"), ("😀 ok", "😀"),
    ("Hello World", "hello"), ("100% sure", "100%"), ("a_b", "a_b"), ("a\\b", "\\"), ("it's", "it's"), ('say "hi"', '"hi"'),
])
def test_a_search_finds_titles_and_text_in_any_language(tx: Connection, words: str, search: str) -> None:
    titled = store.create_conversation(tx, ALICE.id, title=words)
    said = store.create_conversation(tx, ALICE.id, title="-")
    say(tx, said, f"before {words} after")
    say(tx, said, f"twice {words}")
    say(tx, store.create_conversation(tx, ALICE.id, title="nothing to see"), "xyz")
    found, _ = store.list_conversations(tx, ALICE.id, search=search)
    assert [one.id for one in found] == [said.id, titled.id]


@pytest.mark.parametrize("search", ["%", "_", "100", "z_z"])
def test_signs_of_sql_mean_themselves_in_a_search(tx: Connection, search: str) -> None:
    store.create_conversation(tx, ALICE.id, title="zaz")
    assert store.list_conversations(tx, ALICE.id, search=search)[0] == []


# ---- messages

def test_a_branch_goes_from_the_root_to_the_message_past_its_siblings(tx: Connection, conversation: Conversation) -> None:
    first = say(tx, conversation, "1")
    left, right = (say(tx, conversation, name, parent_id=first.id, status="completed", finished_at="2026") for name in ("left", "right"))
    second = say(tx, conversation, "2", parent_id=right.id)
    say(tx, conversation, "2b", parent_id=left.id)
    assert [one.content for one in store.branch(tx, ALICE.id, second)] == ["1", "right", "2"]
    assert [one.content for one in store.branch(tx, ALICE.id, first)] == ["1"]


def test_everything_that_is_said_of_a_message_is_kept(tx: Connection, conversation: Conversation) -> None:
    reply = say(tx, conversation, status="queued", params={"temperature": 0.5})
    changes = {
        "status": "failed", "finish_reason": "length", "error": {"type": "cut", "message": "x", "retryable": True}, "timings": {"total_ms": 1.5},
        "citations": [{"url": "https://a", "title": "漢"}], "generation_id": "g", "request_id": "r", "finished_at": "2026", "timeline": [[0.0, "queued"]],
    }
    store.update_message(tx, reply.seq, **changes, **store.usage_values(Usage(1, 2, 3, 4), Cost(0.5, "actual")))
    found = store.get_message(tx, ALICE.id, reply.id)
    assert {name: getattr(found, name) for name in changes} == changes
    assert (found.usage, found.cost, found.params, found.model) == (Usage(1, 2, 3, 4), Cost(0.5, "actual"), {"temperature": 0.5}, "demo/hand")
    store.update_message(tx, reply.seq, error=None, **store.usage_values(Usage(), None))
    found = store.get_message(tx, ALICE.id, reply.id)
    assert (found.error, found.usage.as_dict(), found.cost) == (None, None, None)


# ---- the wire, idempotency keys

def test_a_recording_is_kept_whole_and_replaced_by_the_next(tx: Connection, conversation: Conversation) -> None:
    reply = say(tx, conversation, status="streaming")
    with pytest.raises(NotFound):
        store.get_wire(tx, reply)
    for entries in ([{"at_ms": 1.5, "raw": "data: 漢\n\n"}], [], [{"at_ms": 2, "raw": "\ufffd"}]):
        store.save_wire(tx, reply.seq, entries)
        assert store.get_wire(tx, reply) == entries


def test_a_key_is_good_for_its_user_its_route_and_a_day(tx: Connection) -> None:
    store.remember_answer(tx, ALICE.id, "/a", "key", body_sha256="1", status=0, answer={"reply": "x"})
    store.remember_answer(tx, ALICE.id, "/b", "key", body_sha256="2", status=0, answer={})
    store.remember_answer(tx, BOB.id, "/a", "key", body_sha256="3", status=0, answer={})
    known = store.remembered_answer(tx, ALICE.id, "/a", "key")
    assert (known.body_sha256, known.answer) == ("1", {"reply": "x"})
    assert store.remembered_answer(tx, ALICE.id, "/a", "other") is None
    tx.execute(update(idempotency_keys).values(created_at="2020-01-01T00:00:00.000Z"))
    assert store.remembered_answer(tx, ALICE.id, "/a", "key") is None
    store.remember_answer(tx, ALICE.id, "/a", "key", body_sha256="4", status=0, answer={})
    assert count(tx, idempotency_keys) == 1
