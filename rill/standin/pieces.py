"""What a model says: pieces of text on a schedule, then an end. Also the cutting of text into token-like pieces.

Knows nothing of HTTP or JSON. `scripted.py` and `local.py` make pieces, `answering.py` sends them.
"""
from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

PIECE_CHARACTERS = 6  # a long word is cut into pieces of at most this many characters
# A word with its leading space, up to three digits, a run of spaces or newlines, one other sign: as byte-pair tokenizers cut.
TOKEN = re.compile(r" ?[^\W\d_]+| ?\d{1,3}|\n+|[^\S\n]+(?=\S)|[^\S\n]+| ?[^\w\s]|_+")


@dataclass(frozen=True, slots=True)
class Piece:
    channel: str  # "content" or "reasoning"
    text: str
    at_seconds: float = 0.0  # since the answer began; what is overdue is sent at once
    live: bool = False  # made just now, so sent at once and alone


@dataclass(frozen=True, slots=True)
class End:
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int  # includes the reasoning, as upstreams count
    reasoning_tokens: int = 0
    cached_tokens: int = 0
    searches: int = 0  # of the web, before the answer: then it cites


def split_tokens(text: str) -> Iterator[str]:
    """Pieces of one to six characters whose concatenation is the text; never inside a code point."""
    for match in TOKEN.finditer(text):
        token = match[0]
        for start in range(0, len(token), PIECE_CHARACTERS):
            yield token[start:start + PIECE_CHARACTERS]


def count_tokens(texts: Iterable[str], *, overhead: int = 4) -> int:
    """An estimate for models that have no tokenizer: the pieces we would cut, and a few per message for its frame."""
    return sum(overhead + sum(1 for _ in split_tokens(text)) for text in texts)
