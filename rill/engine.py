"""The runs of this process: starts, stops, counts and ends them, and marks at the start what a dead process left.

It knows what a run is, not what a POST means (`replies.py` does) nor how text is stored (the committer does).
"""
from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

import gevent

from rill import journal, metrics, store
from rill.committer import Committer
from rill.db import Database
from rill.errors import Busy, RateLimited
from rill.hub import Hub
from rill.models import Message, utc_now
from rill.run import Run, interrupted
from rill.timeline import Timeline
from rill.zenmux import ChatRequest, ZenMux

log = logging.getLogger(__name__)

STOP_WAIT_SECONDS = 2.0  # how long a caller waits for the end of what it stopped to be durable
LAST_COMMIT_SECONDS = 2.0  # at a shutdown, for the endings to be durable

Grown = Callable[[Message], Message]  # a message as its row has it -> with the text that was committed since


class Engine:
    def __init__(self, db: Database, hub: Hub, upstream: ZenMux, estimate, *, runs_per_user: int,  # noqa: ANN001
                 messages_per_minute: int) -> None:
        self._db = db
        self._upstream = upstream
        self._runs_per_user, self._messages_per_minute = runs_per_user, messages_per_minute
        self._sent: dict[str, deque[float]] = {}
        self._committer = Committer(db, hub, estimate, self._ended)
        self.runs: dict[str, Run] = {}  # by message id
        self._unstored: dict[str, Run] = {}  # ended, but the database did not take the end; the next start will mark them
        self.on_ended: list[Callable[[Run], None]] = []  # told of each run when its end is durable
        self.is_draining = False

    # -- starting

    def admit(self, user_id: str, replies: int) -> None:
        """Raise Busy, DiskFull or RateLimited when this user may not start so many replies now."""
        if self.is_draining:
            raise Busy("The server is stopping. Your text is still with you; send it again in a moment.", retry_after=5)
        self._db.check_room()
        running = sum(run.message.user_id == user_id for run in self.runs.values())
        if self._runs_per_user and running + replies > self._runs_per_user:
            raise RateLimited(f"{running} answers are being written for you already, and {self._runs_per_user} is the limit here. Wait for one to end, or stop it.", retry_after=5)
        if self._messages_per_minute:
            self._count_message(user_id, time.monotonic())

    def _count_message(self, user_id: str, now: float) -> None:
        sent = self._sent.setdefault(user_id, deque())
        while sent and now - sent[0] >= 60:
            sent.popleft()
        if len(sent) >= self._messages_per_minute:
            wait = int(60 - (now - sent[0])) + 1
            raise RateLimited(f"You have sent {len(sent)} messages within a minute, the limit here. Try again in {wait} seconds.", retry_after=wait)
        sent.append(now)

    def prepare(self, message: Message, request: ChatRequest, *, record: bool = False) -> Run:
        """A run for a reply whose transaction is still open; nothing happens before `start`."""
        return Run(message, request, self._committer, record=record)

    def start(self, run: Run) -> None:
        """Make a committed, queued reply grow."""
        self.runs[run.message.id] = run
        metrics.live_runs.inc()
        log.info("run=%s started model=%s messages=%d", run.message.id, run.message.model, len(run.request.messages))
        run.start(self._upstream)

    def grown(self, message: Message) -> Message:
        """A message as its row has it, with the text that was committed since."""
        run = self.runs.get(message.id) or self._unstored.get(message.id)
        if run is None or message.is_finished:
            return message
        return replace(message, content=str(run.live.content), reasoning=str(run.live.reasoning))

    def grown_in(self, conversation_id: str) -> Grown:
        """The same as of now, for the messages of one conversation that are read over several turns of the loop: a run that
        ends meanwhile is gone, and its row as they see it is the old one. To be asked for when the reading has begun."""
        runs = [*self.runs.values(), *self._unstored.values()]
        texts = {run.message.id: {"content": str(run.live.content), "reasoning": str(run.live.reasoning)}
                 for run in runs if run.message.conversation_id == conversation_id}
        return lambda message: message if message.is_finished or message.id not in texts else replace(message, **texts[message.id])

    # -- ending

    def stop(self, message_id: str) -> None:
        """Stop its run, if it has one, and wait until the end is durable."""
        if run := self.runs.get(message_id):
            run.stop()
            run.committed.wait(STOP_WAIT_SECONDS)

    def discard(self, replies: Iterable[Message]) -> None:
        """They were deleted as they are: nothing of their runs is committed or told from here on."""
        for reply in replies:
            if run := self.runs.get(reply.id) or self._unstored.pop(reply.id, None):
                run.discarded = True
                run.stop()

    def _ended(self, run: Run) -> None:
        if self.runs.get(run.message.id) is run:  # a discarded one may have a successor: its message came back
            del self.runs[run.message.id]
        if not (run.message.is_finished or run.discarded):
            self._unstored[run.message.id] = run
        metrics.live_runs.dec()
        metrics.runs_ended.labels(run.ending.status).inc()
        firsts = [ms for name, ms in run.timings.items() if name in ("first_reasoning_ms", "first_content_ms")]
        if firsts:
            metrics.first_text_seconds.observe(min(firsts) / 1000)
        error = run.ending.error.type if run.ending.error else "-"
        log.info("run=%s ended status=%s error=%s request_id=%s content=%d reasoning=%d total_ms=%.0f", run.message.id,
                 run.ending.status, error, run.request_id, *run.live.lengths(), run.timings.get("total_ms", 0))
        for tell in self.on_ended:
            tell(run)

    def drain(self, grace_seconds: float) -> None:
        """Take no new message; let runs end within the grace time; interrupt the rest and wait until that is durable."""
        self.is_draining = True
        log.info("draining runs=%d grace_seconds=%g", len(self.runs), grace_seconds)
        give_up_at = time.monotonic() + grace_seconds
        while self.runs and time.monotonic() < give_up_at:
            gevent.sleep(min(0.05, grace_seconds))
        left = list(self.runs.values())
        for run in left:
            run.stop(interrupted())
        gevent.joinall([gevent.spawn(run.committed.wait) for run in left], timeout=LAST_COMMIT_SECONDS)

    # -- after a crash

    def recover(self) -> int:
        """Give what a dead process left unfinished its whole text and mark it `interrupted`. The data directory's lock, held by the
        caller, proves that no living process owns any of it. Returns how many there were."""
        with self._db.write() as tx:
            left = journal.replayed(tx, store.unfinished_messages(tx))
            for message in left:
                error = interrupted().error.as_dict()
                store.update_message(tx, message.seq, status="interrupted", content=message.content,
                                     reasoning=message.reasoning, error=error, finished_at=utc_now(),
                                     timeline=Timeline.resumed(message).entries)  # the pace died with the process
                store.next_revision(tx, message.user_id)
            journal.empty(tx)
        for message in left:
            log.warning("run=%s interrupted by a restart content=%d", message.id, len(message.content))
        return len(left)


