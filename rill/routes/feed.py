"""`GET /api/feed`: everything that happens to a user's messages, as one event stream (PROTOCOL section 5)."""
from __future__ import annotations

import os
import socket
from collections.abc import Iterator

from flask import Blueprint, Response, request
from gevent.monkey import get_original

from rill import metrics
from rill.catchup import catch_up
from rill.cursor import parse_cursor
from rill.hub import Hub, Reader
from rill.routes.door import parts, user
from rill.sse import dumps, frame

BATCH_BYTES = 64 * 1024  # sent at once; more waits in the text until the socket has taken this
DEAD_PEER_MS = 45_000  # a peer that acknowledges nothing for so long is gone, whatever it never said

HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "Content-Encoding": "identity"}

feed = Blueprint("feed", __name__)


@feed.get("/api/feed")
def open_feed() -> Response:
    named = parse_cursor(request.headers.get("Last-Event-ID") or request.args.get("have", ""))
    if request.method == "HEAD":
        return Response(mimetype="text/event-stream", headers=HEADERS)
    hub: Hub = parts.hub
    connection = request.environ.get("gunicorn.socket")
    reader = hub.open(user().id, request.remote_addr or "", lambda: _has_left(connection))
    try:
        first = catch_up(parts.db, parts.engine, reader, named, parts.boot)
    except BaseException:
        hub.close(reader)
        raise
    _notice_dead_peers(connection)
    response = Response(_stream(reader, first), mimetype="text/event-stream", headers=HEADERS)
    response.call_on_close(lambda: _close(hub, reader))  # also when the stream was never begun
    metrics.open_feeds.inc()
    return response


def _stream(reader: Reader, first: Iterator[bytes]) -> Iterator[bytes]:
    yield from _batched(first)
    while reader.bye is None:
        reader.wait()
        if reader.bye is None:
            yield from _batched(reader.drain())
    yield frame("bye", dumps({"reason": reader.bye}))


def _batched(frames: Iterator[bytes]) -> Iterator[bytes]:
    batch, size = [], 0
    for one in frames:
        batch.append(one)
        size += len(one)
        if size >= BATCH_BYTES:
            yield b"".join(batch)
            batch, size = [], 0
    if batch:
        yield b"".join(batch)


def _close(hub: Hub, reader: Reader) -> None:
    hub.close(reader)
    metrics.open_feeds.dec()


def _has_left(connection: socket.socket | None) -> bool:
    """Whether the peer closed its side: then there is an end to be read. Never waits, unlike gevent's own recv."""
    if connection is None:
        return False
    try:
        with get_original("socket", "socket")(fileno=os.dup(connection.fileno())) as probe:
            return probe.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _notice_dead_peers(connection: socket.socket | None) -> None:
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux only; elsewhere the kernel's own limit stands
    if connection is not None and option is not None and connection.family != socket.AF_UNIX:
        connection.setsockopt(socket.IPPROTO_TCP, option, DEAD_PEER_MS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
