"""Time and size: a limit always fires, names itself, and keeps the text; signs of life are no text."""
from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rill import errors
from rill.chunks import Delta, Finish
from rill.standin.wire import read_request
from rill.transport import Deadlines
from rill.zenmux import ChatRequest, Limits, ZenMux
from tests.wire_server import JSON, STREAM, WireServer

REQUEST = ChatRequest("openai/gpt-5", [{"role": "user", "content": "Hi"}], {})
ROLE = 'data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
TEXT = 'data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n'
THOUGHT = TEXT.replace("content", "reasoning")
FINISH = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
COMMENT = ": ZENMUX PROCESSING\n\n"
LIMIT = 0.4
SLACK = 0.5


def ask(base_url: str, **limits: float) -> tuple[str, errors.UpstreamError | Finish, float]:
    """The text, what ended it, and the seconds it took."""
    text, start = "", time.monotonic()
    try:
        for event in ZenMux(base_url, "", Limits(**limits)).stream_chat(REQUEST):
            if isinstance(event, Delta):
                text += event.text
    except errors.UpstreamError as error:
        return text, error, time.monotonic() - start
    return text, event, time.monotonic() - start


@pytest.mark.parametrize(("what", "chunks", "http", "limits", "kept"), [
    ("the first words", [], STREAM | {"end": "silent"}, {"first_data_seconds": LIMIT}, ""),
    ("the first words", [], STREAM | {"end": "hang"}, {"first_data_seconds": LIMIT}, ""),
    ("the first words", [{"repeat": 200, "of": COMMENT}], STREAM | {"delays_ms": 20}, {"first_data_seconds": LIMIT}, ""),
    ("the first words", [ROLE, {"repeat": 200, "of": ROLE}], STREAM | {"delays_ms": 20}, {"first_data_seconds": LIMIT}, ""),
    ("the first words", [{"repeat": 200, "of": "\n"}], JSON | {"delays_ms": 20}, {"first_data_seconds": LIMIT}, ""),
    ("more of", [TEXT], STREAM | {"end": "hang"}, {"content_seconds": LIMIT}, "Hel"),
    ("more of", [TEXT, {"repeat": 200, "of": COMMENT}], STREAM | {"delays_ms": 20}, {"content_seconds": LIMIT}, "Hel"),
    ("more of", [TEXT, {"repeat": 200, "of": ROLE}], STREAM | {"delays_ms": 20}, {"content_seconds": LIMIT}, "Hel"),
    ("more of", ["{"], JSON | {"framing": "chunked", "end": "hang"}, {"content_seconds": LIMIT}, ""),
    ("the whole", [{"repeat": 200, "of": THOUGHT}], STREAM | {"delays_ms": 20}, {"answer_seconds": LIMIT}, None),
    ("the whole", [], STREAM | {"end": "silent"}, {"answer_seconds": LIMIT}, ""),
])
def test_a_limit_fires_and_names_itself(what: str, chunks: list[Any], http: dict[str, Any], limits: dict[str, float],
                                        kept: str | None) -> None:
    with WireServer((chunks, http)) as server:
        text, error, seconds = ask(server.base_url, **limits)
        assert server.gone.wait(2), "the upstream must see the connection closed"
    assert isinstance(error, errors.TimedOut) and error.retryable
    assert f"Waiting for {what}" in error.message and f"{LIMIT:g} seconds" in error.message
    assert ("The text so far is kept." in error.message) == bool(text)
    assert kept is None or text == kept
    assert LIMIT <= seconds + 0.01 < LIMIT + SLACK


def test_reasoning_counts_as_content() -> None:
    with WireServer(([{"repeat": 8, "of": THOUGHT}, TEXT, FINISH], STREAM | {"delays_ms": 100})) as server:
        text, end, seconds = ask(server.base_url, first_data_seconds=LIMIT, content_seconds=LIMIT)
    assert isinstance(end, Finish) and text == "Hel" * 9 and seconds > 2 * LIMIT


def test_no_limit_means_no_limit() -> None:
    with WireServer(([TEXT, FINISH], STREAM | {"delays_ms": 100})) as server:
        _, end, _ = ask(server.base_url, connect_seconds=0, first_data_seconds=0, content_seconds=0, answer_seconds=0,
                        max_frame_bytes=0)
    assert isinstance(end, Finish)


@contextmanager
def raw_server(*pieces: bytes, repeat: bytes = b"", pause: float = 0.0) -> Iterator[str]:
    """Answers one request with bytes as they are, HTTP head included, then `repeat` until the peer is gone."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        sock, _ = listener.accept()
        with sock:
            read_request(sock)
            try:
                for piece in pieces:
                    sock.sendall(piece)
                while repeat:
                    sock.sendall(repeat)
                    time.sleep(pause)
            except OSError:
                pass
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        thread.join(10)
        listener.close()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("pieces", [
    (b"HTTP/1.1 200 OK\r\nX-Slow: ",),
    (HEAD + b"Connection: close\r\n\r\n: ",),
    (CHUNKED, b"00000"),
    (CHUNKED + b"0\r\nX-Trailer: ",),
    (b"HTTP/1.1 500 Fault\r\nConnection: close\r\n\r\n",),
], ids=["headers", "comment", "chunk size", "trailer", "error body"])
def test_a_peer_that_trickles_bytes_is_not_waited_for_longer(pieces: tuple[bytes, ...]) -> None:
    with raw_server(*pieces, repeat=b"0", pause=0.02) as base_url:
        _, error, seconds = ask(base_url, answer_seconds=LIMIT)
    assert isinstance(error, (errors.TimedOut, errors.HttpRefused)) and seconds < LIMIT + SLACK


def test_an_endless_error_body_is_cut_and_explained() -> None:
    with raw_server(b"HTTP/1.1 500 Fault\r\nConnection: close\r\n\r\n", repeat=b"x" * 65536) as base_url:
        _, error, seconds = ask(base_url)
    assert isinstance(error, errors.HttpRefused) and error.status == 500 and seconds < 2


def test_a_redirect_is_not_followed_and_its_endless_body_not_read() -> None:
    with raw_server(b"HTTP/1.1 302 Found\r\nLocation: /\r\nConnection: close\r\n\r\n", repeat=b"x" * 65536) as base_url:
        _, error, seconds = ask(base_url)
    assert isinstance(error, errors.HttpRefused) and error.status == 302 and not error.retryable and seconds < 2


def test_a_gzip_bomb_costs_little_memory() -> None:
    bomb = gzip.compress(b"data: " + b"y" * 100_000_000, 9)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    tracemalloc.start()
    try:
        with raw_server(head + bomb) as base_url:
            _, error, _ = ask(base_url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(error, errors.FrameTooLarge) and peak < 40_000_000


def test_a_bomb_of_comments_ends_at_the_limit() -> None:
    bomb = gzip.compress(b":\n" * 20_000_000, 9)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with raw_server(head + bomb) as base_url:
        _, error, seconds = ask(base_url, first_data_seconds=LIMIT)
    assert isinstance(error, errors.TimedOut) and seconds < LIMIT + SLACK


@pytest.mark.parametrize("encoding", ["zstd", "gzip, gzip", "compress"])
def test_an_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with WireServer(([TEXT, FINISH], STREAM | {"headers": STREAM["headers"] | {"Content-Encoding": encoding}})) as server:
        _, error, _ = ask(server.base_url)
    assert isinstance(error, errors.ProtocolBroken) and encoding in error.message


def test_a_gzip_label_on_a_plain_body_is_a_broken_protocol() -> None:
    with WireServer(([TEXT, FINISH], STREAM | {"headers": STREAM["headers"] | {"Content-Encoding": "gzip"}})) as server:
        _, error, _ = ask(server.base_url)
    assert isinstance(error, errors.ProtocolBroken)


def test_a_document_over_the_limit_is_refused() -> None:
    with WireServer((["{" + " " * 5000], JSON)) as server:
        _, error, _ = ask(server.base_url, max_frame_bytes=1000)
    assert isinstance(error, errors.FrameTooLarge)


def test_a_refused_connection_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        base_url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    _, error, _ = ask(base_url)
    assert isinstance(error, errors.ConnectFailed) and "refused" in error.message and error.retryable


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x50", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
                                    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"])
def test_what_does_not_speak_http_says_so(answer: bytes) -> None:
    with raw_server(answer) as base_url:
        _, error, _ = ask(base_url)
    assert isinstance(error, errors.ConnectFailed) and "HTTP" in error.message


def test_a_connection_closed_before_the_headers_says_so() -> None:
    with raw_server(b"") as base_url:
        _, error, _ = ask(base_url)
    assert isinstance(error, errors.ConnectFailed) and "closed the connection" in error.message


def test_the_time_our_side_takes_is_not_the_upstreams() -> None:
    now = [0.0]
    deadlines = Deadlines(10, now=lambda: now[0])
    deadlines.expect("words", 2)
    assert deadlines.remaining() == 2
    now[0] = 1.5
    deadlines.expect("words", 2)
    now[0] = 3.0
    assert deadlines.remaining() == 0.5 and deadlines.passed == ("words", 2)
    deadlines.expect("words", 0)
    assert deadlines.remaining() == 7 and deadlines.passed == ("the whole answer", 10)
    now[0] = 10.0
    with pytest.raises(TimeoutError):
        deadlines.remaining()
