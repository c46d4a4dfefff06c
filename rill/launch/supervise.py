"""The server and its stand-in while they live: start, signals, the stand-in's return after a fall, the end.

Knows no setting and installs nothing: it gets two commands and an address. Called by serve.
"""
from __future__ import annotations

import http.client
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rill.launch.processes import LaunchError, prepare_child, say, shell_code, tell_service_manager

READY = re.compile(r"stand-in listening on http://127\.0\.0\.1:(\d+)\s*$")
READY_SECONDS = 20           # until the stand-in listens
FIRST_PAUSE_SECONDS = 0.5    # before a fallen stand-in is started again; doubled each time
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60          # a stand-in that lived this long starts with the first pause again
END_SECONDS = 1              # a stand-in that does not end by then is killed: the whole end has the grace time and 3 s
PROBE_SECONDS = 0.05         # between two looks at /healthz, until it answers
HEALTH_TIMEOUT_SECONDS = 1.0


class Standin:
    """One stand-in after another, on the port that the first one got."""

    def __init__(self, command: Sequence[str], port: int, cwd: Path) -> None:
        self.port = port  # 0 until the first one has said which
        self._command, self._cwd = command, cwd
        self._pause = FIRST_PAUSE_SECONDS
        self._start_at = 0.0
        self.start()

    def start(self) -> None:
        self.is_ready = False
        self._unread = b""
        self._started_at = time.monotonic()
        self.process = subprocess.Popen([*self._command, "--port", str(self.port)], cwd=self._cwd, stdout=subprocess.PIPE,
                                        env={**os.environ, "PYTHONUNBUFFERED": "1"},
                                        preexec_fn=prepare_child(shield_from_interrupt=True))
        os.set_blocking(self.process.stdout.fileno(), False)

    def read_output(self) -> None:
        """Take what it printed: the line that names the port is for us, all others for the terminal."""
        while chunk := self.process.stdout.read(65536):
            *lines, self._unread = (self._unread + chunk).split(b"\n")
            for line in lines:
                if found := READY.search(line.decode(errors="replace")):
                    self.port, self.is_ready = int(found[1]), True
                else:
                    print(line.decode(errors="replace"), file=sys.stderr, flush=True)

    def is_late(self) -> bool:
        return not self.is_ready and time.monotonic() - self._started_at > READY_SECONDS

    def tend(self) -> None:
        """Start it again when it has fallen and its pause is over."""
        code = self.process.poll()
        if code is None:
            if self.is_late():
                self.process.kill()
            return
        now = time.monotonic()
        if not self._start_at:
            self._pause = FIRST_PAUSE_SECONDS if now - self._started_at > STEADY_SECONDS else self._pause
            self._start_at = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            say(f"The stand-in ended (code {shell_code(code)}); starting it again on port {self.port}.")
        elif now >= self._start_at:
            self._start_at = 0.0
            self._close_output()
            self.start()

    def seconds_to_wait(self) -> float | None:
        return max(0.0, self._start_at - time.monotonic()) if self._start_at else None

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._close_output()

    def _close_output(self) -> None:
        self.read_output()
        self.process.stdout.close()


class Supervisor:
    """Runs `server` until it ends, with a stand-in beside it if there is one. One use each, on the main thread."""

    def __init__(self, server: Sequence[str], env: dict[str, str], host: str, port: int, cwd: Path, *,
                 standin: Sequence[str] | None = None, standin_port: int = 0, when_up: Sequence[str] = ()) -> None:
        self._command, self._env, self._cwd = server, env, cwd
        self._host, self._port, self._when_up = host, port, when_up
        self._standin_command, self._standin_port = standin, standin_port
        self._server: subprocess.Popen[bytes] | None = None
        self._standin: Standin | None = None
        self._is_stopping = False
        self._is_up = False

    def run(self) -> int:
        """Returns the server's exit code; 0 when it was asked to end."""
        self._listen_to_signals()
        if self._standin_command and not self._is_stopping:
            self._standin = Standin(self._standin_command, self._standin_port, self._cwd)
        try:
            while self._tend():
                self._wait()
            return self._exit_code()
        finally:
            if self._standin:
                self._standin.end()

    def _tend(self) -> bool:
        """Do what is due; False when it is over."""
        if self._server is None:
            return self._tend_before_start()
        if self._server.poll() is not None:
            return False
        if self._standin and not self._is_stopping:
            self._standin.tend()
        if not self._is_up and not self._is_stopping and self._answers():
            self._is_up = True
            tell_service_manager("READY=1")
            for line in self._when_up:
                say(line)
        return True

    def _tend_before_start(self) -> bool:
        if self._is_stopping:
            return False
        if self._standin and not self._standin.is_ready:
            if self._standin.process.poll() is not None or self._standin.is_late():
                raise LaunchError("The stand-in for ZenMux did not start; what it said stands above.")
            return True
        if self._standin:
            self._env["RILL_STANDIN_URL"] = f"http://127.0.0.1:{self._standin.port}/api/v1"
        self._server = subprocess.Popen(self._command, cwd=self._cwd, env=self._env,
                                        preexec_fn=prepare_child(shield_from_interrupt=True))
        if self._is_stopping:  # the signal came while it was being started
            self._server.terminate()
        return True

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=HEALTH_TIMEOUT_SECONDS)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _wait(self) -> None:
        """Until a signal, a line of the stand-in, or the next thing that is due."""
        watched, timeout = [self._woken], None
        if self._standin:
            timeout = self._standin.seconds_to_wait()
            if self._standin.process.poll() is None:
                watched.append(self._standin.process.stdout.fileno())
            if not self._standin.is_ready:
                timeout = READY_SECONDS if timeout is None else timeout
        if self._server and not self._is_up:
            timeout = PROBE_SECONDS
        readable, _, _ = select.select(watched, [], [], timeout)
        if self._woken in readable:
            os.read(self._woken, 4096)
        if self._standin and len(readable) > (self._woken in readable):
            self._standin.read_output()

    def _exit_code(self) -> int:
        if self._server is None:
            return 0
        code = self._server.returncode
        # gunicorn sets its handlers some moments after its start: until then SIGTERM simply kills it
        return 0 if self._is_stopping and code == -signal.SIGTERM else shell_code(code)

    def _listen_to_signals(self) -> None:
        self._woken, wake = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(self._woken, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # a handler of ours, so that a child's end wakes select()
        signal.signal(signal.SIGHUP, lambda *_: self._server and self._server.send_signal(signal.SIGHUP))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, *_: object) -> None:
        self._is_stopping = True
        tell_service_manager("STOPPING=1")
        if self._server:
            self._server.terminate()
