"""An HTTP/1.1 request out of the bytes of a connection, or a refusal. Strict: where RFC 9112 lets a server choose, it refuses.

Bytes past the request stay in the connection's buffer for the next one. It answers nothing; `httpd.py` does.
"""
from __future__ import annotations

import re
import socket
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs

HEAD_LIMIT_BYTES = 64 * 1024
HEADER_COUNT_LIMIT = 100
BODY_LIMIT_BYTES = 32 * 1024 * 1024
IDLE_SECONDS = 120
READ_SECONDS = 30
READ_BYTES = 65536

REQUEST_LINE = re.compile(rb"([A-Z]{1,20}) (/[\x21-\x7e]{0,8000}) HTTP/1\.([01])")
HEADER_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([^\x00-\x08\x0a-\x1f\x7f]*)")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[^\r\n]*)?")


class Refused(Exception):
    """The bytes are not a request we take; the connection closes after the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


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
        name, value = pair[1].decode("ascii").lower(), pair[2].strip(b" \t").decode("latin-1")
        if name in headers and name in ("content-length", "host", "transfer-encoding"):
            raise Refused(400, f"The request has more than one {name} header.")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    minor = int(first[3])
    if minor == 1 and "host" not in headers:
        raise Refused(400, "The request has no Host header.")
    path, _, query = first[2].decode("ascii").partition("?")
    return Request(first[1].decode("ascii"), path, parse_qs(query, keep_blank_values=True), headers, minor_version=minor)
