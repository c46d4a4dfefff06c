"""Pieces -> the wire: a stream of chunks with keep-alive comments, one JSON body, or a script played byte by byte.

Notes in the ledger what it sends. It does not decide what is said (`scripted.py`, `local.py`, `faults.py`) nor whether the
caller may ask (`service.py`, which calls it).
"""
from __future__ import annotations

import time
from collections.abc import Iterator

import gevent
import orjson

from rill.standin import dialect as words
from rill.standin import wire
from rill.standin.dialect import ApiError, Dialect
from rill.standin.faults import Script
from rill.standin.httpd import Exchange, PeerGone
from rill.standin.ledger import Call
from rill.standin.pieces import End, Piece

BATCH_PIECES = 64  # overdue pieces share a write up to this many, then other streams have their turn
EARLY_SECONDS = 0.0005  # shorter waits cost more than they are worth


class KeepAlive:
    """Sends a comment whenever nothing was sent for a while, also while the model is silent."""

    def __init__(self, exchange: Exchange, call: Call, seconds: float) -> None:
        self.last_sent = time.monotonic()
        self._exchange, self._call, self._seconds = exchange, call, seconds
        self._greenlet = gevent.spawn(self._run)

    def _run(self) -> None:
        while not self._exchange.peer.gone.wait(max(0.001, self.last_sent + self._seconds - time.monotonic())):
            if time.monotonic() - self.last_sent >= self._seconds and not self._exchange.sending.locked():
                self.last_sent = time.monotonic()
                self._call.note_sent(words.KEEPALIVE)
                try:
                    self._exchange.send_part(words.KEEPALIVE)
                except PeerGone:
                    return

    def stop(self) -> None:
        with self._exchange.sending:  # never in the middle of its write
            self._greenlet.kill()


class ChunkStream:
    """Collects chunks and writes them together; knows which come first and last."""

    def __init__(self, exchange: Exchange, call: Call, dialect: Dialect, keepalive_seconds: float) -> None:
        self._exchange, self._call, self._dialect = exchange, call, dialect
        self._waiting: list[bytes] = []
        self._channel: str | None = None
        exchange.start_stream(words.stream_headers(call.request_id))
        self._keepalive = KeepAlive(exchange, call, keepalive_seconds)

    def add(self, piece: Piece) -> None:
        self._open(piece.channel)
        self._waiting.append(self._dialect.delta(piece.channel, piece.text))
        self._call.note_text(piece.channel, piece.text)
        if len(self._waiting) >= BATCH_PIECES:
            self.flush()
            gevent.sleep(0)

    def flush(self) -> None:
        if self._waiting:
            parts, self._waiting = self._waiting, []
            for part in parts:
                self._call.note_sent(part)
            self._keepalive.last_sent = time.monotonic()
            self._exchange.send_part(*parts)

    def finish(self, end: End, include_usage: bool) -> None:
        self._open("content")
        self._waiting.append(self._dialect.finish(end.finish_reason, cites=bool(end.searches)))
        if include_usage:
            self._waiting.append(self._dialect.usage(end))
        self._close(words.DONE)

    def fail(self, error: ApiError) -> None:
        """The upstream's way out once the headers are gone: an error in the stream, and no end mark."""
        self._close(words.frame(error.body()))

    def stop(self) -> None:
        self._keepalive.stop()

    def _open(self, channel: str) -> None:
        if self._channel is None:
            self._waiting.append(self._dialect.role())
        elif self._channel == "reasoning" and channel == "content":
            self._waiting += self._dialect.thoughts_over()
        self._channel = channel

    def _close(self, last: bytes) -> None:
        self._waiting.append(last)
        self._keepalive.stop()
        self.flush()
        self._exchange.end_stream()


def answer_stream(exchange: Exchange, call: Call, dialect: Dialect, said: Iterator[Piece | End], *, include_usage: bool,
                  keepalive_seconds: float) -> None:
    started = time.monotonic()
    stream = ChunkStream(exchange, call, dialect, keepalive_seconds)
    try:
        for item in said:
            if isinstance(item, End):
                _note_end(call, item)
                stream.finish(item, include_usage)
                return
            wait = item.at_seconds - (time.monotonic() - started)
            if wait > EARLY_SECONDS:
                stream.flush()
                exchange.peer.pause(wait)
            stream.add(item)
            if item.live:
                stream.flush()
    except ApiError as error:
        call.outcome = "failed"
        stream.fail(error)
    finally:
        stream.stop()


def answer_whole(exchange: Exchange, call: Call, dialect: Dialect, said: Iterator[Piece | End]) -> None:
    """The answer of `stream: false`: nothing, for as long as a stream would take, then all of it."""
    started = time.monotonic()
    texts: dict[str, list[str]] = {"content": [], "reasoning": []}
    for item in said:
        if isinstance(item, End):
            break
        exchange.peer.pause(item.at_seconds - (time.monotonic() - started))
        texts[item.channel].append(item.text)
    for channel, parts in texts.items():
        call.note_text(channel, "".join(parts))
    _note_end(call, item)
    body = orjson.dumps(dialect.completion("".join(texts["content"]), "".join(texts["reasoning"]), item))
    call.note_sent(body)
    exchange.send_bytes(200, body, {"Content-Type": "application/json; charset=utf-8", "X-ZenMux-RequestId": call.request_id})


def answer_script(exchange: Exchange, call: Call, script: Script) -> None:
    """Exactly the bytes of a script. Afterwards the connection is only good where the player says so."""
    end, framing = script.http.get("end", "clean"), script.http.get("framing", "chunked")
    exchange.closing = exchange.closing or end != "clean" or framing not in ("chunked", "length")
    if end == "reset":
        exchange.peer.stop()  # the player closes the socket itself, and a watch must not sit on a closed one

    def note(number: int, data: bytes) -> None:
        call.note_sent(data)
        if number < len(script.pieces) and (piece := script.pieces[number]):
            call.note_text(*piece)

    call.status = script.http.get("status", 200)
    try:
        wire.play(exchange.connection.sock, script.chunks, script.http, on_sent=note, sleep=exchange.peer.pause)
    except OSError as exc:
        exchange.peer.mark_gone()
        raise PeerGone from exc
    if end in ("hang", "silent"):
        exchange.peer.mark_gone()
    call.outcome = "broken"


def _note_end(call: Call, end: End) -> None:
    call.finish_reason, call.usage = end.finish_reason, words.usage_object(end)
