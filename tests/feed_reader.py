"""A reader of the feed that follows PROTOCOL section 5 to the letter and checks every promise while it reads.

It pulls: `until` reads events off the socket until a condition holds, so that nothing runs in the background and several
readers can be read in turn. `Held` is what a page keeps over its connections; a `Feed` is one connection. It imports
nothing of the server but the words for channels and statuses: what is checked here is not what made it.
"""
from __future__ import annotations

import hashlib
import http.client
import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

CHANNELS = ("content", "reasoning")
RANKS = {"queued": 0, "connecting": 1, "streaming": 2, "completed": 3, "stopped": 3, "failed": 3, "interrupted": 3}
FINAL_RANK = 3
EVENTS = ("hello", "message", "delta", "ready", "conversation", "conversation_deleted", "ping", "bye", "storage")
MESSAGE_FIELDS = {"id", "conversation_id", "parent_id", "role", "status", "model", "params", "finish_reason", "error", "usage",
                  "cost", "timings", "citations", "attachments", "generation_id", "request_id", "created_at", "finished_at"}
ENTRY = re.compile(r"([A-Za-z0-9_-]{22,64}):(\d{1,10}):(\d{1,10})")
DELTA_CHARS = 4096
NAMED_AT_MOST = 400
ID_SECONDS = 1.5  # promised is one a second; the rest is the machine's
WAIT_SECONDS = 15


class FeedEnded(Exception):
    """The server closed the connection."""


class FeedRefused(Exception):
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        super().__init__(f"{status}: {body[:300]!r}")
        self.status, self.headers, self.body = status, headers, body


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    data: dict[str, Any]
    id: str | None
    at: float  # monotonic, when it was read


@dataclass(slots=True)
class Held:
    """What a page has: the text of each message, the last it heard of each, and of which conversations."""

    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    revision: int | None = None

    def text(self, message_id: str, channel: str = "content") -> str:
        return self.texts.get(message_id, {}).get(channel, "")

    def is_final(self, message_id: str) -> bool:
        return message_id in self.messages and RANKS[self.messages[message_id]["status"]] == FINAL_RANK

    def lengths(self, message_id: str) -> tuple[int, int]:
        return len(self.text(message_id)), len(self.text(message_id, "reasoning"))

    def cursor(self) -> str:
        """Of all it believes unfinished."""
        open_ids = [one for one in {**self.texts, **self.messages} if not self.is_final(one)]
        return ",".join("%s:%d:%d" % (one, *self.lengths(one)) for one in open_ids) or "-"


class Feed:
    """One connection, open and accepted; raises FeedRefused otherwise. `cursor=None` names what `held` believes unfinished."""

    _all: set[Feed] = set()

    def __init__(self, port: int, held: Held | None = None, *, cursor: str | None = None, by_header: bool = False,
                 receive_buffer: int | None = None, is_slow: bool = False) -> None:
        self.port, self.held, self.is_slow = port, held or Held(), is_slow
        self.cursor_sent = self.held.cursor() if cursor is None else cursor
        self.events: list[Event] = []
        self.boot = self.bye = None
        self.hello_revision = -1
        self.is_ready = self.is_retry_told = False
        self._following = {match[1]: [int(match[2]), int(match[3])] for match in ENTRY.finditer(self.cursor_sent)}
        self._introduced: set[str] = set()  # messages that may have deltas on this connection
        self._first_delta_seen: set[str] = set()
        self._ended: dict[str, list[int]] = {}
        self._id_at = 0.0
        self._buffer = b""
        self._connect(by_header, receive_buffer)

    def _connect(self, by_header: bool, receive_buffer: int | None) -> None:
        Feed._all.add(self)
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(WAIT_SECONDS)
        self.socket.connect(("127.0.0.1", self.port))
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.sock = self.socket
        query, headers = ("", {"Last-Event-ID": self.cursor_sent}) if by_header else (f"?have={self.cursor_sent}", {})
        connection.request("GET", f"/api/feed{query}", headers={"Accept": "text/event-stream", **headers})
        self.response = connection.getresponse()
        if self.response.status != 200:
            body = self.response.read()
            self.close()
            raise FeedRefused(self.response.status, self.response.headers, body)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @classmethod
    def close_all(cls) -> None:
        """For the end of a test that failed or did not care."""
        for feed in list(cls._all):
            feed.close()

    def close(self) -> None:
        Feed._all.discard(self)
        self.socket.close()
        if hasattr(self, "response"):
            self.response.close()

    def reconnect(self, **options: Any) -> Feed:
        """The same page again: it drops this connection and names what it has."""
        self.close()
        return Feed(self.port, self.held, **options)

    # -- reading

    def until(self, is_so: Callable[[Feed], Any], why: str, seconds: float = WAIT_SECONDS) -> Self:
        """Read events until `is_so(self)`; fails with the sentence when the time is over."""
        deadline = time.monotonic() + seconds
        while not is_so(self):
            self.read(deadline - time.monotonic(), why)
        return self

    def until_ready(self) -> Self:
        return self.until(lambda feed: feed.is_ready, "the catch-up did not end")

    def until_final(self, *message_ids: str, seconds: float = WAIT_SECONDS) -> Self:
        return self.until(lambda feed: all(map(feed.held.is_final, message_ids)), f"not final: {message_ids}", seconds)

    def until_end(self, seconds: float = WAIT_SECONDS) -> Self:
        """Until the server ends it."""
        try:
            return self.until(lambda _: False, "the server did not end the connection", seconds)
        except FeedEnded:
            return self

    def read(self, seconds: float = WAIT_SECONDS, why: str = "no event came") -> Event:
        deadline = time.monotonic() + seconds
        while (end := self._buffer.find(b"\n\n")) < 0:
            self._receive(deadline, why)
        block, self._buffer = self._buffer[:end], self._buffer[end + 2:]
        event = self._parse(block)
        if event is None:
            return self.read(deadline - time.monotonic(), why)
        self.events.append(event)
        getattr(self, f"_take_{event.name}")(event)
        self._check_id(event)
        return event

    def receive(self, at_most: int) -> None:
        """Take some bytes off the socket, so that a slow reader can be slow; events are made of them by `read`."""
        try:
            self._keep(self.response.read1(at_most))
        except (http.client.HTTPException, ConnectionError):  # torn off in the middle, by kill -9 for one
            raise FeedEnded from None

    @property
    def has_event(self) -> bool:
        """Whether `read` would return without the socket."""
        return b"\n\n" in self._buffer

    def _receive(self, deadline: float, why: str) -> None:
        left = deadline - time.monotonic()
        assert left > 0, f"{why}; the last events were {[(one.name, str(one.data)[:200]) for one in self.events[-3:]]}"
        self.socket.settimeout(left)
        try:
            self.receive(65536)
        except TimeoutError:
            pass

    def _keep(self, data: bytes) -> None:
        if not data:
            raise FeedEnded
        self._buffer += data

    def _parse(self, block: bytes) -> Event | None:
        lines = block.decode("utf-8").split("\n")
        if lines == ["retry: 1000"]:
            must(not self.is_retry_told, "retry is told once a connection")
            self.is_retry_told = True
            return None
        fields = dict(line.split(": ", 1) for line in lines)
        must(len(fields) == len(lines) and fields.keys() <= {"id", "event", "data"}, f"one line a field, data one line: {lines}")
        must("\r" not in block.decode() and fields["event"] in EVENTS, f"an event of the fixed set: {fields['event']}")
        event = Event(fields["event"], json.loads(fields["data"]), fields.get("id"), time.monotonic())
        must(isinstance(event.data, dict), "data is a JSON object")
        must(bool(self.events) == (event.name != "hello"), "hello comes first, and once")
        must(self.bye is None, "nothing comes after bye")
        return event

    # -- each event's promises

    def _take_hello(self, event: Event) -> None:
        must(self.is_retry_told, "retry comes with the first bytes")
        must(event.data.keys() >= {"revision", "boot", "server_time"}, "hello has revision, boot, server_time")
        self.boot, self.hello_revision = event.data["boot"], event.data["revision"]
        must(self.hello_revision >= (self.held.revision or 0), "a revision never goes back")
        self.held.revision = self.hello_revision

    def _take_ready(self, event: Event) -> None:
        must(not self.is_ready and event.data == {}, "ready comes once and is empty")
        self.is_ready = True
        for message_id in self._following.keys() - self._introduced:  # named and not mentioned: deleted, or unknown
            del self._following[message_id]

    def _take_message(self, event: Event) -> None:
        message, message_id = event.data["message"], event.data["message"]["id"]
        must(event.id is not None, "every message event has an id")
        self._take_revision(event)
        must(message["conversation_id"] not in self.held.deleted, "no event names a deleted conversation")
        has_text = set(CHANNELS) & message.keys()
        must(has_text == (set(CHANNELS) if message["role"] == "user" else set()), "user messages come with text, replies without")
        must(message.keys() - set(CHANNELS) >= MESSAGE_FIELDS, f"missing: {MESSAGE_FIELDS - message.keys()}")
        check_state(message)
        if message["role"] == "user":
            self.held.texts[message_id] = {channel: message[channel] for channel in CHANNELS}
        else:
            self._take_reply(message_id, message)
        self.held.messages[message_id] = message
        if RANKS[message["status"]] == FINAL_RANK:
            self._check_final(event.data, message_id)

    def _take_reply(self, message_id: str, message: dict[str, Any]) -> None:
        rank, before = RANKS[message["status"]], self.held.messages.get(message_id)
        if before and RANKS[before["status"]] == FINAL_RANK and message_id in self._introduced and rank != FINAL_RANK:
            must(rank == 0, "a reply that ended starts again at queued")
        elif before and RANKS[before["status"]] != FINAL_RANK and message_id in self._introduced:
            must(rank >= RANKS[before["status"]], f"a status never goes back: {before['status']} -> {message['status']}")
        self._introduced.add(message_id)
        self._following.setdefault(message_id, self._ended.pop(message_id, [0, 0]))
        self.held.texts.setdefault(message_id, dict.fromkeys(CHANNELS, ""))
        if rank == FINAL_RANK:
            self._ended[message_id] = self._following.pop(message_id)

    def _check_final(self, data: dict[str, Any], message_id: str) -> None:
        for channel in CHANNELS:
            text = self.held.text(message_id, channel)
            must(data[f"{channel}_length"] == len(text), f"the final length of {channel} is {len(text)}, told {data[f'{channel}_length']}")
            must(data[f"{channel}_sha256"] == hashlib.sha256(text.encode()).hexdigest(), f"the final {channel} is what was shown")

    def _take_delta(self, event: Event) -> None:
        data = event.data
        must(data.keys() >= {"message_id", "channel", "offset", "text"} and data["channel"] in CHANNELS, f"a whole delta: {data.keys()}")
        message_id, channel, offset, text = data["message_id"], data["channel"], data["offset"], data["text"]
        must(0 < len(text) <= DELTA_CHARS, f"1 to {DELTA_CHARS} code points in a delta, not {len(text)}")
        must(message_id in self._following, "a delta's message came first, or was named, and has not ended")
        place = self._following[message_id]
        must(place[CHANNELS.index(channel)] == offset, f"{channel} goes on at {place[CHANNELS.index(channel)]}, not at {offset}")
        place[CHANNELS.index(channel)] = offset + len(text)
        texts = self.held.texts.setdefault(message_id, dict.fromkeys(CHANNELS, ""))
        must(offset <= len(texts[channel]), "no hole")
        overlap = texts[channel][offset:offset + len(text)]
        must(text.startswith(overlap), "what was shown is never taken back")
        texts[channel] += text[len(overlap):]
        is_first = message_id not in self._first_delta_seen
        self._first_delta_seen.add(message_id)
        must(event.id is not None or not is_first, "the first delta of a message has an id")
        must(event.id is not None or self.is_ready, "in the catch-up each delta has an id")
        must(event.id is not None or self.is_slow or event.at - self._id_at < ID_SECONDS, "an id at least once a second")

    def _take_conversation(self, event: Event) -> None:
        must(event.data["conversation"]["id"] not in self.held.deleted, "no event names a deleted conversation")
        self._take_revision(event)

    def _take_conversation_deleted(self, event: Event) -> None:
        self._take_revision(event)
        self.held.deleted.add(event.data["id"])
        for message_id, message in self.held.messages.items():
            if message["conversation_id"] == event.data["id"]:
                self._following.pop(message_id, None)

    def _take_ping(self, event: Event) -> None:
        must(event.data.keys() >= {"server_time"}, "a ping tells the time")

    def _take_storage(self, event: Event) -> None:
        must(isinstance(event.data.get("ok"), bool) and (event.data["ok"] or event.data["message"]), "storage says how it is")

    def _take_bye(self, event: Event) -> None:
        self.bye = event.data["reason"]
        must(self.bye in ("age", "shutdown", "session"), f"a reason of the fixed set: {self.bye}")

    def _take_revision(self, event: Event) -> None:
        """One process, so every event comes, in order."""
        must(event.id is not None or event.name != "message", "state events carry the cursor")
        expected = self.held.revision + 1 if self.is_ready else self.hello_revision
        must(event.data["revision"] == expected, f"revision {event.data['revision']} of {event.name}, expected {expected}")
        self.held.revision = expected

    def _check_id(self, event: Event) -> None:
        """An id is the whole cursor of this connection as of this event."""
        if event.id is None:
            return
        self._id_at = event.at
        told = {match[1]: [int(match[2]), int(match[3])] for match in ENTRY.finditer(event.id)}
        must(event.id == (",".join("%s:%d:%d" % (one, *place) for one, place in told.items()) or "-"), f"no cursor: {event.id}")
        must(len(told) <= NAMED_AT_MOST, f"{len(told)} messages in an id")
        if self.is_ready and len(told) < NAMED_AT_MOST:
            must(told == self._following, f"the id says {told}, this connection was sent {self._following}")
        for message_id, place in told.items():
            must(self._following.get(message_id, place) == place, f"the id says {place}, sent was {self._following.get(message_id)}")


def check_state(message: dict[str, Any]) -> None:
    """What holds for any message in any state (PROTOCOL section 4)."""
    status, is_final = message["status"], RANKS[message["status"]] == FINAL_RANK
    must((message["error"] is not None) == (status in ("failed", "interrupted")), f"error exactly for failed and interrupted: {message}")
    must((message["finished_at"] is not None) == is_final, f"finished_at exactly when finished: {message}")
    must(is_final or message["finish_reason"] is None, f"no finish_reason before the end: {message}")
    must(message["finish_reason"] != "error" or status == "failed", f"finish_reason error means failed: {message}")
    if error := message["error"]:
        must(error.keys() >= {"type", "message", "retryable"} and error["message"].endswith("."), f"an error has a sentence: {error}")


def must(is_so: Any, promise: str) -> None:
    assert is_so, f"the feed broke a promise: {promise}"
