"""What was observed while one seed played: plain values, for `checker.py`. Times are monotonic seconds of one clock."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.chaos.proxy import Exchange

CHANNELS = ("content", "reasoning")
FINAL = ("completed", "stopped", "failed", "interrupted")


@dataclass(slots=True)
class Seen:
    """One event that a reader saw. `asked` is no feed's event: the answer when it asked for a message itself."""

    name: str
    data: dict[str, Any]
    id: str | None
    at: float


@dataclass(slots=True)
class Connection:
    cursor: str  # what the reader named
    opened_at: float
    events: list[Seen] = field(default_factory=list)
    ended: str = ""  # why, in a word


@dataclass(slots=True)
class ReaderRecord:
    name: str
    connections: list[Connection] = field(default_factory=list)
    broken_promises: list[str] = field(default_factory=list)  # by the strict reader of tests/feed_reader.py


@dataclass(slots=True)
class RunRecord:
    """One job of one reply: what it started from, what was done to it, what it left."""

    message_id: str
    conversation_id: str
    tag: float  # the temperature that names this request at the upstream
    model: str
    asked_at: float
    before: dict[str, str]  # text of each channel when it began
    spec: dict[str, Any] | None = None  # what demo/numbers was asked to say
    stopped_at: float | None = None  # the first time that somebody asked for it
    after: dict[str, Any] | None = None  # the message when the run had ended; None when it was deleted


@dataclass(slots=True)
class Record:
    seed: int
    key: str
    content_timeout: float
    lag_seconds: float = 0.0  # how late this machine was at worst
    readers: list[ReaderRecord] = field(default_factory=list)
    runs: list[RunRecord] = field(default_factory=list)
    refused_tags: list[float] = field(default_factory=list)  # requests that were answered with a refusal
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)  # as the API tells them at the end
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)  # as the database has them
    stray_text: int = 0  # rows of the journal though no message is unfinished
    revision: int = 0
    deleted: dict[str, float] = field(default_factory=dict)  # conversation -> when its deletion was answered
    discarded: dict[str, float] = field(default_factory=dict)  # conversation -> when its deletion was asked for
    kept_conversations: set[str] = field(default_factory=set)
    kills: list[float] = field(default_factory=list)
    shutdowns: list[tuple[float, float, int]] = field(default_factory=list)  # (SIGTERM at, gone at, exit code)
    grace_seconds: float = 0.0
    read_faults: int = 0  # of the upstream's socket, on purpose: what had come by then was perhaps never read
    storage_faults: int = 0  # of the database, on purpose: then a `storage` error and a traceback are no wonder
    exchanges: list[Exchange] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    places: dict[str, bytes] = field(default_factory=dict)  # name -> all that stands there; the key must not
    log: str = ""  # of the server
    troubles: list[str] = field(default_factory=list)  # what the players could not explain
    ended_at: float = 0.0
