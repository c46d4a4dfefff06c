"""What readers hear when something is deleted and taken back while answers grow, and when it is removed for good."""
from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from rill import charges, store, trash
from rill.errors import NotFound, StorageBusy
from rill.models import Conversation
from rill.replies import Options
from rill.run import Run
from tests.cast import ALICE
from tests.page import Page, SlowFeed
from tests.support import Call, Core, turns, wait_until


def streaming(core: Core, conversation: Conversation, text: str = "half") -> tuple[Run, Call]:
    run, call = core.started(conversation)
    call.write(text)
    wait_until(lambda: run.live.content.length == len(text), "the text")
    return run, call


@pytest.fixture
def watched(core: Core) -> Callable[[], tuple[Page, SlowFeed]]:
    """A page that is strict about every event, live by now."""
    def watch() -> tuple[Page, SlowFeed]:
        page = Page(core.look)
        feed = SlowFeed(core, ALICE.id, page, "-")
        feed.allow(100_000)
        wait_until(lambda: page.is_ready or feed.check(), "the catch-up")
        return page, feed
    return watch


def test_a_branch_that_grows_ends_for_its_readers_before_it_is_gone(core: Core, watched: Callable) -> None:
    conversation = core.conversation()
    run, call = streaming(core, conversation)
    page, feed = watched()
    core.deletions.delete_branch(ALICE.id, run.message.id)
    call.write("more")
    wait_until(lambda: page.counts["conversation"] or feed.check(), "the event")
    assert run.committed.wait(5) and call.is_closed
    turns(20)
    feed.check()
    assert page.ended == {run.message.id} and page.unfinished == set() and page.texts[run.message.id]["content"] == "half"
    assert core.engine.runs == {} and core.look(run.message.id) is None
    feed.close()


def test_what_runs_beside_a_deleted_branch_goes_on(core: Core) -> None:
    conversation = core.conversation()
    gone, _ = streaming(core, conversation)
    asked = core.stored(gone.message.parent_id)
    core.replies.regenerate(ALICE.id, asked, Options())
    [other] = [run for run in core.engine.runs.values() if run is not gone]
    call = core.opened(other, 1)
    after = core.deletions.delete_branch(ALICE.id, gone.message.id)
    assert after.head_id == other.message.id
    call.write("all")
    call.finish()
    assert other.committed.wait(5) and core.stored(other.message.id).content == "all"


@pytest.mark.parametrize("what", ["conversation", "branch"])
def test_a_reply_that_came_back_grows_on_from_what_its_readers_have(core: Core, watched: Callable, what: str) -> None:
    conversation = core.conversation()
    run, _ = streaming(core, conversation, "one ")
    page, feed = watched()
    if what == "conversation":
        core.delete(conversation)
        wait_until(lambda: page.counts["conversation_deleted"] or feed.check(), "the event")
        page.forgive(conversation.id)
        core.deletions.restore_conversation(ALICE.id, conversation.id)
    else:
        core.deletions.delete_branch(ALICE.id, run.message.id)
        core.deletions.restore_branch(ALICE.id, run.message.id)
    back = core.stored(run.message.id)
    assert (back.status, back.content) == ("stopped", "one ")
    count = len(core.upstream.calls)
    core.replies.continue_(ALICE.id, back, Options())  # at once: the discarded run may not have been let go yet
    successor = core.engine.runs[back.id]
    call = core.opened(successor, count)
    assert run.committed.wait(5) and core.engine.runs[back.id] is successor
    call.write("two")
    call.finish()
    assert successor.committed.wait(5)
    wait_until(lambda: page.texts[back.id]["content"] == "one two" and back.id in page.ended or feed.check(), "the rest")
    feed.close()


def test_a_deletion_that_the_database_refuses_stops_nothing(core: Core) -> None:
    run, call = streaming(core, core.conversation())
    core.db.faults = [("commit", StorageBusy("busy"))] * 2
    with pytest.raises(StorageBusy):
        core.deletions.delete_branch(ALICE.id, run.message.id)
    with pytest.raises(StorageBusy):
        core.deletions.delete_conversation(ALICE.id, run.message.conversation_id)
    call.finish()
    assert run.committed.wait(5)
    assert (core.stored(run.message.id).status, core.stored(run.message.id).content) == ("completed", "half")


def test_a_reply_to_a_question_deleted_meanwhile_is_not_made(core: Core) -> None:
    run, _ = streaming(core, core.conversation())
    asked = core.stored(run.message.parent_id)
    core.deletions.delete_branch(ALICE.id, asked.id)
    with pytest.raises(NotFound):
        core.replies.regenerate(ALICE.id, asked, Options())
    wait_until(lambda: not core.engine.runs, "nothing to run")


def test_taking_back_what_is_there_tells_nobody_anything(core: Core) -> None:
    conversation = core.conversation()
    run, _ = streaming(core, conversation)
    reader = core.open_reader()
    assert core.deletions.restore_conversation(ALICE.id, conversation.id).id == conversation.id
    assert core.deletions.restore_branch(ALICE.id, run.message.id).id == conversation.id
    assert list(reader.drain()) == []


@pytest.mark.parametrize("what", ["conversation", "branch"])
def test_what_a_deleted_answer_cost_so_far_stands_in_the_ledger(core: Core, what: str) -> None:
    run, _ = streaming(core, core.conversation())
    if what == "conversation":
        core.deletions.delete_conversation(ALICE.id, run.message.conversation_id)
    else:
        core.deletions.delete_branch(ALICE.id, run.message.id)
    assert run.committed.wait(5)
    with core.witness.read() as tx:
        assert [(one.message_id, one.generation_id) for one in charges.due(tx, "3000", 9)] == [(run.message.id, "generation-1")]


# ---- the end

def test_a_purge_takes_all_that_is_old_a_little_at_a_time(core: Core) -> None:
    conversation = core.conversation()
    with core.db.write() as tx:
        for _ in range(120):
            store.add_message(tx, ALICE.id, conversation.id, parent_id=None, role="user", content="x", status="completed", finished_at="2026")
    core.delete(conversation)
    assert core.deletions.purge() == (0, True), "it can still come back"
    before = core.db.writes
    assert core.deletions.purge(seconds=-1) == (121, False)
    assert core.db.writes - before == 3
    with pytest.raises(NotFound):
        core.deletions.restore_conversation(ALICE.id, conversation.id)


def test_a_purge_comes_by_itself_and_again_when_the_database_refused(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rill.deletion.AGAIN_SECONDS", 0)
    conversation = core.conversation()
    core.delete(conversation)
    with core.db.write() as tx:
        tx.exec_driver_sql("UPDATE conversations SET deleted_at = '2026-01-01T00:00:00.000Z'")
    core.deletions.cancel_purge()
    core.db.faults = [("begin", StorageBusy("busy"))]
    core.deletions.plan_purge(0)

    def is_gone() -> bool:
        with core.witness.read() as tx:
            return not trash.is_any(tx)
    wait_until(is_gone, "the purge")


def test_only_one_purge_waits_however_much_is_deleted(core: Core) -> None:
    for _ in range(3):
        core.delete(core.conversation())
    waiting = core.deletions.cancel_purge()
    assert isinstance(waiting, gevent.Greenlet) and core.deletions.cancel_purge() is None
