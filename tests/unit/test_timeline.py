"""The timeline: never back in time, never long, and no character lost, however the answer came."""
from __future__ import annotations

import random
from collections import Counter

import pytest

from rill.timeline import MAX_ENTRIES, Timeline, as_events
from tests.support import seeded


def chars(entries: list) -> Counter[str]:
    sums: Counter[str] = Counter()
    for event in as_events(entries):
        sums[event["kind"]] += event.get("chars", 0)
    return +sums


def alternating(rng: random.Random, n: int) -> str:
    return ("content", "reasoning")[n % 2]


def thinking_first(rng: random.Random, n: int) -> str:
    return "reasoning" if n < 1500 else "content"


def at_random(rng: random.Random, n: int) -> str:
    return rng.choice(["content", "reasoning"])


@pytest.mark.parametrize("choose", [thinking_first, at_random, alternating])
@pytest.mark.parametrize("pause_ms", [0, 0.1, 12.5, 4000])
def test_it_never_goes_back_never_grows_long_and_loses_no_character(choose, pause_ms: float) -> None:  # noqa: ANN001
    rng = seeded()
    timeline, said, now = Timeline(), Counter(), 0.0
    timeline.note("connected", now)
    for n in range(3000):
        now = round(now + rng.random() * 2 * pause_ms, 1)
        channel, count = choose(rng, n), rng.randint(1, 40)
        timeline.grew(channel, count, now)
        said[channel] += count
        assert len(timeline.entries) <= MAX_ENTRIES
        if n == 10:
            timeline.note("first_byte", now)
    timeline.note("finish", now)
    times = [entry[0] for entry in timeline.entries]
    assert times == sorted(times)
    assert chars(timeline.entries) == said
    assert [kind for _, kind, *count in timeline.entries if not count] == ["queued", "connected", "first_byte", "finish"]


def test_a_short_answer_keeps_every_delta() -> None:
    timeline = Timeline()
    for n in range(100):
        timeline.grew("content", 3, n * 10.0 + 1)
    assert len(timeline.entries) == 101


def test_a_long_answer_still_shows_its_pace() -> None:
    timeline = Timeline()
    for n in range(20_000):
        timeline.grew("content", 3, n * 10.0 + 1)
    assert MAX_ENTRIES // 4 <= len(timeline.entries) <= MAX_ENTRIES


def test_what_a_continued_reply_already_has_counts_as_there_at_the_start(core) -> None:  # noqa: ANN001
    run, call = core.started(core.conversation())
    call.write("why", "reasoning")
    call.write("so")
    call.finish("length")
    run.committed.wait(5)
    resumed = Timeline.resumed(core.stored(run.message.id))
    assert resumed.entries == [[0.0, "queued"], [0.0, "reasoning", 3], [0.0, "content", 2]]


def test_the_json_names_what_each_number_is() -> None:
    assert as_events([[0.0, "queued"], [5.5, "content", 7]]) == [
        {"at_ms": 0.0, "kind": "queued"}, {"at_ms": 5.5, "kind": "content", "chars": 7},
    ]
