"""The journal: the text of a message is its row and what the journal has beyond it, each character once."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from rill import committer as committer_module
from rill import journal, store
from rill.db import Database
from rill.models import Message
from tests.cast import ALICE
from tests.support import Core, seeded, some_text, wait_until


@pytest.fixture
def tx(tmp_path: Path) -> Iterator[Connection]:
    db = Database(tmp_path / "rill.db")
    db.upgrade()
    with db.write() as tx:
        tx.exec_driver_sql("INSERT INTO users (id, name, role, created_at) VALUES (?, ?, ?, '')", (ALICE.id, "Alice", "admin"))
        yield tx
    db.close()


def reply(tx: Connection, content: str = "", **values: str) -> Message:
    conversation = store.create_conversation(tx, ALICE.id)
    return store.add_message(tx, ALICE.id, conversation.id, role="assistant", status="streaming", content=content, **values)


def test_entries_of_many_messages_and_both_channels_find_their_places(tx: Connection) -> None:
    one, other, still = reply(tx, "so ", reasoning="why "), reply(tx), reply(tx, "same")
    journal.append(tx, [(one.seq, "reasoning", 4, "not"), (one.seq, "content", 3, "far"), (other.seq, "content", 0, "x")])
    journal.append(tx, [(one.seq, "content", 6, " 😀"), (999, "content", 0, "of nobody")])
    texts = [(m.content, m.reasoning) for m in journal.replayed(tx, [one, other, still])]
    assert texts == [("so far 😀", "why not"), ("x", ""), ("same", "")]


def test_what_a_row_has_taken_in_is_not_taken_twice(tx: Connection) -> None:
    message = reply(tx, "abc漢")
    journal.append(tx, [(message.seq, "content", 0, "ab"), (message.seq, "content", 2, "c漢d"), (message.seq, "content", 5, "e")])
    assert journal.replayed(tx, [message])[0].content == "abc漢de"


def test_a_finished_message_is_its_row(tx: Connection) -> None:
    message = reply(tx, "whole")
    journal.append(tx, [(message.seq, "content", 5, " and stale")])
    store.update_message(tx, message.seq, status="completed", finished_at="2026-01-01")
    [found] = journal.replayed(tx, [store.get_message(tx, ALICE.id, message.id)])
    assert found.content == "whole"


def test_an_emptied_journal_has_nothing(tx: Connection) -> None:
    message = reply(tx, "a")
    journal.append(tx, [(message.seq, "content", 1, "b")])
    journal.empty(tx)
    assert journal.replayed(tx, [message])[0].content == "a"


# ---- on a running core

def test_the_journal_is_emptied_when_the_last_run_ends_and_not_before(core: Core) -> None:
    conversation = core.conversation()
    (first, first_call), (last, last_call) = core.started(conversation, parent_id=None), core.started(conversation, parent_id=None)
    for call, text in ((first_call, "first"), (last_call, "last")):
        call.write(text)
    wait_until(lambda: first.live.content.length and last.live.content.length, "the text")
    first_call.finish()
    assert first.committed.wait(5)
    assert core.journal_rows() and core.stored(last.message.id).content == "last"
    last_call.finish()
    assert last.committed.wait(5)
    assert core.journal_rows() == 0


def test_a_long_answer_does_not_make_the_journal_grow_without_end(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committer_module, "JOURNAL_BYTES", 4000)
    core.engine._committer._compact_at = 4000
    rng = seeded()
    run, call = core.started(core.conversation())
    said, largest = "", 0
    count = 0
    while (count := count + 1) <= 1000 or not core.journal_rows():  # the last may have been the one that emptied it
        text = some_text(rng, 8)
        said += text
        call.write(text)
        wait_until(lambda: run.live.content.length == len(said), "the text")
        with core.witness.read() as tx:
            size = tx.exec_driver_sql("SELECT coalesce(sum(length(entries)), 0) FROM journal").scalar()
        largest = max(largest, size)
    assert core.stored(run.message.id).content == said
    assert core.journal_rows() and 4000 < largest < 12_000 < 1000 * 25
    core.engine.recover()
    assert core.stored(run.message.id).content == said


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_compaction_that_was_put_off_does_not_put_off_those_of_later_answers(core: Core, monkeypatch: pytest.MonkeyPatch, is_deleted: bool) -> None:
    monkeypatch.setattr(committer_module, "JOURNAL_BYTES", 4000)
    committer = core.engine._committer
    committer._compact_at = 4000
    conversation = core.conversation()
    run, call = core.started(conversation)
    call.write("a" * 9000)
    wait_until(lambda: run.live.content.length == 9000 and not core.journal_rows(), "the first compaction")
    call.write("b" * 5000)  # to write all of it once more would cost more than the journal does
    wait_until(lambda: committer._compact_at > 4000, "a compaction to be put off")
    assert core.journal_rows()
    if is_deleted:
        core.delete(conversation)
    else:
        call.finish()
    wait_until(lambda: not core.engine.runs, "the run to be gone")
    assert (core.journal_rows(), committer._journal_bytes, committer._compact_at) == (0, 0, 4000)


def test_a_deleted_reply_leaves_nothing_in_the_journal(core: Core) -> None:
    conversation = core.conversation()
    run, call = core.started(conversation)
    call.write("secret")
    wait_until(lambda: run.live.content.length, "the text")
    assert core.journal_rows()
    core.delete(conversation)
    wait_until(lambda: not core.engine.runs, "the run to be gone")
    assert core.journal_rows() == 0
