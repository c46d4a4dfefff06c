"""Thirty fixed seeds of bin/chaos, as a person runs it; a failing one prints its story and how to play it again."""
from __future__ import annotations

import subprocess
import sys

import pytest

from tests.servers import PROJECT

SEEDS = 30
PER_PART = 10
PART_SECONDS = 150  # a part takes 30 to 50 s on two quiet cores


@pytest.mark.timeout(PART_SECONDS + 20)
@pytest.mark.parametrize("first", range(1, SEEDS + 1, PER_PART))
def test_no_answer_is_lost_whatever_breaks(first: int) -> None:
    done = subprocess.run([sys.executable, "bin/chaos", "--seeds", f"{first}..{first + PER_PART - 1}", "--jobs", "2"], cwd=PROJECT,
                          capture_output=True, text=True, timeout=PART_SECONDS, check=False)
    assert done.returncode == 0, f"bin/chaos ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
