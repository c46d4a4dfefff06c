"""The two programs in C: the upstream behind a relay and the client before it. Compiles them on first use, runs them.

Knows no relay. Called by __main__.py; what the programs do and print stands at their own top.
"""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.bench.relay.machine import started_on
from tests.servers import free_port

HERE = Path(__file__).resolve().parent
START_SECONDS = 5
DRAIN_SECONDS = 10  # for the upstream to see that nobody reads any more


class Missing(Exception):
    """Something that the benchmark needs is not on this machine; a sentence for the person at the terminal."""


def compiled(name: str) -> Path:
    """The program, built anew when its source changed. Raises Missing."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise Missing("There is no C compiler (cc): the benchmark's upstream and client cannot be built. "
                      "Debian, Ubuntu: apt install gcc libc6-dev.")
    source = HERE / f"{name}.c"
    made = Path(tempfile.gettempdir()) / f"rill-bench-{os.getuid()}-{name}-{int(source.stat().st_mtime)}"
    if not made.exists():
        subprocess.run([compiler, "-O2", "-o", made, source], check=True)
    return made


class Upstream:
    """The fake upstream, running."""

    def __init__(self, core: int, *, realtime: bool) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/api/v1"
        self._http = requests.Session()
        self._http.trust_env = False
        with started_on(core, realtime=realtime):
            self.process = subprocess.Popen([compiled("upstream"), str(self.port)])
        give_up_at = time.monotonic() + START_SECONDS
        while True:
            try:
                self.stats()
                return
            except requests.RequestException:
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.02)

    def set(self, *, rate: float, tokens: int, clump: int = 1) -> None:
        """For streams that start from now on."""
        self._ask(f"/ctl?rate={rate}&n={tokens}&clump={clump}")

    def stats(self) -> dict[str, int]:
        return self._ask("/stats").json()

    def drain(self) -> None:
        """Wait until no stream is left."""
        give_up_at = time.monotonic() + DRAIN_SECONDS
        while self.stats()["active"] and time.monotonic() < give_up_at:
            time.sleep(0.1)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(5)

    def _ask(self, path: str) -> requests.Response:
        return self._http.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)


@dataclass(frozen=True)
class Load:
    """What the client sends: see client.c."""

    port: int
    request: str
    feed: str = ""
    feeds: int = 1
    places: tuple[str, ...] = ()


def run_client(load: Load, core: int, folder: Path, *, streams: int, tokens: int, starts: float, timeout: float) -> dict[str, Any]:
    command: list[Any] = [compiled("client"), "--port", load.port, "--streams", streams, "--tokens", tokens, "--starts", starts,
                          "--timeout", timeout, "--feeds", load.feeds]
    for name, text in (("request", load.request), ("feed", load.feed), ("places", "\n".join(load.places))):
        if text:
            (folder / name).write_text(text, newline="")
            command += [f"--{name}", folder / name]
    with started_on(core):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the client failed: {done.stderr}")
    return json.loads(done.stdout)
