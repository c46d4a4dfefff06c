"""What the stand-in's scripted models say, and when: pieces, self-verifying numbers, continuing, limits."""
from __future__ import annotations

import random
import re

import pytest

from rill.standin import numbers
from rill.standin.long import long_text
from rill.standin.pieces import PIECE_CHARACTERS, End, Piece, split_tokens
from rill.standin.scripted import MODELS, TEXTS, perform
from rill.standin.validate import Chat

SEED = 20260811
ALPHABET = ["a", "Z", "é", "ß", "漢", "🌊", "👩‍🚀", "_", " ", "  ", "\n", "\n\n", "7", "123456", "²", "-", "`", "\t", "\u0301", "नि", "\u2028"]


def ask(model: str, text: str = "hello", *, prefix: str = "", **fields: object) -> tuple[list[Piece], End]:
    messages = [("user", text)] + ([("assistant", prefix)] if prefix else [])
    chat = Chat(model, messages, **fields)
    items = list(perform(MODELS[model](chat), chat))
    return items[:-1], items[-1]


def said(pieces: list[Piece], channel: str = "content") -> str:
    return "".join(piece.text for piece in pieces if piece.channel == channel)


def test_pieces_join_to_the_text_and_are_short() -> None:
    rng = random.Random(SEED)
    print(f"seed={SEED}")
    for _ in range(500):
        text = "".join(rng.choices(ALPHABET, k=rng.randint(0, 60)))
        pieces = list(split_tokens(text))
        assert "".join(pieces) == text
        assert all(1 <= len(piece) <= PIECE_CHARACTERS for piece in pieces)


def test_words_keep_their_leading_space_as_tokenizers_cut_them() -> None:
    assert list(split_tokens("As they are found.")) == ["As", " they", " are", " found", "."]


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("channel", ["content", "reasoning"])
def test_every_prefix_of_the_numbers_is_true(channel: str, wide: bool) -> None:
    text = "".join(numbers.words(30, 7, channel, wide=wide))
    assert all(numbers.verify(text[:end], 7, channel, wide=wide) is None for end in range(len(text) + 1))


def test_a_planted_fault_in_the_numbers_is_found_at_its_offset() -> None:
    text = "".join(numbers.words(50, 7))
    word = len(numbers.word(0, 7))
    at = 20 * word
    assert text[at:at + 6] == "00020:"
    assert numbers.verify(text[:at] + text[at - word:], 7) == at + 3, "a repeated word: 00019 where 00020 should be"
    assert numbers.verify(text[:at] + text[at + word:], 7) == at + 4, "a gap: 00021 where 00020 should be"
    assert numbers.verify(text[:at + 1] + text[at + 2:], 7) is not None, "a single lost character"
    assert numbers.verify(text[:at] + "x" + text[at + 1:], 7) == at
    assert numbers.verify(text, 8) is not None, "another seed"
    assert numbers.verify(text, 7, "reasoning") is not None, "the other channel"


@pytest.mark.parametrize("model", MODELS)
def test_the_same_request_is_answered_the_same_way(model: str) -> None:
    assert ask(model, "rate=50 chars=3000") == ask(model, "rate=50 chars=3000")


@pytest.mark.parametrize(("model", "text"), [("demo/tour", "hello"), ("demo/tour", "show me streaming"), ("demo/long", "chars=4000"),
                                             ("demo/numbers", '{"words": 200, "seed": 3, "reasoning_words": 20, "wide": true}')])
def test_a_continued_answer_goes_on_exactly_after_any_prefix(model: str, text: str) -> None:
    rng = random.Random(SEED)
    print(f"seed={SEED}")
    whole = said(ask(model, text)[0])
    for cut in [1, len(whole) - 1, len(whole), *(rng.randrange(1, len(whole)) for _ in range(25))]:
        pieces, end = ask(model, text, prefix=whole[:cut])
        assert whole[:cut] + said(pieces) == whole
        assert said(pieces, "reasoning") == "" and end.finish_reason == "stop"


def test_a_foreign_prefix_gets_a_whole_answer() -> None:
    assert said(ask("demo/tour", prefix="something else")[0]) == said(ask("demo/tour")[0])


def test_the_token_limit_counts_thoughts_and_ends_with_length() -> None:
    pieces, end = ask("demo/think", max_tokens=30)
    assert len(pieces) == 30 and {piece.channel for piece in pieces} == {"reasoning"}
    assert end == End("length", end.prompt_tokens, 30, 30)


def test_a_limit_equal_to_the_length_is_not_a_cut() -> None:
    pieces, _ = ask("demo/fast")
    assert ask("demo/fast", max_tokens=len(pieces))[1].finish_reason == "stop"
    assert ask("demo/fast", max_tokens=len(pieces) - 1)[1].finish_reason == "length"


def test_a_stop_sequence_ends_the_answer_before_itself() -> None:
    assert said(ask("demo/echo", "one two three", stop=("three", "two"))[0]) == "one "


def test_reasoning_that_is_switched_off_is_not_said() -> None:
    assert said(ask("demo/think")[0], "reasoning")
    assert not said(ask("demo/think", reasoning=False)[0], "reasoning")


def test_the_models_keep_their_pace() -> None:
    tour, _ = ask("demo/tour", "streaming")
    thoughts = [piece.at_seconds for piece in tour if piece.channel == "reasoning"]
    assert 1.0 < thoughts[-1] - thoughts[0] < 2.2
    assert 15 < tour[-1].at_seconds < 30
    gaps = [b.at_seconds - a.at_seconds for a, b in zip(tour, tour[1:])]
    assert min(gaps) >= 0 and max(gaps) > 3 * min(gaps), "a human pace varies"
    slow, _ = ask("demo/slow")
    assert slow[0].at_seconds == 3 and slow[4].at_seconds == 4
    think, _ = ask("demo/think")
    start_of_answer = next(piece.at_seconds for piece in think if piece.channel == "content")
    assert 5 < start_of_answer - think[0].at_seconds < 7
    assert ask("demo/long", "rate=0 chars=500")[0][-1].at_seconds == 0.1
    fast, _ = ask("demo/fast")
    assert 380 < (len(fast) - 1) / (fast[-1].at_seconds - fast[0].at_seconds) < 420


def test_the_tour_shows_each_kind_of_markdown() -> None:
    text = (TEXTS / "tour.md").read_text(encoding="utf-8")
    assert 500 <= len(re.findall(r"[^\W\d_]{2,}", text)) <= 800
    for pattern in (r"^# ", r"^## ", r"^### ", r"^1\. ", r"^   - ", r"^     - ", r"^\|", r"^> ", r"^- \[x\]", r"^- \[ \]", r"\]\(https://", r"\$\$\n",
                    r" \$[^$\n]+\$", r"\*\*", r"[^*]\*[a-z]"):
        assert re.search(pattern, text, re.MULTILINE), pattern
    assert len(set(re.findall(r"^```([a-z]+)$", text, re.MULTILINE))) >= 3


def test_the_tour_says_first_that_it_is_scripted_when_asked_about_something_else() -> None:
    assert "scripted demo" in said(ask("demo/tour", "What is the capital of France?")[0])[:60]
    assert said(ask("demo/tour", "Show me streaming")[0]).startswith("# ")


@pytest.mark.parametrize("characters", [1, 17, 5000, 100_000])
def test_the_long_text_has_exactly_the_length_asked_for(characters: int) -> None:
    assert len(long_text(characters, 1)) == characters


def test_chunks_of_the_numbers_have_the_sizes_asked_for() -> None:
    pieces, _ = ask("demo/numbers", '{"words": 100, "chunk": [2, 5]}')
    assert {len(piece.text) for piece in pieces[:-1]} == {2, 3, 4, 5}
    assert numbers.verify(said(pieces), 1) is None and len(said(pieces)) == 1100
