"""What went wrong upstream, in a sentence for a person: what happened, what is kept, what to do.

Reads error bodies and error objects in every shape seen (ZenMux, OpenAI, Anthropic, Responses, vLLM, FastAPI, plain
text, web pages) and builds the narrow UpstreamError. It reads no socket and decides no retry: `retryable` only says
whether asking again can help. The texts it is given have the API key masked already.

Called by zenmux.py, exchange.py and modellist.py. Pure, but for the clock that Retry-After dates need.
"""
from __future__ import annotations

import email.utils
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import requests
import urllib3

from rill.errors import ConnectFailed, HttpRefused, ProtocolBroken, UpstreamFailed

WORDS_LIMIT = 300  # characters of the upstream's own message that are passed on
FIELD_LIMIT = 200
RETRYABLE_4XX = {408, 425, 429}
REPEATABLE = {429, 502, 503, 504}  # what the service's own retry advice names, less the 500 that may have cost something
FINAL_TYPES = {
    "invalid_params", "insufficient_credit", "reject_no_credit", "quote_exceeded", "access_denied",
    "safety_check_failed", "model_not_available", "invalid_model", "model_not_supported",
    "provider_unprocessable_entity_error", "invalid_request_error", "authentication_error", "permission_error",
    "not_found_error", "request_too_large",
}

MESSAGE_KEPT = "Your message is kept."
TEXT_KEPT = "The text so far is kept."
TRY_AGAIN = "Try again, or choose another model."
ASK_ADMIN = "Ask whoever runs this server to check"

BY_TYPE = {
    "safety_check_failed": ("The model service's safety check blocked this conversation.", "Change it and send it again."),
}
BY_STATUS = {
    400: ("The model service did not accept the request.", "Change the message or its settings, or choose another model."),
    401: ("The model service refused this server's API key.", f"{ASK_ADMIN} the key."),
    402: ("The account that pays for this server has no credit or quota left for this model.",
          f"{ASK_ADMIN} its balance, or choose another model."),
    403: ("The model service refused this server's API key.", f"{ASK_ADMIN} the key."),
    404: ("The model service does not offer this model to this server.", "Choose another model."),
    413: ("The conversation is too long for this model.", "Start a new one, or choose a model with a longer context."),
    422: ("The model did not accept the request.", "Change the message or its settings, or choose another model."),
    429: ("The model service is receiving too many requests.", "Wait a little and try again."),
}


@dataclass(frozen=True, slots=True)
class Said:
    """What an error object says; every part may be missing."""
    message: str | None = None
    type: str | None = None
    code: str | None = None


def http_refused(status: int, headers: Mapping[str, str], body: bytes) -> HttpRefused:
    """An answer that is no 200."""
    said = read_body(body)
    what, to_do = BY_TYPE.get(said.type or "") or BY_STATUS.get(status) or by_class(status)
    retry_after = parse_retry_after(headers.get("Retry-After"))
    if status == 429 and retry_after:
        to_do = f"Try again in {retry_after:.0f} seconds."
    error = HttpRefused(sentence(f"{what[:-1]} (status {status}).", said.message, MESSAGE_KEPT, to_do),
                        retryable=is_retryable(status, said.type), status=status, upstream_type=said.type,
                        upstream_code=said.code, retry_after=retry_after)
    error.may_repeat = status in REPEATABLE
    return error


def upstream_failed(said: Said, *, has_text: bool) -> UpstreamFailed:
    """An error object inside a 200 answer; its code often holds the HTTP status that it would have been."""
    status = int(said.code) if said.code and re.fullmatch(r"[3-5]\d\d", said.code) else None
    what, to_do = BY_TYPE.get(said.type or "") or BY_STATUS.get(status or 0) or (
        "The model broke off with an error.", TRY_AGAIN)
    return UpstreamFailed(sentence(what, said.message, kept(has_text), to_do), retryable=is_retryable(status, said.type),
                          upstream_type=said.type, upstream_code=said.code)


def connect_failed(error: Exception, connect_seconds: float) -> ConnectFailed:
    """No connection, or none that lasted until the headers."""
    causes = list(chain(error))

    def find(kind: type[BaseException]) -> Any:
        return next((cause for cause in causes if isinstance(cause, kind)), None)
    to_do = "Try again in a moment."
    tls = find(ssl.SSLError)
    if isinstance(error, requests.Timeout):  # also in the TLS handshake, where urllib3 calls it a read timeout
        what = f"The model service could not be reached within {connect_seconds:g} seconds."
    elif tls:
        why = getattr(tls, "verify_message", "") or tls.reason or "the handshake failed"
        what = f"No secure connection to the model service could be made: {plain(why)}."
        to_do = f"{ASK_ADMIN} the upstream's certificate and this machine's clock."
    elif find(urllib3.exceptions.NameResolutionError):
        what = "The model service's address could not be found."
        to_do = f"{ASK_ADMIN} its network, or try again in a moment."
    elif find(ConnectionRefusedError):
        what = "The model service refused the connection."
    elif find(ConnectionError):
        what = "The model service closed the connection before it answered."
    elif find(urllib3.exceptions.ProtocolError):
        what = "What answered at the model service's address does not speak HTTP."
        to_do = f"{ASK_ADMIN} ZENMUX_BASE_URL."
    else:
        what = "The model service could not be reached."
    failure = ConnectFailed(sentence(what, None, MESSAGE_KEPT, to_do))
    failure.may_repeat = not (tls or find(urllib3.exceptions.ProtocolError))  # what was sent may have been answered
    return failure


def unreadable_list() -> ProtocolBroken:
    return ProtocolBroken("The model service's list of models cannot be read. An older list is used if there is one. "
                          "Try again later.")


def by_class(status: int) -> tuple[str, str]:
    if status >= 500:
        return "The model service or the model behind it has a fault.", "Try again in a moment, or choose another model."
    if 300 <= status < 400:
        return "The model service answered with a redirect, which is never followed.", f"{ASK_ADMIN} ZENMUX_BASE_URL."
    return "The model service gave an answer that is no answer.", TRY_AGAIN


def kept(has_text: bool) -> str:
    return TEXT_KEPT if has_text else MESSAGE_KEPT


def sentence(what: str, words: str | None, kept: str, to_do: str) -> str:
    quoted = f' It said: "{words.rstrip(".")}".' if words else ""
    return f"{what}{quoted} {kept} {to_do}"


def error_in(chunk: dict[str, Any], event: str = "message") -> Said | None:
    """The error that a frame's JSON carries, in any of the shapes; `"error": null` is none."""
    if error := chunk.get("error"):
        return said(error)
    if event == "error" or chunk.get("object") == "error" or chunk.get("type") == "error":
        return said(chunk)
    choices = chunk.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if isinstance(choice, dict):
        if error := choice.get("error"):
            return said(error)
        if choice.get("finish_reason") == "error":
            return Said()
    return None


def said(error: Any) -> Said:
    if not isinstance(error, dict):
        return Said(plain(error))
    kind = error.get("type")
    return Said(plain(error.get("message") or error.get("msg") or error.get("detail")),
                None if kind == "error" else field(kind), field(error.get("code")))


def read_body(body: bytes) -> Said:
    """An error body: JSON, frames of an event stream, plain text, or a web page (which is not shown)."""
    for line in (body, *body.splitlines()):
        line = line.strip().removeprefix(b"data:")
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(value, dict):
            return error_in(value, "error") or Said()
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return error_in(value[0], "error") or Said()
    return Said(plain(body.decode(errors="replace")))


def plain(words: Any) -> str | None:
    """Short plain text on one line, or nothing: markup, JSON and long pages are not for a person."""
    if isinstance(words, list):
        words = ", ".join(filter(None, (plain(one.get("msg")) if isinstance(one, dict) else plain(one) for one in words)))
    if not isinstance(words, str):
        return None
    words = " ".join("".join(" " if not char.isprintable() else char for char in words).split())
    if not words or "<" in words or words.startswith(("{", "[", "data:")):
        return None
    return words if len(words) <= WORDS_LIMIT else words[:WORDS_LIMIT - 1] + "…"


def field(value: Any) -> str | None:
    """A short name or number; anything else is left out."""
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        return None
    return (plain(str(value)) or "")[:FIELD_LIMIT] or None


def is_retryable(status: int | None, kind: str | None) -> bool:
    if kind in FINAL_TYPES:
        return False
    return status is None or status >= 500 or status in RETRYABLE_4XX


def parse_retry_after(value: str | None, now: float | None = None) -> float | None:
    """Seconds from either form (RFC 9110, 10.2.3): a number, or a date."""
    if not value:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip()):
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, date.timestamp() - (time.time() if now is None else now))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and all it was made from; requests and urllib3 keep the cause in `args` or `reason` too."""
    seen: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop(0)
        if isinstance(one, BaseException) and one not in seen:
            seen.append(one)
            yield one
            todo += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
