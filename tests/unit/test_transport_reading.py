"""The transport's own reading: HTTP chunks cut out of a recv are what http.client would have read, and a greenlet's one
alarm keeps the limits that a socket's timeout keeps elsewhere."""
from __future__ import annotations

import http.client
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rill.transport import CURRENT, Deadlines, _TimedReader, _Response, whole_chunks
from tests.support import seeded

ROOT = Path(__file__).resolve().parents[2]
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import sys, pytest
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "tests/unit/test_zenmux_limits.py"]))
"""


class Cut:
    """A socket whose every recv brings the next of the given pieces."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def settimeout(self, seconds: float | None) -> None:
        pass

    def recv_into(self, buffer: Any) -> int:
        piece = self._pieces.pop(0) if self._pieces else b""
        if len(piece) > len(buffer):
            self._pieces.insert(0, piece[len(buffer):])
        size = min(len(piece), len(buffer))
        buffer[:size] = piece[:size]
        return size

    def makefile(self, _mode: str, buffering: int) -> Cut:
        return self

    def close(self) -> None:
        pass


def read(kind: type[http.client.HTTPResponse], pieces: list[bytes]) -> tuple[bytes, str, bool]:
    """The body, what broke it, and whether the response counts as read to its end."""
    CURRENT.set(Deadlines(0))
    response, body, broken = kind(_TimedReader(Cut(pieces))), b"", ""
    response.begin()
    try:
        while data := response.read1(65536):
            body += data
    except (http.client.HTTPException, ValueError) as error:
        broken = type(error).__name__
    return body, broken, response.isclosed()


def cut(wire: bytes, rng: random.Random) -> list[bytes]:
    places = sorted(rng.sample(range(1, len(wire)), rng.randint(0, min(12, len(wire) - 1))))
    return [wire[start:end] for start, end in zip([0, *places], [*places, len(wire)], strict=True)]


def chunked(rng: random.Random) -> bytes:
    """A body as servers send it, often honest and sometimes not."""
    wire = b""
    for _ in range(rng.randint(0, 8)):
        data = rng.choice([b"data: x\n\n", b"\r\n", b"0\r\n\r\n", b"a" * rng.choice([1, 15, 16, 300, 20_000])])
        size = rng.choice([b"%x", b"%X", b"%04x", b"%x;name=value", b"%x "]) % len(data)
        wire += size + b"\r\n" + data + b"\r\n"
    return wire + rng.choice([b"0\r\n\r\n", b"0\r\n\r\n", b"0\r\nTrailer: yes\r\n\r\n", b"", b"5\r\nab", b"zz\r\n", b"-1\r\n", b"5"])


def test_whatever_the_chunks_and_the_cuts_the_body_is_what_http_client_reads() -> None:
    rng = seeded()
    for _ in range(2000):
        wire = chunked(rng)
        pieces = cut(HEAD + wire, rng)
        expected = read(http.client.HTTPResponse, [HEAD + wire])
        assert read(_Response, pieces[:]) == expected, (wire, pieces)


def test_chunks_that_came_together_are_given_together() -> None:
    assert whole_chunks(b"3\r\nabc\r\n2\r\nde\r\n4\r\nfg", 0) == (b"abcde", 15)


@pytest.mark.parametrize("data", [b"", b"3", b"3\r\nab", b"3\r\nabc", b"3\r\nabcd\r\n", b"0\r\n\r\n", b"3;x=y\r\nabc\r\n", b"-3\r\nabc\r\n", b"zz\r\nabc\r\n"])
def test_what_is_no_plain_whole_chunk_is_left_alone(data: bytes) -> None:
    assert whole_chunks(data, 0) == (b"", 0)


def test_under_gevent_every_limit_fires_as_it_does_elsewhere() -> None:
    done = subprocess.run([sys.executable, "-c", UNDER_GEVENT], cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
