"""What a person asks of a conversation: send, regenerate, edit, continue. Each is one transaction that makes rows,
then the runs that make the replies grow, then the events.

It checks state (who may answer what, and when), not syntax: the routes have done that.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection

from rill import attachments, store
from rill.committer import message_event
from rill.contents import Contents, There, ids_on
from rill.db import Database
from rill.engine import Engine
from rill.errors import Conflict, InvalidRequest, NotFound
from rill.hub import Hub, StateEvent
from rill.models import Conversation, Message, title_from, utc_now
from rill.run import Run
from rill.seam import continuation
from rill.zenmux import ChatRequest

HEAD: Any = object()  # "where the conversation is now", for a parent that was not named

NOTHING_LEFT = "A message needs some words or a file. Nothing was changed."
STILL_WRITING = "The answer before this is still being written. Stop it or wait for its end, then send again."


@dataclass(frozen=True, slots=True)
class Options:
    """How replies are asked for; None takes the conversation's own."""

    models: list[str] | None = None
    params: dict[str, Any] | None = None
    stream: bool = True
    record: bool = False
    remember: Callable[[Connection, dict[str, Any]], None] = lambda tx, ids: None  # told the new ids inside the transaction
    keep_head: bool = False  # the conversation stays where it is; only `regenerate` heeds it
    attachments: list[str] | None = None  # ids; of an edit, None keeps what there was


class Replies:
    def __init__(self, db: Database, hub: Hub, engine: Engine, default_model, contents: Contents) -> None:  # noqa: ANN001
        self._db, self._hub, self._engine, self._default_model = db, hub, engine, default_model
        self._contents = contents

    def send(self, user_id: str, conversation: Conversation, content: str, parent_id: str | None,
             options: Options) -> None:
        """A new user message under `parent_id` (HEAD, None for a new root, or a finished reply) and its replies."""
        models = self._models(conversation, options)
        self._engine.admit(user_id, len(models))
        with self._db.write() as tx:
            conversation = store.get_conversation(tx, user_id, conversation.id)  # it may have gone since the caller read it
            parent = self._parent(tx, user_id, conversation, parent_id)
            files = attachments.take(tx, user_id, options.attachments or [])
            asked = _add_user_message(tx, conversation, parent and parent.id, content, files)
            replies = [_add_reply(tx, asked, model, options) for model in models]
            title = conversation.title or title_from(content) or title_from("".join(one["name"] for one in files[:1]))
            runs, events = self._prepare(tx, conversation, replies, options, before=[asked], title=title)
            options.remember(tx, {"user_message": asked.id, "replies": [reply.id for reply in replies]})
        self._start(user_id, runs, events)

    def regenerate(self, user_id: str, asked: Message, options: Options) -> None:
        """New siblings among the replies of a user message."""
        with self._db.read() as tx:
            conversation = store.get_conversation(tx, user_id, asked.conversation_id)
        models = self._models(conversation, options)
        self._engine.admit(user_id, len(models))
        with self._db.write() as tx:
            conversation = store.get_conversation(tx, user_id, conversation.id)
            asked = store.get_message(tx, user_id, asked.id)  # so may the message
            replies = [_add_reply(tx, asked, model, options) for model in models]
            head = {"head_id": conversation.head_id} if options.keep_head else {}
            runs, events = self._prepare(tx, conversation, replies, options, **head)
            options.remember(tx, {"replies": [reply.id for reply in replies]})
        self._start(user_id, runs, events)

    def edit(self, user_id: str, asked: Message, content: str, options: Options) -> None:
        """A sibling of a user message with other words; the old branch stays."""
        with self._db.read() as tx:
            conversation = store.get_conversation(tx, user_id, asked.conversation_id)
        if options.attachments is None:
            options = replace(options, attachments=[one["id"] for one in asked.attachments])
        if not content.strip() and not options.attachments:
            raise InvalidRequest(NOTHING_LEFT)
        self.send(user_id, conversation, content, asked.parent_id, options)

    def continue_(self, user_id: str, reply: Message, options: Options) -> None:
        """The same reply grows on. Raises Conflict unless it ended before its end."""
        with self._db.write() as tx:
            # As it is now: since the caller read it, another tab may have made it grow, and one reply has one run.
            reply = store.get_message(tx, user_id, reply.id)
            if not reply.is_finished:
                raise Conflict("This answer is still being written.")
            if reply.status == "completed" and reply.finish_reason != "length":
                raise Conflict("This answer is complete. Ask for more in a new message, or regenerate it.")
            self._engine.admit(user_id, 1)
            conversation = store.get_conversation(tx, user_id, reply.conversation_id)
            params = reply.params if options.params is None else options.params
            changes = {"status": "queued", "finish_reason": None, "error": None, "finished_at": None, "params": params}
            store.update_message(tx, reply.seq, **changes)
            reply = replace(reply, **changes)
            runs, events = self._prepare(tx, conversation, [reply], options, head_id=conversation.head_id)
            options.remember(tx, {"reply": reply.id})
        self._start(user_id, runs, events)

    # -- pieces of the above

    def _models(self, conversation: Conversation, options: Options) -> list[str]:
        return options.models or [conversation.model or self._default_model(conversation.user_id)]

    @staticmethod
    def _parent(tx: Connection, user_id: str, conversation: Conversation, parent_id: str | None) -> Message | None:
        if parent_id is HEAD:
            parent_id = conversation.head_id
        if parent_id is None:
            return None
        parent = store.get_message(tx, user_id, parent_id)
        if parent.conversation_id != conversation.id:
            raise NotFound(store.NO_MESSAGE)
        if parent.role != "assistant":
            raise Conflict("A message can only follow an answer.")
        if not parent.is_finished:
            raise Conflict(STILL_WRITING)
        return parent

    def _prepare(self, tx: Connection, conversation: Conversation, replies: list[Message], options: Options, *,
                 before: list[Message] = [], **changes: Any) -> tuple[list[Run], list[StateEvent]]:  # noqa: B006 - never changed
        """The runs of committed-to-be replies, and every event of this transaction in revision order."""
        user_id = conversation.user_id
        path = store.branch(tx, user_id, replies[0])[:-1]
        there = attachments.existing(tx, user_id, ids_on(path))
        if ids_on(path):
            replies = [self._note_files(tx, path, there, reply) for reply in replies]
        runs = [self._engine.prepare(reply, self._request(conversation, path, there, reply, options), record=options.record) for reply in replies]
        events = [message_event(message, store.next_revision(tx, user_id)) for message in before]
        events += [message_event(run.message, store.next_revision(tx, user_id), run.live) for run in runs]
        changes = {"head_id": replies[0].id, "updated_at": utc_now(), **changes}
        conversation = store.update_conversation(tx, user_id, conversation.id, **changes)
        return runs, [*events, conversation_event(tx, conversation)]

    def _note_files(self, tx: Connection, path: list[Message], there: There, reply: Message) -> Message:
        """Remember with the reply how the files before it went to its model."""
        sent_as = self._contents.sent_as(path, reply.model, there)
        store.update_message(tx, reply.seq, sent_as=sent_as)
        return replace(reply, sent_as=sent_as)

    def _request(self, conversation: Conversation, path: list[Message], there: There, reply: Message, options: Options) -> ChatRequest:
        """A reply that has text already is asked to grow on."""
        said = self._contents.history(path, reply.model, there)
        if conversation.system_prompt:
            said.insert(0, {"role": "system", "content": conversation.system_prompt})
        so_far = continuation(reply.model, reply.content) if reply.content else []
        return ChatRequest(reply.model, said + so_far, {**conversation.params, **reply.params}, options.stream)

    def _start(self, user_id: str, runs: list[Run], events: list[StateEvent]) -> None:
        """After the commit: tell first, so that no delta can precede its message."""
        for event in events:
            self._hub.tell(user_id, event)
        for run in runs:
            self._engine.start(run)


def _add_user_message(tx: Connection, conversation: Conversation, parent_id: str | None, content: str,
                      files: list[dict[str, Any]]) -> Message:
    return store.add_message(tx, conversation.user_id, conversation.id, parent_id=parent_id, role="user",
                             content=content, attachments=files, status="completed", finished_at=utc_now())


def _add_reply(tx: Connection, asked: Message, model: str, options: Options) -> Message:
    return store.add_message(tx, asked.user_id, asked.conversation_id, parent_id=asked.id, role="assistant",
                             status="queued", model=model, params=options.params or {})


def conversation_event(tx: Connection, conversation: Conversation) -> StateEvent:
    """One more revision: `conversation` as it is now."""
    return StateEvent("conversation", {"conversation": conversation.as_dict()}, store.next_revision(tx, conversation.user_id))

