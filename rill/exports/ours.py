"""Our own JSON: one conversation, or all of a person's, with everything that an import needs (`imports/ours.py`).

    one   {"format": "rill", "version": 1, "exported_at", "conversation": {...}, "messages": [the whole tree, oldest first]}
    all   {"format": "rill", "version": 1, "exported_at", "conversations": [{"conversation": {...}, "messages": [...]}, ...]}

A conversation and a message are those of the API, with the ids they had here; of attachments the descriptions (an import
on the same server finds them again), and with `pieces_of` also the bytes, in base64 as `data`, where a conversation names
them first. All is written conversation by conversation: each is true as of its turn, one that is made meanwhile is left
out, one that is deleted meanwhile too. So memory holds one conversation and a piece of a file, no transaction waits for a
slow reader, and streams that run get their turn every few milliseconds.
"""
from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import select

from rill import store
from rill.db import Database
from rill.errors import NotFound
from rill.models import Conversation, Message, utc_now
from rill.schema import conversations
from rill.turns import give_turn, paced

FORMAT = "rill"
VERSION = 1
BLOCK_BYTES = 64 * 1024  # less is not worth a write to the socket

GrownIn = Callable[[str], Callable[[Message], Message]]
Pieces = Callable[[str], Iterable[bytes]]  # of a file, by its id; all but the last of a length that three divides


def one(conversation: Conversation, messages: Iterable[Message], pieces_of: Pieces | None = None) -> Iterator[bytes]:
    yield from _blocks(chain([_head()[:-1], b","], _unit(conversation, messages, pieces_of)))


def everything(db: Database, user_id: str, grown_in: GrownIn = lambda conversation_id: lambda message: message,
               pieces_of: Pieces | None = None) -> Iterator[bytes]:
    """`grown_in` is the engine's: what gives a message that a run is writing with its text. May raise when the database cannot
    be read: the document is then broken off, and so no valid JSON."""
    with db.read() as tx:
        ids = tx.scalars(select(conversations.c.id).where(conversations.c.user_id == user_id).order_by(conversations.c.seq)).all()
    yield from _blocks(_everything(db, user_id, ids, grown_in, pieces_of))


def _everything(db: Database, user_id: str, ids: Iterable[str], grown_in: GrownIn, pieces_of: Pieces | None = None) -> Iterator[bytes]:
    yield _head()[:-1] + b',"conversations":['
    comma = b""
    for conversation_id in ids:
        try:
            with db.read() as tx:
                conversation = store.get_conversation(tx, user_id, conversation_id)
                grown = grown_in(conversation_id)
                messages = [grown(one) for one in paced(store.each_message(tx, user_id, conversation_id))]
        except NotFound:
            continue
        yield comma + b"{"
        yield from _unit(conversation, messages, pieces_of)
        comma = b","
        give_turn()
    yield b"]}"


def _head() -> bytes:
    return orjson.dumps({"format": FORMAT, "version": VERSION, "exported_at": utc_now()})


def _unit(conversation: Conversation, messages: Iterable[Message], pieces_of: Pieces | None) -> Iterator[bytes]:
    """What stands in the braces of one conversation, and the closing one."""
    yield b'"conversation":' + orjson.dumps(conversation.as_dict()) + b',"messages":['
    comma = b""
    written: set[str] = set()  # files: a message that was edited names those of the one before it again
    for message in paced(messages):
        described = _described(message)
        if pieces_of is None or not message.attachments:
            yield comma + orjson.dumps(described)
        else:
            del described["attachments"]
            yield comma + orjson.dumps(described)[:-1] + b',"attachments":['
            yield from _files(message.attachments, pieces_of, written)
            yield b"]}"
        comma = b","
    yield b"]}"


def _files(attachments: list[dict[str, Any]], pieces_of: Pieces, written: set[str]) -> Iterator[bytes]:
    comma = b""
    for described in attachments:
        yield comma + orjson.dumps(described)[:-1]
        if described["id"] not in written:
            written.add(described["id"])
            yield b',"data":"'
            for piece in pieces_of(described["id"]):
                yield base64.b64encode(piece)
            yield b'"'
        yield b"}"
        comma = b","


def _described(message: Message) -> dict[str, Any]:
    described = message.as_dict()
    described.pop("retry", None)  # of a run; nothing to keep
    return described


def _blocks(parts: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for part in parts:
        held.append(part)
        size += len(part)
        if size >= BLOCK_BYTES:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)
