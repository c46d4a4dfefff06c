"""On connecting: what a page lacks of what it named and of what is unfinished, once, in order, and nothing of anybody else's."""
from __future__ import annotations

from typing import Any

from rill.catchup import catch_up
from rill.cursor import format_cursor, parse_cursor
from rill.models import Message, new_id
from rill.replies import Options
from tests.cast import ALICE, BOB
from tests.page import parse_frame
from tests.support import Core, seeded, wait_until

Told = list[tuple[str | None, str, dict[str, Any]]]


def connect(core: Core, cursor: str = "-", user_id: str = ALICE.id) -> Told:
    """Everything from `hello` to `ready`."""
    reader = core.open_reader(user_id)
    told = [parse_frame(raw) for raw in catch_up(core.db, core.engine, reader, parse_cursor(cursor), "boot-1")]
    assert (told[0][1], told[-1][1]) == ("hello", "ready")
    return told


def ended(core: Core, content: str, reasoning: str = "") -> Message:
    run, call = core.started(core.conversation())
    if reasoning:
        call.write(reasoning, "reasoning")
    call.write(content)
    call.finish("length")
    assert run.committed.wait(5)
    return core.stored(run.message.id)


def text_of(told: Told, message_id: str, channel: str) -> tuple[int | None, str]:
    """Where the deltas of a message begin, and their text; they must follow each other."""
    deltas = [data for _, name, data in told if name == "delta" and (data["message_id"], data["channel"]) == (message_id, channel)]
    for before, after in zip(deltas, deltas[1:], strict=False):
        assert after["offset"] == before["offset"] + len(before["text"])
    return (deltas[0]["offset"] if deltas else None), "".join(data["text"] for data in deltas)


def test_a_page_with_nothing_is_told_where_things_stand_and_nothing_of_what_is_over(core: Core) -> None:
    ended(core, "over")
    told = connect(core)
    assert [name for _, name, _ in told] == ["hello", "ready"]
    assert told[0][2]["boot"] == "boot-1"
    assert told[0][2]["revision"] == 6


def test_an_unfinished_reply_comes_as_its_message_and_then_its_text(core: Core) -> None:
    run, call = core.started(core.conversation())
    call.write("why", "reasoning")
    call.write("so far")
    wait_until(lambda: run.live.lengths() == (6, 3), "the text")
    told = connect(core)
    assert [name for _, name, _ in told] == ["hello", "message", "delta", "delta", "ready"]
    assert text_of(told, run.message.id, "reasoning") == (0, "why")
    assert text_of(told, run.message.id, "content") == (0, "so far")
    assert [parse_cursor(cursor)[run.message.id] for cursor, _, _ in told[1:4]] == [(0, 0), (0, 3), (6, 3)]
    assert {data["revision"] for _, _, data in told if "revision" in data} == {told[0][2]["revision"]}


def test_from_every_cursor_what_is_had_and_what_is_sent_is_the_whole(core: Core) -> None:
    rng = seeded()
    content, reasoning = "漢😀a" * 3000, "é👩‍👩‍👧" * 1500
    over = ended(core, content, reasoning)
    run, call = core.started(core.conversation())
    call.write(content)
    call.write(reasoning, "reasoning")
    wait_until(lambda: run.live.lengths() == (len(content), len(reasoning)), "the text")
    for message_id, is_over in ((over.id, True), (run.message.id, False)):
        for _ in range(20):
            have = (rng.randint(0, len(content) + 5), rng.randint(0, len(reasoning) + 5))
            told = connect(core, format_cursor({message_id: have}))
            for channel, whole, had in (("content", content, have[0]), ("reasoning", reasoning, have[1])):
                offset, sent = text_of(told, message_id, channel)
                assert whole[:had] + sent == whole
                assert offset in (None, had)
            mine = [name for _, name, data in told if message_id in (data.get("message_id"), data.get("message", {}).get("id"))]
            assert mine.count("message") == 1
            assert mine.index("message") == (len(mine) - 1 if is_over else 0)
            assert all(len(data["text"]) <= 4096 and cursor for cursor, name, data in told if name == "delta")


def test_a_finished_reply_that_is_named_leaves_the_cursor(core: Core) -> None:
    over = ended(core, "over")
    told = connect(core, f"{over.id}:2:0")
    assert [(name, cursor) for cursor, name, _ in told[1:-1]] == [("delta", f"{over.id}:4:0"), ("message", "-")]
    assert (told[2][2]["content_length"], told[2][2]["message"]["status"]) == (4, "completed")


def test_what_is_unknown_foreign_deleted_or_a_question_is_passed_over(core: Core) -> None:
    over, conversation = ended(core, "over"), core.conversation()
    run, _ = core.started(conversation)
    core.delete(conversation)
    cursor = f"{new_id()}:1:1,{run.message.id}:0:0,{over.parent_id}:0:0"
    assert [name for _, name, _ in connect(core, cursor)] == ["hello", "ready"]
    assert [name for _, name, _ in connect(core, f"{over.id}:0:0", BOB.id)] == ["hello", "ready"]


def test_a_reply_whose_process_died_is_read_from_the_database(core: Core) -> None:
    run, call = core.started(core.conversation())
    call.write("so far")
    wait_until(lambda: run.live.content.length == 6, "the text")
    core.engine.recover()
    told = connect(core, f"{run.message.id}:3:0")
    assert text_of(told, run.message.id, "content") == (3, "far")
    assert told[-2][2]["message"]["status"] == "interrupted"


def test_what_is_committed_between_the_look_and_the_sending_comes_once(core: Core) -> None:
    run, call = core.started(core.conversation())
    reader = core.open_reader()
    first = catch_up(core.db, core.engine, reader, {}, "boot")
    call.write("new")
    call.finish()
    assert run.committed.wait(5)
    told = [parse_frame(raw) for raw in first] + [parse_frame(raw) for raw in reader.drain()]
    assert [(name, data.get("text") or data.get("message", {}).get("status")) for _, name, data in told] == [
        ("hello", None), ("message", "streaming"), ("delta", "new"), ("ready", None), ("message", "completed"),
    ]
    assert told[-1][2]["revision"] == told[0][2]["revision"] + 1


def test_a_reply_that_is_continued_later_goes_on_from_what_was_named(core: Core) -> None:
    over = ended(core, "one")
    reader = core.open_reader()
    list(catch_up(core.db, core.engine, reader, {over.id: (3, 0)}, "boot"))
    stranger = core.open_reader()
    list(catch_up(core.db, core.engine, stranger, {}, "boot"))
    count = len(core.upstream.calls)
    core.replies.continue_(ALICE.id, over, Options())
    core.opened(core.engine.runs[over.id], count).write(" two")
    wait_until(lambda: core.engine.runs[over.id].live.content.length == 7, "the text")
    assert text_of([parse_frame(raw) for raw in reader.drain()], over.id, "content") == (3, " two")
    assert text_of([parse_frame(raw) for raw in stranger.drain()], over.id, "content") == (0, "one two")
