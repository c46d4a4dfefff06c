"""Each call of the database, of the upstream's sockets and of the answers' sockets fails once, and the nine properties hold.

Without `--stride` tests/chaos/kth.py plays every k of every scene, in about two minutes.
"""
from __future__ import annotations

import pytest

from tests.chaos.programs import output_of

SCENE_SECONDS = 110  # 10 to 25 on a quiet machine


@pytest.mark.timeout(SCENE_SECONDS + 30)
@pytest.mark.parametrize(("scene", "stride"), [("sending", 1), ("stopping_and_continuing", 5), ("deleting", 2)])
def test_the_kth_failing_call_breaks_no_promise(scene: str, stride: int) -> None:
    printed = output_of(["-m", "tests.chaos.kth", scene, "--stride", str(stride)], SCENE_SECONDS)
    assert printed.count("failed at k = 1 to") == 4  # kinds of calls
