"""What leaves as a file: a conversation as Markdown or JSON, and everything of a person; and what comes back (PROTOCOL
section 6)."""
from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from rill import store
from rill.errors import InvalidRequest, TooLarge
from rill.exports import markdown, ours
from rill.exports.filename import disposition
from rill.imports.taking import take
from rill.models import utc_now
from rill.routes.bodies import known_params
from rill.routes.door import MIB, answer, once, parts, raw_json, takes_up_to, user
from rill.routes.language import say
from rill.turns import paced

MAX_IMPORT_BYTES = 64 * MIB
TOO_LARGE = (f"An import takes {MAX_IMPORT_BYTES // MIB} MiB at once, and this is more. Nothing was imported; send fewer conversations at once, "
             "or an export without files.")
MARKDOWN = "text/markdown; charset=utf-8"
JSON = "application/json"

files = Blueprint("files", __name__)


@files.get("/api/conversations/<conversation_id>/export")
def export_conversation(conversation_id: str) -> Response:
    """One conversation as a file: `format=markdown` (the branch that is shown) or `json` (the whole tree; with `attachments=true` also its files)."""
    with parts.db.read() as tx:
        conversation = store.get_conversation(tx, user().id, conversation_id)
        pieces_of = _pieces_of()
        kind, with_reasoning = request.args.get("format", "markdown"), _flag("reasoning")
        if kind not in ("markdown", "json"):
            raise InvalidRequest("`format` must be markdown or json.")
        grown = parts.engine.grown_in(conversation_id)
        messages = [grown(one) for one in paced(store.each_message(tx, user().id, conversation_id))]
    if kind == "json":
        return _file(ours.one(conversation, messages, pieces_of), JSON, conversation.title, "json")
    shown = store.branch_to(messages, conversation.head_id)
    text = "".join(paced(markdown.branch_document(conversation, shown, with_reasoning=with_reasoning, say=say)))
    return _file(text.encode(), MARKDOWN, conversation.title, "md")


@files.get("/api/export")
def export_everything() -> Response:
    """Every conversation of the user, as one JSON document that `/api/import` takes; with `attachments=true` also the files."""
    return _file(ours.everything(parts.db, user().id, parts.engine.grown_in, _pieces_of()), JSON, f"Rill {utc_now()[:10]}", "json")


@files.post("/api/import")
@takes_up_to(MAX_IMPORT_BYTES)
def import_conversations() -> Response:
    """Conversations from an export of Rill or from ChatGPT's conversations.json, as new ones."""
    try:
        raw = raw_json()
    except (TooLarge, RequestEntityTooLarge):
        raise TooLarge(TOO_LARGE) from None
    with once(raw) as attempt:
        if attempt.ids is None:
            made: dict[str, Any] = take(parts.db, parts.hub, parts.uploads, user().id, raw, known_params, taken=attempt.parts(), remember=attempt.remember_part)
            with parts.db.write() as tx:
                attempt.remember(tx, made)
    return answer(attempt.ids)


def _pieces_of() -> ours.Pieces | None:
    """The bytes of files, where they are wanted. It outlives the request, so it holds the things themselves."""
    return partial(parts.uploads.read, user().id) if _flag("attachments") else None


def _flag(name: str) -> bool:
    given = request.args.get(name, "false").lower()
    if given not in ("true", "false", "1", "0"):
        raise InvalidRequest(f"`{name}` must be true or false.")
    return given in ("true", "1")


def _file(content: bytes | Iterable[bytes], content_type: str, title: str, extension: str) -> Response:
    response = Response(content, content_type=content_type)
    response.headers["Content-Disposition"] = disposition(title, extension)
    return response
