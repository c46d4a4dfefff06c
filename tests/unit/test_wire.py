"""The player against a bare socket: the bytes that leave it, in its framings and endings, and when it stops."""
from __future__ import annotations

import gzip
import socket
import threading
import time
from typing import Any

import pytest

from rill.standin.wire import play, read_request


def played(chunks: list[Any], framing: str, end: str = "clean", **http: Any) -> tuple[bytes, str]:
    """All bytes up to the end, and whether that was a FIN or a RST; a clean keep-alive end counts as open."""
    ours, theirs = pair()
    request = {"status": 200, "headers": {"X-A": "b"}, "framing": framing, "end": end, "delays_ms": 0} | http
    thread = threading.Thread(target=play, args=(theirs, chunks, request))
    thread.start()
    data, how = b"", "open"
    ours.settimeout(0.3)
    try:
        while piece := ours.recv(65536):
            data += piece
        how = "fin"
    except ConnectionResetError:
        how = "rst"
    except TimeoutError:
        pass
    ours.close()
    thread.join(5)
    theirs.close()
    assert not thread.is_alive()
    return data, how


def pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname())
        return ours, listener.accept()[0]


HEAD = b"HTTP/1.1 200 OK\r\nX-A: b\r\n"


@pytest.mark.parametrize(("framing", "end", "data", "how"), [
    ("chunked", "clean", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "open"),
    ("chunked", "cut", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n", "fin"),
    ("chunked", "hang", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n", "open"),
    ("close", "clean", HEAD + b"Connection: close\r\n\r\nabc", "fin"),
    ("length", "clean", HEAD + b"Content-Length: 3\r\n\r\nabc", "open"),
    ("length", "cut", HEAD + b"Content-Length: 1003\r\n\r\nabc", "fin"),
    ("one-http-chunk", "clean", HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "fin"),
    ("chunked", "silent", b"", "open"),
    ("chunked", "noresponse", b"", "fin"),
])
def test_the_bytes_and_the_ending_are_exact(framing: str, end: str, data: bytes, how: str) -> None:
    assert played(["ab", "b64:Yw=="], framing, end) == (data, how)


def test_a_reset_is_a_reset_after_everything_was_written() -> None:
    data, how = played(["ab"], "chunked", "reset")
    assert how == "rst" and data.endswith(b"2\r\nab\r\n")


def test_gzip_is_flushed_with_every_entry() -> None:
    data, how = played(["ab", {"repeat": 2, "of": "c"}], "gzip+close")
    head, _, body = data.partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head and gzip.decompress(body) == b"abcc" and how == "fin"


def test_each_entry_is_told_when_it_was_written_and_delays_come_before() -> None:
    ours, theirs = pair()
    told: list[tuple[int, bytes, float]] = []
    slept: list[float] = []
    play(theirs, ["a", {"repeat": 2, "of": "b"}], {"delays_ms": [5, 0, 7]}, sleep=slept.append,
         on_sent=lambda number, data: told.append((number, data, time.monotonic())))
    assert [(number, data) for number, data, _ in told] == [(0, b"a"), (1, b"b"), (2, b"b")]
    assert slept == [0.005, 0.007]
    ours.close()
    theirs.close()


def test_a_hang_ends_when_the_peer_goes() -> None:
    ours, theirs = pair()
    thread = threading.Thread(target=play, args=(theirs, [], {"end": "hang"}))
    thread.start()
    thread.join(0.1)
    assert thread.is_alive()
    ours.close()
    thread.join(2)
    assert not thread.is_alive()
    theirs.close()


def test_a_request_is_read_to_the_end_of_its_body() -> None:
    ours, theirs = pair()
    ours.sendall(b"POST / HTTP/1.1\r\ncontent-LENGTH: 5\r\n\r\nab")
    thread = threading.Thread(target=ours.sendall, args=(b"cde",))
    thread.start()
    assert read_request(theirs) == b"POST / HTTP/1.1\r\ncontent-LENGTH: 5\r\n\r\nabcde"
    thread.join()
    ours.close()
    assert read_request(theirs) == b""
    theirs.close()
