"""One HTTP exchange with the upstream: connections that keep time, requests that carry nothing of the environment.

What requests alone does not do is done here: a deadline holds over every single recv, headers and HTTP chunk sizes
included (a socket timeout starts anew with each byte, so a peer that trickles never meets it), and a wait that is
broken by an exception (gevent's kill too) closes its socket at once. The adapter is used without a Session: no
cookies, no .netrc, no proxies from the environment, no redirect is followed. It knows nothing of chat or of frames.

Called by zenmux.py and exchange.py. Works on plain and on gevent-patched sockets alike.
"""
from __future__ import annotations

import http.client
import io
import math
import socket
import time
import traceback
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import gevent.socket
import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import create_urllib3_context

from rill.masking import Mask

CA_FILE = requests.certs.where()
READ_BYTES = 65536
RECV_BUFFER_BYTES = 16384
IDLE_CONNECTIONS = 16  # kept for the next requests; more would stay half closed until somebody reuses them
TURN_BYTES = 65536  # an upstream that is always ready must let the other greenlets run now and then
TURN_SECONDS = 1e-6  # not 0: gevent's sleep(0) comes back up to 50 times before the loop looks at sockets and timers
CRLF = b"\r\n"
CHUNK_HEAD_BYTES = 12  # a chunk size longer than this is http.client's to judge
READ_COST_BYTES = 1024  # what a read costs beside its bytes, so that tiny HTTP chunks make turns too
KNOWN_ENCODINGS = {"", "identity", *({"gzip", "x-gzip", "deflate", "br"} & set(urllib3.HTTPResponse.CONTENT_DECODERS))}
EARLY_SECONDS = 0.05  # gevent's timers count from the start of the loop's turn, so a timeout may come a little early

READ_ERRORS = (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


@dataclass(frozen=True, slots=True)
class Limits:
    """Times in seconds; 0 = no limit."""
    connect_seconds: float = 10.0
    first_data_seconds: float = 900.0  # from the start to the first text; roles, comments and empty deltas are none
    content_seconds: float = 180.0  # then from text to text
    answer_seconds: float = 3600.0
    max_frame_bytes: int = 4 * 1024 * 1024


class Deadlines:
    """When the wait under way must end, and which limit that would be. 0 seconds = no limit."""

    def __init__(self, whole_seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._whole_seconds = whole_seconds
        self._whole_at = now() + (whole_seconds or math.inf)
        self._step, self._step_seconds, self._step_at = "", 0.0, math.inf

    def expect(self, step: str, seconds: float) -> None:
        """From now on something named `step` must come within `seconds`."""
        self._step, self._step_seconds, self._step_at = step, seconds, self._now() + (seconds or math.inf)

    def remaining(self) -> float | None:
        """Seconds for a socket timeout, None for no limit; raises TimeoutError when there are none left."""
        left = min(self._step_at, self._whole_at) - self._now()
        if left <= 0:
            raise TimeoutError
        return None if left == math.inf else left

    @property
    def at(self) -> float:
        """On the clock, when it must end; inf for no limit."""
        return self._step_at if self._step_at < self._whole_at else self._whole_at

    @property
    def are_over(self) -> bool:
        return min(self._step_at, self._whole_at) <= self._now() + EARLY_SECONDS

    @property
    def passed(self) -> tuple[str, float]:
        """The limit that ends first: what was waited for, and its seconds."""
        if self._step_at <= self._whole_at:
            return self._step, self._step_seconds
        return "the whole answer", self._whole_seconds


CURRENT: ContextVar[Deadlines] = ContextVar("deadlines of the request being sent")


class _TimedFile(io.RawIOBase):
    """The reading side of a socket, each recv under the request's deadlines."""

    def __init__(self, sock: socket.socket, deadlines: Deadlines) -> None:
        self._sock = sock
        self._deadlines = deadlines
        self._file = sock.makefile("rb", buffering=0)  # holds the descriptor when http.client closes the socket early

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._deadlines.remaining())
        return self._sock.recv_into(buffer)

    def close(self) -> None:
        self._file.close()
        super().close()


class _GreenletFile(_TimedFile):
    """The same where a greenlet reads, for 10 us a recv less: gevent's own socket asks the kernel before it waits, in vain
    where tokens come one by one, and makes a timer for each wait. Here one timer serves the whole response."""

    def __init__(self, sock: socket.socket, deadlines: Deadlines) -> None:
        super().__init__(sock, deadlines)
        sock.settimeout(None)
        self._hub = gevent.get_hub()
        self._readable = self._hub.loop.io(sock.fileno(), 1)
        self._pending = getattr(sock, "pending", None)  # what TLS has decrypted already
        self._has_more = False
        self._alarm: Any = None
        self._alarm_at = math.inf
        self._reader: Any = None  # the greenlet that waits

    def readinto(self, buffer: Any) -> int | None:
        if self._deadlines.at < self._alarm_at:
            self._set_alarm()
        self._reader = gevent.getcurrent()
        try:
            if not (self._has_more or self._pending and self._pending()):
                self._hub.wait(self._readable)
            size = self._sock.recv_into(buffer)
        finally:
            self._reader = None
        self._has_more = size == len(buffer)
        return size

    def _set_alarm(self) -> None:
        left = self._deadlines.remaining()
        self._drop_alarm()
        if left is not None:
            self._alarm_at = self._deadlines.at
            self._alarm = self._hub.loop.timer(left)
            self._alarm.start(self._ring)

    def _ring(self) -> None:
        """In the hub. The limit has mostly moved since the alarm was set: each piece of text moves it."""
        reader = self._reader
        self._drop_alarm()
        try:
            self._set_alarm()
        except TimeoutError as error:
            if reader is not None:
                reader.throw(error)

    def _drop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.close()
        self._alarm, self._alarm_at = None, math.inf

    def close(self) -> None:
        self._drop_alarm()
        self._readable.close()
        super().close()


class _TimedReader:
    """All that http.client.HTTPResponse wants of a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def makefile(self, _mode: str) -> io.BufferedReader:
        kind = _GreenletFile if isinstance(self._sock, gevent.socket.socket) else _TimedFile
        return io.BufferedReader(kind(self._sock, CURRENT.get()), RECV_BUFFER_BYTES)


class _Response(http.client.HTTPResponse):
    """http.client's, which takes a dozen calls to read one HTTP chunk: here those that one recv brought whole are cut
    out of it at once, and all else (a chunk in parts, the last one, trailers, nonsense) is left to http.client."""

    def read1(self, n: int = -1) -> bytes:
        if self.chunked and self.fp is not None and not self.chunk_left:
            at = 0 if self.chunk_left is None else len(CRLF)  # http.client leaves the end of a chunk for the next read
            payload, end = whole_chunks(self.fp.peek(), at)
            if payload:
                self.fp.read(end)
                self.chunk_left = None
                return payload
        return super().read1(n)


def whole_chunks(data: bytes, at: int) -> tuple[bytes, int]:
    """The payloads of all whole HTTP chunks from `at` on, joined, and where they end."""
    payloads = []
    while (line_end := data.find(CRLF, at, at + CHUNK_HEAD_BYTES)) > 0 and (size := data[at:line_end]).isalnum():
        try:
            start = line_end + len(CRLF)
            end = start + int(size, 16)
        except ValueError:
            break
        if end == start or data[end:end + len(CRLF)] != CRLF:
            break
        payloads.append(data[start:end])
        at = end + len(CRLF)
    return payloads[0] if len(payloads) == 1 else b"".join(payloads), at


class _Timed:
    @staticmethod
    def response_class(sock: socket.socket, *args: Any, **options: Any) -> http.client.HTTPResponse:
        return _Response(_TimedReader(sock), *args, **options)

    def connect(self) -> None:
        try:
            super().connect()
        except BaseException as error:
            # A killed greenlet keeps its exception, the exception its frames, and they the half-open socket.
            traceback.clear_frames(error.__traceback__)
            raise


class _Connection(_Timed, HTTPConnection):
    pass


class _TLSConnection(_Timed, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class Transport(HTTPAdapter):
    """Sends one request, once."""

    def __init__(self) -> None:
        super().__init__(pool_maxsize=IDLE_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        # One context for all: reading the certificates costs 15 ms, and nobody else runs meanwhile.
        context = create_urllib3_context()
        context.load_verify_locations(CA_FILE)
        super().init_poolmanager(*args, ssl_context=context, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """requests would have each connection read the certificates again; the context has them, and requires them."""

    def open(self, request: requests.Request, deadlines: Deadlines, connect_seconds: float) -> requests.Response:
        """The response with its headers; the body is still on the wire. Raises requests' exceptions."""
        left = deadlines.remaining()
        connect = min(connect_seconds or math.inf, math.inf if left is None else left)
        timeout = urllib3.Timeout(connect=None if connect == math.inf else connect, read=left)
        token = CURRENT.set(deadlines)
        try:
            return self.send(request.prepare(), stream=True, timeout=timeout)
        finally:
            CURRENT.reset(token)


class Body:
    """A response's body as it comes: de-chunked, decompressed, the secret masked. Iterate it once, or in parts."""

    def __init__(self, response: requests.Response, deadlines: Deadlines, secret: str,
                 record: Callable[[bytes], None] | None = None) -> None:
        self._pieces = self._read(response.raw, deadlines, Mask(secret.encode()), record)

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def up_to(self, limit: int) -> bytes:
        """At most about `limit` bytes of what is still to come; a body that breaks or is late gives what came."""
        data = b""
        try:
            for piece in self._pieces:
                data += piece
                if len(data) >= limit:
                    break
        except READ_ERRORS:
            pass
        return data[:limit]

    @staticmethod
    def _read(raw: urllib3.BaseHTTPResponse, deadlines: Deadlines, mask: Mask[bytes],
              record: Callable[[bytes], None] | None) -> Iterator[bytes]:
        failure: Exception | None = None
        turn = 0
        # urllib3 adds decompression and a check of Content-Length, at a third of a read's cost: not where there is neither.
        plain = raw._original_response.read1 if raw.chunked and "Content-Encoding" not in raw.headers else None
        while True:
            try:
                data = plain and plain(READ_BYTES) or raw.read1(READ_BYTES, decode_content=True)
                turn += len(data or b"") + READ_COST_BYTES
                if turn > TURN_BYTES:
                    turn = 0
                    deadlines.remaining()  # a gzip bomb is read from memory: no recv looks at the clock
                    time.sleep(TURN_SECONDS)
            except READ_ERRORS as error:
                data, failure = b"", error
            shown = mask.feed(data) if data else mask.flush()
            if shown:
                if record is not None:
                    record(shown)
                yield shown
            if failure:
                raise failure
            if not data:
                return
