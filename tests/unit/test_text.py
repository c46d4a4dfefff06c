"""Growing text against a plain string: every range, at every length, across the compaction."""
from __future__ import annotations

import orjson
import pytest

from rill import text as text_module
from rill.sse import frame
from rill.text import GrowingText, LiveText
from tests.support import seeded, some_text


@pytest.mark.parametrize("compact_parts", [1, 2, 7, text_module.COMPACT_PARTS])
def test_every_range_of_a_growing_text_is_that_of_the_plain_string(monkeypatch: pytest.MonkeyPatch, compact_parts: int) -> None:
    monkeypatch.setattr(text_module, "COMPACT_PARTS", compact_parts)
    rng = seeded()
    for start_with in ("", some_text(rng, 50)):
        plain, growing = start_with, GrowingText(start_with)
        for _ in range(400):
            added = some_text(rng, 12) if rng.random() < 0.95 else ""
            growing.append(added)
            plain += added
            assert growing.length == len(plain)
            start = rng.randint(0, len(plain))
            end = rng.randint(start, len(plain))
            assert growing.between(start, end) == plain[start:end], (start, end)
            assert growing.between(start, len(plain)) == plain[start:]
        assert str(growing) == plain
        for start in range(0, len(plain), 3):
            assert growing.between(start, start + 1) == plain[start:start + 1]


def test_a_long_answer_is_not_kept_in_more_parts_than_the_limit() -> None:
    growing = GrowingText()
    for number in range(text_module.COMPACT_PARTS * 3):
        growing.append(f"{number} ")
    assert len(growing._parts) <= text_module.COMPACT_PARTS + 1
    assert str(growing).split() == [str(n) for n in range(text_module.COMPACT_PARTS * 3)]


def test_deltas_put_end_to_end_are_the_text() -> None:
    rng = seeded()
    live = LiveText("m" * 22, "c" * 22)
    plain = {"content": "", "reasoning": ""}
    seen = {"content": "", "reasoning": ""}
    for _ in range(300):
        channel = rng.choice(["content", "reasoning"])
        added = some_text(rng, 20)
        live.append(channel, added)
        plain[channel] += added
        start = rng.randint(0, len(seen[channel]))  # a reader may ask again for what it has
        raw = live.delta(channel, start, len(plain[channel]))
        head, data, end = raw.split(b"\n", 2)
        assert (head, data[:6], end) == (b"event: delta", b"data: ", b"\n")
        told = orjson.loads(data[6:])
        assert told == {"message_id": "m" * 22, "channel": channel, "offset": start, "text": plain[channel][start:]}
        seen[channel] = seen[channel][:start] + told["text"]
    assert seen == plain
    assert live.lengths() == (len(plain["content"]), len(plain["reasoning"]))


def test_the_frame_kept_for_all_readers_is_never_a_stale_one() -> None:
    live = LiveText("m" * 22, "c" * 22)
    live.append("content", "one")
    live.append("reasoning", "two")
    first = live.delta("content", 0, 3)
    assert live.delta("content", 0, 3) is first
    assert live.delta("reasoning", 0, 3) != first
    live.append("content", " two")
    assert orjson.loads(live.delta("content", 0, 7).split(b"data: ")[1])["text"] == "one two"
    assert orjson.loads(live.delta("content", 3, 7).split(b"data: ")[1])["text"] == " two"
    assert live.delta("content", 0, 3) == first


def test_no_line_end_of_the_text_can_end_the_frame() -> None:
    live = LiveText("m" * 22, "c" * 22, content="a\r\nb\n\nevent: bye\rdata: {}\n\n\u2028\u0085")
    raw = live.delta("content", 0, live.content.length)
    assert raw.count(b"\n") == 3
    assert b"\r" not in raw


def test_a_frame_with_a_cursor_begins_with_its_id() -> None:
    assert frame("ping", b"{}", "-") == b"id: -\nevent: ping\ndata: {}\n\n"
    assert frame("ping", b"{}") == b"event: ping\ndata: {}\n\n"
