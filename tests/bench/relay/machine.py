"""What the benchmark reads off the machine: CPU time and memory of processes, and how busy others keep the cores.

Also puts what is started onto its core. Linux only: /proc and scheduling calls. Starts nothing itself.
"""
from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")
SAMPLE_SECONDS = 0.25
MEMORY_EVERY = 8  # samples: reading a process's memory holds that process up
REALTIME_PRIORITY = 5


@contextmanager
def started_on(core: int, *, realtime: bool = False) -> Iterator[None]:
    """What is started inside runs on this core; `realtime` puts it before everything else that wants it (root only)."""
    cores, policy, priority = os.sched_getaffinity(0), os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setaffinity(0, {core})
    if realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(REALTIME_PRIORITY))
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, priority)
        os.sched_setaffinity(0, cores)


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the third on: the second may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def cpu_seconds(pids: list[int]) -> float:
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            ticks += sum(map(int, _stat(pid)[11:13]))
    return ticks * TICK_SECONDS


def memory_kib(pids: list[int]) -> int:
    """Proportional set size: pages that the processes share count once."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total


@dataclass(frozen=True)
class Sample:
    at_ns: int
    cpu_seconds: float
    tokens: int


class Sampler:
    """Reads the processes' CPU and memory, and the tokens sent, while a row is measured."""

    def __init__(self, pids: list[int], count_tokens: Callable[[], int]) -> None:
        self.samples: list[Sample] = []
        self.peak_kib = 0
        self._pids, self._count_tokens = pids, count_tokens
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.samples.append(Sample(time.monotonic_ns(), cpu_seconds(self._pids), self._count_tokens()))
            if len(self.samples) % MEMORY_EVERY == 0:
                self.peak_kib = max(self.peak_kib, memory_kib(self._pids))


class Others:
    """How much of the cores went to processes that are not ours."""

    def __init__(self, cores: set[int], pids: Callable[[], list[int]]) -> None:
        self._names, self._pids = {f"cpu{core}" for core in cores}, pids
        self._before = self._read()

    def _read(self) -> tuple[float, float, float]:
        """Seconds so far: all time of the cores, time they worked, time of ours."""
        whole = busy = 0
        for line in Path("/proc/stat").read_text().splitlines():
            name, *ticks = line.split()[:9]
            if name in self._names:
                spent = list(map(int, ticks))
                whole += sum(spent)
                busy += sum(spent) - spent[3] - spent[4]
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        ours = cpu_seconds(self._pids()) + sum(usage.ru_utime + usage.ru_stime for usage in usages)
        return whole * TICK_SECONDS, busy * TICK_SECONDS, ours

    def share(self) -> float:
        """Of the cores' time since this was made, 0 to 1."""
        whole, busy, ours = (now - before for now, before in zip(self._read(), self._before, strict=True))
        return max(0.0, busy - ours) / whole if whole else 0.0
