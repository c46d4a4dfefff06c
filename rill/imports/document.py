"""Finds the conversations in a JSON document of many megabytes without reading it whole: as places in its bytes.

Each is then read by itself, so that no step holds up the streams that run, and memory holds one conversation beside the
bytes. This file knows where a JSON value ends and no more; orjson judges each one strictly.
"""
from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from rill.errors import InvalidRequest
from rill.turns import give_turn

MAX_JSON_DEPTH = 20  # as for every body
TURN_BYTES = 256 * 1024  # so much is looked through before others get their turn

# A string, a bracket, or the rest of a line of anything else. Possessive, so that no text makes it go back.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]', re.S)
SCALAR = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[-+.0-9A-Za-z]+', re.S)
SPACE = re.compile(rb"[ \t\r\n]*+")
NUL = re.compile(rb"(?<!\\)(?:\\\\)*+\\u0000")  # the escape itself, not a text that speaks of it

Place = tuple[int, int]


class Document:
    """`places` of the conversations, each of which `read` gives as a value. Raises InvalidRequest for what is no JSON, or
    none of the documents that are known."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._turn_at = TURN_BYTES
        start = _skip(raw, 0)
        opening = raw[start:start + 1]
        if opening == b"[":
            self.places = list(self._items(start))
            end = self._end
        elif opening == b"{":
            self.places = self._conversations_of(start)
            end = self._end
        else:
            raise InvalidRequest("The body must be a JSON document: an export of Rill, or ChatGPT's conversations.json.")
        if _skip(raw, end) != len(raw):
            raise self._broken(end)

    def read(self, place: Place) -> Any:
        piece = self._raw[place[0]:place[1]]
        if b"\\u0000" in piece and NUL.search(piece):
            raise InvalidRequest("Text must not hold the character U+0000.")
        try:
            return orjson.loads(piece)
        except orjson.JSONDecodeError as error:
            raise InvalidRequest(f"The body is not valid JSON: {error.msg}, near byte {place[0]}. Nothing was imported.") from None

    def _conversations_of(self, start: int) -> list[Place]:
        """Of an object: those in its `conversations`, else the whole of it."""
        many = None
        members: dict[bytes, Place] = {}
        for name, place in self._members(start):
            members[name] = place
        end = self._end
        if b'"conversations"' in members:
            many = members[b'"conversations"'][0]
        for name in (b'"format"', b'"version"'):
            if name in members:
                self._check_origin(name, self.read(members[name]))
        if many is None:
            return [(start, end)]
        if self._raw[many:many + 1] != b"[":
            raise InvalidRequest("`conversations` must be a list. Nothing was imported.")
        places = list(self._items(many))
        self._end = end
        return places

    @staticmethod
    def _check_origin(name: bytes, value: Any) -> None:
        if name == b'"version"' and value != 1:
            raise InvalidRequest("This export was written by another version of Rill, which this one cannot read. Nothing was imported.")
        if name == b'"format"' and value != "rill":
            raise InvalidRequest("This is no export of Rill. Nothing was imported.")

    def _items(self, start: int) -> Iterator[Place]:
        """Of the list that opens there; afterwards `_end` is behind it."""
        at = _skip(self._raw, start + 1)
        if self._raw[at:at + 1] == b"]":
            self._end = at + 1
            return
        while True:
            end = self._value_end(at, 1)
            yield at, end
            at = _skip(self._raw, end)
            mark = self._raw[at:at + 1]
            if mark == b"]":
                self._end = at + 1
                return
            if mark != b",":
                raise self._broken(at)
            at = _skip(self._raw, at + 1)

    def _members(self, start: int) -> Iterator[tuple[bytes, Place]]:
        """Of the object that opens there, names as they are written; afterwards `_end` is behind it."""
        at = _skip(self._raw, start + 1)
        if self._raw[at:at + 1] == b"}":
            self._end = at + 1
            return
        while True:
            name = SCALAR.match(self._raw, at)
            if name is None or not name[0].startswith(b'"'):
                raise self._broken(at)
            self.read(name.span())
            at = _skip(self._raw, name.end())
            if self._raw[at:at + 1] != b":":
                raise self._broken(at)
            at = _skip(self._raw, at + 1)
            end = self._value_end(at, 1)
            yield name[0], (at, end)
            at = _skip(self._raw, end)
            mark = self._raw[at:at + 1]
            if mark == b"}":
                self._end = at + 1
                return
            if mark != b",":
                raise self._broken(at)
            at = _skip(self._raw, at + 1)

    def _value_end(self, at: int, depth: int) -> int:
        """Behind the value that begins there, inside `depth` brackets."""
        if self._raw[at:at + 1] not in (b"{", b"["):
            scalar = SCALAR.match(self._raw, at)
            if scalar is None:
                raise self._broken(at)
            return scalar.end()
        outside = depth
        for token in TOKEN.finditer(self._raw, at):
            first = self._raw[token.start()]
            if first in b"{[":
                depth += 1
                if depth > MAX_JSON_DEPTH:
                    raise InvalidRequest(f"The body is nested deeper than {MAX_JSON_DEPTH} levels. Nothing was imported.")
            elif first in b"}]":
                depth -= 1
                if depth == outside:
                    return token.end()
            if token.end() > self._turn_at:
                self._turn_at = token.end() + TURN_BYTES
                give_turn()
        raise self._broken(len(self._raw))

    def _broken(self, at: int) -> InvalidRequest:
        return InvalidRequest(f"The body is not valid JSON near byte {at}. Nothing was imported.")


def _skip(raw: bytes, at: int) -> int:
    return SPACE.match(raw, at).end()
