"""Plays byte-exact upstream behaviour on a connected socket: one list of writes, one HTTP framing, one ending.

The vocabulary (`chunks`, `http`) is explained under `conventions` in tests/fixtures/wire_cases.json. Works on plain and
on gevent sockets; blocks only in `sleep`, send and recv. It does not accept, does not parse what was asked, and keeps
no ledger: `on_sent(n, data)` is called after the n-th write for whoever keeps one.

Called by the stand-in's fault scripts and by the tests' servers. The caller has read the whole request before (else a
FIN turns into a RST; `read_request` does it for a bare socket) and closes the socket after. After a `clean` end of the
framings `chunked` and `length` the connection can carry another request; after every other ending it is shut.
"""
from __future__ import annotations

import base64
import contextlib
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from http.client import responses
from typing import Any

DEFAULT_DELAY_MS = 10
MISSING_BYTES = 1000  # how much a `cut` body of known length stays short of its Content-Length
GZIP_WBITS = 31
LINGER_ZERO = struct.pack("ii", 1, 0)  # close() sends RST


def play(sock: socket.socket, chunks: list[Any], http: dict[str, Any], *,
         on_sent: Callable[[int, bytes], None] | None = None,
         sleep: Callable[[float], None] = time.sleep) -> None:
    """Answer one request that has been read. Raises OSError when the peer is gone while something is still to send."""
    end = http.get("end", "clean")
    if end in ("silent", "noresponse"):
        finish(sock, end)
        return
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    writes = list(expand(chunks))
    framing = http.get("framing", "chunked")
    sock.sendall(head(http, framing, sum(map(len, writes))))
    deflate = zlib.compressobj(wbits=GZIP_WBITS) if framing.startswith("gzip") else None
    chunked = framing in ("chunked", "gzip+chunked")
    for number, (data, delay) in enumerate(zip(writes, delays(http.get("delays_ms", DEFAULT_DELAY_MS)))):
        if delay:
            sleep(delay / 1000)
        body = deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH) if deflate else data
        if body:  # an empty HTTP chunk would be the end of the body
            sock.sendall(http_chunk(body) if chunked else body)
        if on_sent:
            on_sent(number, data)
    if end == "clean":
        tail = deflate.flush() if deflate else b""
        if chunked:
            tail = (http_chunk(tail) if tail else b"") + b"0\r\n\r\n"
        elif framing == "one-http-chunk":
            tail = b"\r\n0\r\n\r\n"
        sock.sendall(tail)
        if framing in ("chunked", "length"):
            return
    finish(sock, end)


def finish(sock: socket.socket, end: str) -> None:
    """How the connection ends once everything is written."""
    if end in ("hang", "silent"):
        wait_for_close(sock)
    elif end == "reset":
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        sock.close()
    else:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)


def wait_for_close(sock: socket.socket) -> None:
    """Return when the peer has closed or reset the connection, however long that takes."""
    sock.settimeout(None)
    with contextlib.suppress(OSError):
        while sock.recv(65536):
            pass


def expand(chunks: list[Any]) -> Iterator[bytes]:
    """Each write's bytes: text, `b64:` bytes, or {"repeat": n, "of": text}."""
    for entry in chunks:
        times, of = (entry["repeat"], entry["of"]) if isinstance(entry, dict) else (1, entry)
        data = base64.b64decode(of[4:]) if of.startswith("b64:") else of.encode()
        for _ in range(times):
            yield data


def delays(given: float | list[float]) -> Iterator[float]:
    """Milliseconds before each write; a list that is too short goes on with its last number."""
    values = given if isinstance(given, list) else [given]
    yield from values
    while True:
        yield values[-1] if values else 0


def head(http: dict[str, Any], framing: str, total: int) -> bytes:
    status = http.get("status", 200)
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Unknown')}"]
    lines += [f"{name}: {value}" for name, value in http.get("headers", {}).items()]
    if framing.startswith("gzip"):
        lines.append("Content-Encoding: gzip")
    if framing in ("chunked", "gzip+chunked", "one-http-chunk"):
        lines.append("Transfer-Encoding: chunked")
    elif framing == "length":
        lines.append(f"Content-Length: {total + (MISSING_BYTES if http.get('end') == 'cut' else 0)}")
    else:
        lines.append("Connection: close")
    body_start = b"%x\r\n" % total if framing == "one-http-chunk" else b""
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body_start


def http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def read_request(sock: socket.socket) -> bytes:
    """The whole request, head and Content-Length body; b"" when the peer closed instead of asking."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            return b""
        data += piece
    header, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in header.split(b"\r\n")
                   if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        piece = sock.recv(65536)
        if not piece:
            return b""
        body += piece
    return header + b"\r\n\r\n" + body
