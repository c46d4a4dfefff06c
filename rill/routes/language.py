"""The reader's language, for the little that the server itself words for a person: pages without JavaScript, Markdown exports.

The page leaves its choice in a cookie (static/js/words.js); without one it is what the browser asks for first, as on the page. The
English words are the key, and the table is the page's: static/js/words/server.zh.json. Answers of the API are English for
every program; the page says them in its language (static/js/said.js).
"""
from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from flask import current_app, request

COOKIE = "rill_language"
TABLE = "js/words/server.zh.json"
TAGS = {"en": "en", "zh": "zh-CN"}
BETWEEN_SENTENCES = re.compile(r"(?<=[.!?]) ")


def language() -> str:
    """`en` or `zh`."""
    chosen = request.cookies.get(COOKIE)
    if chosen in TAGS:
        return chosen
    return "zh" if next(iter(request.accept_languages.values()), "").lower().startswith("zh") else "en"


def tag() -> str:
    """For `lang` in HTML."""
    return TAGS[language()]


def say(words: str) -> str:
    """Words, or one or more whole sentences, in the reader's language. What is not known stays as it is."""
    if language() == "en":
        return words
    table = _table(Path(current_app.static_folder or "") / TABLE)
    said = [table.get(sentence) for sentence in BETWEEN_SENTENCES.split(words)]
    return "".join(map(str, said)) if all(said) else words


@cache
def _table(path: Path) -> dict[str, str]:
    table: dict[str, str] = json.loads(path.read_bytes())
    return table
