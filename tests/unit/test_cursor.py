"""The cursor: what is formatted parses back, and what is no cursor is refused."""
from __future__ import annotations

import random
import string

import pytest

from rill.cursor import MAX_CURSOR_BYTES, MAX_NAMED, format_cursor, parse_cursor
from rill.errors import InvalidRequest
from rill.models import new_id
from tests.support import seeded

ID = "A" * 22


def any_id(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_letters + string.digits + "_-", k=rng.randint(22, 64)))


def test_what_is_formatted_parses_back() -> None:
    rng = seeded()
    for _ in range(200):
        cursor = {any_id(rng): (rng.randrange(10**10), rng.randrange(10**10)) for _ in range(rng.randint(0, 60))}
        assert parse_cursor(format_cursor(cursor)) == cursor


@pytest.mark.parametrize("nothing", ["", "-"])
def test_nothing_is_an_empty_cursor(nothing: str) -> None:
    assert parse_cursor(nothing) == {}
    assert format_cursor({}) == "-"


def test_an_id_names_only_the_newest() -> None:
    cursor = {new_id(): (n, n) for n in range(MAX_NAMED + 50)}
    assert parse_cursor(format_cursor(cursor)) == dict(list(cursor.items())[50:])


def test_an_id_that_names_the_most_is_accepted_back() -> None:
    cursor = {new_id(): (999_999, 999_999) for _ in range(MAX_NAMED)}
    assert parse_cursor(format_cursor(cursor)) == cursor


def test_of_the_same_id_twice_the_smaller_counts_in_each_channel() -> None:
    assert parse_cursor(f"{ID}:5:1,{ID}:2:9") == {ID: (2, 1)}


@pytest.mark.parametrize("text", [
    "--", ",", "-,", f"{ID}", f"{ID}:1", f"{ID}:1:", f"{ID}:1:2,", f",{ID}:1:2", f"{ID}:1:2:3", f"{ID}:-1:2", f"{ID}:+1:2",
    f"{ID}: 1:2", f"{ID}:1:2\n", f" {ID}:1:2", f"{ID}:1:12345678901", f"{ID[:21]}:1:2", f"{'A' * 65}:1:2", f"{ID[:-1]}.:1:2",
    f"{ID}:١:2", f"{ID}:1.0:2", f"{ID}:1e3:2", f"{ID};1;2", "null", "\0",
])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_cursor(text)


def test_a_damaged_cursor_is_refused_or_still_a_cursor() -> None:
    rng = seeded()
    for _ in range(2000):
        text = list(format_cursor({any_id(rng): (rng.randrange(100), rng.randrange(100)) for _ in range(3)}))
        text[rng.randrange(len(text))] = rng.choice(string.printable)
        try:
            cursor = parse_cursor("".join(text))
        except InvalidRequest:
            continue
        assert parse_cursor(format_cursor(cursor)) == cursor


def test_a_cursor_may_be_16_kilobytes_and_no_more() -> None:
    entries = [f"{new_id()}:1:1"] * (MAX_CURSOR_BYTES // 27)
    assert len(parse_cursor(",".join(entries))) == 1
    with pytest.raises(InvalidRequest):
        parse_cursor(",".join([*entries, *entries[:10]]))
