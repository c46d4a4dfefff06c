"""All SQL of attachments: what they are, their bytes in pieces, and when they go. Each function that touches a user's rows
takes the owner's id; foreign and unknown are the same NotFound.

Bytes are many small rows, so that no transaction of theirs holds the loop for long. A message keeps its attachments by
naming them in its own row: a message that is copied or brought back needs nothing else, and there is no count to go wrong.
It knows no file format; uploads.py does.
"""
from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text, update

from rill.errors import NotFound
from rill.models import utc_now
from rill.schema import attachment_pieces, attachments

PIECE_BYTES = 192 * 1024  # a multiple of three: the base64 of the pieces is that of the whole
UNSENT_SECONDS = 24 * 3600  # what was uploaded and not sent is kept so long
DROP_PIECES = 8  # rows a transaction

NO_ATTACHMENT = "There is no such file, or it was removed. Attach it again."

# What no message names and nobody has just uploaded.
_UNUSED = text("""
    SELECT id FROM attachments WHERE kept_until < :now AND NOT EXISTS (
        SELECT 1 FROM messages, json_each(messages.attachments) AS named
        WHERE messages.user_id = attachments.user_id AND messages.attachments != '[]' AND named.value ->> 'id' = attachments.id
    ) AND (:one IS NULL OR id = :one)""")


def add(tx: Connection, user_id: str, description: dict[str, Any], stored_bytes: int) -> None:
    """The row that makes the pieces stored under its id an attachment."""
    tx.execute(insert(attachments).values(id=description["id"], user_id=user_id, description=description,
                                          stored_bytes=stored_bytes, kept_until=utc_now(UNSENT_SECONDS)))


def get(tx: Connection, user_id: str, attachment_id: str) -> dict[str, Any]:
    """Its description. Raises NotFound."""
    [found] = _descriptions(tx, user_id, [attachment_id])
    return found


def take(tx: Connection, user_id: str, ids: list[str]) -> list[dict[str, Any]]:
    """Their descriptions, each once, for a message that is being made: from now on messages alone keep them. Raises NotFound."""
    if not ids:
        return []
    found = _descriptions(tx, user_id, list(dict.fromkeys(ids)))
    tx.execute(update(attachments).where(attachments.c.user_id == user_id, attachments.c.id.in_(ids)).values(kept_until=""))
    return found


def existing(tx: Connection, user_id: str, ids: list[str]) -> dict[str, dict[str, Any]]:
    """The descriptions, by id, of those that are there."""
    if not ids:
        return {}
    rows = tx.execute(select(attachments.c.id, attachments.c.description).where(
        attachments.c.user_id == user_id, attachments.c.id.in_(ids)))
    return {row.id: row.description for row in rows}


def _descriptions(tx: Connection, user_id: str, ids: list[str]) -> list[dict[str, Any]]:
    found = existing(tx, user_id, ids)
    if len(found) < len(ids):
        raise NotFound(NO_ATTACHMENT)
    return [found[one] for one in ids]


def used_bytes(tx: Connection, user_id: str) -> int:
    return tx.scalar(select(func.coalesce(func.sum(attachments.c.stored_bytes), 0)).where(attachments.c.user_id == user_id))


def is_used(tx: Connection, user_id: str, attachment_id: str) -> bool:
    """Whether a message has it. Raises NotFound."""
    get(tx, user_id, attachment_id)
    return tx.execute(_UNUSED, {"now": "~", "one": attachment_id}).first() is None


# ---- bytes

def add_piece(tx: Connection, attachment_id: str, part: str, number: int, data: bytes) -> None:
    tx.execute(insert(attachment_pieces).values(attachment_id=attachment_id, part=part, number=number, bytes=data))


def read_piece(tx: Connection, user_id: str, attachment_id: str, part: str, number: int) -> bytes | None:
    """One piece of `data`, `text` or `thumb`; None after the last."""
    return tx.scalar(select(attachment_pieces.c.bytes).join(attachments, attachments.c.id == attachment_pieces.c.attachment_id).where(
        attachments.c.user_id == user_id, attachment_pieces.c.attachment_id == attachment_id,
        attachment_pieces.c.part == part, attachment_pieces.c.number == number))


# ---- going

def remove(tx: Connection, user_id: str, attachment_id: str) -> None:
    """Its pieces are strays from here on."""
    tx.execute(delete(attachments).where(attachments.c.user_id == user_id, attachments.c.id == attachment_id))


def remove_unused(tx: Connection) -> int:
    """Everybody's that no message has any more, and those that were not sent within a day."""
    ids = [row.id for row in tx.execute(_UNUSED, {"now": utc_now(), "one": None})]
    if ids:
        tx.execute(delete(attachments).where(attachments.c.id.in_(ids)))
    return len(ids)


def stray_ids(tx: Connection) -> list[str]:
    """Ids of pieces without an attachment: removed, or left by a process that died while it stored them."""
    known = select(attachments.c.id)
    return list(tx.scalars(select(attachment_pieces.c.attachment_id).distinct().where(attachment_pieces.c.attachment_id.not_in(known))))


def drop_pieces(tx: Connection, attachment_id: str) -> int:
    """Some of them; returns how many, 0 when none are left."""
    some = select(attachment_pieces.c.seq).where(attachment_pieces.c.attachment_id == attachment_id).limit(DROP_PIECES)
    return tx.execute(delete(attachment_pieces).where(attachment_pieces.c.seq.in_(some))).rowcount
