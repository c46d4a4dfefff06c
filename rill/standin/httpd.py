"""A small HTTP/1.1 server on a gevent socket: answers requests one after another and notices a peer that leaves.

Its own because the stand-in must own the raw socket: faults are exact bytes, and the ledger must know when a peer closed even
while we are silent. It knows nothing of chat; it does no TLS, HTTP/2, compression or proxying. `incoming.py` parses for it,
`service.py` is its handler.
"""
from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from email.utils import formatdate
from http.client import responses

import gevent
import orjson
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from rill.standin.incoming import READ_BYTES, Connection, Refused, Request

EARLY_BYTES_LIMIT = 1024 * 1024  # of the next request, kept while this one is answered
LINGER_SECONDS = 1.0


class PeerGone(Exception):
    """The other side closed while it was being answered."""


class PeerWatch:
    """Sets `gone` the moment the peer closes or resets, also while nothing is being sent to it.

    It waits on its own libev watcher, so the handler may use the socket meanwhile. Bytes that come early belong to the next
    request and are kept for it; past a limit the watch ends, and only a failing write tells.
    """

    def __init__(self, connection: Connection) -> None:
        self.gone = Event()
        self.on_gone: list[Callable[[], None]] = []
        self._connection = connection
        self._greenlet = gevent.spawn(self._watch)

    def _watch(self) -> None:
        connection, hub = self._connection, gevent.get_hub()
        watcher = hub.loop.io(connection.sock.fileno(), 1)
        try:
            while len(connection.buffer) < EARLY_BYTES_LIMIT:
                hub.wait(watcher)
                try:
                    data = os.read(connection.sock.fileno(), READ_BYTES)  # not recv: that would wait on the socket's own watcher
                except BlockingIOError:
                    continue
                except OSError:
                    data = b""
                if not data:
                    return self.mark_gone()
                connection.buffer += data
        finally:
            watcher.close()

    def mark_gone(self) -> None:
        if not self.gone.is_set():
            self.gone.set()
            for call in self.on_gone:
                call()

    def pause(self, seconds: float) -> None:
        """Sleep, but not past the peer's end."""
        if self.gone.wait(max(0.0, seconds)):
            raise PeerGone

    def stop(self) -> None:
        self._greenlet.kill()


class Exchange:
    """One request and the means to answer it once."""

    def __init__(self, connection: Connection, request: Request) -> None:
        self.connection = connection
        self.request = request
        self.peer = PeerWatch(connection)
        self.sending = BoundedSemaphore()  # held during a write, so that two greenlets never mix theirs
        self.closing = request.wants_close()
        self._chunked = False

    def send_json(self, status: int, body: object, headers: Mapping[str, str] | None = None) -> None:
        self.send_bytes(status, orjson.dumps(body), {"Content-Type": "application/json; charset=utf-8", **(headers or {})})

    def send_bytes(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send(self._head(status, {**headers, "Content-Length": str(len(body))}) + body)

    def start_stream(self, headers: Mapping[str, str]) -> None:
        """Headers of a body without a known length: chunked, or to the end of the connection for HTTP/1.0."""
        self._chunked = self.request.minor_version == 1
        if self._chunked:
            self.send(self._head(200, {**headers, "Transfer-Encoding": "chunked"}))
        else:
            self.closing = True
            self.send(self._head(200, headers))

    def send_part(self, *parts: bytes) -> None:
        """Each part is an HTTP chunk of its own; all go out in one write."""
        if self._chunked:
            self.send(b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts))
        else:
            self.send(b"".join(parts))

    def end_stream(self) -> None:
        if self._chunked:
            self.send(b"0\r\n\r\n")

    def send(self, data: bytes) -> None:
        try:
            with self.sending:
                if self.peer.gone.is_set():
                    raise PeerGone
                self.connection.sock.sendall(data)
        except OSError as exc:
            self.peer.mark_gone()
            raise PeerGone from exc

    def _head(self, status: int, headers: Mapping[str, str]) -> bytes:
        lines = [f"HTTP/1.1 {status} {responses.get(status, 'Unknown')}", f"Date: {formatdate(usegmt=True)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append("Connection: close" if self.closing else "Connection: keep-alive")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def serve_connection(sock: socket.socket, number: int, handle: Callable[[Exchange], None],
                     error_body: Callable[[int, str], object]) -> None:
    """Answer requests one after another until either side closes."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection = Connection(sock, number)
    while True:
        try:
            request = connection.read_request()
        except Refused as refused:
            _refuse(connection, refused, error_body)
            return
        except OSError:
            return
        if request is None:
            return
        sock.settimeout(None)  # a reader may be as slow as it likes; `gone` tells when it left
        exchange = Exchange(connection, request)
        try:
            handle(exchange)
        except PeerGone:
            return
        finally:
            exchange.peer.stop()
        if exchange.closing or exchange.peer.gone.is_set():
            return


def _refuse(connection: Connection, refused: Refused, error_body: Callable[[int, str], object]) -> None:
    """Answer, then read a little of what still comes: closing on unread bytes would reset the answer away."""
    exchange = Exchange(connection, Request("GET", "/", {}, {"connection": "close"}))
    try:
        exchange.send_json(refused.status, error_body(refused.status, refused.message))
        connection.sock.shutdown(socket.SHUT_WR)
        exchange.peer.gone.wait(LINGER_SECONDS)
    except (PeerGone, OSError):
        pass
    finally:
        exchange.peer.stop()
