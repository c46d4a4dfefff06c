"""Child processes that end with their parent, and what to say when one fails.

Knows nothing of what it runs. No child gets a session or a process group of its own: killing the group ends all.
"""
from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LAST_LINES = 15  # npm explains first and prints its own state after it
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class LaunchError(Exception):
    """One sentence for the person at the terminal; never a traceback."""


def say(line: str) -> None:
    print(line, flush=True)


def tell_service_manager(state: str) -> None:
    """sd_notify(3): `READY=1` or `STOPPING=1` to a service manager that asked to be told; otherwise nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
    except OSError:
        pass  # a manager that does not listen is its own trouble, not the chat's


def prepare_child(*, shield_from_interrupt: bool = False) -> Callable[[], None]:
    """For `preexec_fn`: the child gets SIGTERM when this process dies, even of kill -9 (Linux only)."""
    parent = os.getpid()

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:  # it died before prctl took hold
                os._exit(1)
        if shield_from_interrupt:
            # A terminal sends Ctrl-C to the whole group. Blocked (a mask survives exec), it reaches the launcher alone,
            # which asks gunicorn to end in order; gunicorn's own answer to SIGINT drops the running answers.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})

    return prepare


def run_quietly(command: Sequence[str | Path], failure: str, *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run to the end in silence; when it fails raise LaunchError with the sentence and the command's last lines."""
    try:
        done = subprocess.run(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", preexec_fn=prepare_child())
    except OSError as error:
        raise LaunchError(f"{failure}\n  {command[0]}: {error.strerror}") from None
    if done.returncode:
        lines = [line.rstrip() for line in done.stdout.splitlines() if line.strip()][-LAST_LINES:]
        raise LaunchError("\n  ".join([failure, *lines]))


def run_loudly(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str]) -> int:
    """Run to the end on this terminal; returns the exit code, as a shell would say it."""
    with subprocess.Popen(command, cwd=cwd, env=env, preexec_fn=prepare_child()) as child:
        return shell_code(child.wait())


def shell_code(returncode: int) -> int:
    """Popen says -9 for a process killed by signal 9, a shell 137."""
    return 128 - returncode if returncode < 0 else returncode
