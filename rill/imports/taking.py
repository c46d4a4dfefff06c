"""Takes a document in: looks through all of it first, then writes conversation by conversation, each its own transaction
and its own `conversation` event.

What is no JSON or too much is refused before anything is written. A conversation that breaks a rule is skipped, and the
answer says why; the others come in. A file that cannot be kept is skipped alone: such a line has `files`, how many. It
knows no HTTP: the route gives bytes and gets the answer.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from rill.db import Database
from rill.errors import InvalidRequest, TooLarge, Unusable
from rill.hub import Hub
from rill.imports import chatgpt, ours, rows
from rill.imports.document import Document
from rill.imports.draft import Draft, title
from rill.imports.files import FileTaker
from rill.models import utc_now
from rill.replies import conversation_event
from rill.turns import give_turn
from rill.uploads import Uploads

MAX_MESSAGES = 100_000
UNKNOWN = ("This is neither an export of Rill nor ChatGPT's conversations.json. Nothing was imported; choose one of these two files.")
TOO_MANY = f"The file holds more than {MAX_MESSAGES:,} messages. Nothing was imported; split it into several."

Remember = Callable[[Connection, int, str], None]


def take(db: Database, hub: Hub, uploads: Uploads, user_id: str, raw: bytes, params: ours.Params, *,
         taken: dict[int, str] = {}, remember: Remember = lambda tx, number, conversation_id: None) -> dict[str, Any]:  # noqa: B006 - never changed
    """`taken` is what an earlier try, cut off in its middle, had brought in: the number of each conversation in the document,
    and its id. Raises InvalidRequest, TooLarge, and what the database says."""
    document = Document(raw)
    _look_through(document)
    db.check_room()
    files = FileTaker(db, uploads, user_id)
    ids: list[str] = []
    skipped: list[dict[str, Any]] = []
    for number, place in enumerate(document.places):
        give_turn()
        if number in taken:
            ids.append(taken[number])
            continue
        value = document.read(place)
        give_turn()  # one conversation may be most of the document
        try:
            draft = _draft(value, params)
        except Unusable as error:
            skipped.append(_skip(number, value, error))
            continue
        give_turn()
        brought = files.bring(draft)
        skipped += [_skip_file(number, value, *one) for one in brought.left_out]
        with db.write() as tx:
            made = rows.write(tx, user_id, draft, brought.kept)
            remember(tx, number, made.id)
            event = conversation_event(tx, made)
        hub.tell(user_id, event)
        ids.append(made.id)
    return {"imported": len(ids), "conversation_ids": ids, "skipped": skipped}


def _look_through(document: Document) -> None:
    known = messages = 0
    for place in document.places:
        value = document.read(place)
        if chatgpt.is_chatgpt(value):
            known, messages = known + 1, messages + chatgpt.count_messages(value)
        elif ours.is_ours(value):
            known, messages = known + 1, messages + ours.count_messages(value)
        if messages > MAX_MESSAGES:
            raise TooLarge(TOO_MANY)
        give_turn()
    if document.places and not known:
        raise InvalidRequest(UNKNOWN)


def _draft(value: Any, params: ours.Params) -> Draft:
    now = utc_now()
    if chatgpt.is_chatgpt(value):
        made = chatgpt.to_draft(value, now)
    elif ours.is_ours(value):
        made = ours.to_draft(value, now, params)
    else:
        raise Unusable("it is no conversation")
    made.check()
    return made


def _skip(number: int, value: Any, error: Unusable) -> dict[str, Any]:
    where, name = _where(number, value)
    return {"why": f"{where} was left out: {error.message}.", "number": number + 1, "title": name}


def _skip_file(number: int, value: Any, files: int, sentence: str) -> dict[str, Any]:
    where, name = _where(number, value)
    what = "a file" if files == 1 else f"{files} files"
    return {"why": f"{where} came without {what}: {sentence}", "number": number + 1, "title": name, "files": files}


def _where(number: int, value: Any) -> tuple[str, str]:
    named = value.get("conversation", value) if isinstance(value, dict) else {}
    name = title(named.get("title")) if isinstance(named, dict) else ""
    return f"Conversation {number + 1}" + (f", “{name}”," if name else ""), name
