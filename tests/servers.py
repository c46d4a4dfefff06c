"""Starts Rill as the process it is (gunicorn, a data directory, a port) and ends it in every way a process can end.

For integration, browser and chaos tests; not a test itself. It talks HTTP only as far as to know that the server is up;
`tests/api_client.py` speaks the API and `tests/feed_reader.py` reads the feed.
"""
from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import requests

from rill.config import Settings
from tests.api_client import Api
from tests.feed_reader import Feed, FeedEnded, Held

PROJECT = Path(__file__).resolve().parents[1]
START_SECONDS = 25  # a machine with two cores may run everything at once
END_SECONDS = 25
LOG_TAIL_CHARS = 4000


class Rill:
    """One server on one data directory. After `kill` or `terminate`, `start` brings it up again on the same port."""

    def __init__(self, data_dir: Path, upstream_url: str, *, key: str = "", config: str = "gunicorn.conf.py",
                 wrapper: Sequence[str] = (), **settings: object) -> None:
        """`settings` are environment variables. With a `key` the upstream counts as ZenMux, else as a stand-in. `config`
        is gunicorn's; `wrapper` is a command that runs the one behind it in its place (setpriv, unshare)."""
        self.data_dir, self.port = data_dir, free_port()
        self._command = [*wrapper, sys.executable, "-m", "gunicorn", "-c", config, "app:app"]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = data_dir.with_name(f"{data_dir.name}.log")
        upstream = {"ZENMUX_API_KEY": key, "ZENMUX_BASE_URL": upstream_url} if key else {"RILL_STANDIN_URL": upstream_url}
        self._env = {**bare_environment(), "RILL_PORT": str(self.port), "RILL_DATA_DIR": str(data_dir), **upstream,
                     **{name: str(value) for name, value in settings.items()}}
        self._process: subprocess.Popen[bytes] | None = None

    # -- its life

    def start(self) -> Rill:
        """Returns when `/healthz` answers; fails with the end of its log when it does not."""
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}:\n{self.log()}"
            assert time.monotonic() < deadline, f"the server did not answer within {START_SECONDS} s:\n{self.log()}"
            time.sleep(0.03)
        return self

    def launch(self) -> None:
        """Only the process, in a group of its own; whether it comes up is the caller's question."""
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=PROJECT, env=self._env, stdout=log, stderr=log, start_new_session=True)

    def kill(self) -> None:
        """`kill -9` of the whole group: nobody gets to say a last word."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(END_SECONDS)

    def terminate(self) -> float:
        """SIGTERM; returns at once, with the moment on the monotonic clock."""
        self.process.terminate()
        return time.monotonic()

    def wait(self, seconds: float = END_SECONDS) -> int:
        """Its exit code."""
        return self.process.wait(seconds)

    # -- looking at it from outside

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")[-LOG_TAIL_CHARS:]

    def worker_pid(self) -> int:
        """Linux only."""
        pids = self.worker_pids()
        assert len(pids) == 1, f"one worker expected, found {pids}"
        return pids[0]

    def worker_pids(self) -> list[int]:
        """Two while one takes over from another. Linux only."""
        return [int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()]

    def memory_bytes(self) -> int:
        """Resident memory of the worker. Linux only."""
        status = Path(f"/proc/{self.worker_pid()}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))

    @contextlib.contextmanager
    def database(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection of the test's own. To write, the server must be up: the last writer to leave a dead server's
        database takes the -wal file with it, and the next start asks where that went."""
        address = f"{(self.data_dir / 'rill.db').as_uri()}?mode={'rw' if write else 'ro'}"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=10, isolation_level=None)) as connection:
            yield connection

    # -- talking to it

    def api(self) -> Api:
        return Api(self.url)

    def feed(self, held: Held | None = None, **options: object) -> Feed:
        return Feed(self.port, held, **options)

    def next_life(self, held: Held, boot: str) -> Feed:
        """What a page does that lost its feed: it comes back, until a process answers that is not the one of `boot`."""
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError, http.client.HTTPException, FeedEnded):
                feed = self.feed(held, is_slow=True).until_ready()
                if feed.boot != boot:
                    return feed
                feed.until_end()
            time.sleep(0.05)
        raise AssertionError(f"no new process came within {END_SECONDS} s:\n{self.log()}")


@contextlib.contextmanager
def running_rill(data_dir: Path, upstream_url: str, **options: object) -> Iterator[Rill]:
    """A started server that is gone, with all it started, at the end."""
    rill = Rill(data_dir, upstream_url, **options)
    try:
        yield rill.start()
    finally:
        rill.kill()


def bare_environment() -> dict[str, str]:
    """This process's, with every setting of Rill present and empty: an empty value hides a developer's `.env`."""
    names = [alias for field in Settings.model_fields.values() for alias in field.validation_alias.choices]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RILL_", "ZENMUX_"))}
    return {**kept, **dict.fromkeys(names, ""), **{f"{name}_FILE": "" for name in names}, "PYTHONUNBUFFERED": "1"}


PORTS = range(10_000, 32_000)  # below those that systems give to outgoing connections: a server that restarts finds its own free


def free_port() -> int:
    """Free a moment ago; another program may take it before it is used, and then the start fails and says so."""
    while True:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", secrets.choice(PORTS))) as probe:
            return probe.getsockname()[1]
