"""What is measured: the upstream itself, nginx, FastAPI with aiohttp, and Rill. Each can be started, asked for a load,
checked afterwards, and stopped.

Called by __main__.py. A target that this machine lacks something for raises Missing when it is started.
"""
from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from tests.api_client import FINISHED, Api
from tests.bench.relay.load import HERE, Load, Missing, Upstream
from tests.bench.relay.summary import is_exact
from tests.servers import Rill, free_port

START_SECONDS = 20
END_SECONDS = 60  # for Rill to make the last answers durable
KEY = "sk-bench-0123456789abcdef0123456789"
ASKED = json.dumps({"model": "bench/{I}", "stream": True, "messages": [{"role": "user", "content": "Go on."}]})


def http(method: str, path: str, body: str | None = None, **headers: str) -> str:
    """A raw request; {I} in the body stands for four digits."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.replace('{I}', '0000'))}"]
    return "\r\n".join(lines) + "\r\n\r\n" + (body or "")


class Direct:
    """No relay: the client asks the upstream. The others' added latency is measured from here."""

    name, pids = "direct", []

    def __init__(self, upstream: Upstream, folder: Path) -> None:
        self.upstream, self.folder, self.port = upstream, folder, upstream.port

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def load(self, streams: int, feeds: int) -> Load:
        return Load(self.port, http("POST", "/api/v1/chat/completions", ASKED))

    def inexact(self, load: Load, tokens: int) -> int:
        """Answers that the relay kept otherwise than they were sent; only Rill keeps any."""
        return 0


class _Peer(Direct):
    """A relay in one process, whose answer to the request is the stream."""

    _process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        self.port = free_port()
        env = {**os.environ, "UPSTREAM": self.upstream.url}
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self._process = subprocess.Popen(self.command(), cwd=HERE / "peers", env=env, stdout=log, stderr=log)
        self.pids = [self._process.pid]
        give_up_at = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > give_up_at:
                raise RuntimeError(f"{self.name} did not start:\n{Path(log.name).read_text()[-2000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.port}/healthz", timeout=2).ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)


class Nginx(_Peer):
    name = "nginx"

    def command(self) -> list[str]:
        program = shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
        if program is None:
            raise Missing("nginx is not installed (Debian, Ubuntu: apt install nginx-light).")
        text = (HERE / "peers" / "nginx.conf").read_text()
        for name, value in (("DIR", self.folder), ("PORT", self.port), ("UPSTREAM", self.upstream.port)):
            text = text.replace(f"@{name}@", str(value))
        (self.folder / "nginx.conf").write_text(text)
        return [program, "-c", str(self.folder / "nginx.conf"), "-p", str(self.folder), "-e", str(self.folder / "nginx.log")]

    def start(self) -> None:
        super().start()
        workers = Path(f"/proc/{self.pids[0]}/task/{self.pids[0]}/children").read_text().split()
        self.pids += map(int, workers)


class FastAPI(_Peer):
    name = "fastapi-aiohttp"

    def command(self) -> list[str]:
        if not all(map(importlib.util.find_spec, ("fastapi", "aiohttp", "uvicorn", "uvloop", "httptools"))):
            raise Missing("FastAPI and aiohttp are not installed: pip install --require-hashes -r requirements-bench.txt.")
        return [sys.executable, "-m", "uvicorn", "fastapi_aiohttp:app", "--port", str(self.port), "--log-level", "warning",
                "--no-access-log", "--backlog", "4096", "--loop", "uvloop", "--http", "httptools"]


class RillItself(Direct):
    """The real server: streams are runs in conversations of one owner, and every feed gets the text of them all."""

    name = "rill"

    def start(self) -> None:
        self._server = Rill(self.folder / "rill", self.upstream.url, key=KEY,
                            RILL_FEEDS_PER_USER=0, RILL_FEEDS_PER_ADDRESS=0, RILL_FEED_MAX_AGE=3600)
        self._server.start()
        self.port, self.pids = self._server.port, [self._server.process.pid, self._server.worker_pid()]
        self.api = Api(self._server.url)

    def stop(self) -> None:
        self._server.kill()

    def load(self, streams: int, feeds: int) -> Load:
        """Conversations are made here, before the clock runs: a person has one open when they send."""
        headers = {"X_CSRF_Token": self.api.token, "Connection": "close",
                   "Cookie": "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.api.http.cookies)}
        places = tuple(self.api.new_conversation()["id"] for _ in range(streams))
        asked = json.dumps({"content": "Go on.", "models": ["bench/{I}"]})
        return Load(self.port, http("POST", "/api/conversations/{P}/messages", asked, **headers),
                    http("GET", "/api/feed", Accept="text/event-stream", Cookie=headers["Cookie"]), feeds, places)

    def inexact(self, load: Load, tokens: int) -> int:
        return sum(not self._kept(place, stream, tokens) for stream, place in enumerate(load.places))

    def _kept(self, conversation_id: str, stream: int, tokens: int) -> bool:
        give_up_at = time.monotonic() + END_SECONDS
        while True:
            replies = [message for message in self.api.get(f"/api/conversations/{conversation_id}")["messages"] if message["role"] == "assistant"]
            if all(reply["status"] in FINISHED for reply in replies) or time.monotonic() > give_up_at:
                return len(replies) == 1 and replies[0]["status"] == "completed" and is_exact(replies[0]["content"], stream, tokens)
            time.sleep(0.05)

    def open_feeds(self, count: int) -> list[socket.socket]:
        """Feeds that are caught up and then hear nothing."""
        sockets = []
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", self.port), timeout=START_SECONDS)
            one.sendall(http("GET", "/api/feed").encode())
            sockets.append(one)
        for one in sockets:
            heard = b""
            while not re.search(rb"event: ready", heard):
                heard += one.recv(65536) or _ended()
        return sockets


def _ended() -> bytes:
    raise RuntimeError("a feed ended before it was ready")


TARGETS = {target.name: target for target in (Direct, Nginx, FastAPI, RillItself)}
