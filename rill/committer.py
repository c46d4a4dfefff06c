"""Group commit: what all runs gathered in one turn of the event loop goes into one transaction, then to the readers.

A run alone never waits: idle, a token is its own commit. Runs that stream at once share commits, at most one each
PAUSE_SECONDS, since a commit with its way to the readers costs as much as all else that is done for a token. Nothing
is shown that is not durable, and nothing that came is dropped: when the database cannot take a batch, it is kept and
tried again.
It starts and ends no run; the engine hears of each committed ending.
"""
from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import gevent
from gevent.event import Event
from sqlalchemy import Connection

from rill import charges, journal, metrics, store
from rill.db import Database
from rill.errors import AnswerTooLong, DiskFull, StorageBusy, StorageFailed
from rill.hub import Hub, StateEvent
from rill.models import Channel, Cost, Message, Usage, utc_now
from rill.run import Ending, Run

log = logging.getLogger(__name__)

MAX_ANSWER_CHARS = 8_000_000  # an upstream that never ends: far beyond any answer, far below a small server's memory
PAUSE_SECONDS = 0.004  # after a commit of several runs, so that the next is shared by more
RETRY_SECONDS = (0.02, 0.1, 0.5, 1.0)  # pauses between tries; the last one repeats
JOURNAL_BYTES = 16 * 1024 * 1024  # beyond, living runs' text goes into their rows, and the journal begins anew

TOO_LONG = f"The answer grew beyond {MAX_ANSWER_CHARS} characters, the most this server keeps of one. What came is kept."
TROUBLED = "The server cannot store text just now. What arrives is kept in its memory and appears as soon as it can be stored."
STORAGE = "The server could not store the end of this answer. What was stored is kept; ask again."


@dataclass(slots=True)
class Growth:
    """What one run adds in one batch."""

    run: Run
    added: list[tuple[Channel, str]]
    status: str | None  # a change of state to commit with it
    ending: Ending | None
    after: Message | None = None  # the reply as committed, when its state changed
    revision: int = 0


class Committer:
    def __init__(self, db: Database, hub: Hub, estimate: Callable[[str, dict[str, Any] | None], float | None],
                 on_ended: Callable[[Run], None]) -> None:
        self._db, self._hub = db, hub
        self._estimate = estimate
        self._on_ended = on_ended
        self._dirty: dict[Run, None] = {}
        self._journaled: set[Run] = set()  # whose text the journal holds: not ended, or its end could not be stored
        self._emptied()
        self._due = Event()
        self._is_troubled = False  # and the readers have been told
        self._greenlet: gevent.Greenlet | None = None

    def note(self, run: Run) -> None:
        """This run has something to commit. Waking is scheduled behind what this turn of the loop still reads."""
        if not self._dirty:
            if self._greenlet is None:
                self._greenlet = gevent.spawn(self._work)
            self._due.set()
        self._dirty[run] = None

    def _work(self) -> None:
        while True:
            self._due.wait()
            self._due.clear()
            batch = self._gather()
            self._commit(batch)
            if len(batch) > 1:
                gevent.sleep(PAUSE_SECONDS)

    def _gather(self) -> list[Growth]:
        runs, self._dirty = self._dirty, {}
        batch = []
        for run in runs:
            if run.discarded:
                run.pending.clear()
                self._let_go(run)
                if run.ending is not None:
                    self._ended(run)
                continue
            if run.size() > MAX_ANSWER_CHARS:
                run.stop(Ending("failed", error=AnswerTooLong(TOO_LONG)))
            growth = Growth(run, run.take(), None, run.ending)
            if run.status != run.message.status or run.retry != run.message.retry:
                growth.status = run.status
            if growth.added or growth.status:
                batch.append(growth)
        return batch

    def _commit(self, batch: list[Growth]) -> None:
        tries = 0
        while batch:
            try:
                batch = self._write(batch)
                break
            except (StorageBusy, DiskFull) as error:  # it passes, and what came is kept meanwhile
                log.warning("commit failed tries=%d error=%s runs=%s", tries + 1, error.type, [g.run.message.id for g in batch])
                if tries == len(RETRY_SECONDS):
                    self._is_troubled = True
                    self._hub.announce("storage", {"ok": False, "type": error.type, "message": TROUBLED}, stands=True)
            except Exception:
                log.exception("commit failed tries=%d", tries + 1)
                if len(batch) > 1:  # one of them may be the cause: the others must not wait for it
                    for growth in batch:
                        self._commit([growth])
                    return
                if tries >= len(RETRY_SECONDS):
                    return self._give_up(batch[0])
            metrics.commit_retries.inc()
            gevent.sleep(RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)])
            tries += 1
            batch = self._living(batch)
        if self._is_troubled:
            self._is_troubled = False
            self._hub.announce("storage", {"ok": True}, stands=False)
        for growth in batch:
            self._publish(growth)
        metrics.committed_characters.inc(sum(len(text) for growth in batch for _, text in growth.added))
        if self._journal_bytes > self._compact_at:
            self._compact()

    def _living(self, batch: list[Growth]) -> list[Growth]:
        """Less those whose message was deleted meanwhile; the next turn lets go of them."""
        for growth in batch:
            if growth.run.discarded:
                self.note(growth.run)
        return [growth for growth in batch if not growth.run.discarded]

    def _write(self, batch: list[Growth]) -> list[Growth]:
        """Returns what was written."""
        if not any(growth.status for growth in batch):
            row = journal.encode(self._entries(batch))
            self._db.append(journal.APPEND, (row,))
            self._journal_bytes += len(row)
        else:
            with self._db.write() as tx:
                batch = self._living(batch)  # looked at inside: the transaction may have waited for another program
                entries = self._entries(batch)
                size = journal.append(tx, entries) if entries else 0
                for growth in batch:
                    if growth.status:
                        self._write_state(tx, growth)
                ended = {growth.run for growth in batch if growth.ending}
                if is_last := self._journal_bytes + size > 0 and self._journaled <= ended:
                    journal.empty(tx)
            self._journaled -= ended
            self._journal_bytes += size
            if is_last:
                self._emptied()
        metrics.commits.inc()
        return batch

    def _entries(self, batch: list[Growth]) -> list[journal.Entry]:
        """What grew; not of a run that ends: its row takes the text whole."""
        entries = []
        for growth in batch:
            if growth.added and growth.ending is None:
                live, seq = growth.run.live, growth.run.message.seq
                self._journaled.add(growth.run)
                lengths = {"content": live.content.length, "reasoning": live.reasoning.length}
                for channel, text in growth.added:
                    entries.append((seq, channel, lengths[channel], text))
                    lengths[channel] += len(text)
        return entries

    def _compact(self) -> None:
        """A journal grows with the time of the longest answer. What it holds goes into the rows; then it is empty. That
        costs what the living text costs, so it is done once the journal is larger."""
        living = [run for run in self._journaled if not run.discarded]
        self._compact_at = self._journal_bytes + JOURNAL_BYTES  # should it fail: not again with the next token
        if self._journal_bytes < sum(run.size() for run in living):
            return
        try:
            with self._db.write() as tx:
                for run in living:
                    store.update_message(tx, run.message.seq, content=str(run.live.content), reasoning=str(run.live.reasoning))
                journal.empty(tx)
        except Exception:
            log.exception("compaction failed bytes=%d", self._journal_bytes)
            return
        self._emptied()

    def _emptied(self) -> None:
        self._journal_bytes, self._compact_at = 0, JOURNAL_BYTES

    def _let_go(self, run: Run) -> None:
        """Its reply was deleted: what the journal has of it goes with the next emptying, at once when nothing else grows."""
        self._journaled.discard(run)
        if self._journal_bytes and not self._journaled:
            try:
                self._db.append("DELETE FROM journal")
                self._emptied()
            except Exception as error:
                log.warning("the journal was not emptied: %s", error)

    def _write_state(self, tx: Connection, growth: Growth) -> None:
        run, message = growth.run, growth.run.message
        changes: dict[str, Any] = {"status": growth.status, "timings": dict(run.timings), "request_id": run.request_id}
        growth.after = replace(message, **changes, retry=run.retry)
        if growth.ending is not None:
            usage, amount = Usage.from_upstream(run.usage), self._estimate(message.model or "", run.usage)
            growth.after = self._final(growth, usage, amount)
            store.update_message(tx, message.seq, **_columns(growth.after))
            charges.add_run(tx, growth.after, run.generation_id, usage, amount)
            if run.wire is not None:
                store.save_wire(tx, message.seq, run.wire)
        else:
            store.update_message(tx, message.seq, **changes)
        growth.revision = store.next_revision(tx, message.user_id)

    def _final(self, growth: Growth, usage: Usage, amount: float | None) -> Message:
        run, ending = growth.run, growth.ending
        cost = None if amount is None else Cost(amount)
        before = run.message
        text = {"content": str(run.live.content), "reasoning": str(run.live.reasoning)}
        for channel, added in growth.added:
            text[channel] += added
        if len(run.timeline.entries[-1]) != 2 or run.timeline.entries[-1][1] != "finish":
            run.timeline.note("finish", run.now_ms())
        return replace(
            before, **text, status=ending.status, finish_reason=ending.finish_reason,
            error=ending.error and ending.error.as_dict(), usage=before.usage.plus(usage),
            cost=cost.plus(before.cost) if cost else before.cost, timings=_with_speed(run.timings, usage),
            citations=before.citations + run.citations, generation_id=run.generation_id or before.generation_id,
            request_id=run.request_id, finished_at=utc_now(), timeline=run.timeline.entries, retry=None,
        )

    def _publish(self, growth: Growth) -> None:
        run = growth.run
        for channel, text in growth.added:
            run.live.append(channel, text)
        if growth.after is not None:
            run.message = growth.after
            self._hub.tell(run.message.user_id, message_event(growth.after, growth.revision, run.live))
        if growth.added and growth.ending is None:
            self._hub.grew(run.message.user_id, run.live)
        if growth.ending is not None:
            self._ended(run)

    def _give_up(self, growth: Growth) -> None:
        """A batch of one that the database refuses for a reason that does not pass: end the run, saying so."""
        run = growth.run
        if growth.ending is not None and isinstance(growth.ending.error, StorageFailed):
            log.error("run=%s its end could not be stored; the next start will mark it", run.message.id)
            return self._ended(run)
        run.give_up(Ending("failed", error=StorageFailed(STORAGE)))

    def _ended(self, run: Run) -> None:
        if not run.committed.is_set():
            run.committed.set()
            self._on_ended(run)


def _with_speed(timings: dict[str, float], usage: Usage) -> dict[str, float]:
    """Output tokens per second, from the first text to the end."""
    firsts = [timings[name] for name in ("first_reasoning_ms", "first_content_ms") if name in timings]
    seconds = (timings["total_ms"] - min(firsts)) / 1000 if firsts else 0
    if usage.output_tokens and seconds > 0:
        return {**timings, "output_tokens_per_second": round(usage.output_tokens / seconds, 2)}
    return dict(timings)


def _columns(message: Message) -> dict[str, Any]:
    """What an ending changes in the row."""
    names = ("content", "reasoning", "status", "finish_reason", "error", "timings", "citations",
             "generation_id", "request_id", "finished_at", "timeline")
    return {**{name: getattr(message, name) for name in names}, **store.usage_values(message.usage, message.cost)}


def message_event(message: Message, revision: int, live: Any = None) -> StateEvent:
    """The feed's `message` event (PROTOCOL section 5): replies without their text, final ones with its hashes."""
    if message.role == "user":
        data = {"message": message.as_dict(), "content_length": len(message.content), "reasoning_length": 0, **_hashes(message)}
        return StateEvent("message", data, revision)
    lengths = (len(message.content), len(message.reasoning)) if message.is_finished else live.lengths()
    data = {"message": message.as_dict(with_text=False), "content_length": lengths[0], "reasoning_length": lengths[1]}
    if message.is_finished:
        return StateEvent("message", data | _hashes(message), revision, live, lengths)
    return StateEvent("message", data, revision, live)


def _hashes(message: Message) -> dict[str, str]:
    return {
        "content_sha256": hashlib.sha256(message.content.encode()).hexdigest(),
        "reasoning_sha256": hashlib.sha256(message.reasoning.encode()).hexdigest(),
    }
