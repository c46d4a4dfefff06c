"""Thirty fixed seeds of bin/chaos, as a person runs it; a failing one prints its story and how to play it again."""
from __future__ import annotations

import pytest

from tests.chaos.programs import output_of

SEEDS = 30
PER_PART = 10
PART_SECONDS = 150  # a part takes 20 to 40 s on two quiet cores


@pytest.mark.timeout(PART_SECONDS + 30)
@pytest.mark.parametrize("first", range(1, SEEDS + 1, PER_PART))
def test_no_answer_is_lost_whatever_breaks(first: int) -> None:
    printed = output_of(["bin/chaos", "--seeds", f"{first}..{first + PER_PART - 1}", "--jobs", "2"], PART_SECONDS)
    assert printed.count(": ok in ") == PER_PART
