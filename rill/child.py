"""A child process for work on bytes that a stranger made: limited in memory, time and output, without our environment.

Both ends stand here: `run` is the server's, `answer` and `limit` are the child's. The child reads its standard input, a
file, and writes one line of JSON and then the bytes of each part. One runs at a time, behind everything else of this
machine; the server's other work goes on meanwhile. What is made of the bytes: images.py, documents.py.
"""
from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, BinaryIO

from rill.errors import UnsupportedMediaType

ROOT = Path(__file__).resolve().parents[1]
MEMORY_BYTES = 1024 * 1024 * 1024  # of address space; 40 million pixels need about half
CPU_SECONDS = 30
WALL_SECONDS = 90
OUTPUT_BYTES = 32 * 1024 * 1024
HEADER_BYTES = 4096

TOO_MUCH = "“{name}” takes more memory or time to read than this server gives one file. It was not stored."
UNREADABLE = "“{name}” is damaged, or not what it seems. It was not stored."

_turn = threading.BoundedSemaphore(1)


def run(program: str, name: str, source: BinaryIO, folder: Path) -> tuple[dict[str, Any], BinaryIO]:
    """What `rill.PROGRAM` makes of `source`: its line, and a file that stands at the first part, for the caller to close.

    Raises UnsupportedMediaType."""
    made = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
    try:
        with _turn:
            source.seek(0)
            code = _exit_code([sys.executable, "-E", "-s", "-m", f"rill.{program}"], source, made)
        for file in (source, made):  # the child has moved the place that it shares with us: only a jump to the end forgets it
            file.seek(0, os.SEEK_END)
            file.seek(0)
        line = made.readline(HEADER_BYTES)
        if code != 0 or not line.endswith(b"\n"):
            raise UnsupportedMediaType(TOO_MUCH.format(name=name))
        told = json.loads(line)
        if "refused" in told:
            raise UnsupportedMediaType((told["refused"] or UNREADABLE).format(name=name))
        return told, made
    except BaseException:
        made.close()
        raise


def _exit_code(command: list[str], source: BinaryIO, made: BinaryIO) -> int | None:
    """None for one that had to be killed."""
    process = subprocess.Popen(command, cwd=ROOT, env={"LC_ALL": "C.UTF-8"}, stdin=source, stdout=made, stderr=subprocess.DEVNULL)
    try:
        return process.wait(WALL_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


# ---- inside the child

def limit() -> None:
    """Before anything foreign is read."""
    limits = {resource.RLIMIT_AS: MEMORY_BYTES, resource.RLIMIT_CPU: CPU_SECONDS, resource.RLIMIT_FSIZE: OUTPUT_BYTES,
              resource.RLIMIT_CORE: 0}
    for which, most in limits.items():
        with contextlib.suppress(ValueError, OSError):  # not every system has every limit
            resource.setrlimit(which, (most, most))
    os.nice(10)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # where memory runs out, this is what goes, not the server


def answer(told: dict[str, Any], parts: dict[str, bytes] | None = None) -> None:
    parts = parts or {}
    line = json.dumps({**told, "parts": {part: len(data) for part, data in parts.items()}})
    sys.stdout.buffer.write(line.encode() + b"\n")
    for data in parts.values():
        sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def refuse(sentence: str = "") -> None:
    """The sentence may name the file as {name}; none stands for UNREADABLE."""
    answer({"refused": sentence})
