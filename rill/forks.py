"""A conversation that begins as a copy of another's branch: same words under new ids, from the root to one message.

The copy tells of each answer when and how it came and what it cost. Nothing is paid again: the ledger (charges.py), which
counts what was spent, knows the calls and not their copies.
"""
from __future__ import annotations

import orjson
from sqlalchemy import Connection, select

from rill import store
from rill.errors import Conflict
from rill.models import FINISHED, Conversation, new_id
from rill.schema import messages

STILL_WRITING = "An answer on this branch is still being written. Stop it or wait for its end, then fork."

_KEPT = ", ".join(column.name for column in messages.c if column.name not in ("seq", "id", "parent_id", "conversation_id"))
# The texts never leave the database: a branch of thousands is copied without holding up the answers that run.
_COPY = f"""INSERT INTO messages (id, parent_id, conversation_id, {_KEPT})
    SELECT json_extract(value, '$[1]'), json_extract(value, '$[2]'), ?, {_KEPT}
    FROM json_each(?) JOIN messages ON messages.seq = json_extract(value, '$[0]') ORDER BY json_each.key"""


def fork(tx: Connection, user_id: str, message_id: str, title: str | None) -> Conversation:
    """Raises NotFound, and Conflict while an answer on the branch grows."""
    message = store.get_message(tx, user_id, message_id)
    origin = store.get_conversation(tx, user_id, message.conversation_id)
    rows = tx.execute(select(messages.c.seq, messages.c.id, messages.c.parent_id, messages.c.status).where(
        messages.c.conversation_id == origin.id, messages.c.deleted_at.is_(None)))
    path = store.branch_to(rows, message.id)
    if not all(one.status in FINISHED for one in path):
        raise Conflict(STILL_WRITING)
    made = store.create_conversation(tx, user_id, title=origin.title if title is None else title, model=origin.model,
                                     system_prompt=origin.system_prompt, params=origin.params)
    ids = {one.id: new_id() for one in path}
    copies = [(one.seq, ids[one.id], ids.get(one.parent_id)) for one in path]
    tx.exec_driver_sql(_COPY, (made.id, orjson.dumps(copies).decode()))
    return store.update_conversation(tx, user_id, made.id, head_id=ids[message.id])
