"""Messages: send, regenerate, edit, continue, stop, read (PROTOCOL section 4); delete a branch, take that back, fork."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from rill import forks, store, trash
from rill.errors import Conflict
from rill.models import Message
from rill.replies import HEAD, Options, conversation_event
from rill.routes.bodies import Asking, EditedMessage, Fork, MoreReplies, NewMessage, Nothing
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
    asked = body(MoreReplies)
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


@messages.delete("/messages/<message_id>")
def delete_branch(message_id: str) -> Response:
    """Delete a message with all that follows it; answers with the conversation and its new head."""
    _message(message_id)
    body(Nothing)
    return answer(parts.deletions.delete_branch(user().id, message_id).as_dict())


@messages.post("/messages/<message_id>/restore")
def restore_branch(message_id: str) -> Response:
    """Take the deletion of a branch back, as long as nothing was removed yet."""
    with parts.db.read() as tx:
        trash.place_of_message(tx, user().id, message_id)
    body(Nothing)
    return answer(parts.deletions.restore_branch(user().id, message_id).as_dict())


@messages.post("/messages/<message_id>/fork")
def fork(message_id: str) -> Response:
    """A new conversation that begins as a copy of the branch down to this message."""
    _message(message_id)
    asked = body(Fork)
    with once(asked) as attempt:
        if attempt.ids is None:
            with parts.db.write() as tx:
                made = forks.fork(tx, user().id, message_id, asked.title)
                attempt.remember(tx, {"conversation": made.id})
                event = conversation_event(tx, made)
            parts.hub.tell(user().id, event)
    with parts.db.read() as tx:
        return answer(store.get_conversation(tx, user().id, attempt.ids["conversation"]).as_dict(), 201)


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
            act(Options(getattr(asked, "models", None), params, asked.stream, asked.record, attempt.remember,
                        getattr(asked, "keep_head", False), getattr(asked, "attachments", None)))

    def load(ids: Any) -> Any:
        return [_message(one).as_dict() for one in ids] if isinstance(ids, list) else _message(ids).as_dict()

    return answer({name: load(ids) for name, ids in attempt.ids.items()}, 202)
