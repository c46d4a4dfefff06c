"""How the stand-in reads HTTP requests: what is refused, what is kept for the next one, and that nothing else ever happens."""
from __future__ import annotations

import random
import socket

import pytest

from rill.standin.incoming import Connection, Refused, Request

SEED = 1203
GOOD = b"POST /a?x=1&x=2 HTTP/1.1\r\nHost: h\r\nX-A:  one\t\r\nx-a: two\r\nContent-Length: 2\r\n\r\nhi"
CHUNKED = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;note=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n"


def read_all(data: bytes, sizes: list[int] | None = None) -> list[Request]:
    """Every request in the bytes, sent in writes of the given sizes, then the end of the connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection, requests, start = Connection(ours, 1), [], 0
        for size in sizes or [len(data)]:
            theirs.sendall(data[start:start + size])
            start += size
        theirs.shutdown(socket.SHUT_WR)
        while request := connection.read_request():
            requests.append(request)
        return requests


def test_a_request_is_read_whole() -> None:
    [request] = read_all(GOOD)
    assert request == Request("POST", "/a", {"x": ["1", "2"]}, {"host": "h", "x-a": "one, two", "content-length": "2"}, b"hi")


def test_pipelined_requests_come_out_one_by_one_however_they_are_cut() -> None:
    rng = random.Random(SEED)
    print(f"seed={SEED}")
    data = GOOD + b"\r\n" + CHUNKED + GOOD
    whole = read_all(data)
    assert [request.body for request in whole] == [b"hi", b"abcde", b"hi"]
    assert read_all(data, [1] * len(data)) == whole
    for _ in range(50):
        cuts = sorted(rng.sample(range(1, len(data)), 6))
        assert read_all(data, [b - a for a, b in zip([0, *cuts], [*cuts, len(data)])]) == whole


@pytest.mark.parametrize(("data", "status"), [
    (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505), (b"get / HTTP/1.1\r\nHost: h\r\n\r\n", 400), (b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
    (b"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", 400), (b"GET / HTTP/1.1\r\n\r\n", 400), (b"\x16\x03\x01 hello\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\n folded\r\n\r\n", 400), (b"GET / HTTP/1.1\r\nHost: h\nX: 1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400), (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \xb2\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400),
    (b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n", 413),
    (b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nshort", 400), (b"GET / HTTP/1.1\r\nHost: h\r\nX: ", 400),
    (b"GET / HTTP/1.1\r\nHost: h\r\n" + b"X: 1\r\n" * 200 + b"\r\n", 431), (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, 431)])
def test_a_malformed_request_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(Refused) as caught:
        read_all(data)
    assert caught.value.status == status


def test_damaged_requests_are_read_or_refused_and_nothing_else() -> None:
    rng = random.Random(SEED)
    print(f"seed={SEED}")
    outcomes = {"read": 0, "refused": 0}
    for _ in range(1500):
        data = bytearray(rng.choice((GOOD, CHUNKED)))
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(data))
            data[at:at + rng.randint(0, 2)] = rng.choice((b"", b"\r\n", b"\x00", b":", b"\xff", b"9", rng.randbytes(2)))
        try:
            read_all(bytes(data))
            outcomes["read"] += 1
        except Refused:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 50, outcomes
