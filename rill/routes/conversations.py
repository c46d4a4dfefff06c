"""`/api/conversations`: list, create, read, change, delete (PROTOCOL section 3)."""
from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from orjson import Fragment, dumps

from rill import store, trash
from rill.errors import InvalidRequest, NotFound
from rill.replies import conversation_event
from rill.routes.bodies import ConversationChange, NewConversation, Nothing
from rill.routes.door import answer, body, once, parts, user
from rill.turns import paced

PAGE_SIZE, MAX_PAGE_SIZE = 50, 200
MAX_SEARCH_CHARS = 200

conversations = Blueprint("conversations", __name__, url_prefix="/api/conversations")


@conversations.get("")
def list_conversations() -> Response:
    args = request.args
    archived = args.get("archived", "false").lower()
    if archived not in ("true", "false", "1", "0"):
        raise InvalidRequest("`archived` must be true or false.")
    with parts.db.read() as tx:
        found, following = store.list_conversations(
            tx, user().id, search=search_text(args.get("q", "")), archived=archived in ("true", "1"),
            limit=page_size(args.get("limit")), before=args.get("before"),
        )
        revision = store.revision(tx, user().id)
    return answer({"conversations": [one.as_dict() for one in found], "next": following, "revision": revision})


def search_text(given: str) -> str:
    return given[:MAX_SEARCH_CHARS].replace("\0", "")


def page_size(given: str | None) -> int:
    if given is None:
        return PAGE_SIZE
    if not (given.isascii() and given.isdecimal() and len(given) < 6 and int(given) > 0):
        raise InvalidRequest("`limit` must be a number from 1 up.")
    return min(int(given), MAX_PAGE_SIZE)


@conversations.post("")
def create_conversation() -> Response:
    asked = body(NewConversation)
    with once(asked) as attempt:
        if attempt.ids is None:
            with parts.db.write() as tx:
                made = store.create_conversation(tx, user().id, **_given(asked))
                attempt.remember(tx, {"conversation": made.id})
                event = conversation_event(tx, made)
            parts.hub.tell(user().id, event)
    with parts.db.read() as tx:
        return answer(store.get_conversation(tx, user().id, attempt.ids["conversation"]).as_dict(), 201)


@conversations.get("/<conversation_id>")
def read_conversation(conversation_id: str) -> Response:
    with parts.db.read() as tx:
        conversation = store.get_conversation(tx, user().id, conversation_id)
        revision = store.revision(tx, user().id)
        grown = parts.engine.grown_in(conversation_id)
        shown = [Fragment(dumps(grown(one).as_dict())) for one in paced(store.each_message(tx, user().id, conversation_id))]
    return answer({"conversation": conversation.as_dict(), "messages": shown, "revision": revision})


@conversations.patch("/<conversation_id>")
def change_conversation(conversation_id: str) -> Response:
    with parts.db.read() as tx:
        store.get_conversation(tx, user().id, conversation_id)
    changes = _given(body(ConversationChange))
    with parts.db.write() as tx:
        if changes.get("head_id") is not None:
            _check_head(tx, conversation_id, changes["head_id"])
        conversation = store.get_conversation(tx, user().id, conversation_id)
        if not changes:
            return answer(conversation.as_dict())
        conversation = store.update_conversation(tx, user().id, conversation_id, **changes)
        event = conversation_event(tx, conversation)
    parts.hub.tell(user().id, event)
    return answer(conversation.as_dict())


def _check_head(tx: Any, conversation_id: str, head_id: str) -> None:
    if store.get_message(tx, user().id, head_id).conversation_id != conversation_id:
        raise NotFound(store.NO_MESSAGE)


def _given(asked: NewConversation) -> dict[str, Any]:
    """The columns that the body names; null puts back the default."""
    given = asked.model_dump(exclude_unset=True, exclude={"params"})
    if "params" in asked.model_fields_set:
        given["params"] = asked.params.given() if asked.params else {}
    defaults = {"title": "", "system_prompt": "", "pinned": False, "archived": False}
    return {name: defaults.get(name) if value is None else value for name, value in given.items()}


@conversations.delete("/<conversation_id>")
def delete_conversation(conversation_id: str) -> Response:
    with parts.db.read() as tx:
        store.get_conversation(tx, user().id, conversation_id)
    body(Nothing)
    parts.deletions.delete_conversation(user().id, conversation_id)
    return Response(status=204)


@conversations.post("/<conversation_id>/restore")
def restore_conversation(conversation_id: str) -> Response:
    """Take a deletion back, as long as nothing was removed yet."""
    with parts.db.read() as tx:
        trash.mark_of_conversation(tx, user().id, conversation_id)
    body(Nothing)
    return answer(parts.deletions.restore_conversation(user().id, conversation_id).as_dict())
