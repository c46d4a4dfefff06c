"""Runs of a process: however one is ended, it ends once, keeps its text, says why, and lets the upstream go."""
from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from rill import store
from rill.errors import Busy, ConnectFailed, CutOff, InternalFailure, RateLimited
from rill.models import FINISHED, Message
from rill.replies import Options
from rill.run import Run
from tests.cast import ALICE, BOB
from tests.support import Core, turns, wait_until


def final(core: Core, run: Run) -> Message:
    assert run.committed.wait(5), "the run ends"
    message = core.stored(run.message.id)
    assert message == run.message
    assert message.status in FINISHED and message.finished_at
    assert (message.error is None) == (message.status in ("completed", "stopped"))
    assert core.engine.runs.get(message.id) is not run
    return message


# ---- stop

def test_a_run_stopped_before_its_first_turn_never_asks(core: Core) -> None:
    [run] = core.send(core.conversation())
    core.engine.stop(run.message.id)
    assert final(core, run).status == "stopped"
    turns(20)
    assert core.upstream.calls == []


def test_a_run_stopped_before_the_first_byte_lets_the_upstream_go(core: Core) -> None:
    [run] = core.send(core.conversation())
    [call] = wait_until(lambda: core.upstream.calls, "the call")
    core.engine.stop(run.message.id)
    assert (final(core, run).status, final(core, run).content) == ("stopped", "")
    assert call.is_closed


def test_a_stop_in_the_middle_keeps_what_came(core: Core) -> None:
    run, call = core.started(core.conversation())
    call.write("half ")
    call.write("a thought", "reasoning")
    wait_until(lambda: run.live.lengths() == (5, 9), "the text")
    core.engine.stop(run.message.id)
    message = final(core, run)
    assert (message.status, message.content, message.reasoning, message.finish_reason) == ("stopped", "half ", "a thought", None)
    assert call.is_closed
    call.write("too late")
    turns(20)
    assert core.stored(message.id) == message


def test_text_that_came_in_the_turn_of_the_stop_is_kept(core: Core) -> None:
    run, call = core.started(core.conversation())
    call.write("just in time")
    wait_until(lambda: run.pending or run.live.content.length, "the text to be here")
    run.stop()
    assert final(core, run).content == "just in time"


def test_stopping_twice_or_after_the_end_changes_nothing(core: Core) -> None:
    run, call = core.started(core.conversation())
    gevent.joinall([gevent.spawn(core.engine.stop, run.message.id) for _ in range(3)], timeout=5)
    message = final(core, run)
    core.engine.stop(run.message.id)
    run.stop()
    turns(20)
    assert core.stored(run.message.id) == message
    assert message.status == "stopped"
    core.engine.stop("unknown")


def test_a_stop_that_comes_with_the_end_leaves_one_ending(core: Core) -> None:
    for at in range(8):
        run, call = core.started(core.conversation())
        revision = revision_of(core)
        call.write("all")
        call.finish()
        turns(at)
        core.engine.stop(run.message.id)
        assert final(core, run).status in ("completed", "stopped")
        turns(20)
        assert revision_of(core) == revision + 1, "one final message"


def revision_of(core: Core) -> int:
    with core.witness.read() as tx:
        return store.revision(tx, ALICE.id)


# ---- other ends

@pytest.mark.parametrize(("error", "type_"), [
    (CutOff("It broke off.", request_id="r-2"), "cut"), (InternalFailure("secret detail"), "internal"),
    (RuntimeError("secret detail"), "internal"), (KeyError("secret detail"), "internal"),
])
def test_whatever_is_raised_the_run_ends_and_says_a_sentence(core: Core, error: Exception, type_: str) -> None:
    run, call = core.started(core.conversation())
    call.write("kept")
    call.say(error)
    message = final(core, run)
    assert (message.status, message.content, message.error["type"]) == ("failed", "kept", type_)
    assert type_ == "cut" or "secret" not in message.error["message"]
    assert message.request_id == ("r-2" if type_ == "cut" else "request-1")


def test_usage_and_reason_that_were_said_before_the_failure_are_kept(core: Core) -> None:
    error = CutOff("It broke off.")
    error.usage, error.finish_reason = {"prompt_tokens": 7}, "error"
    run, call = core.started(core.conversation())
    call.say(error)
    assert (final(core, run).usage.input_tokens, final(core, run).finish_reason) == (7, "error")


def test_an_answer_that_ended_well_and_empty_is_complete(core: Core) -> None:
    run, call = core.started(core.conversation())
    call.finish()
    assert (final(core, run).status, final(core, run).content) == ("completed", "")


def test_the_clock_of_the_answer_is_told_in_order(core: Core) -> None:
    run, call = core.started(core.conversation())
    call.write("why", "reasoning")
    call.write("so")
    call.finish("stop", {"completion_tokens": 5})
    message = final(core, run)
    order = ("connect_ms", "first_byte_ms", "first_reasoning_ms", "first_content_ms", "total_ms")
    assert [message.timings[name] for name in order] == sorted(message.timings[name] for name in order)
    assert [entry[1] for entry in message.timeline] == ["queued", "connected", "first_byte", "reasoning", "content", "finish"]


def test_a_recording_is_every_byte_also_of_a_character_cut_in_two(core: Core) -> None:
    run, call = core.started(core.conversation(), record=True)
    call.say(b": hello\n", "漢".encode()[:2], "漢".encode()[2:], b"\xff", "é".encode()[:1])
    call.finish()
    final(core, run)
    with core.witness.read() as tx:
        entries = store.get_wire(tx, core.stored(run.message.id))
    assert "".join(entry["raw"] for entry in entries) == ": hello\n漢\ufffd\ufffd"


# ---- deleting

@pytest.mark.parametrize("moment", ["before", "connecting", "streaming"])
def test_after_its_conversation_is_deleted_a_run_says_nothing_more(core: Core, moment: str) -> None:
    conversation = core.conversation()
    [run] = core.send(conversation)
    if moment != "before":
        [call] = wait_until(lambda: core.upstream.calls, "the call")
        if moment == "streaming":
            call.open()
            call.write("text")
            wait_until(lambda: run.live.content.length, "the text")
    reader = core.open_reader()
    core.delete(conversation)
    if moment == "streaming":
        call.write("more")
    assert run.committed.wait(5)
    turns(20)
    *_, ending, deleted = reader.drain()
    assert b'"status":"stopped"' in ending and b"conversation_deleted" in deleted
    assert core.engine.runs == {}
    assert core.journal_rows() == 0


# ---- limits

def test_a_user_may_have_so_many_runs_and_again_when_one_ends(make_core: Callable[..., Core]) -> None:
    core = make_core(runs_per_user=2)
    conversation = core.conversation()
    run, _ = core.started(conversation)
    with pytest.raises(RateLimited) as refused:
        core.send(conversation, parent_id=None, models=["demo/a", "demo/b"])
    assert refused.value.retry_after
    core.started(conversation, parent_id=None)
    with pytest.raises(RateLimited):
        core.send(conversation, parent_id=None)
    core.send(core.conversation(BOB.id))
    core.engine.stop(run.message.id)
    core.started(conversation, parent_id=None)


def test_what_was_refused_left_nothing_behind(make_core: Callable[..., Core]) -> None:
    core = make_core(runs_per_user=1)
    conversation = core.conversation()
    with pytest.raises(RateLimited):
        core.send(conversation, models=["demo/a", "demo/b"])
    with core.witness.read() as tx:
        assert store.conversation_messages(tx, ALICE.id, conversation.id) == []
    assert revision_of(core) == 0


def test_a_user_may_send_so_many_messages_a_minute(make_core: Callable[..., Core], monkeypatch: pytest.MonkeyPatch) -> None:
    core = make_core(messages_per_minute=3)
    now = [1000.0]
    monkeypatch.setattr("rill.engine.time.monotonic", lambda: now[0])
    for _ in range(3):
        core.engine.admit(ALICE.id, 1)
        now[0] += 10
    with pytest.raises(RateLimited) as refused:
        core.engine.admit(ALICE.id, 1)
    core.engine.admit(BOB.id, 1)
    now[0] += refused.value.retry_after
    core.engine.admit(ALICE.id, 1)
    with pytest.raises(RateLimited):
        core.engine.admit(ALICE.id, 1)


# ---- the end of the process

def test_a_run_that_ends_within_the_grace_is_completed_and_the_rest_interrupted(core: Core) -> None:
    conversation = core.conversation()
    (soon, soon_call), (late, late_call) = core.started(conversation), core.started(conversation, parent_id=None)
    late_call.write("so far")
    drained = gevent.spawn(core.engine.drain, 0.3)
    wait_until(lambda: core.engine.is_draining, "the drain to begin")
    with pytest.raises(Busy) as refused:
        core.send(conversation, parent_id=None)
    assert refused.value.retry_after
    soon_call.write("done")
    soon_call.finish()
    drained.join(5)
    assert drained.successful()
    assert (final(core, soon).status, final(core, soon).content) == ("completed", "done")
    message = final(core, late)
    assert (message.status, message.content, message.error["type"], message.error["retryable"]) == ("interrupted", "so far", "interrupted", True)
    assert late_call.is_closed


def test_a_drain_with_nothing_running_or_without_grace_does_not_wait(core: Core) -> None:
    with gevent.Timeout(1):
        core.engine.drain(100)
    core.engine.is_draining = False
    run, _ = core.started(core.conversation())
    with gevent.Timeout(1):
        core.engine.drain(0)
    assert final(core, run).status == "interrupted"


def test_what_a_dead_process_left_is_whole_and_marked(make_core: Callable[..., Core]) -> None:
    core = make_core()
    run, call = core.started(core.conversation())
    call.write("why", "reasoning")
    call.write("so far 😀")
    wait_until(lambda: run.live.lengths() == (8, 3), "the text")
    [waiting] = core.send(core.conversation())
    revision = revision_of(core)
    assert core.engine.recover() == 2
    message, other = core.stored(run.message.id), core.stored(waiting.message.id)
    assert (message.status, message.content, message.reasoning, message.error["type"]) == ("interrupted", "so far 😀", "why", "interrupted")
    assert (other.status, other.content) == ("interrupted", "")
    assert message.finished_at and other.finished_at
    chars = {entry[1]: entry[2] for entry in message.timeline if len(entry) == 3}
    assert chars == {"content": 8, "reasoning": 3}
    assert revision_of(core) == revision + 2
    assert core.journal_rows() == 0
    assert core.engine.recover() == 0
    assert revision_of(core) == revision + 2


def test_what_was_interrupted_can_be_continued(core: Core) -> None:
    run, call = core.started(core.conversation())
    call.write("so far")
    wait_until(lambda: run.live.content.length, "the text")
    core.engine.drain(0)
    core.engine.is_draining = False
    count = len(core.upstream.calls)
    core.replies.continue_(ALICE.id, core.stored(run.message.id), Options())
    again = core.engine.runs[run.message.id]
    call = core.opened(again, count)
    call.write(" and on")
    call.finish()
    message = final(core, again)
    assert (message.status, message.content, message.error) == ("completed", "so far and on", None)


# ---- asking again by itself

def test_a_refusal_before_any_text_is_asked_again_and_shown_while_it_waits(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rill.run.RETRY_SECONDS", (0.01, 0.01))
    [run] = core.send(core.conversation())
    for number in range(2):
        call = wait_until(lambda number=number: core.upstream.calls[number:], "the next call")[0]
        error = ConnectFailed("It cannot be reached.")
        error.may_repeat = True
        call.say(error)
    call = wait_until(lambda: core.upstream.calls[2:], "the last call")[0]
    call.open()
    call.write("here")
    call.finish()
    assert (final(core, run).status, final(core, run).content) == ("completed", "here")
    assert [entry[1] for entry in core.stored(run.message.id).timeline].count("retry") == 2


def test_after_text_nothing_is_asked_again(core: Core) -> None:
    run, call = core.started(core.conversation())
    call.write("billed")
    error = CutOff("It broke off.")
    error.may_repeat = True
    call.say(error)
    assert final(core, run).status == "failed"
    assert len(core.upstream.calls) == 1
