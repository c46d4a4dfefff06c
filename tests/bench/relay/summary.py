"""The benchmark's arithmetic: CPU a token in the steady state, what a relay adds, ratios to the peers, exactness of text.

Pure: values in, values out. Called by __main__.py and targets.py; tested in tests/unit/test_bench_summary.py.
"""
from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from tests.bench.relay.machine import Sample

MARK = re.compile(r"@T\d+\.(\d+)\.(\d+);")
MIN_TOKENS = 100  # below, the clock's ticks are most of the figure

Row = dict[str, Any]


def is_exact(text: str, stream: int, tokens: int) -> bool:
    """Whether a text holds each of its stream's marks once, in order, and nothing of another's."""
    return [(int(a), int(b)) for a, b in MARK.findall(text)] == [(stream, seq) for seq in range(tokens)]


def steady(samples: Sequence[Sample], from_ns: int, until_ns: int) -> tuple[float, float] | None:
    """Microseconds of CPU a token, and share of a core, between the first and the last sample of the steady state."""
    inside = [sample for sample in samples if from_ns <= sample.at_ns <= until_ns]
    if len(inside) < 2 or (tokens := inside[-1].tokens - inside[0].tokens) < MIN_TOKENS:
        return None
    cpu = inside[-1].cpu_seconds - inside[0].cpu_seconds
    return cpu / tokens * 1e6, cpu / (inside[-1].at_ns - inside[0].at_ns) * 1e9


def compare(rows: Sequence[Row]) -> None:
    """Put into each row what it adds over `direct`, and its ratios to the peers, at the same number of streams."""
    known = {(row["target"], row["streams"]): row for row in rows if row["feeds"] == 1}
    for row in rows:
        direct = known.get(("direct", row["streams"]))
        for name in ("age_p50", "age_p99", "ttft_p50", "ttft_p95"):
            row[f"added_{name}"] = None if direct is None else row[name] - direct[name]
        for name, peer in (("x_nginx", "nginx"), ("x_fastapi", "fastapi-aiohttp")):
            row[name] = ratio(row["cpu_us"], known.get((peer, row["streams"]), {}).get("cpu_us"))


def ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None


COLUMNS = {  # heading: (name in the row, what to divide by, format)
    "target": ("target", 1, "s"), "streams": ("streams", 1, "d"), "feeds": ("feeds", 1, "d"), "lost": ("lost", 1, "d"),
    "us CPU/token": ("cpu_us", 1, ".1f"), "x nginx": ("x_nginx", 1, ".2f"), "x fastapi": ("x_fastapi", 1, ".2f"),
    "+p50 ms": ("added_age_p50", 1000, ".2f"), "+p99 ms": ("added_age_p99", 1000, ".2f"),
    "TTFT p50": ("ttft_p50", 1000, ".1f"), "TTFT p95": ("ttft_p95", 1000, ".1f"), "core %": ("core", 0.01, ".0f"),
    "tokens/delta": ("tokens_per_delta", 1, ".2f"),
    "idle MiB": ("idle_kib", 1024, ".0f"), "KiB/stream": ("stream_kib", 1, ".0f"), "others %": ("others", 0.01, ".0f"),
}


def heading() -> str:
    return "  ".join(f"{name:>{_width(name)}}" for name in COLUMNS)


def line(row: Row) -> str:
    cells = []
    for name, (key, unit, how) in COLUMNS.items():
        value = row.get(key)
        text = "-" if value is None else format(value if how in "sd" else value / unit, how)
        cells.append(f"{text:>{_width(name)}}")
    return "  ".join(cells)


def _width(name: str) -> int:
    return max(len(name), 15 if name == "target" else 6)
