"""What a person asks of a conversation: the tree it makes, the events it tells, what the upstream is sent, what is refused."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rill import store
from rill.errors import Conflict, NotFound
from rill.models import Conversation, Message, new_id
from rill.replies import HEAD, Options
from tests.cast import ALICE, BOB
from tests.page import parse_frame
from tests.support import Core, wait_until


def answered(core: Core, conversation: Conversation, content: str = "Hello", answer: str = "Hi", reason: str = "stop", **options: Any) -> Message:
    """A message sent, and its reply when it has ended."""
    run, call = core.started(conversation, content=content, **options)
    call.write(answer)
    call.finish(reason)
    assert run.committed.wait(5)
    return core.stored(run.message.id)


def now(core: Core, conversation: Conversation) -> Conversation:
    with core.witness.read() as tx:
        return store.get_conversation(tx, conversation.user_id, conversation.id)


def tree(core: Core, conversation: Conversation) -> list[Message]:
    with core.witness.read() as tx:
        return store.conversation_messages(tx, conversation.user_id, conversation.id)


def asked_last(core: Core) -> list[tuple[str, str]]:
    run = list(core.engine.runs.values())[-1]
    return [(one["role"], one["content"]) for one in run.request.messages]


# ---- the tree and the head

def test_a_first_message_begins_the_tree_names_the_conversation_and_moves_the_head(core: Core) -> None:
    conversation = core.conversation()
    runs = core.send(conversation, "  Why is\nthe sky blue?  ", models=["demo/a", "demo/b"])
    asked, *replies = tree(core, conversation)
    assert (asked.role, asked.content, asked.parent_id, asked.status) == ("user", "  Why is\nthe sky blue?  ", None, "completed")
    assert [(one.parent_id, one.model, one.status) for one in replies] == [(asked.id, "demo/a", "queued"), (asked.id, "demo/b", "queued")]
    assert [run.message.id for run in runs] == [one.id for one in replies]
    assert (now(core, conversation).head_id, now(core, conversation).title) == (replies[0].id, "Why is the sky blue?")


def test_a_message_follows_the_head_unless_it_says_where(core: Core) -> None:
    conversation = core.conversation()
    first = answered(core, conversation, "1")
    second = answered(core, conversation, "2")
    other = answered(core, conversation, "2b", parent_id=first.id)
    root = answered(core, conversation, "root", parent_id=None)
    parents = {one.content: one.parent_id for one in tree(core, conversation) if one.role == "user"}
    assert parents == {"1": None, "2": first.id, "2b": first.id, "root": None}
    assert len({second.id, other.id, root.id}) == 3
    assert now(core, conversation).head_id == root.id


def test_a_title_that_a_person_gave_stays(core: Core) -> None:
    with core.db.write() as tx:
        conversation = store.create_conversation(tx, ALICE.id, title="Mine")
    answered(core, conversation)
    assert now(core, conversation).title == "Mine"


def test_regenerating_adds_a_sibling_and_editing_a_branch(core: Core) -> None:
    conversation = core.conversation()
    reply = answered(core, conversation)
    asked = core.stored(reply.parent_id)
    core.replies.regenerate(ALICE.id, asked, Options(models=["demo/x", "demo/x"]))
    core.replies.edit(ALICE.id, asked, "Hello again", Options())
    messages = tree(core, conversation)
    assert [(one.role, one.parent_id == asked.id, one.parent_id is None) for one in messages] == [
        ("user", False, True), ("assistant", True, False), ("assistant", True, False), ("assistant", True, False), ("user", False, True), ("assistant", False, False),
    ]
    assert messages[1] == reply
    assert now(core, conversation).head_id == messages[-1].id


def test_a_reply_asked_for_beside_the_others_leaves_the_conversation_where_it_is(core: Core) -> None:
    conversation = core.conversation()
    first = answered(core, conversation, "1")
    second = answered(core, conversation, "2")
    core.replies.regenerate(ALICE.id, core.stored(first.parent_id), Options(models=["demo/beside"], keep_head=True))
    assert (tree(core, conversation)[-1].model, tree(core, conversation)[-1].parent_id) == ("demo/beside", first.parent_id)
    assert now(core, conversation).head_id == second.id


def test_a_continued_reply_stays_where_the_person_is(core: Core) -> None:
    conversation = core.conversation()
    early = answered(core, conversation, "1", reason="length")
    head = answered(core, conversation, "2")
    core.replies.continue_(ALICE.id, early, Options())
    assert now(core, conversation).head_id == head.id
    assert core.stored(early.id).status in ("queued", "connecting")
    assert (core.stored(early.id).finish_reason, core.stored(early.id).finished_at) == (None, None)


def test_usage_and_timeline_of_a_continued_reply_add_up(core: Core) -> None:
    conversation = core.conversation()
    run, call = core.started(conversation)
    call.write("one ")
    call.finish("length", {"prompt_tokens": 10, "completion_tokens": 4})
    assert run.committed.wait(5)
    count = len(core.upstream.calls)
    core.replies.continue_(ALICE.id, core.stored(run.message.id), Options())
    again = core.engine.runs[run.message.id]
    call = core.opened(again, count)
    call.write("two")
    call.finish("stop", {"prompt_tokens": 15, "completion_tokens": 3})
    assert again.committed.wait(5)
    message = core.stored(run.message.id)
    assert (message.content, message.finish_reason, message.usage.input_tokens, message.usage.output_tokens) == ("one two", "stop", 25, 7)
    assert sum(entry[2] for entry in message.timeline if len(entry) == 3) == len(message.content)


# ---- what is sent

def test_the_upstream_is_sent_the_branch_and_nothing_of_its_siblings(core: Core) -> None:
    with core.db.write() as tx:
        conversation = store.create_conversation(tx, ALICE.id, system_prompt="Be brief.", params={"temperature": 1, "top_p": 0.5})
    first = answered(core, conversation, "1", "one")
    answered(core, conversation, "2", "two")
    core.send(conversation, "3", first.id, params={"temperature": 0})
    assert asked_last(core) == [("system", "Be brief."), ("user", "1"), ("assistant", "one"), ("user", "3")]
    [run] = core.engine.runs.values()
    assert run.request.params == {"temperature": 0, "top_p": 0.5}


def test_reasoning_and_empty_answers_are_not_sent_back(core: Core) -> None:
    conversation = core.conversation()
    run, call = core.started(conversation)
    call.write("secret thought", "reasoning")
    call.finish()
    assert run.committed.wait(5)
    core.send(conversation, "next")
    assert asked_last(core) == [("user", "Hello"), ("user", "next")]


@pytest.mark.parametrize(("of_conversation", "asked", "expected"), [
    (None, None, "demo/hand"), ("openai/gpt-5", None, "openai/gpt-5"), ("openai/gpt-5", ["a/b"], "a/b"),
])
def test_the_model_is_the_asked_one_or_the_conversations_or_the_default(core: Core, of_conversation: str | None, asked: Any, expected: str) -> None:
    with core.db.write() as tx:
        conversation = store.create_conversation(tx, ALICE.id, model=of_conversation)
    [run] = core.send(conversation, models=asked)
    assert run.request.model == core.stored(run.message.id).model == expected
    assert now(core, conversation).model == of_conversation


# ---- what is told

def test_every_change_is_told_once_in_order_before_any_text(core: Core) -> None:
    conversation = core.conversation()
    reader = core.open_reader()
    run, call = core.started(conversation)
    call.write("x")
    call.finish()
    assert run.committed.wait(5)
    told = [(name, data.get("message", {}).get("status") or data.get("text"), data.get("revision")) for _, name, data in map(parse_frame, reader.drain())]
    assert told == [
        ("message", "completed", 1), ("message", "queued", 2), ("conversation", None, 3), ("message", "connecting", 4),
        ("message", "streaming", 5), ("delta", "x", None), ("message", "completed", 6),
    ]


def test_ids_are_remembered_in_the_transaction_that_makes_them(core: Core) -> None:
    conversation = core.conversation()

    def fail(tx: Any, ids: dict[str, Any]) -> None:
        raise RuntimeError(str(sorted(ids)))

    with pytest.raises(RuntimeError, match="replies.*user_message"):
        core.send(conversation, remember=fail)
    assert tree(core, conversation) == []
    assert core.engine.runs == {}


# ---- what is refused

def test_nothing_follows_an_answer_that_is_being_written(core: Core) -> None:
    conversation = core.conversation()
    run, _ = core.started(conversation)
    before = tree(core, conversation)
    with pytest.raises(Conflict):
        core.send(conversation)
    assert tree(core, conversation) == before
    core.engine.stop(run.message.id)
    core.send(conversation)


def test_nothing_follows_a_question_or_a_message_from_elsewhere(core: Core) -> None:
    conversation, other, bobs = core.conversation(), core.conversation(), core.conversation(BOB.id)
    reply = answered(core, conversation)
    with pytest.raises(Conflict):
        core.send(conversation, parent_id=reply.parent_id)
    for parent_id in (answered(core, other).id, new_id()):
        with pytest.raises(NotFound):
            core.send(conversation, parent_id=parent_id)
    run, call = core.started(bobs)
    with pytest.raises(NotFound):
        core.send(conversation, parent_id=run.message.id)


@pytest.mark.parametrize("act", [
    lambda core, who, conversation, asked, reply: core.replies.send(who, conversation, "x", HEAD, Options()),
    lambda core, who, conversation, asked, reply: core.replies.send(who, conversation, "x", None, Options()),
    lambda core, who, conversation, asked, reply: core.replies.send(who, conversation, "x", reply.id, Options()),
    lambda core, who, conversation, asked, reply: core.replies.regenerate(who, asked, Options()),
    lambda core, who, conversation, asked, reply: core.replies.edit(who, asked, "x", Options()),
    lambda core, who, conversation, asked, reply: core.replies.continue_(who, reply, Options()),
])
@pytest.mark.parametrize("case", ["bob", "deleted"])
def test_what_is_foreign_or_was_deleted_meanwhile_is_not_found(core: Core, act: Callable, case: str) -> None:
    conversation = core.conversation()
    reply = answered(core, conversation, reason="length")
    asked = core.stored(reply.parent_id)
    before = tree(core, conversation)
    if case == "deleted":
        core.delete(conversation)
        before = []
    with pytest.raises(NotFound):
        act(core, BOB.id if case == "bob" else ALICE.id, conversation, asked, reply)
    assert tree(core, conversation) == before
    assert core.engine.runs == {}


def test_only_what_ended_early_and_only_once_at_a_time_can_be_continued(core: Core) -> None:
    conversation = core.conversation()
    with pytest.raises(Conflict):
        core.replies.continue_(ALICE.id, answered(core, conversation), Options())
    early = answered(core, conversation, reason="length")
    core.replies.continue_(ALICE.id, early, Options())
    for stale_or_not in (early, core.stored(early.id)):
        with pytest.raises(Conflict):
            core.replies.continue_(ALICE.id, stale_or_not, Options())
    assert len(core.engine.runs) == 1


def test_a_question_cannot_be_continued_even_when_asked_by_mistake(core: Core) -> None:
    reply = answered(core, core.conversation())
    with pytest.raises(Conflict):
        core.replies.continue_(ALICE.id, core.stored(reply.parent_id), Options())
    wait_until(lambda: not core.engine.runs, "nothing to run")
