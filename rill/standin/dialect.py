"""ZenMux's words on the wire: error bodies, ids, chunks, the usage object, the whole answer of `stream: false`.

Only shapes; it sends nothing and knows no model. `answering.py` and `service.py` use it. Field names and order follow what the
gateway sends for its different back ends, which do not fill the same fields: a `Shape` says which ones a model fills.
"""
from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from rill.standin.pieces import End
from rill.standin.sources import annotations

KEEPALIVE = b": ZENMUX PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"
ID_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


class ApiError(Exception):
    """An answer in ZenMux's error form. The code is the HTTP status as a string; programs go by the type."""

    def __init__(self, status: int, type_: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.type, self.message, self.headers = status, type_, message, headers or {}

    def body(self) -> dict[str, Any]:
        return error_body(self.status, self.type, self.message)


def error_body(status: int, type_: str, message: str) -> dict[str, Any]:
    return {"error": {"code": str(status), "type": type_, "message": message}}


def stream_headers(request_id: str) -> dict[str, str]:
    return {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache", "X-ZenMux-RequestId": request_id}


def frame(value: object) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(value)


def usage_object(end: End) -> dict[str, Any]:
    return {"prompt_tokens": end.prompt_tokens, "completion_tokens": end.completion_tokens,
            "total_tokens": end.prompt_tokens + end.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": end.cached_tokens, **({"web_search": end.searches} if end.searches else {})},
            "completion_tokens_details": {"reasoning_tokens": end.reasoning_tokens}}


class Shape(Enum):
    """How a back end writes its thoughts: in one field, in another, or in both and the details as well."""
    REASONING = "reasoning"
    REASONING_CONTENT = "reasoning_content"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Dialect:
    """The chunks of one answer: they share id, created and model."""
    model: str
    shape: Shape = Shape.REASONING
    id: str = field(default_factory=lambda: "".join(secrets.choice(ID_ALPHABET) for _ in range(20)))
    created: int = field(default_factory=lambda: int(time.time()))

    def role(self) -> bytes:
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def delta(self, channel: str, text: str) -> bytes:
        return self._chunk({"content": text} if channel == "content" else {"content": "", **self._thought(text)})

    def thoughts_over(self) -> list[bytes]:
        """What closes the reasoning: a signature where details are sent, then an empty delta."""
        closing = [self._chunk({"content": ""})]
        if self.shape is Shape.ALL:
            detail = {"type": "reasoning.text", "signature": secrets.token_urlsafe(24), "format": "anthropic-claude-v1", "index": 0}
            closing.insert(0, self._chunk({"content": "", "reasoning": None, "reasoning_details": [detail]}))
        return closing

    def finish(self, reason: str, *, cites: bool = False) -> bytes:
        """Citations stand on the last chunk, as Claude's and OpenAI's do."""
        return self._chunk({"content": "", "annotations": annotations()} if cites else {}, reason)

    def usage(self, end: End) -> bytes:
        return frame({**self._envelope("chat.completion.chunk"), "choices": [], "usage": usage_object(end)})

    def completion(self, content: str, reasoning: str, end: End) -> dict[str, Any]:
        """The body of an answer that was not streamed."""
        message = {"role": "assistant", "content": content, "refusal": None}
        if reasoning:
            message |= self._thought(reasoning)
        if end.searches:
            message["annotations"] = annotations()
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": end.finish_reason}
        return {**self._envelope("chat.completion"), "choices": [choice], "usage": usage_object(end)}

    def _thought(self, text: str) -> dict[str, Any]:
        if self.shape is Shape.REASONING_CONTENT:
            return {"reasoning_content": text}
        if self.shape is Shape.REASONING:
            return {"reasoning": text}
        detail = {"type": "reasoning.text", "text": text, "format": "anthropic-claude-v1", "index": 0}
        return {"reasoning": text, "reasoning_content": text, "reasoning_details": [detail]}

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return frame({**self._envelope("chat.completion.chunk"), "choices": [choice]})
