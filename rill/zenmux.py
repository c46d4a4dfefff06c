"""The client of the upstream: one chat answer as events, the models list, what a call cost. The only file that asks ZenMux.

`stream_chat` is a generator. It yields Connected, Meta, Delta and Citation as they come and ends with Finish when, and
only when, the upstream ended the answer (a finish_reason or [DONE]). Everything else raises a narrow UpstreamError
that carries `request_id`, and `usage` and `finish_reason` as far as they were said; what was yielded before stays
valid. Closing the generator, or any exception thrown into a wait (gevent's kill: in connect, before the headers, in a
read), closes the socket at once. It works on plain and on gevent-patched sockets. Nothing is retried here: every call
is billed, so the engine decides. Nothing is logged per token, and the API key is masked in all that leaves.

Called by run.py, modellist.py, titles.py and settling.py. Reading an answer: exchange.py; sockets: transport.py.
"""
from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
import requests

from rill.bills import Bill, parse_bill
from rill.chunks import Citation, Connected, Delta, Event, Finish, Meta
from rill.errors import ConfigError, UpstreamError
from rill.exchange import Exchange, parse_json, timed_out
from rill.transport import READ_ERRORS, Deadlines, Limits, Transport
from rill.upstream_errors import connect_failed, unreadable_list

__all__ = ["ChatRequest", "Citation", "Connected", "Delta", "Event", "Finish", "Limits", "Meta", "ZenMux"]

# Claude answers end at 4096 tokens when nothing is said, and reasoning alone may take half of what is. Claude Opus 4
# refuses more than 32,000; a model with a lower limit says so in its 400, and the person sets a smaller one.
DEFAULT_COMPLETION_TOKENS = 32_000
MODELS_BYTES = 4 * 1024 * 1024
MODELS_SECONDS = 8.0
BILL_PATH = "/management/generation"
BILL_BYTES = 256 * 1024
BILL_SECONDS = 15.0
SUBSCRIPTION_KEY = "sk-ss-v1-"
PASSED_ON = ("temperature", "top_p", "max_completion_tokens", "reasoning_effort")

for noisy in ("connectionpool", "connection"):  # "pool is full" is what IDLE_CONNECTIONS wants; half a head is logged raw,
    logging.getLogger(f"urllib3.{noisy}").setLevel(logging.ERROR)  # and may echo the key


@dataclass(frozen=True, slots=True)
class ChatRequest:
    model: str
    messages: list[dict[str, Any]]
    params: dict[str, Any]
    stream: bool = True

    def body(self) -> dict[str, Any]:
        """What is sent: only what ZenMux takes, of a message only role and content, and no message without content."""
        params = {name: self.params[name] for name in PASSED_ON if self.params.get(name) is not None}
        body = {
            "model": self.model,
            "messages": [{"role": one["role"], "content": one["content"]} for one in self.messages
                         if has_content(one.get("content"))],
            "stream": self.stream,
            "max_completion_tokens": DEFAULT_COMPLETION_TOKENS,
            **params,
        }
        if self.stream:
            body["stream_options"] = {"include_usage": True}
        if self.params.get("web_search"):
            body["web_search_options"] = {}
        return body

    def encoded(self) -> bytes:
        """The body as it goes over the wire. A value that is a function is read only now, and gives JSON: a file may be
        twenty megabytes long, and a run lives for minutes."""
        body = self.body()
        return orjson.dumps({**body, "messages": [_loaded(message) for message in body["messages"]]})


def _loaded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _loaded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_loaded(one) for one in value]
    return orjson.Fragment(value()) if callable(value) else value


def has_content(content: Any) -> bool:
    return bool(content.strip() if isinstance(content, str) else content)


class ZenMux:
    """One upstream. Shared by all runs; each call takes a connection of its own."""

    def __init__(self, base_url: str, api_key: str, limits: Limits = Limits()) -> None:
        if not (api_key.isascii() and api_key.isprintable() and " " not in api_key):
            raise ConfigError("The API key holds characters that no key has, perhaps invisible ones from a copy. "
                              "Nothing was sent. Set ZENMUX_API_KEY again.")
        self.base_url = base_url.rstrip("/")
        self._key = api_key
        self._limits = limits
        self._transport = Transport()

    def stream_chat(self, request: ChatRequest, *, record: Callable[[bytes], None] | None = None) -> Iterator[Event]:
        """`record` gets the body's bytes as they come: de-chunked, decompressed, key masked, comments included."""
        deadlines = Deadlines(self._limits.answer_seconds)
        deadlines.expect("the first words of the answer", self._limits.first_data_seconds)
        accept = "text/event-stream" if request.stream else "application/json"
        response = self._open("POST", "/chat/completions", deadlines, accept, request.encoded())
        exchange = Exchange(response, deadlines, self._limits, self._key, record)
        try:
            exchange.refuse_unless_ok()
            yield Connected(exchange.request_id)
            yield from exchange.events()
        except UpstreamError as error:
            error.request_id = error.request_id or exchange.request_id
            error.usage = exchange.answer.usage
            error.finish_reason = exchange.answer.finish_reason
            raise
        finally:
            response.close()  # one that was read to its end is back in the pool already and stays open

    def fetch_models(self) -> list[dict[str, Any]]:
        """The models list's entries as the upstream gives them; modellist.py makes sense of them."""
        try:
            listed = self._document("/models", MODELS_SECONDS, MODELS_BYTES)
        except ValueError:
            raise unreadable_list() from None
        entries = listed.get("data") if isinstance(listed, dict) else listed
        if not isinstance(entries, list):
            raise unreadable_list()
        return [entry for entry in entries if isinstance(entry, dict)]

    def fetch_bill(self, generation_id: str) -> Bill | None:
        """What one call cost; None when that is not said: not yet, or not to this key. bills.py reads it."""
        try:
            return parse_bill(self._document(f"{BILL_PATH}?id={quote(generation_id, safe='')}", BILL_SECONDS, BILL_BYTES))
        except ValueError:
            return None

    @property
    def tells_costs(self) -> bool:
        """A subscription's key is never told what a call cost."""
        return not self._key.startswith(SUBSCRIPTION_KEY)

    def _document(self, path: str, seconds: float, limit: int) -> Any:
        """Raises ValueError for what is no JSON."""
        deadlines = Deadlines(seconds)
        response = self._open("GET", path, deadlines, "application/json")
        exchange = Exchange(response, deadlines, self._limits, self._key)
        try:
            exchange.refuse_unless_ok()
            return parse_json(exchange.document(limit))
        finally:
            response.close()

    def _open(self, method: str, path: str, deadlines: Deadlines, accept: str,
              body: bytes | None = None) -> requests.Response:
        headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "rill"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = requests.Request(method, self.base_url + path, headers=headers, data=body)
        try:
            response = self._transport.open(request, deadlines, self._limits.connect_seconds)
        except READ_ERRORS as error:  # requests' own are OSErrors
            if deadlines.are_over:
                raise timed_out(deadlines, has_text=False) from None
            raise connect_failed(error, self._limits.connect_seconds) from error
        response.request.body = None  # with files it is large, and the answer may take an hour
        return response
