"""What a message says to a model: its words, and its files as the parts of a content that the model takes.

Images go as images, to every model: the upstream judges, and the page has warned. A PDF goes as a file where the model
takes files, else as its text. Text goes between fences that it cannot break. Files are read when they are sent (a value
that is a function, see zenmux.py), never in a transaction. It stores nothing.
"""
from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from rill.errors import TooLarge
from rill.models import Message

MAX_SENT_BYTES = 20_000_000  # of files with one request: base64 makes 27 MB of them, near what gateways take

TOO_MUCH = "The files of this conversation come to {size} MB, and {most} MB is the most that can go along with one question. Nothing was sent; leave some out by editing the messages that have them, or ask in a new conversation."
GONE = "(The file {name} was attached here. It is no longer stored and could not be sent.)"
NO_TEXT = "(The PDF file {name} was attached here. No text can be read from it; its pages are probably pictures.)"

Read = Callable[[str, str, str], Iterator[bytes]]
There = dict[str, dict[str, Any]]  # descriptions, by id, of the attachments that are stored


class Contents:
    """`read(user_id, attachment_id, part)` gives the pieces of a file, `takes_pdf(model)` whether it goes as one."""

    def __init__(self, read: Read, takes_pdf: Callable[[str], bool]) -> None:
        self._read, self._takes_pdf = read, takes_pdf

    def history(self, path: list[Message], model: str, there: There) -> list[dict[str, Any]]:
        """Role and content of what was said, without reasoning and without empty messages (ZENMUX section 4).

        What a message itself tells of its attachments is for people: it may have come from anywhere (an import).
        Raises TooLarge."""
        self._check_size(path, model, there)
        said = [{"role": message.role, "content": self._content(message, model, there)} for message in path]
        return [one for one in said if one["content"]]

    def sent_as(self, path: list[Message], model: str, there: There) -> dict[str, str]:
        """How each attachment of the branch goes to this model: `image`, `file`, `text` or `missing`."""
        return {one: self._way(there.get(one), model) for one in ids_on(path)}

    def _way(self, described: dict[str, Any] | None, model: str) -> str:
        if described is None:
            return "missing"
        if described["kind"] == "pdf":
            return "file" if self._takes_pdf(model) else "text"
        return described["kind"]

    def _check_size(self, path: list[Message], model: str, there: There) -> None:
        found = [there[one] for one in ids_on(path) if one in there]
        size = sum(one["text_length"] if self._way(one, model) == "text" else one["size"] for one in found)
        if size > MAX_SENT_BYTES:
            raise TooLarge(TOO_MUCH.format(size=-(-size // 1_000_000), most=MAX_SENT_BYTES // 1_000_000))

    def _content(self, message: Message, model: str, there: There) -> str | list[dict[str, Any]]:
        if not message.attachments:
            return message.content
        parts = [self._part(message.user_id, there.get(one["id"]) or {**one, "kind": "missing"}, model) for one in message.attachments]
        return [*parts, {"type": "text", "text": message.content}] if message.content.strip() else parts

    def _part(self, user_id: str, described: dict[str, Any], model: str) -> dict[str, Any]:
        name = described.get("name", "")
        if described["kind"] == "missing":
            return {"type": "text", "text": GONE.format(name=name)}
        way = self._way(described, model)
        if way == "text":
            if not described["text_length"]:
                return {"type": "text", "text": NO_TEXT.format(name=name)}
            return {"type": "text", "text": lambda: self._text(user_id, described)}
        if way == "file":
            return {"type": "file", "file": {"filename": name, "file_data": lambda: self._data_url(user_id, described)}}
        return {"type": "image_url", "image_url": {"url": lambda: self._data_url(user_id, described)}}

    def _text(self, user_id: str, described: dict[str, Any]) -> bytes:
        part = "text" if described["kind"] == "pdf" else "data"
        text = b"".join(self._read(user_id, described["id"], part)).decode("utf-8-sig")
        note = f"only its first {described['text_length']} characters" if described.get("text_is_cut") else ""
        return orjson.dumps(fenced(described["name"], text, note))

    def _data_url(self, user_id: str, described: dict[str, Any]) -> bytes:
        pieces = self._read(user_id, described["id"], "data")
        return b'"data:%b;base64,%b"' % (described["media_type"].encode(), b"".join(map(base64.b64encode, pieces)))


def ids_on(path: list[Message]) -> list[str]:
    """Of every attachment on a branch."""
    return list(dict.fromkeys(one["id"] for message in path for one in message.attachments))


def fenced(name: str, text: str, note: str = "") -> str:
    """A file's text under its name, between fences longer than any in it: what stands in a file cannot end it."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"File: {name}{note and f' ({note})'}\n{fence}\n{text}{'' if text.endswith(chr(10)) else chr(10)}{fence}"
