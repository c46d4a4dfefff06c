"""Runs the chaos programs as processes of their own, as a test wants it: with a deadline, and nothing left behind."""
from __future__ import annotations

import subprocess
import sys

from tests.servers import PROJECT

END_SECONDS = 20


def output_of(arguments: list[str], seconds: float) -> str:
    """What it printed; fails with that when it failed, or was not done in time."""
    with subprocess.Popen([sys.executable, *arguments], cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as program:
        try:
            printed, _ = program.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            program.terminate()  # not kill: it has servers to end
            printed, _ = program.communicate(timeout=END_SECONDS)
    assert program.returncode == 0, f"{arguments} ended with {program.returncode} (the limit is {seconds} s):\n{printed}"
    return printed
