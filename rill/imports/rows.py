"""A draft becomes rows, with ids of its own. One transaction is the caller's; all or nothing is its doing."""
from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert

from rill import store
from rill.imports.draft import Draft
from rill.models import Conversation, new_id
from rill.schema import conversations, messages

EMPTY = {"content": "", "reasoning": "", "model": None, "finish_reason": None, "error": None, "input_tokens": None, "output_tokens": None,
         "reasoning_tokens": None, "cached_tokens": None, "cost_amount": None, "cost_kind": None, "timings": {}, "citations": [],
         "generation_id": None, "request_id": None, "timeline": [], "attachments": [], "sent_as": {}}


def write(tx: Connection, user_id: str, draft: Draft, kept: dict[str, dict[str, Any]]) -> Conversation:
    """A checked draft, as a new conversation of this user. `kept` are its attachments, as we describe them."""
    conversation_id = new_id()
    ids = {message.name: new_id() for message in draft.messages}
    tx.execute(insert(conversations).values(
        **draft.values, id=conversation_id, user_id=user_id, head_id=ids.get(draft.head)))
    if draft.messages:
        tx.execute(insert(messages), [
            {**EMPTY, **message.values, "id": ids[message.name], "parent_id": ids.get(message.parent), "user_id": user_id,
             "conversation_id": conversation_id, "attachments": [kept[one] for one in message.attachments if one in kept]}
            for message in draft.messages])
    return store.get_conversation(tx, user_id, conversation_id)
