"""The launcher as a process of its own, with a small server and a small stand-in in place of the real ones."""
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rill.launch.environment import ROOT, check_port

DEADLINE_SECONDS = 15

SERVER = """
import os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Door(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
def end(*_):
    print("server ended in order", flush=True); os._exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGHUP, lambda *_: print("server reloads", flush=True))
signal.signal(signal.SIGINT, lambda *_: os._exit(9))
server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Door)
print("server", os.getpid(), "upstream", os.environ.get("RILL_STANDIN_URL"), flush=True)
server.serve_forever()
"""
STANDIN = """
import os, socket, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[2])))
print("stand-in", os.getpid(), file=sys.stderr, flush=True)
print("stand-in listening on http://127.0.0.1:%d" % listener.getsockname()[1])
time.sleep(100)
"""
LAUNCHER = """
import os, sys
from pathlib import Path
from rill.launch.processes import LaunchError
from rill.launch.supervise import Supervisor
server, standin, port = sys.argv[1:]
print("launcher", flush=True)
try:
    sys.exit(Supervisor([sys.executable, "-c", server, port], dict(os.environ), "127.0.0.1", int(port), Path("."),
                        standin=[sys.executable, "-c", standin] if standin else None, when_up=["it is up"]).run())
except LaunchError as error:
    sys.exit(f"launch error: {error}")
"""


class Launch:
    """A launcher in a process group of its own; `until` reads what it and its children say."""

    def __init__(self, folder: Path, server: str = SERVER, standin: str = STANDIN) -> None:
        self.port = check_port("127.0.0.1", 0, "")
        self._said = folder / "said"
        with self._said.open("w") as out:
            self.process = subprocess.Popen([sys.executable, "-c", LAUNCHER, server, standin, str(self.port)], stdout=out,
                                            stderr=subprocess.STDOUT, cwd=ROOT, start_new_session=True)

    def said(self) -> str:
        return self._said.read_text()

    def until(self, true: Callable[[str], bool], what: str) -> str:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not true(self.said()):
            assert time.monotonic() < deadline, f"{what} did not come; it said:\n{self.said()}"
            time.sleep(0.02)
        return self.said()

    def until_said(self, words: str, times: int = 1) -> str:
        return self.until(lambda said: said.count(words) >= times, words)

    def pid(self, name: str) -> int:
        """The newest process that said this name."""
        return int([line.split()[1] for line in self.said().splitlines() if line.startswith(f"{name} ") and line.split()[1].isdigit()][-1])

    def code(self) -> int:
        return self.process.wait(DEADLINE_SECONDS)

    def until_gone(self, *pids: int) -> None:
        self.until(lambda _: not any(is_alive(pid) for pid in pids), f"the end of {pids}")


def is_alive(pid: int) -> bool:
    try:
        # a zombie has ended too: who should collect it may be the test machine's init, which may be slow
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z" if Path("/proc").exists() else not os.kill(pid, 0)
    except OSError:
        return False


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Launch]]:
    started: list[Launch] = []

    def start(**scripts: str) -> Launch:
        started.append(Launch(tmp_path, **scripts))
        return started[-1]

    yield start
    for one in started:
        try:
            os.killpg(one.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        one.process.wait()


def test_the_server_is_told_where_the_stand_in_listens(launch: Callable[..., Launch]) -> None:
    said = launch().until_said("it is up")
    told = next(line.rpartition(":")[2].removesuffix("/api/v1") for line in said.splitlines() if " upstream " in line)
    with socket.create_connection(("127.0.0.1", int(told)), timeout=DEADLINE_SECONDS):
        pass


def test_without_a_stand_in_the_server_is_told_none(launch: Callable[..., Launch]) -> None:
    assert "upstream None" in launch(standin="").until_said("it is up")


def test_sigterm_ends_server_and_stand_in_with_code_0(launch: Callable[..., Launch]) -> None:
    one = launch()
    one.until_said("it is up")
    one.process.terminate()
    assert one.code() == 0
    assert "server ended in order" in one.said()
    assert not is_alive(one.pid("stand-in")) and not is_alive(one.pid("server"))


def test_sigterm_before_the_server_is_up_ends_with_code_0(launch: Callable[..., Launch]) -> None:
    one = launch(standin="import time; time.sleep(100)")
    one.until_said("launcher")
    one.until(lambda _: has_handlers(one.process.pid), "the launcher's signal handlers")
    one.process.terminate()
    assert one.code() == 0


def has_handlers(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        pytest.skip("needs /proc")
    caught = next(int(line.split()[1], 16) for line in status.read_text().splitlines() if line.startswith("SigCgt"))
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def test_ctrl_c_in_a_terminal_reaches_the_server_as_sigterm_only(launch: Callable[..., Launch]) -> None:
    one = launch()
    one.until_said("it is up")
    os.killpg(one.process.pid, signal.SIGINT)  # as a terminal does: the whole group
    assert one.code() == 0
    assert "server ended in order" in one.said()


def test_sighup_is_passed_on(launch: Callable[..., Launch]) -> None:
    one = launch()
    one.until_said("it is up")
    one.process.send_signal(signal.SIGHUP)
    one.until_said("server reloads")
    assert one.process.poll() is None


@pytest.mark.parametrize(("how", "code"), [("import sys; sys.exit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)])
def test_a_server_that_ends_by_itself_gives_its_code_and_takes_the_stand_in_along(how: str, code: int, launch: Callable[..., Launch]) -> None:
    one = launch(server=how)
    assert one.code() == code
    assert not is_alive(one.pid("stand-in"))


def test_a_fallen_stand_in_comes_back_on_its_port(launch: Callable[..., Launch]) -> None:
    one = launch()
    one.until_said("it is up")
    first = one.pid("stand-in")
    os.kill(first, signal.SIGKILL)
    said = one.until(lambda said: one.pid("stand-in") != first, "a second stand-in")
    told = next(line.rpartition(":")[2].removesuffix("/api/v1") for line in said.splitlines() if " upstream " in line)
    assert f"The stand-in ended (code 137); starting it again on port {told}." in said
    one.until(lambda _: can_connect(int(told)), "the second stand-in on the first one's port")
    assert is_alive(one.pid("server"))


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_stand_in_that_falls_again_and_again_is_started_less_and_less_often(launch: Callable[..., Launch]) -> None:
    falls_after_the_first = STANDIN.replace("time.sleep(100)", "time.sleep(0.2)")
    one = launch(standin=falls_after_the_first)
    began = time.monotonic()
    one.until_said("starting it again", times=4)
    assert time.monotonic() - began > 0.5 + 1 + 2  # the pauses between the four
    assert is_alive(one.pid("server"))


def test_a_stand_in_that_cannot_start_is_said_in_a_sentence(launch: Callable[..., Launch]) -> None:
    one = launch(standin="print('no model here')")
    assert one.code() == 1
    said = one.said()
    assert "no model here\nlaunch error: The stand-in for ZenMux did not start" in said
    assert "Traceback" not in said


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_kill_9_of_the_launcher_alone_ends_its_children(launch: Callable[..., Launch]) -> None:
    one = launch()
    one.until_said("it is up")
    one.process.kill()
    one.until_gone(one.pid("server"), one.pid("stand-in"))


def test_kill_9_of_the_group_ends_all(launch: Callable[..., Launch]) -> None:
    one = launch()
    one.until_said("it is up")
    assert {os.getpgid(one.pid(name)) for name in ("server", "stand-in")} == {one.process.pid}
    os.killpg(one.process.pid, signal.SIGKILL)
    one.until_gone(one.pid("server"), one.pid("stand-in"))
