"""The benchmark's own arithmetic: a figure that is wrong there would be believed everywhere."""
from __future__ import annotations

import pytest

from tests.bench.relay.machine import Sample
from tests.bench.relay.summary import COLUMNS, compare, heading, is_exact, line, steady

SECOND = 10**9


def marks(stream: int, *seqs: int) -> str:
    return "".join(f"@T{seq + 7}.{stream}.{seq};word " for seq in seqs)


def row(target: str, streams: int, *, feeds: int = 1, cpu_us: float | None = None, age: float = 0.0) -> dict:
    ages = dict.fromkeys(("age_p50", "age_p99", "ttft_p50", "ttft_p95"), age)
    return {"target": target, "streams": streams, "feeds": feeds, "lost": 0, "cpu_us": cpu_us, **ages}


def test_a_text_with_each_mark_once_and_in_order_is_exact():
    assert is_exact(marks(3, 0, 1, 2), 3, 3)


@pytest.mark.parametrize("text", [marks(3, 0, 2), marks(3, 0, 1, 1, 2), marks(3, 0, 2, 1), marks(3, 0, 1, 2, 3),
                                  marks(3, 0, 1) + marks(4, 2), marks(3, 0, 1, 2)[:-7], ""],
                         ids=["missing", "twice", "out of order", "one too many", "another's", "cut off", "empty"])
def test_a_text_that_lost_doubled_moved_or_mixed_a_mark_is_not_exact(text: str):
    assert not is_exact(text, 3, 3)


def test_cpu_a_token_counts_the_steady_state_only():
    samples = [Sample(1 * SECOND, 50.0, 0), Sample(2 * SECOND, 100.0, 1000), Sample(4 * SECOND, 100.5, 11_000), Sample(9 * SECOND, 900.0, 11_001)]
    assert steady(samples, 2 * SECOND, 8 * SECOND) == pytest.approx((50.0, 0.25))


def test_a_steady_state_of_one_sample_or_few_tokens_gives_no_figure():
    samples = [Sample(1 * SECOND, 1.0, 0), Sample(2 * SECOND, 2.0, 99)]
    assert steady(samples, 1 * SECOND, 1 * SECOND) is None
    assert steady(samples, 1 * SECOND, 2 * SECOND) is None
    assert steady(samples, 0, 0) is None


def test_a_relay_is_compared_with_peers_at_the_same_number_of_streams():
    rows = [row("direct", 50, age=10.0), row("direct", 200, age=30.0), row("nginx", 50, cpu_us=20.0), row("nginx", 200, cpu_us=10.0),
            row("fastapi-aiohttp", 200, cpu_us=80.0), row("rill", 200, cpu_us=60.0, age=130.0), row("rill", 200, feeds=4, cpu_us=90.0, age=230.0)]
    compare(rows)
    assert [(one["x_nginx"], one["x_fastapi"], one["added_age_p99"]) for one in rows[-2:]] == [(6.0, 0.75, 100.0), (9.0, 1.125, 200.0)]


def test_without_a_peer_there_is_no_ratio_to_it():
    rows = [row("direct", 1, age=5.0), row("rill", 1, cpu_us=300.0, age=6.0)]
    compare(rows)
    assert rows[1]["x_nginx"] is None and rows[1]["x_fastapi"] is None and rows[1]["added_age_p50"] == 1.0


def test_a_line_stands_under_its_heading_whatever_is_missing():
    rows = [row("direct", 1), row("fastapi-aiohttp", 1000, cpu_us=12345.6)]
    compare(rows)
    assert {len(line(one)) for one in rows} == {len(heading())}
    assert len(line(rows[0]).split()) == len(COLUMNS)
