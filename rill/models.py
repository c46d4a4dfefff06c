"""Words and values that every floor shares: ids, times, statuses, channels, what a message and a conversation are.

Holds no SQL and no I/O. A row is a frozen value; `as_dict` gives the JSON of PROTOCOL sections 3 and 4.
"""
from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

Channel = Literal["content", "reasoning"]
CHANNELS: tuple[Channel, ...] = ("content", "reasoning")

UNFINISHED = ("queued", "connecting", "streaming")
FINISHED = ("completed", "stopped", "failed", "interrupted")

ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{22,64}")
SLUG_PATTERN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")

TITLE_CHARS = 60


def new_id() -> str:
    """128 random bits, URL-safe."""
    return secrets.token_urlsafe(16)


def utc_now(plus_seconds: float = 0) -> str:
    """ISO 8601 UTC with milliseconds; sorts as text."""
    return (datetime.now(UTC) + timedelta(seconds=plus_seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def title_from(text: str) -> str:
    """The first words of a message, cut at a word where there is one."""
    line = " ".join(text.split())
    if len(line) <= TITLE_CHARS:
        return line
    head = line[:TITLE_CHARS]
    cut = head.rfind(" ")
    return (head[:cut] if cut > TITLE_CHARS // 2 else head).rstrip(" ,.;:") + "…"


@dataclass(frozen=True, slots=True)
class User:
    id: str
    name: str
    role: str

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "role": self.role}


@dataclass(frozen=True, slots=True)
class Usage:
    """What the upstream's last usage object said; None is "not said"."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None

    @classmethod
    def from_upstream(cls, usage: dict[str, Any] | None) -> Usage:
        """From `usage` of a chat completion (ZENMUX: members and details may be null)."""
        usage = usage if isinstance(usage, dict) else {}
        return cls(
            _count(usage, "prompt_tokens"),
            _count(usage, "completion_tokens"),
            _count(usage.get("completion_tokens_details"), "reasoning_tokens"),
            _count(usage.get("prompt_tokens_details"), "cached_tokens"),
        )

    def plus(self, other: Usage) -> Usage:
        """Both together; what neither said stays unsaid."""
        return Usage(*(_sum(getattr(self, name), getattr(other, name)) for name in self.__slots__))

    def as_dict(self) -> dict[str, int | None] | None:
        values = {name: getattr(self, name) for name in self.__slots__}
        return values if any(value is not None for value in values.values()) else None


def _count(holder: Any, name: str) -> int | None:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if type(value) is int and 0 <= value < 2**53 else None


def _sum(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


@dataclass(frozen=True, slots=True)
class Cost:
    amount: float
    kind: str = "estimate"
    currency: str = "USD"

    def plus(self, other: Cost | None) -> Cost:
        if other is None:
            return self
        kind = "actual" if self.kind == other.kind == "actual" else "estimate"
        return Cost(round(self.amount + other.amount, 10), kind, self.currency)

    def as_dict(self) -> dict[str, Any]:
        return {"amount": self.amount, "currency": self.currency, "kind": self.kind}


EMPTY_TIMINGS: dict[str, float | None] = dict.fromkeys(
    ("connect_ms", "first_byte_ms", "first_reasoning_ms", "first_content_ms", "total_ms", "output_tokens_per_second")
)


@dataclass(frozen=True, slots=True)
class Message:
    """One utterance. `seq` is our row number: insertion order, never shown."""

    seq: int
    id: str
    conversation_id: str
    user_id: str
    parent_id: str | None
    role: str
    content: str
    reasoning: str
    status: str
    model: str | None
    params: dict[str, Any]
    finish_reason: str | None
    error: dict[str, Any] | None
    usage: Usage
    cost: Cost | None
    timings: dict[str, Any]
    citations: list[dict[str, str]]
    generation_id: str | None
    request_id: str | None
    created_at: str
    finished_at: str | None
    timeline: list[list[Any]] = field(default_factory=list)
    deleted_at: str | None = None  # None for all that can be found
    attachments: list[dict[str, Any]] = field(default_factory=list)  # of a person's message: their descriptions
    sent_as: dict[str, str] = field(default_factory=dict)  # of a reply: how each attachment before it went to the model
    retry: dict[str, Any] | None = None  # of a run that waits to ask again; never stored

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED

    def as_dict(self, *, with_text: bool = True) -> dict[str, Any]:
        text = {"content": self.content, "reasoning": self.reasoning} if with_text else {}
        return {
            "id": self.id, "conversation_id": self.conversation_id, "parent_id": self.parent_id,
            "role": self.role, **text, "status": self.status, "model": self.model, "params": self.params,
            "finish_reason": self.finish_reason, "error": self.error, "usage": self.usage.as_dict(),
            "cost": self.cost and self.cost.as_dict(), "timings": {**EMPTY_TIMINGS, **self.timings},
            "citations": self.citations, "attachments": self.attachments, "sent_as": self.sent_as, "generation_id": self.generation_id,
            "request_id": self.request_id, "created_at": self.created_at, "finished_at": self.finished_at,
            "retry": self.retry,
        }


@dataclass(frozen=True, slots=True)
class Conversation:
    """A titled tree of messages of one user, with the sums over its messages."""

    seq: int
    id: str
    user_id: str
    title: str
    model: str | None
    system_prompt: str
    params: dict[str, Any]
    pinned: bool
    archived: bool
    head_id: str | None
    created_at: str
    updated_at: str
    deleted_at: str | None = None  # None for all that can be found
    message_count: int = 0
    usage: Usage = Usage()
    cost: Cost | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id, "title": self.title, "model": self.model, "system_prompt": self.system_prompt,
            "params": self.params, "pinned": self.pinned, "archived": self.archived, "head_id": self.head_id,
            "created_at": self.created_at, "updated_at": self.updated_at, "message_count": self.message_count,
            "usage": self.usage.as_dict(), "cost": self.cost and self.cost.as_dict(),
        }
