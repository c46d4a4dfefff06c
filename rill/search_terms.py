"""What a person searches for, as text: the terms of a query, where they stand in a text, and the piece to show.

Case does not count, one letter for one, so that every place found is a place in the text itself. Pure: it knows neither
SQL nor messages. Called by `search.py` and `searching.py`.
"""
from __future__ import annotations

import re

MAX_TERMS = 8
MAX_TRIGRAMS = 32  # of a long query these tell enough; what they let through is looked at again
SNIPPET_CHARS = 180
BEFORE_CHARS = 40  # of a snippet, in front of what was found

_TERM = re.compile(r'"([^"]+)"|(\S+)')
_SPACE = re.compile(r"\s+")
_MARKS = re.compile(r"\*\*|`+")


def terms_of(query: str) -> list[str]:
    """Words, and "several words" in quotes as one; each counts once, the longest first. Nothing in them is a command."""
    found = dict.fromkeys(fold(_SPACE.sub(" ", quoted or word).strip()) for quoted, word in _TERM.findall(query))
    return sorted(filter(None, found), key=len, reverse=True)[:MAX_TERMS]


def fold(text: str) -> str:
    """Without case. A letter whose lower case is longer stays as it is: places must not move."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)
    return lower.replace("ς", "σ")


def has_all(folded: str, terms: list[str]) -> bool:
    return all(term in folded for term in terms)


def ranges_of(text: str, terms: list[str]) -> list[tuple[int, int]]:
    """Where any of the terms stands, in order and without overlap."""
    folded, places = fold(text), []
    for term in terms:
        at = folded.find(term)
        while at >= 0:
            places.append((at, at + len(term)))
            at = folded.find(term, at + len(term))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def snippet_of(text: str, terms: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """The piece around the first place of the longest term, on one line and without Markdown's marks, and the places of all
    terms in it."""
    at = max(0, fold(text).find(terms[0]))
    start = _word_start(text, max(0, at - BEFORE_CHARS), at)
    piece = _SPACE.sub(" ", text[start:start + SNIPPET_CHARS]).strip()
    if not any(mark in term for term in terms for mark in "*`"):
        piece = _MARKS.sub("", piece)
    piece = ("…" if start else "") + piece + ("…" if start + SNIPPET_CHARS < len(text) else "")
    return piece, ranges_of(piece, terms)


def _word_start(text: str, start: int, end: int) -> int:
    """The first beginning of a word from `start` on; `start` itself where there is none, as in Chinese."""
    return next((at for at in range(start, end) if at == 0 or text[at - 1].isspace()), start)


def trigrams_of(terms: list[str]) -> list[str]:
    """Every three letters in a row of the terms: what a text must have to hold them. None for one or two letters."""
    every = list(dict.fromkeys(term[at:at + 3] for term in terms for at in range(len(term) - 2)))
    step = -(-len(every) // MAX_TRIGRAMS) or 1
    return every[::step]


def match_of(trigrams: list[str]) -> str:
    """As FTS5 reads it: all of them, each in quotes, so that no letter of a person's is an operator."""
    return " AND ".join('"' + trigram.replace('"', '""') + '"' for trigram in trigrams)


def like_of(term: str) -> str:
    """A pattern for LIKE, escaped by a backslash. It knows no case beyond ASCII, so there any letter will do: what it lets
    through is looked at again."""
    return "%" + "".join("_" if not letter.isascii() and letter.lower() != letter.upper() else "\\" + letter if letter in "%_\\" else letter
                         for letter in term) + "%"
