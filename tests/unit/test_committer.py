"""Group commit: durable before shown, one transaction for many runs, no waiting when idle, and nothing lost to faults."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from rill import committer as committer_module
from rill.errors import DiskFull, StorageBroken, StorageBusy
from rill.models import CHANNELS
from rill.run import Run
from tests.cast import ALICE
from tests.page import Page, SlowFeed, parse_frame
from tests.support import Call, Core, seeded, some_text, turns, wait_until

TURNS_TO_READER = 4  # wire -> run -> committer -> reader, each woken by the one before


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tries as ever, without the time between them."""
    monkeypatch.setattr(committer_module, "RETRY_SECONDS", (0.0,) * len(committer_module.RETRY_SECONDS))


def watched(core: Core) -> tuple[Page, SlowFeed]:
    """A page that checks, delta by delta, that another connection to the database already sees what it is shown."""
    page = Page(core.look)
    feed = SlowFeed(core, ALICE.id, page, "-")
    feed.allow(1_000_000)
    wait_until(lambda: page.is_ready, "the page to be ready")
    return page, feed


def many(core: Core, count: int) -> list[tuple[Run, Call]]:
    conversation = core.conversation()
    return [core.started(conversation, parent_id=None) for _ in range(count)]


def chars_of(run: Run, core: Core) -> dict[str, int]:
    sums = dict.fromkeys(CHANNELS, 0)
    for _, kind, *chars in core.stored(run.message.id).timeline:
        if chars:
            sums[kind] += chars[0]
    return sums


# ---- when

def test_a_reader_is_woken_only_when_the_text_is_durable(core: Core) -> None:
    run, call = core.started(core.conversation())
    reader = core.open_reader()
    reader.have[run.message.id] = (0, 0)
    list(reader.drain())
    for n in range(20):
        call.write(f"{n} ")
        while not (frames := list(reader.drain())):
            turns(1)
        told = "".join(parse_frame(raw)[2]["text"] for raw in frames)
        assert core.stored(run.message.id).content.endswith(told)
        assert run.live.content.length == len(core.stored(run.message.id).content)


def test_when_idle_a_delta_reaches_the_reader_without_a_timer(core: Core) -> None:
    run, call = core.started(core.conversation())
    page, feed = watched(core)
    for n in range(1, 21):
        turns(10)
        call.write("x")
        turns(TURNS_TO_READER)
        assert len(page.texts[run.message.id]["content"]) == n
    feed.close()


def test_what_many_runs_gathered_in_one_turn_is_one_transaction(core: Core) -> None:
    runs = many(core, 40)
    core.db.appended.clear()
    for turn in range(5):
        for n, (_, call) in enumerate(runs):
            call.write(f"{turn}.{n} ")
        wait_until(lambda turn=turn: all(run.live.content.length >= 4 * (turn + 1) for run, _ in runs), "all text")
    assert core.db.appended == [40] * 5


def test_what_several_runs_say_soon_after_a_shared_commit_is_one_more(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer_module, "PAUSE_SECONDS", 0.2)
    runs = many(core, 10)
    for _, call in runs:
        call.write("a")
    wait_until(lambda: all(run.live.content.length == 1 for run, _ in runs), "the first words")
    core.db.appended.clear()
    for _, call in runs:
        call.write("b")
        turns(TURNS_TO_READER)
    wait_until(lambda: all(run.live.content.length == 2 for run, _ in runs), "the second words")
    assert core.db.appended == [10]


def test_deltas_of_one_channel_in_one_turn_are_one_row(core: Core) -> None:
    run, call = core.started(core.conversation())
    core.db.appended.clear()
    for text, channel in (("a", "reasoning"), ("b", "reasoning"), ("c", "content"), ("d", "content"), ("e", "reasoning")):
        call.write(text, channel)
    wait_until(lambda: run.live.lengths() == (2, 3), "the text")
    assert core.db.appended == [3]
    assert (core.stored(run.message.id).content, core.stored(run.message.id).reasoning) == ("cd", "abe")


def test_a_final_message_has_all_its_text_in_its_row_and_the_journal_is_empty(core: Core) -> None:
    run, call = core.started(core.conversation())
    call.write("thinking", "reasoning")
    turns(5)
    call.write("Hello ")
    call.write("😀")
    call.finish("stop", {"prompt_tokens": 3, "completion_tokens": 2})
    assert run.committed.wait(5)
    message = core.stored(run.message.id)
    assert (message.status, message.content, message.reasoning, message.finish_reason) == ("completed", "Hello 😀", "thinking", "stop")
    assert (message.usage.input_tokens, message.usage.output_tokens) == (3, 2)
    assert chars_of(run, core) == {"content": 7, "reasoning": 8}
    assert core.journal_rows() == 0


# ---- faults: nothing is lost, the order is kept, every run ends

FAULTS: dict[str, Callable[[], Exception]] = {
    "busy": lambda: StorageBusy("busy"), "full": lambda: DiskFull("full"), "unknown": lambda: RuntimeError("?"),
}
TRIES = len(committer_module.RETRY_SECONDS) + 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("times", [1, 2, 3, TRIES - 1])
@pytest.mark.parametrize("where", ["append", "begin", "commit"])
def test_a_fault_that_passes_costs_neither_text_nor_order(core: Core, fault: str, times: int, where: str) -> None:
    rng = seeded()
    runs = many(core, 3)
    page, feed = watched(core)
    said = {run.message.id: dict.fromkeys(CHANNELS, "") for run, _ in runs}
    core.db.faults = [(where, FAULTS[fault]()) for _ in range(times)]
    for _ in range(60):
        run, call = rng.choice(runs)
        channel, text = rng.choice(CHANNELS), some_text(rng, 8)
        said[run.message.id][channel] += text
        call.write(text, channel)
        turns(rng.randint(0, 2))
    for run, call in runs:
        call.finish()
        assert run.committed.wait(5), "every run ends"
    wait_until(lambda: feed.check() or not page.unfinished, "the page to know the ends")
    for run, _ in runs:
        message = core.stored(run.message.id)
        assert message.status == "completed"
        assert {channel: getattr(message, channel) for channel in CHANNELS} == said[run.message.id] == page.texts[run.message.id]
        assert chars_of(run, core) == {channel: len(text) for channel, text in said[run.message.id].items()}
    assert core.db.faults == []
    assert core.engine.runs == {}
    feed.close()


def test_while_the_disk_is_full_nothing_is_shown_and_then_everything(core: Core) -> None:
    run, call = core.started(core.conversation())
    page, feed = watched(core)
    core.db.faults = [("append", DiskFull("full"))] * 1000
    call.write("kept ")
    turns(200)
    call.write("back")
    turns(200)
    assert page.texts[run.message.id]["content"] == ""
    assert page.is_troubled
    core.db.faults = []
    wait_until(lambda: feed.check() or page.texts[run.message.id]["content"] == "kept back", "the text")
    assert not page.is_troubled
    feed.close()


@pytest.mark.parametrize("where", ["append", "any"])
@pytest.mark.parametrize("fault", [RuntimeError("?"), StorageBroken("damaged")], ids=["unknown", "damaged"])
def test_a_reply_that_cannot_be_stored_fails_with_a_prefix_of_its_text(core: Core, where: str, fault: Exception) -> None:
    """What does not pass ends the run, with a sentence; text after a hole is never shown."""
    run, call = core.started(core.conversation())
    page, feed = watched(core)
    call.write("stored ")
    wait_until(lambda: page.texts[run.message.id]["content"], "the first words")
    core.db.faults = [(where, fault)] * TRIES
    call.write("lost ")
    for n in range(TRIES * 4):
        turns(1)
        call.write(f"late{n} ")
    assert run.committed.wait(5), "the run ends"
    wait_until(lambda: feed.check() or not page.unfinished, "the page to know the end")
    message = core.stored(run.message.id)
    assert (message.status, message.error["type"]) == ("failed", "storage")
    assert message.content == page.texts[run.message.id]["content"] == "stored "
    assert message.timings["total_ms"] is not None
    assert core.engine.runs == {}
    wait_until(lambda: call.is_closed, "the upstream to be let go")
    feed.close()


def test_a_reply_whose_end_cannot_be_stored_still_ends(core: Core) -> None:
    run, call = core.started(core.conversation())
    call.write("stored")
    wait_until(lambda: run.live.content.length, "the text")
    core.db.faults = [("begin", RuntimeError("?"))] * (2 * TRIES)
    call.finish()
    assert run.committed.wait(5)
    assert core.engine.runs == {}
    assert core.engine.recover() == 1
    assert (core.stored(run.message.id).status, core.stored(run.message.id).content) == ("interrupted", "stored")


def test_text_that_cannot_be_stored_does_not_hold_up_the_others(core: Core) -> None:
    (bad, bad_call), (good, good_call) = many(core, 2)
    bad_call.write("\ud800")  # the client never lets one through; SQLite refuses it
    good_call.write("fine")
    good_call.finish()
    assert good.committed.wait(5)
    assert core.stored(good.message.id).content == "fine"
    assert bad.committed.wait(5)
    assert core.stored(bad.message.id).error["type"] == "storage"


@pytest.mark.parametrize("is_ended", [False, True])
def test_a_reply_deleted_while_it_waits_to_be_stored_is_let_go(core: Core, is_ended: bool) -> None:
    conversation = core.conversation()
    run, call = core.started(conversation)
    core.db.faults = [("append", StorageBusy("busy"))] * 100_000 if not is_ended else [("begin", StorageBusy("busy"))] * 100_000
    call.write("text")
    if is_ended:
        call.finish()
    turns(20)
    faults, core.db.faults = core.db.faults, []
    core.delete(conversation)
    core.db.faults = faults
    wait_until(lambda: not core.engine.runs, "the run to be gone")
    assert run.committed.is_set()
    assert core.look(run.message.id) is None
