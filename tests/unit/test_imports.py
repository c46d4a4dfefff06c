"""What comes back: random trees return equal, ChatGPT's trees become ours, and a bad file changes nothing."""
from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from rill import attachments, store
from rill.db import Database
from rill.errors import InvalidRequest, RillError, StorageBusy, TooLarge
from rill.exports import ours as exports
from rill.imports import taking
from rill.imports.document import Document
from rill.models import FINISHED, UNFINISHED, Conversation, Message, utc_now
from rill.routes.bodies import known_params
from tests.cast import ALICE, BOB
from tests.support import Core, seeded, some_text

TREES = 25
DROPPED = ("id", "conversation_id", "parent_id", "attachments", "retry")  # new on arrival, or of no file


def take(core: Core, value: Any, user_id: str = ALICE.id, **options: Any) -> dict[str, Any]:
    raw = value if isinstance(value, bytes) else orjson.dumps(value)
    return taking.take(core.db, core.hub, core.uploads, user_id, raw, known_params, **options)


def loaded(db: Database, conversation_id: str, user_id: str = ALICE.id) -> tuple[Conversation, list[Message]]:
    with db.read() as tx:
        return store.get_conversation(tx, user_id, conversation_id), store.conversation_messages(tx, user_id, conversation_id)


def count(db: Database) -> int:
    with db.read() as tx:
        return sum(tx.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() for table in ("conversations", "messages"))


# ---- our own

def plant(db: Database, rng: random.Random) -> str:
    """A random tree: branches, all statuses, everything that can be said of a reply."""
    with db.write() as tx:
        made = store.create_conversation(tx, ALICE.id, title=some_text(rng, 9), model=rng.choice([None, "demo/echo"]),
                                         system_prompt=some_text(rng, 20), params=rng.choice([{}, {"temperature": 0.5, "reasoning_effort": "low"}]))
        known: list[Message] = []
        for _ in range(rng.randrange(25)):
            parent = rng.choice([None, *known])
            if parent is None or parent.role == "assistant":
                values = {"role": "user", "status": "completed", "finished_at": utc_now()}
            else:
                status = rng.choice(FINISHED + UNFINISHED)
                error = {"type": "cut", "message": "It broke.", "retryable": False, "status": 502} if status in ("failed", "interrupted") else None
                values = {
                    "role": "assistant", "status": status, "error": error, "finished_at": utc_now() if status in FINISHED else None,
                    "model": "demo/echo", "reasoning": rng.choice(["", some_text(rng, 50)]), "finish_reason": rng.choice([None, "stop", "length"]),
                    "params": rng.choice([{}, {"max_completion_tokens": 7}]), "input_tokens": rng.choice([None, 0, 12]), "output_tokens": 3,
                    **rng.choice([{}, {"cost_amount": 0.00123, "cost_kind": "actual"}]), "timings": {"first_content_ms": 12.5},
                    "citations": [{"url": "https://example.org/", "title": "é漢"}], "generation_id": "gen-1", "request_id": "req-1",
                }
            known.append(store.add_message(tx, ALICE.id, made.id, parent_id=parent and parent.id, content=some_text(rng, 80), **values))
        head = rng.choice(known).id if known else None
        store.update_conversation(tx, ALICE.id, made.id, head_id=head, pinned=rng.random() < 0.5, archived=rng.random() < 0.5)
    return made.id


def shape(db: Database, conversation_id: str, user_id: str = ALICE.id) -> Any:
    """All that is to be kept, with places in the order of the tree for ids; what is unfinished as it is to arrive."""
    conversation, messages = loaded(db, conversation_id, user_id)
    place = {message.id: number for number, message in enumerate(messages)}
    kept = conversation.as_dict()
    said = []
    for message in messages:
        values = {name: value for name, value in message.as_dict().items() if name not in DROPPED}
        if message.status in UNFINISHED:
            values |= {"status": "interrupted", "error": {"type": "interrupted"}, "finished_at": message.created_at}
        elif (message.error or {}).get("type") == "interrupted":
            values["error"] = {"type": "interrupted"}
        said.append((place.get(message.parent_id), values))
    return {**kept, "id": None, "head_id": place.get(conversation.head_id)}, said


def test_random_trees_come_back_equal_also_as_another_persons(core: Core) -> None:
    rng = seeded()
    planted = [plant(core.db, rng) for _ in range(TREES)]
    document = b"".join(exports.everything(core.db, ALICE.id))
    for user_id in (ALICE.id, BOB.id):
        answer = take(core, document, user_id)
        assert (answer["imported"], answer["skipped"]) == (TREES, [])
        for old, new in zip(planted, answer["conversation_ids"], strict=True):
            assert shape(core.db, new, user_id) == shape(core.db, old)
    again = b"".join(exports.everything(core.db, BOB.id))
    assert take(core, again, BOB.id)["imported"] == TREES
    with core.db.read() as tx:
        ids = tx.exec_driver_sql("SELECT id FROM messages").scalars().all()
        assert len(ids) == len(set(ids))
        assert not [one for one in store.unfinished_messages(tx) if one.conversation_id not in planted], "a start would take them for broken off"


def test_one_conversation_comes_back_and_is_told_once(core: Core) -> None:
    old = plant(core.db, seeded(3))
    reader = core.open_reader()
    with core.db.read() as tx:
        before = store.revision(tx, ALICE.id)
    answer = take(core, b"".join(exports.one(*loaded(core.db, old))))
    told = b"".join(reader.drain()).decode()
    assert told.count("event: conversation\n") == 1 and told.count("event:") == 1 and answer["conversation_ids"][0] in told
    with core.db.read() as tx:
        assert store.revision(tx, ALICE.id) == before + 1


def ours(*messages: dict[str, Any], **conversation: Any) -> dict[str, Any]:
    return {"conversation": {"id": "c" * 22, "title": "T", **conversation}, "messages": list(messages)}


def said(name: str, parent: str | None, role: str = "user", **values: Any) -> dict[str, Any]:
    return {"id": name, "parent_id": parent, "role": role, "content": f"says {name}", **values}


@pytest.mark.parametrize(("messages", "why"), [
    ([said("a", "a2"), said("a2", "a", "assistant")], "in a circle"),
    ([said("a", "nowhere")], "follows one that is not there"),
    ([said("a", None), said("b", "a")], "does not follow an answer"),
    ([said("a", None, "assistant")], "does not follow a message of a person"),
    ([said("a", None), said("a", None)], "the same id"),
    ([said("a", None, "system")], "neither a person's nor an answer"),
    ([{"id": "a", "role": "user", "content": 7}], "no text"), (["x"], "not an object"), ([said("", None)], "no id"),
])
def test_a_tree_that_breaks_the_rules_is_skipped_and_the_others_come(core: Core, messages: list[Any], why: str) -> None:
    answer = take(core, {"conversations": [ours(*messages), ours(said("u", None), said("r", "u", "assistant", model="demo/echo"))]})
    assert answer["imported"] == 1 and len(answer["skipped"]) == 1
    assert why in answer["skipped"][0]["why"] and "“T”" in answer["skipped"][0]["why"] and answer["skipped"][0]["number"] == 1


def test_what_a_file_claims_is_checked_or_left_out(core: Core) -> None:
    with core.db.write() as tx:
        bobs = store.create_conversation(tx, BOB.id, title="Bob's")
    forged = ours(
        said("u", None, status="queued", user_id=BOB.id, conversation_id=bobs.id, seq=1),
        said("r", "u", "assistant", status="completed", error={"message": "no"}, model="no slug!", params={"temperature": 99, "top_p": 0.5, "evil": 1},
             usage={"input_tokens": -1, "output_tokens": 2**60, "cached_tokens": True}, cost={"amount": float("1e300")}, timings={"total_ms": "long", "x": 1},
             citations=[{"url": "javascript:alert(1)", "title": "x"}, {"url": "https://example.org/"}], created_at="9999-01-01T00:00:00Z", finished_at="never"),
        id=bobs.id, user_id=BOB.id, head_id="elsewhere", model=7, params={"temperature": "hot"}, pinned="yes", created_at=-5)
    [made] = take(core, forged)["conversation_ids"]
    conversation, [asked, reply] = loaded(core.db, made)
    assert made != bobs.id and conversation.user_id == ALICE.id and (conversation.model, conversation.params, conversation.pinned) == (None, {}, False)
    assert conversation.head_id == reply.id and asked.status == "completed" and asked.is_finished
    assert (reply.model, reply.params, reply.error, reply.cost, reply.timings) == (None, {"top_p": 0.5}, None, None, {})
    assert reply.usage.as_dict() is None and reply.citations == [{"url": "https://example.org/", "title": ""}]
    assert reply.created_at <= utc_now() and reply.finished_at
    assert loaded(core.db, bobs.id, BOB.id)[1] == []


def test_attachments_that_are_the_persons_own_come_along_and_no_others(core: Core) -> None:
    mine, bobs = ({"id": name * 22, "name": f"{name}.txt", "media_type": "text/plain", "size": 3} for name in "ab")
    with core.db.write() as tx:
        attachments.add(tx, ALICE.id, mine, 3)
        attachments.add(tx, BOB.id, bobs, 3)
    claimed = [{**mine, "name": "other words"}, bobs, {"id": "x" * 22}, {"id": 7}, "odd", mine]
    [made] = take(core, ours(said("u", None, attachments=claimed), said("r", "u", "assistant", attachments=[mine])))["conversation_ids"]
    _, [asked, reply] = loaded(core.db, made)
    assert (asked.attachments, reply.attachments) == ([mine], [])


# ---- what is refused as a whole

def deep(levels: int) -> bytes:
    return b'{"conversations":' + b"[" * levels + b"]" * levels + b"}"


@pytest.mark.parametrize(("raw", "why"), [
    (b"", "must be a JSON document"), (b"  ", "must be a JSON document"), (b"7", "must be a JSON document"), (b"{", "not valid JSON"), (b"[{}", "not valid JSON"),
    (b"[{} {}]", "not valid JSON"), (b'[{"a":1}]x', "not valid JSON"), (b'{"conversations" []}', "not valid JSON"), (b'{"conversations":[}', "not valid JSON"),
    (b'[{"mapping":{}},{"mapping":nope}]', "not valid JSON"), (b"[1,2]", "neither an export"), (b"{}", "neither an export"), (b'{"conversations":{}}', "must be a list"),
    (b'{"format":"other","conversations":[]}', "no export of Rill"), (b'{"format":"rill","version":2,"conversations":[]}', "another version"),
    (deep(20), "nested deeper"), (deep(200_000), "nested deeper"), (b"[" * 300_000, "nested deeper"),
    (b'[{"mapping":{"a\\u0000":null}}]', r"U\+0000"), (b'[{"mapping":{},"title":"\\ud800"}]', "not valid JSON"), (b'[{"mapping":{},"title":"\xff"}]', "not valid JSON"),
    (b'["' + b"\\" * 100_001, "not valid JSON"), (b'["' * 50_000, "not valid JSON"),
])
def test_what_is_no_document_changes_nothing(core: Core, raw: bytes, why: str) -> None:
    before = count(core.db)
    with pytest.raises(InvalidRequest, match=why):
        take(core, raw)
    assert count(core.db) == before


def test_a_broken_end_keeps_the_good_beginning_out(core: Core) -> None:
    good = orjson.dumps(ours(said("u", None)))
    before = count(core.db)
    for end in (b"", b',{"mapping":', b",]", b',{"mapping":{},"x":tru}]'):
        with pytest.raises(RillError):
            take(core, b"[" + good + end)
    assert count(core.db) == before


def test_a_text_that_speaks_of_nul_is_no_nul(core: Core) -> None:
    [made] = take(core, ours(said("u", None) | {"content": "In C, \\u0000 ends it, and so does \\\\u0000."}))["conversation_ids"]
    assert loaded(core.db, made)[1][0].content == "In C, \\u0000 ends it, and so does \\\\u0000."


def test_an_empty_export_brings_nothing_and_is_no_fault(core: Core) -> None:
    assert take(core, b' [ ] ') == take(core, {"format": "rill", "version": 1, "conversations": []}) == {"imported": 0, "conversation_ids": [], "skipped": []}


def test_too_many_messages_are_refused_before_anything_is_written(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking, "MAX_MESSAGES", 3)
    before = count(core.db)
    with pytest.raises(TooLarge, match="messages"):
        take(core, [ours(said("u", None)), ours(said("u", None), said("v", None), said("w", None))])
    assert count(core.db) == before


def test_places_are_those_of_a_real_parser() -> None:
    rng = seeded()

    def value(depth: int = 0) -> Any:
        kind = rng.randrange(8 if depth < 5 else 5)
        if kind > 5:
            return {some_text(rng, 5): value(depth + 1) for _ in range(rng.randrange(4))}
        return [value(depth + 1) for _ in range(rng.randrange(4))] if kind == 5 else rng.choice([None, True, -1.5e3, 12, some_text(rng, 9), '"]}\\'])

    for _ in range(200):
        listed = [value() for _ in range(rng.randrange(6))]
        raw = orjson.dumps(listed, option=rng.choice([0, orjson.OPT_INDENT_2]))
        for document in (Document(raw), Document(b' {"x":[{}],"conversations" : ' + raw + b',"y":"]"}')):
            assert [document.read(place) for place in document.places] == listed


# ---- cut off in its middle

def test_an_import_that_was_cut_off_goes_on_where_it_was(core: Core) -> None:
    document = [ours(said("u", None), title=f"number {number}") for number in range(6)]
    taken: dict[int, str] = {}
    numbers = itertools.count()

    def remember(tx: Any, number: int, conversation_id: str) -> None:
        if next(numbers) == 3:
            raise StorageBusy("no")
        taken[number] = conversation_id

    with pytest.raises(StorageBusy):
        take(core, document, remember=remember)
    assert sorted(taken) == [0, 1, 2]
    answer = take(core, document, taken=dict(taken))
    titles = [loaded(core.db, one)[0].title for one in answer["conversation_ids"]]
    assert titles == [f"number {number}" for number in range(6)] and answer["imported"] == 6
    with core.db.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM conversations").scalar() == 6


# ---- ChatGPT's

def node(name: str, parent: str | None, role: str | None = None, *parts: Any, at: float | None = None, **message: Any) -> dict[str, Any]:
    if role is None:
        return {"id": name, "parent": parent, "children": [], "message": None}
    content = {"content_type": "text", "parts": list(parts)}
    return {"id": name, "parent": parent, "children": [], "message": {
        "id": name, "author": {"role": role}, "content": content, "create_time": at, "recipient": "all", "metadata": {}, **message}}


def mapping(*nodes: dict[str, Any], current: str | None = None, **values: Any) -> list[dict[str, Any]]:
    return [{"title": "From there", "create_time": 1_700_000_000.25, "update_time": 1_700_000_900.5, "current_node": current,
             "mapping": {one["id"]: one for one in nodes}, **values}]


def tree(db: Database, conversation_id: str) -> Any:
    """(role, content, what follows) of each root."""
    _, messages = loaded(db, conversation_id)

    def under(parent: str | None) -> list[Any]:
        return [(one.role, one.content, under(one.id)) for one in messages if one.parent_id == parent]

    return under(None)


def test_branches_and_hidden_nodes_become_a_tree_of_ours(core: Core) -> None:
    [made] = take(core, mapping(
        node("root", None), node("system", "root", "system", ""),
        node("context", "system", "user", "my profile", metadata={"is_visually_hidden_from_conversation": True}),
        node("q", "context", "user", "Hi", at=1_700_000_001.5),
        node("a1", "q", "assistant", "First", at=1_700_000_002.0, metadata={"model_slug": "gpt-4o"}), node("a2", "q", "assistant", "Second", at=1_700_000_003.0),
        node("q2", "a1", "user", "More", at=1_700_000_004.0), node("q2b", "a1", "user", "Edited", at=1_700_000_005.0), node("a3", "q2b", "assistant", "Answer", at=1_700_000_006.0),
        current="a3"))["conversation_ids"]
    conversation, messages = loaded(core.db, made)
    assert tree(core.db, made) == [("user", "Hi", [
        ("assistant", "First", [("user", "More", [("assistant", "", [])]), ("user", "Edited", [("assistant", "Answer", [])])]),
        ("assistant", "Second", [])])]
    by_text = {message.content: message for message in messages}
    assert conversation.title == "From there" and conversation.created_at == "2023-11-14T22:13:20.250Z" and conversation.updated_at == "2023-11-14T22:28:20.500Z"
    assert by_text["First"].model == "openai/gpt-4o" and by_text["Hi"].created_at == "2023-11-14T22:13:21.500Z"
    assert conversation.head_id == by_text["Answer"].id
    assert by_text[""].status == "interrupted" and by_text[""].error["retryable"] and "no answer" in by_text[""].error["message"]


def test_a_row_of_one_role_becomes_one_message_and_its_branches_several(core: Core) -> None:
    [made] = take(core, mapping(
        node("q1", None, "user", "One"), node("q2", "q1", "user", "Two"),
        node("call", "q2", "assistant", recipient="python", content={"content_type": "code", "language": "unknown", "text": "print(1)"}),
        node("tool", "call", "tool", "1"), node("search", "tool", "assistant", "a query", recipient="browser"),
        node("a", "search", "assistant", "It is 1.", metadata={"model_slug": "gpt-4o"}), node("b", "tool", "assistant", "It is one."), node("q3", "b", "user", "Thanks"),
        node("c", "b", "assistant", "Or uno."),
        current="tool"))["conversation_ids"]
    code = "```python\nprint(1)\n```"
    assert tree(core.db, made) == [("user", "One\n\nTwo", [
        ("assistant", f"{code}\n\nIt is 1.", []),
        ("assistant", f"{code}\n\nIt is one.", [("user", "Thanks", [("assistant", "", [])])]),
        ("assistant", f"{code}\n\nIt is one.\n\nOr uno.", [])])]
    conversation, messages = loaded(core.db, made)
    assert conversation.head_id in {message.id for message in messages if message.role == "assistant"}


def test_odd_parts_are_kept_as_words(core: Core) -> None:
    [made] = take(core, mapping(
        node("q", None, "user", content={"content_type": "multimodal_text", "parts": [
            {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"}, "What is this?", {"content_type": "audio_transcription", "text": "and that?"},
            {"content_type": "new_kind"}, None, 7]}),
        node("think", "q", "assistant", content={"content_type": "thoughts", "thoughts": [{"summary": "Looking", "content": "A cat."}, "odd"]}),
        node("recap", "think", "assistant", content={"content_type": "reasoning_recap", "content": "Thought for 3 s"}),
        node("a", "recap", "assistant", "A cat."), current="a"))["conversation_ids"]
    _, [asked, reply] = loaded(core.db, made)
    assert asked.content == "[image]\n\nWhat is this?\n\nand that?\n\n[new_kind]"
    assert (reply.content, reply.reasoning) == ("A cat.", "**Looking**\n\nA cat.")


def test_an_answer_that_nobody_asked_for_gets_a_question(core: Core) -> None:
    [made] = take(core, mapping(node("a", None, "assistant", "Welcome"), current="a"))["conversation_ids"]
    assert tree(core.db, made) == [("user", "…", [("assistant", "Welcome", [])])]


@pytest.mark.parametrize(("nodes", "why"), [
    ([node("a", "b", "user", "x"), node("b", "a", "assistant", "y")], "in a circle"), ([node("a", "gone", "user", "x")], "not there"),
    ([node("a", None)], "no messages"), ([], "no messages"), ([{"id": "a", "parent": ["x"]}], "not there"), ([node("a", "a", "user", "x")], "in a circle"),
])
def test_a_broken_mapping_is_skipped(core: Core, nodes: list[dict[str, Any]], why: str) -> None:
    answer = take(core, mapping(*nodes))
    assert answer["imported"] == 0 and why in answer["skipped"][0]["why"]


def chain(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield node(f"n{number}", f"n{number - 1}" if number else None, ("user", "assistant")[number % 2], f"text {number}", at=1_700_000_000 + number)


def test_a_very_deep_talk_needs_no_stack(core: Core) -> None:
    [made] = take(core, mapping(*chain(20_000), current="n19999"))["conversation_ids"]
    assert loaded(core.db, made)[0].message_count == 20_000


def test_a_row_that_branches_everywhere_is_too_long_and_costs_no_memory(core: Core) -> None:
    nodes = [node(f"a{number}", f"a{number - 1}" if number else None, "assistant", "x" * 1000) for number in range(1000)]
    nodes += [node(f"u{number}", f"a{number}", "user", "y") for number in range(1000)]
    answer = take(core, mapping(*nodes))
    assert "too long" in answer["skipped"][0]["why"]


def test_random_mappings_always_become_trees_that_hold_the_rules(core: Core) -> None:
    rng = seeded()
    for _ in range(60):
        nodes: list[dict[str, Any]] = []
        for number in range(rng.randrange(1, 30)):
            parent = rng.choice([None, *(one["id"] for one in nodes)])
            role = rng.choice(["user", "assistant", "assistant", "tool", "system", None])
            nodes.append(node(f"n{number}", parent, role, rng.choice(["", "text", some_text(rng, 9)]), at=rng.choice([None, 1_700_000_000 + rng.random() * 99])))
        rng.shuffle(nodes)
        answer = take(core, mapping(*nodes, current=rng.choice([None, "n0", "gone"])))
        for made in answer["conversation_ids"]:
            conversation, messages = loaded(core.db, made)
            by_id = {message.id: message for message in messages}
            seen: set[str | None] = {None}
            for message in messages:
                assert message.parent_id in seen, "a parent comes before its children"
                seen.add(message.id)
                above = by_id.get(message.parent_id)
                assert (above.role if above else "assistant") != message.role or (above is None and message.role == "user")
                assert message.role == "assistant" or any(one.parent_id == message.id for one in messages)
            assert by_id[conversation.head_id].role == "assistant"
