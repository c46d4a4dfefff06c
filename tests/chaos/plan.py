"""What one seed will do: a pure drawing of lots. Each player has dice of its own, so that what the others do first
does not change what it throws.
"""
from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.proxy import Harm

# Fault models of the stand-in that end quickly by themselves or by a limit; 429, 502 and 503 are in `busy` scripts.
FAULTS = ("cut", "reset", "eof", "stall", "error", "json", "filter", "length", "empty", "comments", "silent", "closed",
          "402", "403", "413", "422", "500", "520", "524", "html")
INCIDENTS = ("none",) * 50 + ("kill",) * 14 + ("kill twice",) * 3 + ("kill worker",) * 7 + ("kill master",) * 3 + ("term",) * 9 + (
    "lock",) * 9 + ("upstream gone",) * 5
STOP_AFTER_SECONDS = (0, 0, 0.005, 0.05, 0.15, 0.3, 0.6)
UPSTREAM_HARMS = ("none",) * 30 + ("split",) * 8 + ("throttle",) * 5 + ("buffer",) * 6 + ("pause",) * 6 + ("idle_close",) * 4 + (
    "stall",) * 6 + ("reset",) * 9 + ("truncate",) * 9 + ("refuse",) * 4 + ("mute",) * 3
FEED_HARMS = ("none",) * 30 + ("split",) * 10 + ("throttle",) * 10 + ("buffer",) * 10 + ("pause",) * 8 + ("idle_close",) * 6 + (
    "stall",) * 8 + ("reset",) * 12 + ("truncate",) * 12 + ("refuse",) * 3 + ("mute",) * 3


def dice(seed: int, who: str) -> random.Random:
    return random.Random(f"{seed}/{who}")


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    actors: int
    readers: int
    incident: str
    incident_after: float  # seconds from the start
    incident_seconds: float


def draw_plan(seed: int) -> Plan:
    rng = dice(seed, "plan")
    return Plan(seed, rng.randint(1, 3), rng.randint(2, 4), rng.choice(INCIDENTS), rng.uniform(0.05, 1.2), rng.choice((0, 0.1, 0.5)))


def draw_harm(rng: random.Random, kinds: tuple[str, ...]) -> Harm:
    kind = rng.choice(kinds)
    at_byte = int(10 ** rng.uniform(0, 4.3))
    if kind == "throttle":
        return Harm(kind, seconds=0.01, piece_bytes=rng.choice((700, 1500, 3000)))
    if kind == "split":
        return Harm(kind, piece_bytes=rng.choice((1, 3, 17, 100)))
    if kind == "idle_close":
        return Harm(kind, seconds=rng.choice((0.4, 0.8)))
    return Harm(kind, at_byte, rng.choice((0.05, 0.2, 0.5)))


def harms(seed: int, who: str, kinds: tuple[str, ...]) -> Callable[[], Harm]:
    rng = dice(seed, who)
    return lambda: draw_harm(rng, kinds)


def draw_question(rng: random.Random, scripts: dict[str, str]) -> tuple[str, dict[str, Any] | None, str]:
    """(content, what the numbers will be, model)."""
    spec = {"words": rng.choice((0, 1, 5, 20, 60, 150, 400)), "rate": rng.choice((30, 150, 600, 3000, 0)), "seed": rng.randrange(10**6),
            "wide": rng.random() < 0.5, "reasoning_words": rng.choice((0, 0, 0, 5, 30)), "first_seconds": rng.choice((0, 0, 0.05, 0.3)),
            "reasoning_rate": 300}
    if spec["rate"] == 30:
        spec["words"] = min(spec["words"], 40)
    if rng.random() < 0.3 and spec["rate"] not in (30, 150):  # in pieces of a character or two it would take too long
        spec["chunk"] = [1, rng.choice((3, 20, 200))]
    lot = rng.random()
    model = "demo/numbers"
    if lot < 0.18:
        model = f"demo/fault-{rng.choice(FAULTS)}"
    elif lot < 0.30:
        model = scripts[rng.choice(sorted(scripts))]
    return json.dumps(spec), spec, model


def frames(*texts: str, finish: str | None = "stop") -> list[str]:
    """Chunks of a plain stream, for registered scripts."""
    said = [{"id": "gen-script", "model": "test", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]} for text in texts]
    if finish:
        said.append({"id": "gen-script", "model": "test", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return [*(f"data: {json.dumps(one)}\n\n" for one in said), *(["data: [DONE]\n\n"] if finish else [])]


def scripts(key: str) -> dict[str, dict[str, Any]]:
    """What is registered at the stand-in for each seed: refusals that cost nothing and pass, and echoes of the key."""
    stream = {"status": 200, "headers": {"Content-Type": "text/event-stream"}, "delays_ms": 10}
    error = {"headers": {"Content-Type": "application/json", "Retry-After": "0.05"}, "framing": "length", "delays_ms": 0}
    busy = [{"chunks": ['{"error": {"message": "Busy", "type": "rate_limit"}}'], "http": {**error, "status": status}} for status in (429, 503, 502)]
    pieces = [key[at:at + 5] for at in range(0, len(key), 5)]
    return {
        "busy-once": {"times": [busy[0], {"model": "demo/numbers"}]},
        "busy-twice": {"times": [*busy[1:], {"model": "demo/numbers"}]},
        "busy-for-ever": {"times": busy},
        "leak-text": {"chunks": frames("Your key is ", *pieces, " and so on."), "http": stream},
        "leak-whole": {"chunks": frames(f"Your key is {key}, {key}."), "http": stream},
        "leak-cut": {"chunks": frames("Your key is ", *pieces[:-1], finish=None), "http": stream},
        "leak-error": {"chunks": [f'{{"error": {{"message": "Bad key {key} given", "type": "x{key}", "code": "{key}"}}}}'],
                       "http": {**error, "status": 400}},
        "leak-frame": {"chunks": [*frames("So far. ", finish=None), f'data: {{"error": {{"message": "Key {key} is broken"}}}}\n\n'], "http": stream},
    }
