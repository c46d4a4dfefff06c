"""Where a continued answer meets the text it had: how the upstream is asked to go on, and what of its first words is
dropped because the answer has them already.

Pure: values in, values out. A family that honours assistant prefill gets the text as the last, unfinished words of the
assistant and goes on inside them. Any other is told in words, tends to repeat the last few, and loses the space that
a cut left out.
"""
from __future__ import annotations

import re

MAX_OVERLAP_CHARS = 200  # of the last words that a told model repeats
SURE_OVERLAP_CHARS = 12  # this much in common is no accident wherever it begins
LONG_WORD_CHARS = 5  # a shorter word may well be meant twice

# Families that go on inside an assistant message at the end (their own documentation; ZenMux passes it through).
# Newer Claude models refuse it, OpenAI's and Google's begin a new message instead.
PREFILL = re.compile(r"(local|demo|test|deepseek|mistralai|moonshotai|qwen|z-ai|meta)/|anthropic/claude-(3|(opus|sonnet|haiku)-4(\.[0-5])?$)")

INSTRUCTION = (
    "Your answer above was cut off. Continue it exactly where it stops: begin with the very next character, in the same "
    "language and formatting. Do not repeat any of it, do not introduce or comment on the continuation."
)


def honours_prefill(model: str) -> bool:
    return PREFILL.match(model.partition(":")[0]) is not None


def continuation(model: str, text: str) -> list[dict[str, str]]:
    """The messages to put after the history, so that the model goes on from `text`."""
    if honours_prefill(model):
        return [{"role": "assistant", "content": text.rstrip() if model.startswith("anthropic/") else text}]
    return [{"role": "assistant", "content": text}, {"role": "user", "content": INSTRUCTION}]


class Seam:
    """Feed it the first deltas of the continuation; it gives back what to append. Holds text only while that may
    still turn out to be a repetition of the end of `before`."""

    def __init__(self, model: str, before: str) -> None:
        self._end = before[-MAX_OVERLAP_CHARS:]
        self._told = not honours_prefill(model)
        self._trimmed = before != before.rstrip() and model.startswith("anthropic/")
        self._held = ""
        self.is_closed = not before or not (self._told or self._trimmed)

    def feed(self, text: str) -> str:
        if self.is_closed:
            return text
        self._held += text
        return "" if self._may_repeat() else self.flush()

    def flush(self) -> str:
        """No more comes: what was held, less what the answer has already."""
        held, self._held, self.is_closed = self._held, "", True
        return self._joined(held) if held else ""

    def _may_repeat(self) -> bool:
        """Whether more text could still make `held` a repetition."""
        held = self._held
        if not self._told:
            return held.isspace()
        return any(self._end.startswith(held, at) for at in range(len(self._end)))

    def _joined(self, held: str) -> str:
        if not self._told:  # the upstream saw the text without its last white space, and may give that itself
            space = held[:len(held) - len(held.lstrip())]
            return held[_overlap(self._end, space):] if space else held
        overlap = _overlap(self._end, held)
        if overlap and self._is_repetition(overlap, held):
            return held[overlap:]
        return f" {held}" if self._lost_a_space(held) else held

    def _is_repetition(self, overlap: int, held: str) -> bool:
        """Whether so much in common is meant: long, two words, one long word, or a word that goes on at the cut."""
        if overlap >= SURE_OVERLAP_CHARS:
            return True
        common, starts_a_word = held[:overlap].strip(), len(self._end) == overlap or not self._end[-overlap - 1].isalnum()
        goes_on = overlap >= 2 and self._end[-1].isalnum() and held[overlap:overlap + 1].isalnum()
        return starts_a_word and (" " in common or len(common) >= LONG_WORD_CHARS or goes_on)

    def _lost_a_space(self, held: str) -> bool:
        """Words are cut between tokens, and a token's own space comes before it: a told model leaves it out."""
        return self._end[-1] in ".,;:!?" and held[:1].isalnum() or (
            self._end[-1].isalnum() and held[:1].isalnum() and self._end[-1].isascii() and held[:1].isascii())


def _overlap(end: str, start: str) -> int:
    """The longest beginning of `start` that is also the end of `end`."""
    return next((n for n in range(min(len(end), len(start)), 0, -1) if end.endswith(start[:n])), 0)
