"""bin/soak: a server under a steady load for long, looked at from outside.

Method: the stand-in says self-verifying text at 50 words a second and stream; 20 answers run at once, a new one starts
when one ends; one reader follows them all, comes back when the server asks it to, and checks each answer to the
character. Memory, descriptors and the write-ahead log of the server's worker are sampled every few seconds; the slope of
memory is a straight line through the samples after the first tenth. Everything is drawn from the printed seed. The last
line is JSON; the exit code is 1 when an answer was not exact or a limit was passed. Linux only.
"""
from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rill.standin.numbers import verify
from tests.api_client import Api
from tests.feed_reader import Feed, FeedEnded, Held
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn, running_standin

STREAMS = 20
WORDS_A_SECOND = 50
WORDS = (200, 2500)
CONVERSATION_ANSWERS = 40
SAMPLE_SECONDS = 5
LAST_ANSWERS_SECONDS = 120
MB = 1_000_000
SLOPE_LIMIT_MB_PER_HOUR = 5
SLOPE_FROM_MINUTES = 30  # in less time a slope says nothing
WAL_LIMIT_MB = 64
DESCRIPTORS_LIMIT_GROWTH = 20  # connections to the upstream are kept for the next call


@dataclass(frozen=True)
class Sample:
    minutes: float
    memory_mb: float
    descriptors: int
    wal_mb: float

    def __str__(self) -> str:
        return f"{self.minutes:6.1f} min  memory {self.memory_mb:6.1f} MB  descriptors {self.descriptors:3d}  WAL {self.wal_mb:5.1f} MB"


@dataclass
class Load:
    """The answers that are streaming, and how the earlier ones ended."""

    rill: Rill
    rng: random.Random
    api: Api = field(init=False)
    held: Held = field(default_factory=Held)
    running: dict[str, tuple[int, int]] = field(default_factory=dict)  # seed and words by message
    conversation_id: str = ""
    answers: int = 0
    characters: int = 0
    reconnects: int = -1
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api = self.rill.api()
        self.connect()

    def connect(self) -> None:
        self.feed = self.rill.feed(self.held, is_slow=True)
        self.reconnects += 1

    def top_up(self) -> None:
        while len(self.running) < STREAMS:
            if not self.conversation_id or (self.answers + len(self.running)) % CONVERSATION_ANSWERS == 0:
                self.conversation_id = self.api.new_conversation()["id"]
            seed, words = self.rng.randrange(10**6), self.rng.randint(*WORDS)
            asked = json.dumps({"words": words, "rate": WORDS_A_SECOND, "seed": seed, "wide": True})
            sent = self.api.send(self.conversation_id, asked, "demo/numbers", parent_id=None)
            self.running[sent["replies"][0]["id"]] = seed, words
            self.forget(sent["user_message"]["id"])

    def read(self) -> None:
        """One event."""
        try:
            event = self.feed.read()
        except FeedEnded:
            self.feed.close()
            return self.connect()
        del self.feed.events[:-10]
        for message_id in [one for one in self.running if self.held.is_final(one)] if event.name == "message" else ():
            self.check(message_id)

    def check(self, message_id: str) -> None:
        seed, words = self.running.pop(message_id)
        text, status = self.held.text(message_id), self.held.messages[message_id]["status"]
        if status != "completed" or len(text.split()) != words or verify(text, seed, wide=True) is not None:
            self.wrong.append(f"{message_id}: {status}, {len(text.split())} of {words} words, differs at {verify(text, seed, wide=True)}")
        self.answers += 1
        self.characters += len(text)
        self.forget(message_id)

    def forget(self, message_id: str) -> None:
        """So that this reader's own memory stays small too."""
        self.held.texts.pop(message_id, None)
        self.held.messages.pop(message_id, None)


def sample(rill: Rill, started: float) -> Sample:
    wal = rill.data_dir / "rill.db-wal"
    size = wal.stat().st_size if wal.exists() else 0
    return Sample((time.monotonic() - started) / 60, rill.memory_bytes() / MB, len(os.listdir(f"/proc/{rill.worker_pid()}/fd")), size / MB)


def soak(rill: Rill, minutes: float, seed: int) -> tuple[Load, list[Sample]]:
    load, samples = Load(rill, random.Random(seed)), []
    started = time.monotonic()
    while (now := time.monotonic()) < started + minutes * 60:
        load.top_up()
        load.read()
        if now - started >= len(samples) * SAMPLE_SECONDS:
            samples.append(sample(rill, started))
            if len(samples) % max(1, round(minutes * 60 / SAMPLE_SECONDS / 10)) == 0:
                print(f"{samples[-1]}  answers {load.answers}", flush=True)
    give_up_at = time.monotonic() + LAST_ANSWERS_SECONDS
    while load.running and time.monotonic() < give_up_at:
        load.read()
    load.wrong += [f"{one}: did not end" for one in load.running]
    load.feed.close()
    return load, samples


def slope_mb_per_hour(samples: list[Sample]) -> float:
    """Of the line of least squares through memory, without the first tenth."""
    rest = samples[len(samples) // 10:]
    middle = sum(one.minutes for one in rest) / len(rest)
    width = sum((one.minutes - middle) ** 2 for one in rest)
    return 60 * sum((one.minutes - middle) * one.memory_mb for one in rest) / width if width else 0.0


def judge(load: Load, samples: list[Sample], minutes: float) -> list[str]:
    """What is not as it should be."""
    start, end = samples[len(samples) // 10], samples[-1]
    faults = list(load.wrong)
    if minutes >= SLOPE_FROM_MINUTES and slope_mb_per_hour(samples) > SLOPE_LIMIT_MB_PER_HOUR:
        faults.append(f"memory grows by {slope_mb_per_hour(samples):.1f} MB an hour")
    if end.descriptors > start.descriptors + DESCRIPTORS_LIMIT_GROWTH:
        faults.append(f"descriptors grew from {start.descriptors} to {end.descriptors}")
    if max(one.wal_mb for one in samples) > WAL_LIMIT_MB:
        faults.append(f"the write-ahead log grew to {max(one.wal_mb for one in samples):.0f} MB")
    return faults


def report(load: Load, samples: list[Sample], faults: list[str], minutes: float, seed: int) -> dict[str, Any]:
    places = {"start": samples[len(samples) // 10], "middle": samples[len(samples) // 2], "end": samples[-1]}
    for name, one in places.items():
        print(f"{name:>6}: {one}")
    return {
        "bench": "soak", "minutes": minutes, "seed": seed, "streams": STREAMS, "answers": load.answers, "characters": load.characters,
        "reconnects": load.reconnects, "memory_mb": {name: round(one.memory_mb, 1) for name, one in places.items()},
        "memory_slope_mb_per_hour": round(slope_mb_per_hour(samples), 2), "descriptors": {name: one.descriptors for name, one in places.items()},
        "wal_max_mb": round(max(one.wal_mb for one in samples), 2), "faults": faults,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/soak", description="Let 20 answers stream at once for long; the last line is JSON.")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rill-soak-")))
        upstream: StandIn = stack.enter_context(running_standin())
        rill = stack.enter_context(running_rill(folder / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/numbers"))
        load, samples = soak(rill, options.minutes, options.seed)
    faults = judge(load, samples, options.minutes)
    print(json.dumps(report(load, samples, faults, options.minutes, options.seed)), flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
