"""A run: the job that makes one reply grow. It belongs to the process, not to a connection.

It asks the upstream in a greenlet of its own and hands each delta to the committer; what ends it (the upstream, a
person, a fault, a shutdown) becomes one `Ending`. It writes no SQL and knows no reader.
"""
from __future__ import annotations

import codecs
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

from rill.errors import InternalFailure, Interrupted, ReplyError, UpstreamError
from rill.models import Channel, Message
from rill.seam import Seam
from rill.text import LiveText
from rill.timeline import Timeline
from rill.zenmux import ChatRequest, Citation, Connected, Delta, Finish, Meta, ZenMux

if TYPE_CHECKING:
    from rill.committer import Committer

log = logging.getLogger(__name__)

RETRIES = 2
RETRY_SECONDS = (1.0, 3.0)  # where the upstream names no time of its own
MAX_RETRY_AFTER_SECONDS = 30.0  # a longer wait is the person's to decide

INTERRUPTED = "The server was stopped while this answer was being written. What had arrived is kept; continue it, or ask again."
INTERNAL = "Something went wrong inside this server. What had arrived is kept; continue it, or ask again."


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended: a final status of PROTOCOL section 4 and what goes with it."""

    status: str
    finish_reason: str | None = None
    error: ReplyError | None = None


class Run:
    """`message` is the last committed state of the reply; `live` its committed text; `pending` what is not yet."""

    def __init__(self, message: Message, request: ChatRequest, committer: Committer, *,
                 record: bool = False, clock: Callable[[], float] = time.monotonic,
                 random: Callable[[], float] = random.random) -> None:
        self.message = message
        self.request = request
        self.live = LiveText(message.id, message.conversation_id, message.content, message.reasoning)
        self.pending: list[tuple[Channel, str]] = []
        self.status = message.status  # the next to be committed
        self.ending: Ending | None = None
        self.usage: dict[str, Any] | None = None
        self.generation_id: str | None = None
        self.request_id: str | None = None
        self.citations: list[dict[str, str]] = []
        self.timings: dict[str, float] = {}
        self.timeline = Timeline.resumed(message)
        self.wire: list[dict[str, Any]] | None = [] if record else None
        self.retry: dict[str, Any] | None = None  # while it waits to ask again: what a person is shown of it
        self.discarded = False  # its message was deleted: commit and tell nothing more
        self.committed = Event()  # the ending is durable
        self._committer = committer
        self._clock = clock
        self._random = random
        self._accepted_at = clock()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._end_as = Ending("stopped")
        self._seam = Seam(message.model or "", message.content)
        self._entered = False
        self._greenlet: gevent.Greenlet | None = None

    def start(self, upstream: ZenMux) -> None:
        self._greenlet = gevent.spawn(self._generate, upstream)

    def stop(self, ending: Ending | None = None) -> None:
        """End it from outside, also before the first byte; returns at once. Closing the connection is the killed
        greenlet's own `finally`: closing it from here would block or be a reentrant call."""
        if self.ending is not None:
            return
        if ending is not None:
            self._end_as = ending
        if not self._entered:  # a greenlet killed before its first turn never runs at all
            self._end(self._end_as)
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def give_up(self, ending: Ending) -> None:
        """What it gathered cannot be stored: end it so, whatever its end was to be, and drop what would follow the hole."""
        self.stop(ending)
        self.ending = None
        self._end(ending)
        self.pending = []  # a new one: until the kill reaches it, the greenlet writes into the old one

    def take(self) -> list[tuple[Channel, str]]:
        """What came since the last call, neighbours of one channel joined; for the committer."""
        taken = self.pending[:]
        if len(taken) > 1:
            taken = [(channel, "".join(part for _, part in parts)) for channel, parts in groupby(taken, key=itemgetter(0))]
        for channel, text in taken:
            self.timeline.grew(channel, len(text), self.now_ms())
        self.pending.clear()  # the same list: the run's greenlet holds it
        return taken

    def size(self) -> int:
        """Characters committed so far."""
        return self.live.content.length + self.live.reasoning.length

    def now_ms(self) -> float:
        """Milliseconds since the reply was accepted."""
        return round((self._clock() - self._accepted_at) * 1000, 1)

    # -- inside its greenlet

    def _generate(self, upstream: ZenMux) -> None:
        self._entered = True
        try:
            self._set_status("connecting")
            self._end(self._ask(upstream))
        except gevent.GreenletExit:
            self._end(self._end_as)
        except UpstreamError as error:
            self.request_id = error.request_id or self.request_id
            self.usage = error.usage
            self._end(Ending("failed", error.finish_reason, error))
        except Exception:
            log.exception("run=%s failed inside", self.message.id)
            self._end(Ending("failed", error=InternalFailure(INTERNAL)))

    def _ask(self, upstream: ZenMux) -> Ending:
        """Ask; and again, at most RETRIES times, when a refusal came before any text and cost nothing."""
        for attempt in range(1, RETRIES + 1):
            try:
                return self._consume(upstream)
            except UpstreamError as error:
                seconds = retry_pause(error, attempt, self._random)
                if seconds is None or "first_byte_ms" in self.timings:
                    raise
                self._wait_to_retry(error, attempt, seconds)
        return self._consume(upstream)

    def _wait_to_retry(self, error: UpstreamError, attempt: int, seconds: float) -> None:
        log.info("run=%s retry=%d in_seconds=%.1f error=%s status=%s", self.message.id, attempt, seconds, error.type, error.status)
        self.timeline.note("retry", self.now_ms())
        self.retry = {"attempt": attempt, "of": RETRIES, "wait_ms": round(seconds * 1000), "reason": error.message}
        self._set_status("connecting")
        gevent.sleep(seconds)
        self.retry = None
        self._set_status("connecting")

    def _consume(self, upstream: ZenMux) -> Ending:
        stream = upstream.stream_chat(self.request, record=None if self.wire is None else self._record)
        pending, channel, finish, seam = self.pending, None, None, self._seam
        try:
            for event in stream:
                if type(event) is Delta:
                    text = event.text
                    if event.channel != channel:
                        channel = event.channel
                        self.timings.setdefault(f"first_{channel}_ms", self.now_ms())
                    if not seam.is_closed and channel == "content" and not (text := seam.feed(text)):
                        continue
                    if not pending:
                        self._committer.note(self)
                    pending.append((channel, text))
                elif type(event) is Connected:
                    self.request_id = event.request_id
                    self.timings["connect_ms"] = self.timeline.note("connected", self.now_ms())
                    self._set_status("streaming")
                elif type(event) is Meta:
                    self.generation_id = event.generation_id
                    self.timings["first_byte_ms"] = self.timeline.note("first_byte", self.now_ms())
                elif type(event) is Citation:
                    self.citations.append({"url": event.url, "title": event.title})
                elif type(event) is Finish:
                    finish = event
        finally:
            stream.close()
        self.usage = finish.usage
        if refusal := finish.extras.get("refusal"):  # what a model says instead of an answer; nothing else carries it
            pending.append(("content", refusal))
        return Ending("completed", finish_reason=finish.finish_reason)

    def _record(self, raw: bytes) -> None:
        self.wire.append({"at_ms": self.now_ms(), "raw": self._decode(raw)})

    def _set_status(self, status: str) -> None:
        self.status = status
        self._committer.note(self)

    def _end(self, ending: Ending) -> None:
        if self.ending is not None:
            return
        if rest := self._seam.flush():
            self.pending.append(("content", rest))
        self.timings["total_ms"] = self.now_ms()
        if self.wire is not None and (rest := self._decode(b"", True)):
            self.wire.append({"at_ms": self.now_ms(), "raw": rest})
        self.ending = ending
        self.status = ending.status
        self._committer.note(self)


def retry_pause(error: UpstreamError, attempt: int, random: Callable[[], float]) -> float | None:
    """Seconds before asking again by itself; None when only a person may ask again."""
    if not error.may_repeat:
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= MAX_RETRY_AFTER_SECONDS else None
    return RETRY_SECONDS[attempt - 1] * (0.75 + random() / 2)


def interrupted() -> Ending:
    return Ending("interrupted", error=Interrupted(INTERRUPTED))
