"""A page that follows the reader's rule of PROTOCOL section 5 to the letter, and fails where the feed breaks its promise.

It takes raw frames, keeps texts by offset and checks every event against what the page itself has. It opens no
connection; `SlowFeed` pulls frames out of a reader as `routes/feed.py` does, as fast as a test lets it.
"""
from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import orjson
from gevent.event import Event

from rill.catchup import catch_up
from rill.cursor import Cursor, format_cursor, parse_cursor
from rill.models import CHANNELS, FINISHED, Message
from tests.support import Core

DELTA_CHARS = 4096


class BrokenPromise(AssertionError):
    """What the feed must never do, in a sentence."""


def must(is_so: Any, sentence: str) -> None:
    if not is_so:
        raise BrokenPromise(sentence)


def parse_frame(raw: bytes) -> tuple[str | None, str, dict[str, Any]]:
    """(id, event, data) of one frame; a `retry` block before it is dropped."""
    must(raw.endswith(b"\n\n"), f"a frame ends with an empty line: {raw!r}")
    raw = raw.removeprefix(b"retry: 1000\n\n")
    fields = dict(line.split(b": ", 1) for line in raw[:-2].split(b"\n"))
    must(set(fields) <= {b"id", b"event", b"data"}, f"a frame has these fields only: {raw!r}")
    cursor = fields.get(b"id")
    return cursor and cursor.decode(), fields[b"event"].decode(), orjson.loads(fields[b"data"])


class Page:
    """`stored(message id)` is the message as a second connection to the database sees it, or None."""

    def __init__(self, stored: Callable[[str], Message | None]) -> None:
        self.texts: dict[str, dict[str, str]] = {}
        self.unfinished: set[str] = set()
        self.last_id = "-"
        self.revision = 0
        self.ended: set[str] = set()  # whose final message came on this connection
        self.counts: Counter[str] = Counter()
        self.is_ready = self.is_troubled = False
        self._stored = stored
        self._conversations: dict[str, str] = {}  # of each message
        self._deleted: set[str] = set()
        self._named: Cursor = {}
        self._sent: dict[tuple[str, str], int] = {}
        self._mentioned: set[str] = set()  # these two are of this connection, too
        self._has_delta: set[str] = set()

    # -- connecting

    def cursor(self) -> str:
        """What it has of messages that it believes unfinished."""
        return format_cursor({one: self.lengths(one) for one in sorted(self.unfinished)})

    def begin_connection(self, cursor: str) -> None:
        self.is_ready, self._is_first = False, True
        self._named = parse_cursor(cursor)
        self._sent = {}
        self._mentioned, self._has_delta, self.ended = set(), set(), set()

    def lengths(self, message_id: str) -> tuple[int, int]:
        text = self.texts.setdefault(message_id, dict.fromkeys(CHANNELS, ""))
        return len(text["content"]), len(text["reasoning"])

    def forgive(self, conversation_id: str) -> None:
        """The person takes its deletion back."""
        self._deleted.remove(conversation_id)

    # -- taking

    def take(self, raw: bytes) -> None:
        cursor, name, data = parse_frame(raw)
        must((name == "hello") == self._is_first, "hello comes first, and once")
        self._is_first = False
        self.counts[name] += 1
        getattr(self, f"_take_{name}")(data, cursor)
        if cursor is not None:
            self._check_id(cursor)
            self.last_id = cursor

    def _take_hello(self, data: dict[str, Any], _cursor: str | None) -> None:
        must(data["revision"] >= self.revision, "hello's revision is not behind what was shown before")
        self.revision = data["revision"]

    def _take_ready(self, _data: dict[str, Any], _cursor: str | None) -> None:
        self.is_ready = True
        for message_id in self.unfinished - self._mentioned:
            stored = self._stored(message_id)
            must(stored is None or message_id not in self._named, f"the catch-up mentions what the cursor names: {message_id}")
            self.unfinished.discard(message_id)
            if stored is not None:  # the page asks for what it did not name, as the reader's rule says
                self.texts[message_id] = {channel: getattr(stored, channel) for channel in CHANNELS}

    def _take_ping(self, _data: dict[str, Any], _cursor: str | None) -> None:
        pass

    def _take_storage(self, data: dict[str, Any], _cursor: str | None) -> None:
        self.is_troubled = not data["ok"]

    def _take_conversation(self, data: dict[str, Any], _cursor: str | None) -> None:
        must(data["conversation"]["id"] not in self._deleted, "no event names a deleted conversation")
        self._follow(data["revision"])

    def _take_conversation_deleted(self, data: dict[str, Any], _cursor: str | None) -> None:
        self._follow(data["revision"])
        self._deleted.add(data["id"])
        self.unfinished -= {one for one, home in self._conversations.items() if home == data["id"]}

    def _take_message(self, data: dict[str, Any], cursor: str | None) -> None:
        message = data["message"]
        message_id = message["id"]
        must(cursor is not None, "every message event has an id")
        must(message["conversation_id"] not in self._deleted, "no event names a deleted conversation")
        self._follow(data["revision"])
        if message["role"] == "user":
            return
        must("content" not in message and "reasoning" not in message, "a reply's message event is without its text")
        self._conversations[message_id] = message["conversation_id"]
        self._mentioned.add(message_id)
        if message["status"] in FINISHED:
            return self._finish(message_id, data)
        self.unfinished.add(message_id)
        self.ended.discard(message_id)

    def _finish(self, message_id: str, data: dict[str, Any]) -> None:
        must(message_id not in self.ended, "a final message comes once")
        self.ended.add(message_id)
        self.unfinished.discard(message_id)
        has = self.lengths(message_id)
        must(has == (data["content_length"], data["reasoning_length"]), f"the text is whole before the final message: has {has} of {data}")
        for channel in CHANNELS:
            sha256 = hashlib.sha256(self.texts[message_id][channel].encode()).hexdigest()
            must(sha256 == data[f"{channel}_sha256"], f"{channel} equals what the final message says")

    def _take_delta(self, data: dict[str, Any], cursor: str | None) -> None:
        message_id, channel, offset, added = data["message_id"], data["channel"], data["offset"], data["text"]
        must(message_id in self._mentioned or message_id in self._named, "a message event comes before its deltas")
        must(message_id not in self.ended, "no delta comes after the final message")
        must(message_id in self._conversations, "no delta comes of a message that the page never heard of")
        must(self._conversations[message_id] not in self._deleted, "no event names a deleted conversation")
        must(0 < len(added) <= DELTA_CHARS, "a delta holds 1 to 4096 code points")
        if not self.is_ready or message_id not in self._has_delta:
            must(cursor is not None, "a message's first delta and every delta of the catch-up has an id")
        self._has_delta.add(message_id)
        self.lengths(message_id)
        have = self.texts[message_id][channel]
        sent = self._sent.get((message_id, channel), self._named.get(message_id, (0, 0))[CHANNELS.index(channel)])
        must(offset == sent, f"text goes on from what this connection was sent or named: {sent}, not {offset}")
        self._sent[message_id, channel] = offset + len(added)
        must(offset <= len(have), f"no hole: the page has {len(have)} of {channel}, the delta starts at {offset}")
        must(have[offset:offset + len(added)] == added[:len(have) - offset], "a repeated part is the same text")
        self.texts[message_id][channel] = have + added[len(have) - offset:]
        stored = self._stored(message_id)
        must(stored is None or getattr(stored, channel).startswith(self.texts[message_id][channel]), "what is shown is committed already")

    # -- rules

    def _follow(self, revision: int) -> None:
        if self.is_ready:
            must(revision == self.revision + 1, f"live events count up by one: {revision} after {self.revision}")
        else:
            must(revision == self.revision, "events of the catch-up carry hello's revision")
        self.revision = revision

    def _check_id(self, cursor: str) -> None:
        told = parse_cursor(cursor)
        for message_id, (content, reasoning) in told.items():
            has = self.lengths(message_id)
            must(content <= has[0] and reasoning <= has[1], f"an id never promises more than the page has: {cursor}, has {has}")
        must(not set(told) & self.ended, "an id names no finished message")
        if self.is_ready:
            must(set(told) == self.unfinished, "an id names every unfinished message")


class SlowFeed:
    """One connection: catch-up, then what the reader drains, a frame for each one allowed. Between two the
    generator stands still in its middle, as it does behind a full socket."""

    def __init__(self, core: Core, user_id: str, page: Page, cursor: str) -> None:
        self._hub, self._page = core.hub, page
        self._allowed, self._more = 0, Event()
        page.begin_connection(cursor)
        self.reader = core.hub.open(user_id, "127.0.0.1")
        # Only in the next turn: what is told between the two is in the catch-up already.
        self.greenlet = gevent.spawn(lambda: self._run(catch_up(core.db, core.engine, self.reader, parse_cursor(cursor), "boot")))

    def allow(self, frames: int) -> None:
        """So many frames and no more; what was left of an earlier permission is gone."""
        self._allowed = frames
        self._more.set()

    def close(self) -> None:
        self.greenlet.kill()
        self._hub.close(self.reader)

    def check(self) -> None:
        """Raise what the page found."""
        if self.greenlet.exception is not None:
            raise self.greenlet.exception

    def _run(self, first: Iterator[bytes]) -> None:
        self._send(first)
        while self.reader.bye is None:
            self.reader.wait()
            self._send(self.reader.drain())

    def _send(self, frames: Iterator[bytes]) -> None:
        for frame in frames:
            while not self._allowed:
                self._more.clear()
                self._more.wait()
            self._allowed -= 1
            self._page.take(frame)
