"""The processes that seeds play with: a stand-in, the real server between two harmful proxies, and how they are killed.

They are kept over seeds; a seed that kills the server starts it again on the same data. One world belongs to one driver.
"""
from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent

from tests.chaos.proxy import Harm, Proxy
from tests.servers import Rill
from tests.standin_process import StandIn, running_standin

KEY = "sk-ai-v1-0c5f1e7b9d3a4826CHAOSCHAOSKEY"
CONTENT_TIMEOUT_SECONDS = 1.2
GRACE_SECONDS = 0.6
LIMITS = {
    "RILL_CONTENT_TIMEOUT": CONTENT_TIMEOUT_SECONDS, "RILL_FIRST_DATA_TIMEOUT": CONTENT_TIMEOUT_SECONDS, "RILL_CONNECT_TIMEOUT": 2,
    "RILL_ANSWER_TIMEOUT": 20, "RILL_FEED_PING_SECONDS": 0.4, "RILL_FEED_MAX_AGE": 2, "RILL_GRACE_SECONDS": GRACE_SECONDS,
    "RILL_FEEDS_PER_USER": 0, "RILL_FEEDS_PER_ADDRESS": 0, "RILL_DEFAULT_MODEL": "demo/numbers",
}
HEARTBEAT_SECONDS = 0.01
STARVING_SECONDS = 0.3  # the server's waits for a processor are added up over so long


def end_well_on_sigterm() -> None:
    """So that a driver that is told to end leaves no server behind."""
    main = gevent.getcurrent()
    gevent.signal_handler(signal.SIGTERM, lambda: main.throw(SystemExit(1)))


def calm() -> Harm:
    return Harm()


class World:
    def __init__(self, server: Callable[..., Rill] = Rill) -> None:
        self._closing = contextlib.ExitStack()
        self.folder = Path(tempfile.mkdtemp(prefix="rill-chaos-"))
        self._closing.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.standin: StandIn = self._closing.enter_context(running_standin("--keepalive-seconds", "0.2"))
        self.upstream = Proxy(self.standin.port, calm)
        self._closing.callback(self.upstream.close)
        self.rill = server(self.folder / "data", f"http://127.0.0.1:{self.upstream.port}/api/v1", key=KEY, **LIMITS)
        self.feeds = Proxy(self.rill.port, calm)
        self._closing.callback(self.feeds.close)
        self.lag_seconds = self.starved_seconds = 0.0
        self.rill.start()
        self._closing.callback(self.rill.kill)
        self._closing.callback(gevent.spawn(self._beat).kill)

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _beat(self) -> None:
        """How late this process's own loop is, and how long the server had to wait for a processor: on a busy machine
        what has arrived waits in a socket, and nothing that is measured here can be more exact."""
        waited: deque[tuple[float, float]] = deque()
        while True:
            due = time.monotonic() + HEARTBEAT_SECONDS
            gevent.sleep(HEARTBEAT_SECONDS)
            now = time.monotonic()
            self.lag_seconds = max(self.lag_seconds, now - due)
            try:
                waited.append((now, float(Path(f"/proc/{self.rill.worker_pid()}/schedstat").read_text().split()[1]) / 1e9))
            except (OSError, AssertionError):  # it is dead or not there yet; or this is no Linux
                waited.clear()
                continue
            while waited[0][0] < now - STARVING_SECONDS:
                waited.popleft()
            self.starved_seconds = max(self.starved_seconds, waited[-1][1] - waited[0][1])

    def set_harms(self, upstream: Any = calm, feeds: Any = calm) -> None:
        self.upstream.draw, self.feeds.draw = upstream, feeds

    def forget(self) -> None:
        """Before a seed: what earlier ones left in the witnesses."""
        self.upstream.exchanges.clear()
        self.feeds.exchanges.clear()
        self.standin.control("DELETE", "ledger")
        self.lag_seconds = self.starved_seconds = 0.0

    # -- what is looked at for the key

    def command_lines(self) -> bytes:
        """Of the server's whole process group."""
        group, found = self.rill.process.pid, []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, ProcessLookupError):
                if os.getpgid(int(entry.name)) == group:
                    found.append((entry / "cmdline").read_bytes())
        return b"\n".join(found)

    def data_files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.folder / "data").iterdir() if path.is_file()}
