"""The words and values of the ground floor: ids, times, titles, usage, cost."""
from __future__ import annotations

import re

import pytest

from rill.models import ID_PATTERN, SLUG_PATTERN, TITLE_CHARS, Cost, Usage, new_id, title_from, utc_now
from tests.support import seeded, some_text


def test_ids_are_of_the_promised_shape_and_never_the_same() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(ID_PATTERN.fullmatch(one) for one in ids)


def test_times_are_utc_with_milliseconds_and_sort_as_text() -> None:
    times = [utc_now() for _ in range(100)]
    assert times == sorted(times)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one) for one in times)
    assert utc_now(-3600) < times[0] < utc_now(3600)


@pytest.mark.parametrize(("text", "title"), [
    ("Hello", "Hello"), ("  two\n\tlines  ", "two lines"), ("x" * TITLE_CHARS, "x" * TITLE_CHARS), ("x" * 100, "x" * TITLE_CHARS + "…"),
    ("word " * 30, "word " * 11 + "word…"), ("漢" * 80, "漢" * TITLE_CHARS + "…"),
])
def test_a_title_is_the_first_words(text: str, title: str) -> None:
    assert title_from(text) == title


def test_a_title_is_never_too_long_nor_more_than_one_line() -> None:
    rng = seeded()
    for _ in range(300):
        title = title_from(some_text(rng, 200))
        assert len(title) <= TITLE_CHARS + 1
        assert "\n" not in title and title == title.strip()


@pytest.mark.parametrize(("said", "usage"), [
    (None, Usage()), ({}, Usage()), ([], Usage()),
    ({"prompt_tokens": 3, "completion_tokens": 0}, Usage(3, 0)),
    ({"prompt_tokens": 3, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}, "prompt_tokens_details": {"cached_tokens": 1}}, Usage(3, 5, 2, 1)),
    ({"prompt_tokens": None, "completion_tokens_details": None, "prompt_tokens_details": []}, Usage()),
    ({"prompt_tokens": "3", "completion_tokens": 2.5}, Usage()), ({"prompt_tokens": True, "completion_tokens": -1}, Usage()),
    ({"prompt_tokens": 2**70}, Usage()),
])
def test_usage_is_what_was_said_and_nothing_made_up(said: object, usage: Usage) -> None:
    assert Usage.from_upstream(said) == usage


def test_usage_that_nobody_told_stays_untold_in_a_sum() -> None:
    assert Usage(1, None, 2, None).plus(Usage(3, 4, None, None)) == Usage(4, 4, 2, None)
    assert Usage().as_dict() is None
    assert Usage(0).as_dict() == {"input_tokens": 0, "output_tokens": None, "reasoning_tokens": None, "cached_tokens": None}


def test_a_sum_of_costs_is_actual_only_when_both_are() -> None:
    assert Cost(0.1, "actual").plus(Cost(0.2, "actual")) == Cost(0.3, "actual")
    assert Cost(0.1, "actual").plus(Cost(0.2)) == Cost(0.3, "estimate")
    assert Cost(0.1).plus(None) == Cost(0.1)


@pytest.mark.parametrize(("slug", "is_one"), [
    ("openai/gpt-5", True), ("a", True), ("z-ai/glm-4.5:free", True), ("a" * 200, True), ("a" * 201, False), ("", False), ("/a", False),
    ("-a", False), ("a b", False), ("a\n", False), ("ä", False),
])
def test_a_model_id_is_a_slug(slug: str, is_one: bool) -> None:
    assert bool(SLUG_PATTERN.fullmatch(slug)) is is_one
