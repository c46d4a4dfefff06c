"""The framer against the WHATWG rules: the same frames whatever the pieces, in linear time and bounded memory."""
from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
from sseclient import SSEClient

from rill.errors import FrameTooLarge
from rill.framer import MAX_FRAME_LINES, Framer
from rill.standin.wire import expand

CASES = json.loads((Path(__file__).parents[1] / "fixtures" / "wire_cases.json").read_text())["cases"]
ALPHABET = [b"\n", b"\r", b"\r\n", b"\n\n", b":", b": note", b"data: x", b"data:", b" ", b"event: e", b"\xef\xbb\xbf",
            b"\xd0\xb8", b"\xf0\x9f\x99\x82", b"\xff", b"\xe2\x80\xa8", b"\x85", b"\x0b\x0c", b"\x00", b"{}"]


def framed(*pieces: bytes, limit: int = 0) -> tuple[list[bytes], bytes, int]:
    framer = Framer(pieces, limit)
    return list(framer), framer.rest, framer.comments


def events(*pieces: bytes) -> list[tuple[str, str]]:
    return [(event.event, event.data) for event in SSEClient(Framer(pieces)).events()]


def in_bytes(data: bytes) -> list[bytes]:
    return [data[at:at + 1] for at in range(len(data))]


@pytest.mark.parametrize(("data", "expected"), [
    (b"data: a\n\r\ndata: b\n\n", ["a", "b"]),
    (b"data: a\r\n\rdata: b\r\r", ["a", "b"]),
    (b"data:test\r\ndata\ndata:test\r\n\r", ["test\n\ntest"]),
    (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
    (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\ndata: b\n\n", ["b"]),
    (b"data: a\xffb\n\n", ["a\ufffdb"]),
    (b"data: \xe2\x80\xa8\xe2\x80\xa9\xc2\x85\x0b\x0c\x1c\n\n", ["\u2028\u2029\x85\x0b\x0c\x1c"]),
    (b"data: a\n: note\ndata: b\n\n", ["a\nb"]),
    (b":\n\n: x\ndata: a\n\n", ["a"]),
    (b"\n\n\ndata: a\n\n\n\n\ndata: b\n\n", ["a", "b"]),
    (b"data: a\n\ndata: {\"half", ["a"]),
    (b"id: 1\nretry: 3000\nfoo: bar\ndata: a\n\n", ["a"]),
])
def test_frames_end_where_the_standard_says(data: bytes, expected: list[str]) -> None:
    assert [text for _, text in events(data)] == expected
    assert [text for _, text in events(*in_bytes(data))] == expected


def test_a_name_without_data_does_not_leak_into_the_next_event() -> None:
    assert events(b"event: ping\n\ndata: a\n\n") == [("message", "a")]


def test_a_cr_at_the_end_of_a_read_ends_the_line_at_once_and_swallows_one_lf() -> None:
    framer = iter(Framer(iter([b"data: a\r\r", b"\ndata: b\r", b"\n", b"\r", b"\n"])))
    assert next(framer) == b"data: a\n\n", "the frame must not wait for the next read"
    assert list(framer) == [b"data: b\n\n"]
    assert framed(b"data: a\rdata: ", b"\n\n")[0] == [b"data: a\ndata: \n\n"]


def test_comments_are_counted_and_taken_out() -> None:
    assert framed(b": one\n\n: two\ndata: a\n:three\n\n", b":") == ([b"data: a\n\n"], b"", 3)


def test_what_has_no_blank_line_is_left_as_rest() -> None:
    assert framed(b"data: a\n\ndata: [DO", b"NE]")[1] == b"data: [DONE]"
    assert framed(b"data: b\n")[1] == b"data: b"
    assert framed(b"data: b\n: com", b"ment")[1] == b"data: b"


def test_any_cut_of_any_bytes_gives_the_same_frames() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    rng = random.Random(seed)
    bodies = [b"".join(expand(case["chunks"])) for case in CASES if "big" not in case["name"]]
    bodies += [b"".join(rng.choices(ALPHABET, k=rng.randrange(40))) for _ in range(3000)]
    for body in bodies:
        whole = framed(body)
        assert framed(*in_bytes(body)) == whole, body
        cuts = sorted(rng.randrange(len(body) + 1) for _ in range(rng.randrange(6)))
        assert framed(*(body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)]))) == whole, (body, cuts)
        assert all(frame.endswith(b"\n\n") and b"\r" not in frame for frame in whole[0])


@pytest.mark.parametrize("size", [1, 100, 65536])
def test_a_frame_over_the_limit_is_refused_whatever_the_pieces(size: int) -> None:
    body = b"data: " + b"y" * 20_000 + b"\n\n"
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    assert framed(*pieces, limit=20_010)[0] == [body]
    framer = Framer(pieces, 10_000)
    with pytest.raises(FrameTooLarge):
        list(framer)
    assert framer.rest == b""


def test_an_endless_line_is_refused_before_it_is_kept() -> None:
    read = 0

    def endless() -> object:
        nonlocal read
        while True:
            read += 1000
            yield b"x" * 1000
    with pytest.raises(FrameTooLarge):
        list(Framer(endless(), 1_000_000))
    assert read <= 1_001_000


def test_comments_never_fill_a_frame() -> None:
    assert framed(*[b": keep-alive\n"] * 5000, b"data: a\n\n", limit=100) == ([b"data: a\n\n"], b"", 5000)


def test_too_many_lines_in_one_frame_are_refused() -> None:
    lines = b"data:\n" * (MAX_FRAME_LINES + 1) + b"\n"
    for pieces in ([lines], in_bytes(lines)):
        with pytest.raises(FrameTooLarge):
            framed(*pieces)
    assert len(framed(b"data:\n" * MAX_FRAME_LINES + b"\n")[0]) == 1


def test_the_cost_is_linear_in_the_bytes_however_they_come() -> None:
    def seconds(length: int) -> float:
        body = b"data: " + b"x" * length + b"\n\n"
        start = time.process_time()
        framed(*in_bytes(body))
        return time.process_time() - start
    short = min(seconds(50_000) for _ in range(3))
    assert seconds(400_000) < 8 * short * 4, "quadratic time would be 64 times, not 8"
