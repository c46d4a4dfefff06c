"""Messages: send, regenerate, edit, continue, stop, read (PROTOCOL section 4)."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from rill import store
from rill.errors import Conflict
from rill.models import Message
from rill.replies import HEAD, Options
from rill.routes.bodies import Asking, EditedMessage, NewMessage, NewReplies, Nothing
from rill.routes.door import answer, body, once, parts, user
from rill.timeline import as_events

messages = Blueprint("messages", __name__, url_prefix="/api")


@messages.post("/conversations/<conversation_id>/messages")
def send(conversation_id: str) -> Response:
    with parts.db.read() as tx:
        conversation = store.get_conversation(tx, user().id, conversation_id)
    asked = body(NewMessage)
    parent_id = asked.parent_id if "parent_id" in asked.model_fields_set else HEAD
    return _once(asked, lambda options: parts.replies.send(user().id, conversation, asked.content, parent_id, options))


@messages.post("/messages/<message_id>/replies")
def regenerate(message_id: str) -> Response:
    question = _message(message_id)
    asked = body(NewReplies)
    _check_role(question, "user", "Only a message of yours can be answered again.")
    return _once(asked, lambda options: parts.replies.regenerate(user().id, question, options))


@messages.post("/messages/<message_id>/edit")
def edit(message_id: str) -> Response:
    question = _message(message_id)
    asked = body(EditedMessage)
    _check_role(question, "user", "Only a message of yours can be edited.")
    return _once(asked, lambda options: parts.replies.edit(user().id, question, asked.content, options))


@messages.post("/messages/<message_id>/continue")
def continue_(message_id: str) -> Response:
    reply = _message(message_id)
    asked = body(Asking)
    _check_role(reply, "assistant", "Only an answer can be continued.")
    return _once(asked, lambda options: parts.replies.continue_(user().id, reply, options))


@messages.post("/messages/<message_id>/stop")
def stop(message_id: str) -> Response:
    reply = _message(message_id)
    body(Nothing)
    _check_role(reply, "assistant", "Only an answer can be stopped.")
    parts.engine.stop(message_id)
    return answer({"message": _message(message_id).as_dict()}, 202)


@messages.get("/messages/<message_id>")
def read_message(message_id: str) -> Response:
    return answer(_message(message_id).as_dict())


@messages.get("/messages/<message_id>/timeline")
def read_timeline(message_id: str) -> Response:
    message = _message(message_id)
    run = parts.engine.runs.get(message_id)
    return answer({"events": as_events(run.timeline.entries if run else message.timeline)})


@messages.get("/messages/<message_id>/wire")
def read_wire(message_id: str) -> Response:
    with parts.db.read() as tx:
        return answer(store.get_wire(tx, store.get_message(tx, user().id, message_id)))


def _message(message_id: str) -> Message:
    with parts.db.read() as tx:
        return parts.engine.grown(store.get_message(tx, user().id, message_id))


def _check_role(message: Message, role: str, sentence: str) -> None:
    if message.role != role:
        raise Conflict(sentence)


def _once(asked: Asking, act: Callable[[Options], None]) -> Response:
    """Do it, unless the same request has done it before; 202 with the messages as they are now."""
    with once(asked) as attempt:
        if attempt.ids is None:
            params = asked.params and asked.params.given()
            act(Options(getattr(asked, "models", None), params, asked.stream, asked.record, attempt.remember))

    def load(ids: Any) -> Any:
        return [_message(one).as_dict() for one in ids] if isinstance(ids, list) else _message(ids).as_dict()

    return answer({name: load(ids) for name, ids in attempt.ids.items()}, 202)
