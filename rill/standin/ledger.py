"""What every chat call received and sent, and when its peer left: the independent witness that tests check against.

Kept in memory only, the newest calls; keys are masked before anything is kept. Times are milliseconds of this process's
monotonic clock, each with the wall time beside it. Text is noted just before it is written, so what a reader has is always a prefix.
"""
from __future__ import annotations

import base64
import contextlib
import hashlib
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

CALLS_LIMIT = 1000
BODY_DEPTH = 8  # of a chat body, down to a part of a content
DATA_LIMIT_CHARACTERS = 200  # of a data URL; a longer one is kept as its size and hash
TEXT_LIMIT_CHARACTERS = 16_000_000  # over all calls; the oldest go first
KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key")
MARKS = ("connected_at", "received_at", "first_sent_at", "last_sent_at", "finished_at", "peer_closed_at", "connection_closed_at")


@dataclass(slots=True)
class Call:
    number: int
    connection: int
    request_id: str
    headers: dict[str, str]
    model: str | None = None
    served_by: str | None = None
    body: Any = None
    generation_id: str | None = None
    status: int | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    outcome: str = "running"  # finished | refused | broken (on purpose) | peer_gone | failed
    texts: dict[str, list[str]] = field(default_factory=lambda: {"content": [], "reasoning": []})
    characters: int = 0
    writes: int = 0
    sent_bytes: int = 0
    sent_hash: Any = field(default_factory=hashlib.sha256)
    times: dict[str, float] = field(default_factory=dict)

    def mark(self, name: str, when: float | None = None) -> None:
        self.times.setdefault(name, time.monotonic() if when is None else when)

    def note_sent(self, data: bytes = b"") -> None:
        """A write of body bytes, before HTTP framing."""
        self.mark("first_sent_at")
        self.times["last_sent_at"] = time.monotonic()
        self.writes += 1
        self.sent_bytes += len(data)
        self.sent_hash.update(data)

    def note_text(self, channel: str, text: str) -> None:
        self.texts[channel].append(text)
        self.characters += len(text)

    def as_dict(self, with_text: bool = True) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "call": self.number, "connection": self.connection, "model": self.model, "served_by": self.served_by,
            "headers": self.headers, "body": self.body, "request_id": self.request_id, "generation_id": self.generation_id,
            "status": self.status, "outcome": self.outcome, "finished": self.outcome == "finished",
            "finish_reason": self.finish_reason, "usage": self.usage, "writes": self.writes, "sent_bytes": self.sent_bytes,
            "sent_sha256": self.sent_hash.hexdigest()}
        entry |= {name: moment(self.times.get(name)) for name in MARKS}
        for channel, parts in self.texts.items():
            text = "".join(parts)
            parts[:] = [text]
            entry |= {f"{channel}_length": len(text), f"{channel}_sha256": hashlib.sha256(text.encode()).hexdigest()}
            if with_text:
                entry[channel] = text
        return entry


class Ledger:
    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=CALLS_LIMIT)
        self._opened = 0

    def open(self, connection: int, request_id: str, headers: dict[str, str], accepted_at: float) -> Call:
        self._opened += 1
        call = Call(self._opened, connection, request_id, mask_keys(headers))
        call.mark("connected_at", accepted_at)
        call.mark("received_at")
        self._calls.append(call)
        while len(self._calls) > 1 and sum(kept.characters for kept in self._calls) > TEXT_LIMIT_CHARACTERS:
            self._calls.popleft()
        return call

    def connection_closed(self, connection: int) -> None:
        for call in self._calls:
            if call.connection == connection:
                call.mark("connection_closed_at")

    def find(self, generation_id: str) -> Call | None:
        return next((call for call in self._calls if call.generation_id == generation_id), None)

    def clear(self) -> None:
        self._calls.clear()

    def entries(self, *, model: str | None = None, since: int = 0, with_text: bool = True) -> Iterator[dict[str, Any]]:
        return (call.as_dict(with_text) for call in list(self._calls)
                if call.number > since and (model is None or call.model == model))


def shortened(value: Any, depth: int = BODY_DEPTH) -> Any:
    """The same, with the data of each long data URL as its size and hash: enough to know it, and small enough to keep."""
    if isinstance(value, dict) and depth:
        return {name: shortened(one, depth - 1) for name, one in value.items()}
    if isinstance(value, list) and depth:
        return [shortened(one, depth - 1) for one in value]
    if isinstance(value, str) and value.startswith("data:") and len(value) > DATA_LIMIT_CHARACTERS:
        head, comma, data = value.partition(",")
        with contextlib.suppress(ValueError):
            raw = base64.b64decode(data, validate=True)
            return f"{head}{comma}bytes={len(raw)} sha256={hashlib.sha256(raw).hexdigest()}"
    return value


def mask_keys(headers: dict[str, str]) -> dict[str, str]:
    return {name: mask(value) if name in KEY_HEADERS else value for name, value in headers.items()}


def mask(value: str) -> str:
    """`Bearer ***` and the last four characters, of keys long enough that those give nothing away."""
    scheme, _, key = value.rpartition(" ")
    return f"{scheme} ***{key[-4:] if len(key) >= 16 else ''}".strip()


def moment(monotonic: float | None) -> dict[str, Any] | None:
    if monotonic is None:
        return None
    wall = datetime.fromtimestamp(time.time() - (time.monotonic() - monotonic), UTC)
    return {"ms": round(monotonic * 1000, 3), "at": wall.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
