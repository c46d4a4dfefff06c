"""A long text of varied Markdown, made from a seed: what `demo/long` says, and what a page must be able to draw.

Plain sentences put together by dice; it means nothing and is not meant to. A pure function of length and seed.
"""
from __future__ import annotations

import random

SUBJECTS = ("a slow reader", "the second tab", "an open connection", "the last word", "one small server", "a sleeping laptop",
            "the first token", "a formula", "the café's network", "every offset", "a table of results", "the night train")
VERBS = ("waits for", "remembers", "carries", "comes back to", "counts", "never loses", "finds", "runs ahead of", "leans on")
OBJECTS = ("the text it has", "three other readers", "a promise", "the rest of the answer", "`text[have:]`",
           "**what was shown**", "an *early* reply", "naïve spelling", "日本語 and Ελληνικά", "a 🌊 of words", "$n \\cdot r$ tokens", "its own pace")
CODE = ("for delta in stream:\n    store.append(delta)\n    print(delta.text, end=\"\")",
        "total = sum(len(part) for part in parts)\nassert total == length",
        "def rest(text: str, have: int) -> str:\n    return text[have:]")


def long_text(characters: int, seed: int) -> str:
    """Exactly so many characters."""
    rng = random.Random(f"long/{seed}")
    parts: list[str] = ["# A long answer\n\n"]
    size, number = len(parts[0]), 0
    while size < characters:
        number += 1
        part = _section(rng, number)
        parts.append(part)
        size += len(part)
    return "".join(parts)[:characters]


def _section(rng: random.Random, number: int) -> str:
    blocks = [f"## {number}. {_sentence(rng)[:-1]}", _paragraph(rng)]
    blocks += [rng.choice((_paragraph, _list, _tasks, _table, _code, _quote, _formula))(rng) for _ in range(rng.randint(2, 4))]
    return "\n\n".join(blocks) + "\n\n"


def _sentence(rng: random.Random) -> str:
    words = f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(OBJECTS)}"
    return words[0].upper() + words[1:] + "."


def _paragraph(rng: random.Random) -> str:
    return " ".join(_sentence(rng) for _ in range(rng.randint(3, 8)))


def _list(rng: random.Random) -> str:
    lines = []
    for number in range(1, rng.randint(3, 6)):
        lines.append(f"{number}. {_sentence(rng)}")
        lines += [f"   - {_sentence(rng)}" for _ in range(rng.randint(0, 2))]
    return "\n".join(lines)


def _tasks(rng: random.Random) -> str:
    return "\n".join(f"- [{rng.choice('x ')}] {_sentence(rng)}" for _ in range(rng.randint(2, 5)))


def _table(rng: random.Random) -> str:
    rows = [f"| {rng.choice(SUBJECTS)} | {rng.randint(1, 999)} | {rng.random():.3f} |" for _ in range(rng.randint(3, 7))]
    return "\n".join(["| who | count | share |", "|:--|--:|--:|", *rows])


def _code(rng: random.Random) -> str:
    return f"```python\n{rng.choice(CODE)}\n```"


def _quote(rng: random.Random) -> str:
    return f"> {_sentence(rng)}\n> {_sentence(rng)}"


def _formula(rng: random.Random) -> str:
    return f"$$\nT_{{{rng.randint(1, 9)}}} = t_0 + \\frac{{{rng.randint(10, 999)}}}{{r}}\n$$"
