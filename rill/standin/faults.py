"""The demo models that break: each a script for the byte-exact player, so that a person can see every error by choosing a model.

Also turns a registered script of the control face into the same `Script`. It plays nothing itself (`answering.py` does).
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from rill.standin.dialect import DONE, Dialect, error_body, frame
from rill.standin.pieces import Piece, split_tokens

PACE_MS = 30
COMMENT_MS = 10_000
COMMENTS = 360  # an hour of them
RETRY_AFTER_SECONDS = 3
OPENING = "Here is the beginning of an answer. It was going well, with words arriving one after another, until"

Said = tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Script:
    """What the player plays, and beside it which text each write carries, for the ledger."""
    chunks: list[Any]
    http: dict[str, Any]
    pieces: list[Said] = field(default_factory=list)

    def with_header(self, name: str, value: str) -> Script:
        return replace(self, http={**self.http, "headers": {**self.http.get("headers", {}), name: value}})


def http_error(status: int, type_: str, message: str, **headers: str) -> Script:
    body = orjson.dumps(error_body(status, type_, message)).decode()
    return Script([body], {"status": status, "headers": {"Content-Type": "application/json; charset=utf-8", **headers},
                           "framing": "length", "delays_ms": 0})


def page(status: int, title: str) -> Script:
    text = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Script([text], {"status": status, "headers": {"Content-Type": "text/html; charset=UTF-8"}, "framing": "length",
                           "delays_ms": 0})


def spoken(dialect: Dialect, pieces: list[Piece], tail: list[bytes], *, end: str = "clean", pace_ms: float = PACE_MS) -> Script:
    """Some text as a model would say it, then a tail and an ending of our choice."""
    chunks = [dialect.role(), *(dialect.delta(piece.channel, piece.text) for piece in pieces), *tail]
    said: list[Said] = [None, *((piece.channel, piece.text) for piece in pieces)]
    http = {"status": 200, "headers": {"Content-Type": "text/event-stream; charset=utf-8"}, "end": end, "delays_ms": pace_ms}
    return Script([chunk.decode() for chunk in chunks], http, said)


def opening() -> list[Piece]:
    return [Piece("content", token) for token in split_tokens(OPENING)]


def error_frame(type_: str, message: str, status: int = 500) -> bytes:
    return frame(error_body(status, type_, message))


def interrupted(dialect: Dialect, pieces: list[Piece], attempt: int) -> Script:
    """`demo/flaky`'s two ways to break in the middle of what it wanted to say."""
    half = pieces[:len(pieces) // 2]
    if attempt % 2 == 0:
        return spoken(dialect, half, [], end="cut", pace_ms=16)
    return spoken(dialect, half, [error_frame("provider_error", "The provider stopped in the middle of the answer.")], pace_ms=16)


def _status(*args: Any, **headers: str) -> Callable[[Dialect], Script]:
    return lambda dialect: http_error(*args, **headers)


def _after_text(tail: Callable[[Dialect], list[bytes]], end: str = "clean") -> Callable[[Dialect], Script]:
    return lambda dialect: spoken(dialect, opening(), tail(dialect), end=end)


def _stream(chunks: list[Any], end: str, delays_ms: float = PACE_MS) -> Callable[[Dialect], Script]:
    return lambda dialect: Script(chunks, {"status": 200, "headers": {"Content-Type": "text/event-stream"}, "end": end,
                                           "delays_ms": delays_ms})


FAULTS: dict[str, tuple[str, Callable[[Dialect], Script]]] = {
    "demo/fault-402": ("no credit (402)", _status(402, "insufficient_credit", "Account overdue.")),
    "demo/fault-403": ("key refused (403)", _status(403, "access_denied", "You have no permission to access this resource")),
    "demo/fault-safety": ("blocked by safety (403)", _status(403, "safety_check_failed", "Blocked by upstream safety policy")),
    "demo/fault-404": ("model unknown (404)", _status(404, "model_not_available", "Model demo/fault-404 is not available")),
    "demo/fault-413": ("prompt too long (413)", _status(413, "invalid_params", "Prompt is too long")),
    "demo/fault-422": ("parameters refused (422)", _status(422, "provider_unprocessable_entity_error",
                                                      "The provider could not process the parameters")),
    "demo/fault-429": ("rate limited (429)", _status(429, "rate_limit", "Rate limit exceeded",
                                                **{"Retry-After": str(RETRY_AFTER_SECONDS)})),
    "demo/fault-500": ("server error (500)", _status(500, "internal_server_error", "Server encountered an unexpected error.")),
    "demo/fault-502": ("no provider (502)", _status(502, "no_provider_available", "No upstream provider available")),
    "demo/fault-503": ("overloaded (503)", _status(503, "provider_error", "The provider is overloaded")),
    "demo/fault-520": ("provider unreachable (520)", _status(520, "provider_internal_server_error",
                                                        "Unable to communicate with provider")),
    "demo/fault-524": ("gateway page (524)", lambda dialect: page(524, "524: A timeout occurred")),
    "demo/fault-html": ("a web page instead of a stream", lambda dialect: page(200, "Sign in to continue")),
    "demo/fault-cut": ("cut in the middle", _after_text(lambda dialect: [], "cut")),
    "demo/fault-reset": ("connection reset in the middle", _after_text(lambda dialect: [], "reset")),
    "demo/fault-eof": ("ends without an end mark", _after_text(lambda dialect: [])),
    "demo/fault-stall": ("falls silent in the middle", _after_text(lambda dialect: [], "hang")),
    "demo/fault-error": ("reports an error in the middle", _after_text(
        lambda dialect: [error_frame("provider_error", "The model has overheated.")])),
    "demo/fault-json": ("broken JSON in the middle", _after_text(lambda dialect: [b'data: {"id": "br\n\n', dialect.finish("stop"), DONE])),
    "demo/fault-filter": ("stopped by a content filter", _after_text(lambda dialect: [dialect.finish("content_filter"), DONE])),
    "demo/fault-length": ("stopped at its length limit", _after_text(lambda dialect: [dialect.finish("length"), DONE])),
    "demo/fault-empty": ("an empty answer", lambda dialect: spoken(dialect, [], [dialect.finish("stop"), DONE])),
    "demo/fault-comments": ("keep-alives and nothing else", _stream(
        [": ZENMUX PROCESSING\n\n", {"repeat": COMMENTS, "of": ": ZENMUX PROCESSING\n\n"}], "hang", [0, COMMENT_MS])),
    "demo/fault-silent": ("not even headers", _stream([], "silent")),
    "demo/fault-closed": ("closes without an answer", _stream([], "noresponse")),
}
