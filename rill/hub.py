"""Readers: who is watching whose messages, and what each has still to be sent.

A reader pulls: what it has not been sent stays in the text, not in a queue, so a slow one costs no memory. The
committer calls `grew` and `tell` after a commit; `routes/feed.py` drains readers into sockets. No SQL here.
"""
from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gevent
from gevent.event import Event

from rill.cursor import Cursor, format_cursor
from rill.errors import RateLimited
from rill.models import CHANNELS, utc_now
from rill.sse import dumps, frame
from rill.text import DELTA_CHARS, LiveText

ID_SECONDS = 1.0  # while text flows, the cursor is sent at least so often
REASONING_FIRST = tuple(enumerate(CHANNELS))[::-1]
MAX_WAITING_EVENTS = 2000  # a reader this far behind is told to come back and catch up from SQL


@dataclass(frozen=True, slots=True)
class StateEvent:
    """A `message`, `conversation` or `conversation_deleted` that was committed under `revision`."""

    name: str
    data: dict[str, Any]
    revision: int
    live: LiveText | None = None  # of a message that a run makes grow
    lengths: tuple[int, int] | None = None  # set when it is the message's final event

    def encode(self, revision: int, cursor: str) -> bytes:
        return frame(self.name, dumps({**self.data, "revision": revision}), cursor)


class Reader:
    """One open feed: what it has been sent, what it still lacks, and why it should end."""

    def __init__(self, user_id: str, address: str, is_gone: Callable[[], bool]) -> None:
        self.user_id = user_id
        self.address = address
        self.is_gone = is_gone
        self.have: Cursor = {}  # of messages it follows: what it has been sent, or said it has
        self.bye: str | None = None
        self.revision = 0  # state up to here came with the catch-up
        self.is_catching_up = True  # then every delta carries the cursor
        self.ping_due = False
        self.opened_at = self.pinged_at = time.monotonic()
        self._id_at = 0.0
        self._ended: dict[str, tuple[int, int]] = {}  # what was sent of finished ones: a Continue goes on from there
        self._named: set[str] = set()  # whose first delta on this connection carried an id
        self._texts: dict[str, LiveText] = {}
        self._grown: dict[LiveText, None] = {}
        self._events: deque[StateEvent] = deque()
        self._notices: list[bytes] = []
        self._wake = Event()

    # -- told by the hub

    def grew(self, live: LiveText) -> None:
        self._grown[live] = None
        self._wake.set()

    def tell(self, event: StateEvent) -> None:
        if len(self._events) >= MAX_WAITING_EVENTS:
            return self.end("age")
        self._events.append(event)
        self._wake.set()

    def notice(self, made: bytes) -> None:
        self._notices.append(made)
        self._wake.set()

    def end(self, reason: str) -> None:
        self.bye = self.bye or reason
        self._wake.set()

    def ping(self, now: float) -> None:
        self.ping_due, self.pinged_at = True, now
        self._wake.set()

    def wait(self) -> None:
        """Park until there is something to send."""
        self._wake.wait()

    # -- drained by the feed

    def cursor(self) -> str:
        return format_cursor(self.have)

    def drain(self) -> Iterator[bytes]:
        """Frames of everything at hand. Lazy: a frame is made when the socket has taken the one before."""
        self._wake.clear()
        if self.ping_due:
            self.ping_due = False
            yield frame("ping", dumps({"server_time": utc_now()}))
        while self._notices:
            yield self._notices.pop(0)
        while self._events or self._grown:
            if self._events:  # also those that came while the socket was full: a delta must not overtake its message
                event = self._events.popleft()
                if event.revision > self.revision:
                    yield from self.show(event, event.revision)
            else:
                live = next(iter(self._grown))
                del self._grown[live]
                yield from self.catch_up(live, live.lengths())

    def show(self, event: StateEvent, revision: int) -> Iterator[bytes]:
        """A state event; a final one after the last of its text, and then the message is no longer followed."""
        live = event.live
        if live is not None:
            self.have.setdefault(live.message_id, self._ended.pop(live.message_id, (0, 0)))
            self._texts[live.message_id] = live
            if event.lengths is not None:
                yield from self.catch_up(live, event.lengths)
                self._ended[live.message_id] = self.have.pop(live.message_id)
                self._forget(live)
        elif event.name == "conversation_deleted":
            self._forget_conversation(event.data["id"])
        yield event.encode(revision, self.cursor())

    def _forget_conversation(self, conversation_id: str) -> None:
        for live in [live for live in self._texts.values() if live.conversation_id == conversation_id]:
            self._forget(live)

    def _forget(self, live: LiveText) -> None:
        self.have.pop(live.message_id, None)
        self._texts.pop(live.message_id, None)
        self._grown.pop(live, None)

    def catch_up(self, live: LiveText, lengths: tuple[int, int]) -> Iterator[bytes]:
        """Deltas from what this reader has to `lengths`; reasoning first, as it was thought first."""
        message_id = live.message_id
        have = self.have.get(message_id)
        if have is None:
            return
        for which, channel in REASONING_FIRST:
            while (start := have[which]) < lengths[which]:
                end = min(start + DELTA_CHARS, lengths[which])
                self.have[message_id] = have = (end, have[1]) if which == 0 else (have[0], end)
                now = time.monotonic()
                if self.is_catching_up or message_id not in self._named or now - self._id_at >= ID_SECONDS:
                    self._named.add(message_id)
                    self._id_at = now
                    yield frame("delta", live.delta_data(channel, start, end), self.cursor())
                else:
                    yield live.delta(channel, start, end)


class Hub:
    """All open feeds of this process."""

    def __init__(self, *, ping_seconds: float, max_age: float, per_user: int, per_address: int) -> None:
        self._ping_seconds, self._max_age = ping_seconds, max_age
        self._per_user, self._per_address = per_user, per_address
        self._readers: dict[str, dict[Reader, None]] = {}
        self._standing: dict[str, bytes] = {}  # announcements by name
        self._sweeper: gevent.Greenlet | None = None
        self.count = 0

    def open(self, user_id: str, address: str, is_gone: Callable[[], bool] = lambda: False) -> Reader:
        """From here on the reader is told everything. `is_gone` says whether its peer has left. Raises RateLimited."""
        if self._per_user and self._still_there(mine := list(self._readers.get(user_id, ())), self._per_user):
            raise RateLimited(f"There are {len(mine)} open pages of yours already. Close one, or wait until it goes to sleep.", retry_after=5)
        near = [reader for readers in self._readers.values() for reader in readers if reader.address == address]
        if self._per_address and self._still_there(near, self._per_address):
            raise RateLimited("There are too many open pages from your network address. Close some.", retry_after=5)
        reader = Reader(user_id, address, is_gone)
        for made in self._standing.values():
            reader.notice(made)
        self._readers.setdefault(user_id, {})[reader] = None
        self.count += 1
        if self._sweeper is None:
            self._sweeper = gevent.spawn(self._sweep)
        return reader

    def _still_there(self, readers: list[Reader], limit: int) -> bool:
        """Whether they are as many as the limit. A page that reloads leaves its old feed, which only a ping would notice."""
        for reader in readers if len(readers) >= limit else ():
            if reader.is_gone():
                reader.end("age")
                self.close(reader)
                limit += 1
        return len(readers) >= limit

    def close(self, reader: Reader) -> None:
        mine = self._readers.get(reader.user_id, {})
        if mine.pop(reader, False) is None:
            self.count -= 1
        if not mine:
            self._readers.pop(reader.user_id, None)

    def grew(self, user_id: str, live: LiveText) -> None:
        for reader in self._readers.get(user_id, ()):
            reader.grew(live)

    def tell(self, user_id: str, event: StateEvent) -> None:
        for reader in self._readers.get(user_id, ()):
            reader.tell(event)

    def announce(self, name: str, data: dict[str, Any], *, stands: bool) -> None:
        """Tell every reader what concerns the server itself; while it `stands`, also those who come later."""
        made = frame(name, dumps(data))
        self._standing.pop(name, None)
        if stands:
            self._standing[name] = made
        for readers in self._readers.values():
            for reader in readers:
                reader.notice(made)

    def end_all(self, reason: str, chosen: Callable[[Reader], bool] = lambda _: True) -> None:
        for readers in list(self._readers.values()):
            for reader in list(readers):
                if chosen(reader):
                    reader.end(reason)

    def _sweep(self) -> None:
        """One timer for all heartbeats and ages; a feed has none of its own."""
        while True:
            gevent.sleep(min(1.0, self._ping_seconds / 4, self._max_age / 4))
            now = time.monotonic()
            for readers in list(self._readers.values()):
                for reader in list(readers):
                    if now - reader.opened_at >= self._max_age:
                        reader.end("age")
                    elif now - reader.pinged_at >= self._ping_seconds:
                        reader.ping(now)
