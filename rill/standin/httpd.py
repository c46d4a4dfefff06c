"""A small strict HTTP/1.1 server over a gevent socket: parses requests, writes answers, notices a peer that leaves.

Its own because the stand-in must own the raw socket: faults are exact bytes, and the ledger must know when a peer closed even
while we are silent. It knows nothing of chat; it does not do TLS, HTTP/2, compression or proxies. `service.py` is its handler.
Syntax follows RFC 9112; where the RFC lets a server choose, it refuses.
"""
from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from urllib.parse import parse_qs

import gevent
import orjson
from gevent.event import Event
from gevent.lock import BoundedSemaphore

HEAD_LIMIT_BYTES = 64 * 1024
HEADER_COUNT_LIMIT = 100
BODY_LIMIT_BYTES = 32 * 1024 * 1024
EARLY_BYTES_LIMIT = 1024 * 1024  # of the next request, kept while this one is answered
IDLE_SECONDS = 120
READ_SECONDS = 30
READ_BYTES = 65536

REASONS = {100: "Continue", 200: "OK", 201: "Created", 204: "No Content", 302: "Found", 400: "Bad Request", 401: "Unauthorized",
           402: "Payment Required", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 413: "Content Too Large",
           422: "Unprocessable Content", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
           500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable",
           505: "HTTP Version Not Supported"}

REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) (/[\x21-\x7e]{0,8000}) HTTP/1\.([01])")
HEADER_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*((?:[^\x00-\x08\x0a-\x1f\x7f])*?)[ \t]*")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[^\r\n]*)?")


class Refused(Exception):
    """The bytes are not a request we take; the connection closes after the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class PeerGone(Exception):
    """The other side closed while it was being answered."""


@dataclass(slots=True)
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]  # names in lower case; repeated ones joined by ", "
    body: bytes = b""
    minor_version: int = 1

    def wants_close(self) -> bool:
        tokens = {token.strip().lower() for token in self.headers.get("connection", "").split(",")}
        return "close" in tokens or (self.minor_version == 0 and "keep-alive" not in tokens)


@dataclass(slots=True)
class Connection:
    """One accepted socket with the bytes that were read but not used yet."""
    sock: socket.socket
    number: int
    accepted_at: float = field(default_factory=time.monotonic)
    buffer: bytearray = field(default_factory=bytearray)

    def read_request(self) -> Request | None:
        """The next request, or None at a clean end of the connection."""
        head = self._read_head()
        if head is None:
            return None
        request = parse_head(head)
        self.sock.settimeout(READ_SECONDS)
        request.body = self._read_body(request)
        return request

    def _read_head(self) -> bytes | None:
        self.sock.settimeout(IDLE_SECONDS)
        searched = 0
        while True:
            if self.buffer[:2] == b"\r\n":  # RFC 9112 2.2: an empty line before a request is ignored
                del self.buffer[:2]
                continue
            end = self.buffer.find(b"\r\n\r\n", max(0, searched - 3))
            if end >= 0:
                return self._take(end + 4)[:-4]
            searched = len(self.buffer)
            if searched > HEAD_LIMIT_BYTES:
                raise Refused(431, "The request's headers are too large.")
            if not self._fill():
                if self.buffer:
                    raise Refused(400, "The request ended in its headers.")
                return None
            self.sock.settimeout(READ_SECONDS)

    def _read_body(self, request: Request) -> bytes:
        length, coding = request.headers.get("content-length"), request.headers.get("transfer-encoding")
        if coding is not None and (length is not None or coding.lower() != "chunked" or request.minor_version == 0):
            raise Refused(400, "The request's framing is ambiguous.")
        if coding is None and not re.fullmatch("[0-9]{1,18}", length or "0"):
            raise Refused(400, "Content-Length is not a number.")
        if coding is None and int(length or 0) > BODY_LIMIT_BYTES:
            raise Refused(413, "Prompt is too long")
        if request.headers.get("expect", "").lower() == "100-continue" and not self.buffer:
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return self._read_chunked() if coding else self._read_exactly(int(length or 0))

    def _read_chunked(self) -> bytes:
        body = bytearray()
        while True:
            size_line = CHUNK_SIZE.fullmatch(self._read_line())
            if size_line is None:
                raise Refused(400, "A chunk size of the request is not a number.")
            size = int(size_line[1], 16)
            if size == 0:
                break
            if len(body) + size > BODY_LIMIT_BYTES:
                raise Refused(413, "Prompt is too long")
            body += self._read_exactly(size)
            if self._read_exactly(2) != b"\r\n":
                raise Refused(400, "A chunk of the request does not end where it says.")
        while self._read_line():  # trailers mean nothing here
            pass
        return bytes(body)

    def _read_line(self) -> bytes:
        while (end := self.buffer.find(b"\r\n")) < 0:
            if len(self.buffer) > HEAD_LIMIT_BYTES or not self._fill():
                raise Refused(400, "The request's body is broken.")
        return self._take(end + 2)[:-2]

    def _read_exactly(self, size: int) -> bytes:
        while len(self.buffer) < size:
            if not self._fill():
                raise Refused(400, "The request ended in its body.")
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def _fill(self) -> bool:
        data = self.sock.recv(READ_BYTES)
        self.buffer += data
        return bool(data)


def parse_head(head: bytes) -> Request:
    lines = head.split(b"\r\n")
    first = REQUEST_LINE.fullmatch(lines[0])
    if first is None:
        raise Refused(505 if re.search(rb" HTTP/[^1]\S*$", lines[0]) else 400, "The request line is malformed.")
    if len(lines) > HEADER_COUNT_LIMIT:
        raise Refused(431, "The request has too many headers.")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        pair = HEADER_LINE.fullmatch(line)
        if pair is None:
            raise Refused(400, "A header line of the request is malformed.")
        name, value = pair[1].decode("ascii").lower(), pair[2].decode("latin-1")
        if name in headers and name in ("content-length", "host", "transfer-encoding"):
            raise Refused(400, f"The request has more than one {name} header.")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    minor = int(first[3])
    if minor == 1 and "host" not in headers:
        raise Refused(400, "The request has no Host header.")
    path, _, query = first[2].decode("ascii").partition("?")
    return Request(first[1].decode("ascii"), path, parse_qs(query, keep_blank_values=True), headers, minor_version=minor)


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
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}", f"Date: {formatdate(usegmt=True)}"]
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
        exchange.peer.gone.wait(1.0)
    except (PeerGone, OSError):
        pass
    finally:
        exchange.peer.stop()
