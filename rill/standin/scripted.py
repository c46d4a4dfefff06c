"""The demo models: what each says, and at what pace. Deterministic: the same request is answered the same way.

A model is a function of the chat to a `Speech`; `perform` turns a speech into pieces on a schedule and knows about limits, stop
sequences and continuing. Nothing here sleeps or sends. Faulty models are in `faults.py`; only `demo/flaky`'s good try is here.
"""
from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from rill.standin import numbers
from rill.standin.long import long_text
from rill.standin.pieces import End, Piece, count_tokens, split_tokens
from rill.standin.validate import Chat, invalid

TEXTS = Path(__file__).with_name("texts")
BREATH_SECONDS = 0.15  # a pause at the end of a paragraph, for models that breathe
LONG_CHARACTERS = 100_000
NUMBERS_WORDS = 200
WORDS_LIMIT = 200_000
CHARACTERS_LIMIT = 2_000_000


@dataclass(frozen=True, slots=True)
class Speech:
    content: str
    reasoning: str = ""
    rate: float = 60  # pieces a second; 0 = as fast as the socket takes them
    reasoning_rate: float = 60
    first_seconds: float = 0.4
    jitter: float = 0.0  # 0.5: each gap is 50 to 150 % of the mean
    breathes: bool = False
    searches: bool = False  # the web, when it is asked to
    cut: Callable[[str], Iterator[str]] = split_tokens


def perform(speech: Speech, chat: Chat) -> Iterator[Piece | End]:
    """The speech as pieces. A chat that ends in a beginning of this very speech is continued exactly after it."""
    continued = bool(chat.prefix) and speech.content.startswith(chat.prefix)
    reasoning = speech.reasoning if chat.reasoning and not continued else ""
    content = until_stop(speech.content, chat.stop)[len(chat.prefix) if continued else 0:]
    counts = {"reasoning": 0, "content": 0}
    rng = random.Random(f"{chat.model}/{chat.last_user}")
    at, finish_reason = speech.first_seconds, "stop"
    for channel, rate, token in _tokens(speech, reasoning, content):
        if sum(counts.values()) == chat.max_tokens:
            finish_reason = "length"
            break
        counts[channel] += 1
        yield Piece(channel, token, at)
        at += rng.uniform(1 - speech.jitter, 1 + speech.jitter) / rate if rate else 0
        if speech.breathes and token.endswith("\n\n"):
            at += BREATH_SECONDS
    yield End(finish_reason, count_tokens(text for _, text in chat.messages), sum(counts.values()), counts["reasoning"],
              searches=int(speech.searches and chat.web_search and not continued))


def _tokens(speech: Speech, reasoning: str, content: str) -> Iterator[tuple[str, float, str]]:
    for token in speech.cut(reasoning):
        yield "reasoning", speech.reasoning_rate, token
    for token in speech.cut(content):
        yield "content", speech.rate, token


def until_stop(text: str, stops: tuple[str, ...]) -> str:
    return text[:min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))]


@cache
def _text(name: str) -> str:
    return (TEXTS / name).read_text(encoding="utf-8").strip()


def tour(chat: Chat) -> Speech:
    asked = chat.last_user.lower()
    about_it = any(word in asked for word in ("stream", "tour", "demo", "show me", "token"))
    opening = "" if about_it else ("*This is a scripted demo, so it cannot answer that; here is a tour of what streaming shows "
                                   "instead.*\n\n")
    return Speech(opening + _text("tour.md"), _text("tour-reasoning.txt"), jitter=0.6, breathes=True, searches=True)


def echo(chat: Chat) -> Speech:
    """Word for word; after it a line for each file, so that one sees what arrived."""
    return Speech("\n\n".join(filter(None, [chat.last_user, *(f"[{file.says}]" for file in chat.files)])), rate=80)


def fast(chat: Chat) -> Speech:
    return Speech(_text("fast.md"), rate=400, first_seconds=0.15, searches=True)


def slow(chat: Chat) -> Speech:
    return Speech(_text("slow.md"), rate=4, first_seconds=3.0)


def think(chat: Chat) -> Speech:
    return Speech(_text("think.md"), _text("think-reasoning.txt"), reasoning_rate=64, jitter=0.5)


def flaky(chat: Chat) -> Speech:
    return Speech(_text("flaky.md"))


def long(chat: Chat) -> Speech:
    settings = {key: int(value) for key, value in re.findall(r"\b(rate|chars|seed)=(\d{1,7})\b", chat.last_user)}
    text = long_text(min(settings.get("chars", LONG_CHARACTERS), CHARACTERS_LIMIT), settings.get("seed", 1))
    return Speech(text, rate=settings.get("rate", 400), first_seconds=0.1)


def numbered(chat: Chat) -> Speech:
    """`{"words", "rate", "seed", "reasoning_words", "reasoning_rate", "first_seconds", "chunk": [low, high], "wide"}`."""
    asked = {"words": NUMBERS_WORDS, "reasoning_words": 0, "rate": 50, "seed": 1, "first_seconds": 0.05, **_settings(chat.last_user)}
    try:
        seed, wide, rate = int(asked["seed"]), bool(asked.get("wide")), abs(float(asked["rate"]))
        content, reasoning = ("".join(numbers.words(min(int(asked[key]), WORDS_LIMIT), seed, channel, wide=wide))
                              for key, channel in (("words", "content"), ("reasoning_words", "reasoning")))
        cut = _cutter(*map(int, asked["chunk"]), seed) if "chunk" in asked else _split_words
        return Speech(content, reasoning, rate, abs(float(asked.get("reasoning_rate", rate))), abs(float(asked["first_seconds"])), cut=cut)
    except (TypeError, ValueError, OverflowError) as exc:
        raise invalid("The settings of demo/numbers must be numbers, and chunk a pair of them") from exc


def _split_words(text: str) -> Iterator[str]:
    return (match[0] for match in re.finditer(r"[^ ]+ ?| ", text))


def _settings(text: str) -> dict[str, Any]:
    """The JSON object in the message; anything else counts as none, so that a person may just say hello."""
    try:
        found = orjson.loads(text[text.index("{"):text.rindex("}") + 1])
        return found if isinstance(found, dict) else {}
    except ValueError:
        return {}


def _cutter(low: int, high: int, seed: int) -> Callable[[str], Iterator[str]]:
    def cut(text: str) -> Iterator[str]:
        rng, start = random.Random(seed), 0
        while start < len(text):
            size = rng.randint(max(1, low), max(1, low, high))
            yield text[start:start + size]
            start += size
    return cut


MODELS: dict[str, Callable[[Chat], Speech]] = {
    "demo/tour": tour, "demo/echo": echo, "demo/fast": fast, "demo/slow": slow, "demo/think": think, "demo/flaky": flaky,
    "demo/long": long, "demo/numbers": numbered}
