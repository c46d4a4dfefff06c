"""Replays what one reader saw by the reader's rule of PROTOCOL section 5, and names every promise that it shows broken.

Pure: events in, sentences out. It knows what one feed can know; `checker.py` holds the rest against it.
"""
from __future__ import annotations

import hashlib
from typing import Any

from tests.chaos.record import CHANNELS, FINAL, Connection, ReaderRecord, Seen

DELTA_CHARS = 4096
AFTER_READY = ("conversation", "conversation_deleted", "ping")


class Replay:
    """After `run`: `texts`, `messages` and `revision` are what the reader has, `found` what was wrong on the way."""

    def __init__(self, reader: ReaderRecord) -> None:
        self.texts: dict[str, dict[str, str]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.deleted: set[str] = set()
        self.found: list[tuple[str, str]] = []
        self.revision = 0
        self._reader = reader
        self._place: dict[str, list[int]] = {}  # of this connection: where each message's next delta must begin
        self._ended: dict[str, list[int]] = {}
        self._told: set[str] = set()
        self._named: set[str] = set()
        self._has_delta: set[str] = set()
        self._ready = False

    def run(self) -> Replay:
        for number, connection in enumerate(self._reader.connections):
            self._connect(connection)
            for event in connection.events:
                before = len(self.found)
                self._take(event, connection)
                where = f"{self._reader.name}, connection {number} at {event.at:.3f}: "
                self.found[before:] = [(rule, where + what) for rule, what in self.found[before:]]
        return self

    def open_ids(self) -> list[str]:
        """What it believes unfinished."""
        return [one for one in self.texts if self.messages.get(one, {}).get("status") not in FINAL and not self._is_deleted(one)]

    def _is_deleted(self, message_id: str) -> bool:
        return self.messages.get(message_id, {}).get("conversation_id") in self.deleted

    def _must(self, is_so: bool, rule: str, what: str) -> None:
        if not is_so:
            self.found.append((rule, what))

    def _connect(self, connection: Connection) -> None:
        self._ready, self._told, self._ended, self._has_delta = False, set(), {}, set()
        named = [entry.split(":") for entry in connection.cursor.split(",") if ":" in entry]
        self._place = {one: [int(content), int(reasoning)] for one, content, reasoning in named}
        self._named = set(self._place)

    def _take(self, event: Seen, connection: Connection) -> None:
        if event.name == "asked":
            return self._take_asked(event.data["message"])
        self._must((event is connection.events[0]) == (event.name == "hello"), "P1", "hello comes first and once")
        self._must(self._ready or event.name not in AFTER_READY, "P1", f"{event.name} before ready")
        if handler := getattr(self, f"_take_{event.name}", None):  # there may be more names than a reader knows
            handler(event)
            self._check_id(event)

    def _take_hello(self, event: Seen) -> None:
        self._must(event.data["revision"] >= self.revision, "P1", "the revision went back")
        self.revision = event.data["revision"]

    def _take_ready(self, _event: Seen) -> None:
        self._must(not self._ready, "P1", "ready twice")
        self._ready = True
        for message_id in set(self._place) - self._told:  # ignored: deleted, or unknown
            del self._place[message_id]

    def _take_ping(self, _event: Seen) -> None:
        pass

    _take_bye = _take_ping

    def _take_conversation(self, event: Seen) -> None:
        self._take_revision(event)
        self._must(event.data["conversation"]["id"] not in self.deleted, "P1", "an event names a deleted conversation")

    def _take_conversation_deleted(self, event: Seen) -> None:
        self._take_revision(event)
        self.deleted.add(event.data["id"])
        for message_id in [one for one in self._place if self._is_deleted(one)]:
            del self._place[message_id]

    def _take_message(self, event: Seen) -> None:
        self._take_revision(event)
        message = event.data["message"]
        message_id = message["id"]
        self._must(message["conversation_id"] not in self.deleted, "P1", "an event names a message of a deleted conversation")
        self._must(event.id is not None, "P1", "a message event without id")
        if message["role"] == "user":
            self.texts[message_id] = {channel: message[channel] for channel in CHANNELS}
        else:
            self._told.add(message_id)
            self._place.setdefault(message_id, self._ended.pop(message_id, [0, 0]))
            self.texts.setdefault(message_id, dict.fromkeys(CHANNELS, ""))
        self.messages[message_id] = message
        if message["status"] in FINAL:
            self._check_final(event.data, message_id)

    def _check_final(self, data: dict[str, Any], message_id: str) -> None:
        if message_id in self._place:
            self._ended[message_id] = self._place.pop(message_id)
        for channel in CHANNELS:
            text = self.texts[message_id][channel]
            self._must(data[f"{channel}_length"] == len(text), "P1",
                       f"the final {channel} of {message_id} has {data[f'{channel}_length']} characters, shown were {len(text)}")
            self._must(data[f"{channel}_sha256"] == hashlib.sha256(text.encode()).hexdigest(), "P1",
                       f"the final {channel} of {message_id} is not what was shown")

    def _take_delta(self, event: Seen) -> None:
        message_id, channel, offset, text = (event.data[name] for name in ("message_id", "channel", "offset", "text"))
        which = CHANNELS.index(channel)
        self._must(0 < len(text) <= DELTA_CHARS, "P1", f"a delta of {len(text)} characters")
        if message_id not in self._place:
            self.found.append(("P1", f"a delta of {message_id}, which was not named, not told, deleted, or had ended"))
            return
        at = self._place[message_id][which]
        self._must(offset >= at, "P2", f"a duplicate: {channel} of {message_id} again from {offset}, sent was up to {at}")
        self._must(offset <= at, "P2", f"a gap: {channel} of {message_id} goes on at {offset}, sent was up to {at}")
        self._place[message_id][which] = offset + len(text)
        texts = self.texts.setdefault(message_id, dict.fromkeys(CHANNELS, ""))
        shown = texts[channel]
        self._must(offset <= len(shown), "P2", f"a hole: {channel} of {message_id} at {offset}, shown are {len(shown)}")
        overlap = shown[offset:offset + len(text)]
        self._must(text.startswith(overlap), "P4", f"{channel} of {message_id} takes back {overlap[:40]!r}, now {text[:40]!r}")
        texts[channel] = shown + text[len(overlap):]
        self._must(event.id is not None or (self._ready and message_id in self._has_delta), "P1", "a delta that must have an id has none")
        self._has_delta.add(message_id)

    def _take_asked(self, message: dict[str, Any]) -> None:
        message_id, held = message["id"], self.texts.get(message["id"], {})
        self._must(message_id not in self._named, "P1", f"{message_id} was named, is there, and was not mentioned")
        for channel, text in held.items():
            self._must(message[channel].startswith(text), "P4", f"asked for, {channel} of {message_id} takes back what was shown")
        self.texts[message_id] = {channel: message[channel] for channel in CHANNELS}
        self.messages[message_id] = message

    def _take_revision(self, event: Seen) -> None:
        expected = self.revision + 1 if self._ready else self.revision
        self._must(event.data["revision"] == expected, "P1", f"revision {event.data['revision']} of {event.name} after {self.revision}")
        self.revision = event.data["revision"]

    def _check_id(self, event: Seen) -> None:
        """Who comes back with this id must not miss anything: it names no more than was sent."""
        for entry in (event.id or "-").split(","):
            if ":" in entry:
                message_id, *lengths = entry.split(":")
                has = self.texts.get(message_id, dict.fromkeys(CHANNELS, ""))
                for channel, length in zip(CHANNELS, lengths):
                    self._must(int(length) <= len(has[channel]), "P4",
                               f"an id claims {length} of {channel} of {message_id}, shown are {len(has[channel])}")
