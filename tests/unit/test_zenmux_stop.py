"""A person's Stop at every wait: the connection is closed at once and nothing stays behind.

Run twice: under gevent the run's greenlet is killed (a script of its own, since patching is for a whole process), and
in plain threads the generator is closed between two events.
"""
from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from rill.chunks import Connected, Delta
from rill.zenmux import ChatRequest, ZenMux
from tests.wire_server import STREAM, WireServer

ROOT = Path(__file__).parents[2]
REQUEST = ChatRequest("openai/gpt-5", [{"role": "user", "content": "Hi"}], {})
TEXT = 'data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\n'
CLOSED_SECONDS = 2.0
MIN_TICKS = 10  # in one second of flood; there are a hundred on an idle machine, and two or three where nobody gives way

WAITS = {
    "before the headers": ([], STREAM | {"end": "silent"}),
    "after the headers": ([], STREAM | {"end": "hang"}),
    "in comments": ([{"repeat": 500, "of": ": ZENMUX PROCESSING\n\n"}], STREAM | {"delays_ms": 20, "end": "hang"}),
    "in mid text": ([TEXT], STREAM | {"end": "hang"}),
    "in mid text without chunks": ([TEXT], STREAM | {"framing": "close", "end": "hang"}),
    "in a flood of text": ([{"repeat": 100_000, "of": TEXT}], STREAM),
    "in one document": (["{"], STREAM | {"headers": {"Content-Type": "application/json"}, "end": "hang"}),
    "in an error body": (["{"], STREAM | {"status": 500, "end": "hang"}),
}

GEVENT_SCRIPT = """
from gevent import monkey
monkey.patch_all()
import gc, os, socket, sys, time
import gevent
sys.path.insert(0, sys.argv[1])
import rill.transport
from rill.zenmux import ChatRequest, Limits, ZenMux
from tests.unit.test_zenmux_stop import CLOSED_SECONDS, REQUEST, WAITS
from tests.wire_server import TLS_FILE, WireServer


def consume(client):
    for event in client.stream_chat(REQUEST):
        seen.append(event)


def open_sockets():
    links = (f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd"))
    return sum(os.path.exists(link) and os.readlink(link).startswith("socket:") for link in links)


def kill(greenlet):
    start = time.monotonic()
    greenlet.kill(timeout=CLOSED_SECONDS)
    assert greenlet.dead and isinstance(greenlet.value, gevent.GreenletExit), greenlet
    assert time.monotonic() - start < 0.5, "the kill took too long"


rill.transport.CA_FILE = TLS_FILE
for name, script, tls in [(*item, tls) for item in WAITS.items() for tls in (False, True)]:
    seen = []
    with WireServer(script, tls=tls) as server:
        greenlet = gevent.spawn(consume, ZenMux(server.base_url, "", Limits(first_data_seconds=60)))
        assert server.asked.wait(5), name
        gevent.sleep(0.1)
        assert not greenlet.dead, name
        kill(greenlet)
        assert server.gone.wait(CLOSED_SECONDS), f"{name}: the upstream still has its connection"
    if "text" in name:
        assert len(seen) >= 3, (name, seen)
    print(name, len(seen))

# Connecting: a listener that accepts nothing and whose backlog is full, so that the handshake never ends.
full = socket.socket()
full.bind(("127.0.0.1", 0))
full.listen(0)
fillers = []
for _ in range(4):
    filler = socket.socket()
    filler.setblocking(False)
    filler.connect_ex(full.getsockname())
    fillers.append(filler)
gevent.sleep(0.1)
before = open_sockets()
seen = []
greenlet = gevent.spawn(consume, ZenMux("http://127.0.0.1:%d/v1" % full.getsockname()[1], ""))
gevent.sleep(0.3)
assert not greenlet.dead, "the connection was made although the backlog is full"
assert open_sockets() == before + 1
kill(greenlet)
assert open_sockets() == before, "a half-open socket stayed"
print("while connecting", len(seen))
"""

FAIRNESS_SCRIPT = """
from gevent import monkey
monkey.patch_all()
import base64, gzip, sys
import gevent
sys.path.insert(0, sys.argv[1])
from rill.zenmux import Limits, ZenMux
from tests.unit.test_zenmux_stop import REQUEST
from tests.wire_server import STREAM, WireServer

ticks = 0
bomb = "b64:" + base64.b64encode(gzip.compress(b":\\n" * 20_000_000, 9)).decode()


def tick():
    global ticks
    while True:
        gevent.sleep(0.001)
        ticks += 1


with WireServer(([bomb], STREAM | {"headers": STREAM["headers"] | {"Content-Encoding": "gzip"}})) as server:
    stream = ZenMux(server.base_url, "", Limits(first_data_seconds=1)).stream_chat(REQUEST)
    next(stream)
    ticker = gevent.spawn(tick)
    try:
        list(stream)
    except Exception as error:
        print(type(error).__name__)
print(ticks)
"""


def test_a_killed_greenlet_leaves_no_connection_at_any_wait() -> None:
    done = subprocess.run([sys.executable, "-c", GEVENT_SCRIPT, str(ROOT)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) == 2 * len(WAITS) + 1, done.stdout


def test_an_upstream_that_is_always_ready_lets_other_greenlets_run() -> None:
    done = subprocess.run([sys.executable, "-c", FAIRNESS_SCRIPT, str(ROOT)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    outcome, ticks = done.stdout.split()
    assert outcome == "TimedOut" and int(ticks) >= MIN_TICKS


@pytest.mark.parametrize("wait", ["after the headers", "in mid text", "in mid text without chunks", "in a flood of text"])
def test_closing_the_generator_closes_the_connection_at_once(wait: str) -> None:
    with WireServer(WAITS[wait]) as server:
        stream = ZenMux(server.base_url, "").stream_chat(REQUEST)
        for event in stream:
            if isinstance(event, Connected if wait == "after the headers" else Delta):
                break
        start = time.monotonic()
        stream.close()
        assert time.monotonic() - start < 0.1, "it waited or read on"
        assert server.gone.wait(CLOSED_SECONDS)


def test_a_generator_that_was_never_started_asks_nothing() -> None:
    with WireServer(WAITS["in mid text"]) as server:
        ZenMux(server.base_url, "").stream_chat(REQUEST).close()
        assert server.connections == 0
