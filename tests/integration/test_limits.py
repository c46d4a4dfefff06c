"""What an upstream or a reader without measure may cost: nothing that a small server cannot bear."""
from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from rill.standin.numbers import verify
from tests.feed_reader import FINAL_RANK, RANKS, Feed
from tests.servers import PROJECT, Rill, running_rill
from tests.standin_process import StandIn, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

MB = 1_000_000
SMALL_ANSWER_CHARS = 50_000
SMALL_BUFFER_BYTES = 4096
DELTA = 'data: {"id": "x", "choices": [{"index": 0, "delta": {"content": "' + "and so on " * 10 + '"}}]}\n\n'
STREAM = {"headers": {"Content-Type": "text/event-stream"}, "delays_ms": 0, "end": "hang"}
NO_LIMITS = {"RILL_FEEDS_PER_USER": 0, "RILL_FEEDS_PER_ADDRESS": 0}
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close with RST


def numbers(words: int, seed: int, **settings: Any) -> str:
    return json.dumps({"words": words, "seed": seed, "wide": True, **settings})


def peak_bytes(rill: Rill) -> int:
    status = Path(f"/proc/{rill.worker_pid()}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))


def descriptors(rill: Rill) -> int:
    return len(os.listdir(f"/proc/{rill.worker_pid()}/fd"))


def open_feeds(rill: Rill) -> float:
    text = requests.get(f"{rill.url}/metrics", timeout=10).text
    return next(float(line.split()[1]) for line in text.splitlines() if line.startswith("rill_open_feeds "))


def config_with(module: str, constant: str, value: int, folder: Path) -> str:
    """gunicorn's configuration as it is, but for one limit of ours."""
    path = folder / "gunicorn.conf.py"
    path.write_text(f"""
exec(compile(open({str(PROJECT / "gunicorn.conf.py")!r}).read(), "gunicorn.conf.py", "exec"))
begin = post_worker_init

def post_worker_init(worker):
    import importlib
    setattr(importlib.import_module("rill.{module}"), "{constant}", {value})
    begin(worker)
""")
    return str(path)


# ---- an upstream without measure

@pytest.fixture(scope="module")
def bounded(upstream: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rill]:
    """A server as it is but for the size of the longest answer, so that a test need not send eight million characters."""
    folder = tmp_path_factory.mktemp("bounded")
    config = config_with("committer", "MAX_ANSWER_CHARS", SMALL_ANSWER_CHARS, folder)
    with running_rill(folder / "data", upstream.base_url, config=config, RILL_DEFAULT_MODEL="demo/echo", **NO_LIMITS) as running:
        running.api().answered("warm")
        yield running


def test_an_answer_without_end_is_ended_kept_and_its_connection_closed(bounded: Rill, upstream: StandIn) -> None:
    model = upstream.script("endless", chunks=[{"repeat": 300_000, "of": DELTA}], http=STREAM)
    done = bounded.api().answered("go on", model)
    assert (done["status"], done["error"]["type"]) == ("failed", "too_large") and "kept" in done["error"]["message"]
    assert SMALL_ANSWER_CHARS < len(done["content"]) < 4 * SMALL_ANSWER_CHARS and set(done["content"].split()) == {"and", "so", "on"}
    wait_until(lambda: upstream.ledger()[-1]["peer_closed_at"], "the connection to be closed", 3)


@pytest.mark.parametrize(("name", "script", "type_"), [
    ("line", {"chunks": ["data: ", {"repeat": 480, "of": "x" * 65536}, "\n\n"], "http": STREAM}, "too_large"),
    ("error-body", {"chunks": [{"repeat": 800, "of": "x" * 65536}], "http": {"status": 500, "framing": "length", "delays_ms": 0}}, "http"),
    ("bomb", {"chunks": ["data: ", {"repeat": 1600, "of": "\\u0000" * 65536}, "\n\n"], "http": {**STREAM, "framing": "gzip+chunked"}}, "too_large"),
])
def test_what_is_far_too_large_fails_in_its_own_words_and_costs_little(bounded: Rill, upstream: StandIn, name: str, script: dict[str, Any], type_: str) -> None:
    before = bounded.memory_bytes()
    failed = bounded.api().answered("x", upstream.script(name, **script))
    assert (failed["status"], failed["error"]["type"]) == ("failed", type_) and failed["error"]["message"].endswith(".")
    assert peak_bytes(bounded) - before < 50 * MB
    assert bounded.api().answered("still here")["content"] == "still here"


def test_headers_without_end_are_a_fault_of_the_upstream(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def pour() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer, contextlib.suppress(OSError):
                        peer.sendall(b"HTTP/1.1 200 OK\r\n")
                        while True:
                            peer.sendall(b"X-Padding: " + b"x" * 1000 + b"\r\n")
        threading.Thread(target=pour, daemon=True).start()
        with running_rill(data_dir, f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1", RILL_DEFAULT_MODEL="demo/echo") as rill:
            failed = rill.api().answered("x")
            assert failed["status"] == "failed" and failed["error"]["type"] in ("connect", "protocol", "cut", "not_stream"), failed["error"]
            assert peak_bytes(rill) < 130 * MB
        listener.shutdown(socket.SHUT_RDWR)


# ---- readers

@pytest.fixture
def crowded(upstream: StandIn, data_dir: Path) -> Iterator[Rill]:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo", RILL_FEED_PING_SECONDS=1, **NO_LIMITS) as running:
        yield running


def stream_many(rill: Rill, count: int, words: int, **settings: Any) -> dict[str, int]:
    """Start so many answers, each with its seed."""
    api = rill.api()
    conversation = api.new_conversation()["id"]
    return {api.send(conversation, numbers(words, seed, **settings), "demo/numbers", parent_id=None)["replies"][0]["id"]: seed
            for seed in range(count)}


def all_exact(feed: Feed, replies: dict[str, int], words: int) -> None:
    for reply, seed in replies.items():
        assert feed.held.messages[reply]["status"] == "completed"
        assert verify(feed.held.text(reply), seed, wide=True) is None and len(feed.held.text(reply).split()) == words


def test_fifty_readers_who_never_read_cost_twenty_streams_nothing(crowded: Rill) -> None:
    words = 6000
    fast = {"rate": 0, "chunk": [40, 400]}
    with crowded.feed(is_slow=True) as feed:
        feed.until_final(*stream_many(crowded, 20, words, **fast), seconds=60)  # what the text itself costs
    before = crowded.memory_bytes()
    stuck = [crowded.feed(receive_buffer=SMALL_BUFFER_BYTES) for _ in range(50)]
    with crowded.feed(is_slow=True) as feed:
        replies = stream_many(crowded, 20, words, **fast)
        feed.until_final(*replies, seconds=60)
        all_exact(feed, replies, words)
    grown = crowded.memory_bytes() - before
    assert grown < 30 * MB, f"50 readers of {20 * words * 11 / MB:.1f} MB of text cost {grown / MB:.1f} MB"
    for reader in stuck:
        reader.close()
    wait_until(lambda: open_feeds(crowded) == 0, "the feeds to be let go of", 15)


def test_five_hundred_idle_feeds_fit_into_300_mb_and_all_are_told(crowded: Rill) -> None:
    feeds = [crowded.feed(is_slow=True) for _ in range(500)]
    for feed in feeds:
        feed.until_ready()
    assert crowded.memory_bytes() < 300 * MB, f"{crowded.memory_bytes() / MB:.0f} MB"
    reply = crowded.api().ask("to everybody")
    for feed in feeds:
        feed.until_final(reply["id"], seconds=30)
        assert feed.held.text(reply["id"]) == "to everybody"
        feed.close()
    wait_until(lambda: open_feeds(crowded) == 0, "the feeds to be let go of", 15)


def test_peers_who_vanish_are_freed_with_their_descriptors(crowded: Rill) -> None:
    crowded.api().answered("warm")
    before = descriptors(crowded)
    for how in (RESET, None):
        feeds = [crowded.feed().until_ready() for _ in range(30)]
        assert open_feeds(crowded) == 30
        for feed in feeds:
            if how:
                feed.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)
            feed.close()
        wait_until(lambda: open_feeds(crowded) == 0, "the feeds to be let go of", 10)
    wait_until(lambda: descriptors(crowded) <= before + 3, "the descriptors to be closed", 10)


SILENCE = """
import fcntl, socket, struct, sys, time, urllib.request
port, silent_seconds = int(sys.argv[1]), float(sys.argv[2])

def loopback(flags):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", flags))  # SIOCSIFFLAGS

def open_feeds():
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    return next(line for line in text.splitlines() if line.startswith("rill_open_feeds "))

if silent_seconds:
    feed = socket.create_connection(("127.0.0.1", port))
    feed.sendall(b"GET /api/feed HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
    while b"event: ready" not in feed.recv(65536):
        pass
    print(open_feeds(), flush=True)
    loopback(0)  # no packet arrives any more, and no end of the connection either
    time.sleep(silent_seconds)
loopback(1)
print(open_feeds(), flush=True)
"""


def test_a_peer_that_falls_silent_is_let_go_of(upstream: StandIn, data_dir: Path) -> None:
    """In a network of its own, whose loopback is shut: the peer neither acknowledges nor closes."""
    network = ["unshare", "--net"]
    up = "import fcntl, socket, struct, os, sys; fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 1)); os.execvp(sys.argv[1], sys.argv[1:])"
    if os.geteuid() or subprocess.run([*network, "true"], capture_output=True, timeout=10).returncode:
        pytest.skip("a network of its own needs root")
    data_dir.mkdir()
    rill = Rill(data_dir, upstream.base_url, config=config_with("routes.feed", "DEAD_PEER_MS", 2000, data_dir),
                wrapper=[*network, sys.executable, "-c", up], RILL_FEED_PING_SECONDS=0.5)
    rill.launch()
    try:
        def ask(*arguments: object) -> list[str]:
            inside = ["nsenter", f"--net=/proc/{rill.process.pid}/ns/net", sys.executable, "-c", SILENCE, str(rill.port), *map(str, arguments)]
            return subprocess.run(inside, capture_output=True, text=True, timeout=60).stdout.split()
        wait_until(lambda: ask(0), f"the server to answer: {rill.log()}", 30)
        assert ask(6) == ["rill_open_feeds", "1.0", "rill_open_feeds", "0.0"]
    finally:
        rill.kill()


def test_two_hundred_streams_are_exact_and_leave_nothing_behind(crowded: Rill) -> None:
    words, sizes, counts = 40, [], []
    with crowded.feed(is_slow=True) as feed:
        for _ in range(2):
            replies = stream_many(crowded, 200, words, rate=12)
            assert len(replies) == 200
            feed.until(lambda feed: all(RANKS[feed.held.messages.get(one, {"status": "queued"})["status"]] == FINAL_RANK for one in replies),
                       "not all ended", 60)
            all_exact(feed, replies, words)
            wait_until(lambda: " 0 answers" in readiness(crowded), "the runs to be gone", 5)
            sizes.append(crowded.memory_bytes())
            counts.append(descriptors(crowded))
    assert sizes[1] - sizes[0] < 15 * MB, f"the second time 200 streams left {(sizes[1] - sizes[0]) / MB:.1f} MB more"
    assert counts[1] <= counts[0] + 5 and counts[1] < 120, f"descriptors after each time: {counts}"


def readiness(rill: Rill) -> str:
    return " " + requests.get(f"{rill.url}/readyz", timeout=10).json()["checks"]["engine"]["detail"]
