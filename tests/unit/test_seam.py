"""Where a continued answer meets the text it had: nothing twice, nothing lost, in any pieces."""
from __future__ import annotations

import pytest

from rill.seam import INSTRUCTION, Seam, continuation, honours_prefill

TOLD = "openai/gpt-5"


def joined(model: str, before: str, pieces: list[str]) -> str:
    seam = Seam(model, before)
    return before + "".join(seam.feed(piece) for piece in pieces) + seam.flush()


@pytest.mark.parametrize(("before", "more", "whole"), [
    ("Rivers carry sand to the sea", "to the sea, grain by grain.", "Rivers carry sand to the sea, grain by grain."),
    ("Rivers carry sand", " to the sea.", "Rivers carry sand to the sea."),
    ("Rivers carry sand", "to the sea.", "Rivers carry sand to the sea."),
    ("an inter", "international law", "an international law"),
    ("It ends here.", "And goes on.", "It ends here. And goes on."),
    ("It ends here.\n\n", "And goes on.", "It ends here.\n\nAnd goes on."),
    ("河流把沙子带到", "带到大海。", "河流把沙子带到带到大海。"),
    ("河流把沙子带到大", "海。", "河流把沙子带到大海。"),
    ("x = (a", " + b)", "x = (a + b)"),
    ("That that", "is, is.", "That that is, is."),
])
@pytest.mark.parametrize("cut", [1, 2, 5, 1000])
def test_a_told_model_neither_repeats_nor_loses_a_word(before: str, more: str, whole: str, cut: int) -> None:
    pieces = [more[at:at + cut] for at in range(0, len(more), cut)]
    assert joined(TOLD, before, pieces) == whole


def test_a_repetition_of_many_words_is_dropped_whole() -> None:
    before = "One two three four five six seven eight nine ten"
    assert joined(TOLD, before, ["six ", "seven eight", " nine ten eleven"]) == before + " eleven"


def test_prefill_takes_every_character_as_it_comes() -> None:
    seam = Seam("demo/numbers", "00001 00002 ")
    assert seam.is_closed
    assert seam.feed("00002 ") == "00002 "


def test_white_space_that_prefill_must_not_end_in_is_not_doubled() -> None:
    assert joined("anthropic/claude-3.7-sonnet", "A line.\n\n", ["\n", "\nAnother."]) == "A line.\n\nAnother."
    assert joined("anthropic/claude-3.7-sonnet", "A line.\n\n", ["Another."]) == "A line.\n\nAnother."


def test_text_that_ends_while_held_is_not_lost() -> None:
    assert joined(TOLD, "to the sea", ["to t"]) == "to the sea to t"


@pytest.mark.parametrize(("model", "prefills"), [
    ("anthropic/claude-3.7-sonnet:amazon-bedrock", True), ("anthropic/claude-sonnet-4.5", True),
    ("anthropic/claude-opus-4.6", False), ("openai/gpt-5", False), ("google/gemini-2.5-pro", False),
    ("deepseek/deepseek-chat", True), ("local/smollm2-135m-instruct", True),
])
def test_only_families_that_honour_prefill_get_it(model: str, prefills: bool) -> None:
    assert honours_prefill(model) is prefills


def test_other_families_are_told_in_words() -> None:
    assert continuation(TOLD, "half") == [{"role": "assistant", "content": "half"}, {"role": "user", "content": INSTRUCTION}]
    assert continuation("anthropic/claude-sonnet-4", "half \n") == [{"role": "assistant", "content": "half"}]
