"""Self-verifying text: numbered words that each carry a hash of their number, so that any hole, repeat or mix-up shows.

`demo/numbers` says it; tests import `verify`. Pure functions of a seed; no clock, no I/O.
"""
from __future__ import annotations

import hashlib
from collections.abc import Iterator

WIDE_EVERY = 8  # with `wide`, each eighth word ends in characters of two, three and four bytes
WIDE_MARK = "é漢🌊"


def word(index: int, seed: int, channel: str = "content", *, wide: bool = False) -> str:
    """`00017:9f3a `: the number, four hex digits that depend on seed, channel and number, a space."""
    digest = hashlib.sha256(f"{seed}/{channel}/{index}".encode()).hexdigest()[:4]
    mark = WIDE_MARK if wide and index % WIDE_EVERY == WIDE_EVERY - 1 else ""
    return f"{index:05d}:{digest}{mark} "


def words(count: int, seed: int, channel: str = "content", *, wide: bool = False) -> Iterator[str]:
    return (word(index, seed, channel, wide=wide) for index in range(count))


def verify(text: str, seed: int, channel: str = "content", *, wide: bool = False) -> int | None:
    """The offset of the first character that is not what the model says; None if the text is a true prefix."""
    offset = index = 0
    while offset < len(text):
        expected = word(index, seed, channel, wide=wide)
        got = text[offset:offset + len(expected)]
        if not expected.startswith(got):
            return offset + next(i for i, (a, b) in enumerate(zip(got, expected)) if a != b)
        offset, index = offset + len(expected), index + 1
    return None
