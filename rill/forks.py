"""A conversation that begins as a copy of another's branch: same words under new ids, from the root to one message.

The copy tells of each answer when and how it came and what it cost. Nothing is paid again: the ledger (charges.py), which
counts what was spent, knows the calls and not their copies.
"""
from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select

from rill import store
from rill.errors import Conflict
from rill.models import Conversation, Message, new_id
from rill.schema import messages

ROWS_AT_ONCE = 500  # SQLite limits the variables of a statement

STILL_WRITING = "An answer on this branch is still being written. Stop it or wait for its end, then fork."


def fork(tx: Connection, user_id: str, message_id: str, title: str | None) -> Conversation:
    """Raises NotFound, and Conflict while an answer on the branch grows."""
    message = store.get_message(tx, user_id, message_id)
    origin = store.get_conversation(tx, user_id, message.conversation_id)
    path = store.branch(tx, user_id, message)
    if not all(one.is_finished for one in path):
        raise Conflict(STILL_WRITING)
    made = store.create_conversation(tx, user_id, title=origin.title if title is None else title, model=origin.model,
                                     system_prompt=origin.system_prompt, params=origin.params)
    ids = {one.id: new_id() for one in path}
    for at in range(0, len(path), ROWS_AT_ONCE):
        tx.execute(insert(messages), [_copy(row, made, ids) for row in _rows(tx, path[at:at + ROWS_AT_ONCE])])
    return store.update_conversation(tx, user_id, made.id, head_id=ids[message.id])


def _rows(tx: Connection, path: list[Message]) -> list[dict[str, Any]]:
    wanted = select(messages).where(messages.c.seq.in_([one.seq for one in path])).order_by(messages.c.seq)
    return [dict(row) for row in tx.execute(wanted).mappings()]


def _copy(row: dict[str, Any], made: Conversation, ids: dict[str, str]) -> dict[str, Any]:
    del row["seq"]
    return {**row, "id": ids[row["id"]], "parent_id": ids.get(row["parent_id"]), "conversation_id": made.id}
