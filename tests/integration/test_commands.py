"""bin/serve, bin/standin and bin/test as a person starts them, in this checkout, which is set up."""
from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rill.launch.environment import ROOT, check_port

DEADLINE_SECONDS = 60


class Command:
    """A command in a process group of its own, with what it says in a file."""

    def __init__(self, *words: str, out: Path, env: dict[str, str]) -> None:
        self._out = out
        with out.open("w") as stream:
            self.process = subprocess.Popen([sys.executable, *words], cwd=out.parent, env=env, stdout=stream,
                                            stderr=subprocess.STDOUT, start_new_session=True)

    def said(self) -> str:
        return self._out.read_text()

    def until(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not true():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}:\n{self.said()}"
            assert time.monotonic() < deadline, f"{what} did not come:\n{self.said()}"
            time.sleep(0.02)

    def code(self) -> int:
        return self.process.wait(DEADLINE_SECONDS)

    def kill_group(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Start a command of bin/ away from any key, with a data folder of its own."""
    started: list[Command] = []

    def start(name: str, *arguments: str, **settings: str) -> Command:
        env = {key: value for key, value in os.environ.items() if not key.startswith(("RILL_", "ZENMUX_", "DATABASE_"))}
        # empty, not absent: somebody's .env may hold a key
        env |= {"ZENMUX_API_KEY": "", "ZENMUX_API_KEY_FILE": "", "RILL_DATA_DIR": str(tmp_path / "data")} | settings
        started.append(Command(str(ROOT / "bin" / name), *arguments, out=tmp_path / f"said-{len(started)}", env=env))
        return started[-1]

    yield start
    for command in started:
        command.kill_group()


@pytest.fixture
def port() -> int:
    return check_port("127.0.0.1", 0, "")


def is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def test_serve_comes_up_says_where_and_ends_with_code_0(run: Callable[..., Command], port: int) -> None:
    serve = run("serve", RILL_PORT=str(port))
    serve.until(lambda: f"Rill is at http://127.0.0.1:{port}\nNo ZenMux key is set" in serve.said(), "its address")
    assert is_healthy(port)
    serve.process.terminate()
    assert serve.code() == 0
    assert not is_healthy(port)


def test_serve_hands_the_stand_in_over_to_the_server(run: Callable[..., Command], port: int) -> None:
    serve = run("serve", RILL_PORT=str(port))
    serve.until(lambda: is_healthy(port), "the server")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/models", timeout=DEADLINE_SECONDS) as answer:
        assert b"demo/tour" in answer.read()


def test_with_a_key_there_is_no_stand_in(run: Callable[..., Command], port: int) -> None:
    standin_port = check_port("127.0.0.1", 0, "")
    serve = run("serve", RILL_PORT=str(port), RILL_STANDIN_PORT=str(standin_port), ZENMUX_API_KEY="sk-ai-v1-not-a-key")
    serve.until(lambda: "Rill is at" in serve.said(), "its address")
    assert "No ZenMux key" not in serve.said()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", standin_port), timeout=5)


def test_after_kill_9_of_the_group_a_start_right_after_works(run: Callable[..., Command], port: int) -> None:
    first = run("serve", RILL_PORT=str(port))
    first.until(lambda: is_healthy(port), "the server")
    first.kill_group()
    second = run("serve", RILL_PORT=str(port))
    second.until(lambda: is_healthy(port), "the server after kill -9")


def test_two_starts_at_once_both_come_up(run: Callable[..., Command], tmp_path: Path) -> None:
    ports = [check_port("127.0.0.1", 0, "") for _ in range(2)]
    both = [run("serve", RILL_PORT=str(port), RILL_DATA_DIR=str(tmp_path / f"data-{port}")) for port in ports]
    for serve, port in zip(both, ports, strict=True):
        serve.until(lambda port=port: is_healthy(port), "the server")


def test_a_taken_port_ends_serve_with_one_sentence(run: Callable[..., Command]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        serve = run("serve", RILL_PORT=str(port))
        assert serve.code() == 1
    assert serve.said().splitlines()[-1] == (f"bin/serve: Port {port} on 127.0.0.1 is taken by another program: stop that one, "
                                             "or choose another port with RILL_PORT.")


def test_a_wrong_setting_ends_serve_with_its_name(run: Callable[..., Command]) -> None:
    serve = run("serve", RILL_PORT="eighty")
    assert serve.code() == 1
    assert "RILL_PORT" in serve.said() and "Traceback" not in serve.said()


def test_serve_with_setup_only_ends_by_itself(run: Callable[..., Command]) -> None:
    assert run("serve", "--setup-only").code() == 0


def test_standin_says_where_it_listens(run: Callable[..., Command]) -> None:
    standin = run("standin", "--port", "0")
    standin.until(lambda: "stand-in listening on " in standin.said(), "its address")
    address = re.search(r"listening on (http://127\.0\.0\.1:\d+)", standin.said())[1]
    with urllib.request.urlopen(f"{address}/api/v1/models", timeout=DEADLINE_SECONDS) as answer:
        assert b"demo/tour" in answer.read()


@pytest.mark.parametrize(("body", "code", "closing"), [("assert True", 0, "1 passed"), ("assert False", 1, "1 failed")])
def test_test_shows_the_closing_line_and_gives_the_true_code(body: str, code: int, closing: str, run: Callable[..., Command], tmp_path: Path) -> None:
    one = tmp_path / "test_one.py"
    one.write_text(f"def test_one():\n    {body}\n")
    test = run("test", str(one))
    assert test.code() == code
    assert closing in test.said().splitlines()[-1]
