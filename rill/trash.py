"""What was deleted and can still come back: marks rows as deleted, takes the marks away, and removes them at last.

What is deleted together carries the same mark, the time, and comes back together. SQL only, owner-checked like all of
`store.py`; that runs end, readers hear of it and the removal comes in time is the business of `deletion.py`.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from sqlalchemy import Connection, Row, delete, select, update

from rill import store
from rill.errors import Conflict, NotFound
from rill.models import Conversation, Message, utc_now
from rill.schema import conversations, messages
from rill.timeline import Timeline

ROWS_AT_ONCE = 500  # SQLite limits the variables of a statement

PARENT_IS_GONE = "The message above this one was deleted too. Bring that one back first."

Grown = Callable[[Message], Message]  # a message as its row has it -> with the text that was committed since

_NODES = select(messages.c.seq, messages.c.id, messages.c.parent_id, messages.c.role).order_by(messages.c.seq)


# ---- conversations

def delete_conversation(tx: Connection, user_id: str, conversation_id: str, grown: Grown) -> list[Message]:
    """Returns its replies that were growing, as they are now: stopped, with their committed text. Raises NotFound."""
    store.get_conversation(tx, user_id, conversation_id)
    now = utc_now()
    stopped = [_stop(tx, grown(one), now) for one in store.unfinished_messages(tx, user_id) if one.conversation_id == conversation_id]
    tx.execute(update(messages).where(
        messages.c.conversation_id == conversation_id, messages.c.user_id == user_id, messages.c.deleted_at.is_(None)).values(deleted_at=now))
    tx.execute(update(conversations).where(conversations.c.id == conversation_id, conversations.c.user_id == user_id).values(deleted_at=now))
    return stopped


def mark_of_conversation(tx: Connection, user_id: str, conversation_id: str) -> str | None:
    """When it was deleted, if it was. Raises NotFound when there is nothing that could come back."""
    row = tx.execute(select(conversations.c.deleted_at).where(
        conversations.c.id == conversation_id, conversations.c.user_id == user_id)).first()
    if row is None:
        raise NotFound(store.NO_CONVERSATION)
    return row.deleted_at


def restore_conversation(tx: Connection, user_id: str, conversation_id: str) -> bool:
    """With all that was deleted together with it; False when it was there already. Raises NotFound."""
    mark = mark_of_conversation(tx, user_id, conversation_id)
    if mark is None:
        return False
    tx.execute(update(messages).where(
        messages.c.conversation_id == conversation_id, messages.c.user_id == user_id, messages.c.deleted_at == mark).values(deleted_at=None))
    tx.execute(update(conversations).where(conversations.c.id == conversation_id, conversations.c.user_id == user_id).values(deleted_at=None))
    return True


# ---- branches

def delete_branch(tx: Connection, user_id: str, message_id: str, grown: Grown) -> tuple[Conversation, list[Message]]:
    """A message with everything below it; the head moves to what is left beside or above it. Returns the conversation and
    the replies that were growing, stopped. Raises NotFound."""
    message = store.get_message(tx, user_id, message_id)
    conversation = store.get_conversation(tx, user_id, message.conversation_id)
    nodes = tx.execute(_NODES.where(messages.c.conversation_id == conversation.id, messages.c.deleted_at.is_(None))).all()
    children = _children(nodes)
    gone = {row.id: row.seq for row in _below(children, message_id, nodes)}
    now = utc_now()
    stopped = [_stop(tx, grown(one), now) for one in store.unfinished_messages(tx, user_id) if one.id in gone]
    _mark(tx, gone.values(), now)
    if conversation.head_id in gone:
        return store.update_conversation(tx, user_id, conversation.id, head_id=_next_head(children, message)), stopped
    return store.get_conversation(tx, user_id, conversation.id), stopped


def place_of_message(tx: Connection, user_id: str, message_id: str) -> Row:
    """Where it is, and when it was deleted, if it was. Raises NotFound when there is nothing that could come back."""
    row = tx.execute(select(messages.c.conversation_id, messages.c.parent_id, messages.c.deleted_at).where(
        messages.c.id == message_id, messages.c.user_id == user_id)).first()
    if row is None or mark_of_conversation(tx, user_id, row.conversation_id) is not None:
        raise NotFound(store.NO_MESSAGE)
    return row


def restore_branch(tx: Connection, user_id: str, message_id: str) -> tuple[Conversation, bool]:
    """With what was deleted together with it; the head moves to its end. False when it was there already. Raises NotFound
    and Conflict."""
    row = place_of_message(tx, user_id, message_id)
    conversation = store.get_conversation(tx, user_id, row.conversation_id)
    if row.deleted_at is None:
        return conversation, False
    if row.parent_id is not None and tx.scalar(select(messages.c.deleted_at).where(messages.c.id == row.parent_id)) is not None:
        raise Conflict(PARENT_IS_GONE)
    nodes = tx.execute(_NODES.where(messages.c.conversation_id == conversation.id, messages.c.deleted_at == row.deleted_at)).all()
    children = _children(nodes)
    _mark(tx, [one.seq for one in _below(children, message_id, nodes)], None)
    return store.update_conversation(tx, user_id, conversation.id, head_id=_leaf(children, message_id)), True


# ---- the end

def purge(tx: Connection, before: str, at_most: int) -> int:
    """Remove rows that were deleted before that time, no more than so many; returns how many. Everybody's."""
    due = select(messages.c.seq).where(messages.c.deleted_at < before).limit(at_most)
    removed = tx.execute(delete(messages).where(messages.c.seq.in_(due))).rowcount
    if removed < at_most:  # only of those whose messages are gone: what hangs on a row goes with it, and may be much
        emptied = select(conversations.c.seq).where(conversations.c.deleted_at < before).limit(at_most - removed)
        removed += tx.execute(delete(conversations).where(conversations.c.seq.in_(emptied))).rowcount
    return removed


def is_any(tx: Connection) -> bool:
    """Whether something is deleted and not removed yet."""
    return any(tx.scalar(select(table.c.seq).where(table.c.deleted_at.is_not(None)).limit(1)) for table in (messages, conversations))


# ---- pieces of the above

def _stop(tx: Connection, message: Message, now: str) -> Message:
    """End a reply where it is, in place of its run."""
    after = replace(message, status="stopped", finished_at=now, timeline=Timeline.resumed(message).entries)  # its pace is the run's
    store.update_message(tx, message.seq, status=after.status, content=after.content, reasoning=after.reasoning,
                         finished_at=now, timeline=after.timeline)
    return after


def _mark(tx: Connection, rows: Iterable[int], mark: str | None) -> None:
    rows = list(rows)
    for at in range(0, len(rows), ROWS_AT_ONCE):
        tx.execute(update(messages).where(messages.c.seq.in_(rows[at:at + ROWS_AT_ONCE])).values(deleted_at=mark))


def _children(nodes: Iterable[Row]) -> dict[str | None, list[Row]]:
    children: dict[str | None, list[Row]] = {}
    for row in nodes:
        children.setdefault(row.parent_id, []).append(row)
    return children


def _below(children: Mapping[str | None, list[Row]], message_id: str, nodes: Iterable[Row]) -> list[Row]:
    """The message and all that follows it."""
    found = [row for row in nodes if row.id == message_id]
    for row in found:  # grows while it is walked
        found += children.get(row.id, ())
    return found


def _leaf(children: Mapping[str | None, list[Row]], message_id: str) -> str:
    """The end of the newest branch below a message."""
    while below := children.get(message_id):
        message_id = below[-1].id
    return message_id


def _next_head(children: Mapping[str | None, list[Row]], message: Message) -> str | None:
    """Where a reader of a branch that goes is left: at the version before it, else the one after it, else above it."""
    versions = [row for row in children[message.parent_id] if row.role == message.role]
    at = [row.id for row in versions].index(message.id)
    beside = versions[at - 1:at] if at else versions[1:2]
    return _leaf(children, beside[0].id) if beside else message.parent_id
