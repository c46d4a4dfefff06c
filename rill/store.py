"""All SQL but what has a room of its own. Each function takes a transaction of `db.py` and works in it; each that touches
a user's rows takes the owner's id, and a row that is foreign, deleted or unknown is the same NotFound.

It decides nothing about runs or readers; the engine, the committer and the routes call it.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, and_, bindparam, delete, func, insert, or_, select, update

from rill.errors import InvalidRequest, NotFound
from rill.models import Conversation, Cost, Message, Usage, User, new_id, utc_now
from rill.schema import conversations, idempotency_keys, messages, settings, users, wire_records
from rill.search import holding

# What every start asks, several times: to build such an expression costs more than to run it.
_REVISION = update(users).where(users.c.id == bindparam("owner")).values(revision=users.c.revision + 1).returning(users.c.revision)
_CONVERSATION = select(conversations).where(
    conversations.c.id == bindparam("one"), conversations.c.user_id == bindparam("owner"), conversations.c.deleted_at.is_(None))
_ADD_CONVERSATION = insert(conversations).returning(*conversations.c)
_CHANGE_CONVERSATION = update(conversations).where(
    conversations.c.id == bindparam("one"), conversations.c.user_id == bindparam("owner"),
    conversations.c.deleted_at.is_(None)).returning(*conversations.c)
_ADD_MESSAGE = insert(messages).returning(*messages.c)
_CHANGE_MESSAGE = update(messages).where(messages.c.seq == bindparam("row"))
_MESSAGE = select(messages).where(
    messages.c.id == bindparam("one"), messages.c.user_id == bindparam("owner"), messages.c.deleted_at.is_(None))
_MESSAGES = select(messages).where(
    messages.c.conversation_id == bindparam("one"), messages.c.user_id == bindparam("owner"),
    messages.c.deleted_at.is_(None)).order_by(messages.c.seq)
_SUMS = select(
    messages.c.conversation_id, func.count(), func.sum(messages.c.input_tokens), func.sum(messages.c.output_tokens),
    func.sum(messages.c.reasoning_tokens), func.sum(messages.c.cached_tokens), func.sum(messages.c.cost_amount),
    func.sum(messages.c.cost_kind == "estimate").label("estimates"),
).where(messages.c.conversation_id.in_(bindparam("these", expanding=True)), messages.c.deleted_at.is_(None)).group_by(messages.c.conversation_id)

_BESIDE_USAGE = list(messages.c).index(messages.c.cost_kind) + 1  # columns of usage and cost stand together, where a Message has these two

KEY_SECONDS = 24 * 3600  # how long an Idempotency-Key is good

Node = TypeVar("Node", Message, Row)

NO_CONVERSATION = "There is no such conversation, or it was deleted."
NO_MESSAGE = "There is no such message, or it was deleted."


# ---- settings and users

def setting(tx: Connection, name: str, make_default: Any) -> str:
    """The stored value; made once by `make_default()` when there is none."""
    value = tx.scalar(select(settings.c.value).where(settings.c.name == name))
    if value is None:
        value = make_default()
        tx.execute(insert(settings).values(name=name, value=value))
    return value


def local_owner(tx: Connection) -> User:
    """The implicit owner of local mode: the first user there is, made when there is none."""
    row = tx.execute(select(users).order_by(users.c.created_at, users.c.id).limit(1)).first()
    if row is None:
        tx.execute(insert(users).values(id=new_id(), name="You", role="admin", created_at=utc_now()))
        return local_owner(tx)
    return User(row.id, row.name, row.role)


def revision(tx: Connection, user_id: str) -> int:
    return tx.scalar(select(users.c.revision).where(users.c.id == user_id)) or 0


def next_revision(tx: Connection, user_id: str) -> int:
    """One more state change of this user, in the transaction of the change itself."""
    return tx.scalar(_REVISION, {"owner": user_id})


def leap_revisions(tx: Connection, beyond: int) -> None:
    """After a step back in time: every revision goes beyond any that a reader may have seen, so that all refetch."""
    tx.execute(update(users).where(users.c.revision < beyond).values(revision=beyond))


# ---- conversations

def create_conversation(tx: Connection, user_id: str, *, title: str = "", model: str | None = None,
                        system_prompt: str = "", params: dict[str, Any] | None = None) -> Conversation:
    now = utc_now()
    return Conversation(*tx.execute(_ADD_CONVERSATION, {
        "id": new_id(), "user_id": user_id, "title": title, "model": model, "system_prompt": system_prompt,
        "params": params or {}, "pinned": False, "archived": False, "head_id": None, "created_at": now, "updated_at": now,
    }).one())


def get_conversation(tx: Connection, user_id: str, conversation_id: str) -> Conversation:
    return _one(tx, tx.execute(_CONVERSATION, {"one": conversation_id, "owner": user_id}).first())


def _one(tx: Connection, row: Row | None) -> Conversation:
    if row is None:
        raise NotFound(NO_CONVERSATION)
    return _with_sums(tx, [row])[0]


def list_conversations(tx: Connection, user_id: str, *, search: str = "", archived: bool = False,
                       limit: int = 50, before: str | None = None) -> tuple[list[Conversation], str | None]:
    """Newest activity first, and where the next page starts (None at the end). `search` looks at titles and text."""
    wanted = select(conversations).where(
        conversations.c.user_id == user_id, conversations.c.archived == archived, conversations.c.deleted_at.is_(None))
    if search:
        wanted = wanted.where(holding(tx, user_id, search))
    if before:
        at, seq = _parse_place(before)
        wanted = wanted.where(or_(conversations.c.updated_at < at, and_(conversations.c.updated_at == at, conversations.c.seq < seq)))
    rows = tx.execute(wanted.order_by(conversations.c.updated_at.desc(), conversations.c.seq.desc()).limit(limit + 1)).all()
    page = rows[:limit]
    return _with_sums(tx, page), f"{page[-1].updated_at}_{page[-1].seq}" if len(rows) > limit else None


def _parse_place(before: str) -> tuple[str, int]:
    at, _, seq = before.rpartition("_")
    if not at or not seq.isdecimal() or len(before) > 60 or len(seq) > 18:  # 18 digits fit SQLite's integers
        raise InvalidRequest("`before` must be the `next` of an earlier page.")
    return at, int(seq)


def _with_sums(tx: Connection, rows: Sequence[Row]) -> list[Conversation]:
    sums = {row.conversation_id: row for row in tx.execute(_SUMS, {"these": [row.id for row in rows]})} if rows else {}
    return [_conversation(row, sums.get(row.id)) for row in rows]


def _conversation(row: Row, sums: Row | None) -> Conversation:
    if sums is None:
        return Conversation(*row)
    cost = None if sums[6] is None else Cost(round(sums[6], 10), "estimate" if sums.estimates else "actual")
    return Conversation(*row, sums[1], Usage(*sums[2:6]), cost)


def update_conversation(tx: Connection, user_id: str, conversation_id: str, **changes: Any) -> Conversation:
    return _one(tx, tx.execute(_CHANGE_CONVERSATION, {**changes, "one": conversation_id, "owner": user_id}).first())


# ---- messages

def add_message(tx: Connection, user_id: str, conversation_id: str, **values: Any) -> Message:
    """Raises NotFound, also for a conversation that was deleted since it was looked at."""
    if tx.execute(_CONVERSATION, {"one": conversation_id, "owner": user_id}).first() is None:
        raise NotFound(NO_CONVERSATION)
    return _message(tx.execute(_ADD_MESSAGE, {
        "id": new_id(), "user_id": user_id, "conversation_id": conversation_id, "content": "", "reasoning": "",
        "params": {}, "timings": {}, "citations": [], "timeline": [], "attachments": [], "sent_as": {}, "created_at": utc_now(), **values,
    }).one())


def get_message(tx: Connection, user_id: str, message_id: str) -> Message:
    """As its row has it: of one that a run makes grow, the engine knows more. Raises NotFound."""
    found = _messages(tx, _MESSAGE, {"one": message_id, "owner": user_id})
    if not found:
        raise NotFound(NO_MESSAGE)
    return found[0]


def conversation_messages(tx: Connection, user_id: str, conversation_id: str) -> list[Message]:
    """The whole tree, oldest first."""
    return list(each_message(tx, user_id, conversation_id))


def each_message(tx: Connection, user_id: str, conversation_id: str) -> Iterator[Message]:
    """The same one by one, for whoever lets others have their turn between two."""
    with closing(tx.execute(_MESSAGES, {"one": conversation_id, "owner": user_id})) as rows:
        yield from map(_message, rows)


def unfinished_messages(tx: Connection, user_id: str | None = None) -> list[Message]:
    """A user's, or everybody's, messages that a run has still to end."""
    wanted = select(messages).where(messages.c.finished_at.is_(None)).order_by(messages.c.seq)
    return _messages(tx, wanted if user_id is None else wanted.where(messages.c.user_id == user_id))


def branch(tx: Connection, user_id: str, message: Message) -> list[Message]:
    """From the root of its conversation down to `message`."""
    return branch_to(conversation_messages(tx, user_id, message.conversation_id), message.id)


def branch_to(tree: Iterable[Node], leaf_id: str | None) -> list[Node]:
    """From the root of a tree down to one of its messages (or rows with an `id` and a `parent_id`); empty when it is not there."""
    by_id = {message.id: message for message in tree}
    path, at = [], by_id.get(leaf_id)
    while at is not None:
        path.append(at)
        at = by_id.get(at.parent_id)
    return path[::-1]


def update_message(tx: Connection, seq: int, **changes: Any) -> None:
    """By row number: for the committer, whose runs were owner-checked when they started."""
    tx.execute(_CHANGE_MESSAGE, {**changes, "row": seq})


def _messages(tx: Connection, wanted: Select, values: dict[str, str] | None = None) -> list[Message]:
    return [_message(row) for row in tx.execute(wanted, values)]


def _message(row: Row) -> Message:
    """By place: by name it would take four times as long, and a conversation may have thousands."""
    *before, input_tokens, output_tokens, reasoning_tokens, cached_tokens, amount, kind = row[:_BESIDE_USAGE]
    usage = Usage(input_tokens, output_tokens, reasoning_tokens, cached_tokens)
    return Message(*before, usage, None if amount is None else Cost(amount, kind), *row[_BESIDE_USAGE:])


def usage_values(usage: Usage, cost: Cost | None) -> dict[str, Any]:
    """The columns of `messages` that hold them."""
    return {
        **{name: getattr(usage, name) for name in Usage.__slots__},
        "cost_amount": cost and cost.amount, "cost_kind": cost and cost.kind,
    }


# ---- recordings of the wire

def save_wire(tx: Connection, seq: int, entries: list[dict[str, Any]]) -> None:
    tx.execute(delete(wire_records).where(wire_records.c.message_seq == seq))
    tx.execute(insert(wire_records).values(message_seq=seq, entries=entries))


def get_wire(tx: Connection, message: Message) -> list[dict[str, Any]]:
    entries = tx.scalar(select(wire_records.c.entries).where(wire_records.c.message_seq == message.seq))
    if entries is None:
        raise NotFound("This reply was made without a recording of the wire.")
    return entries


# ---- idempotency keys

def remembered_answer(tx: Connection, user_id: str, route: str, key: str) -> Row | None:
    return tx.execute(select(idempotency_keys).where(
        idempotency_keys.c.user_id == user_id, idempotency_keys.c.route == route, idempotency_keys.c.key == key,
        idempotency_keys.c.created_at >= utc_now(-KEY_SECONDS),
    )).first()


def remember_answer(tx: Connection, user_id: str, route: str, key: str, **values: Any) -> None:
    """Those that are too old go at the same time: also this very key, when it was used long ago."""
    forget_answers(tx, utc_now(-KEY_SECONDS))
    tx.execute(insert(idempotency_keys).values(user_id=user_id, route=route, key=key, created_at=utc_now(), **values))


def remember_part(tx: Connection, user_id: str, route: str, key: str, number: int, **values: Any) -> None:
    """What one step of a long request made, until `remember_answer` tells of the whole."""
    tx.execute(insert(idempotency_keys).values(user_id=user_id, route=f"{route} {number}", key=key, created_at=utc_now(), status=0, **values))


def remembered_parts(tx: Connection, user_id: str, route: str, key: str) -> dict[int, Row]:
    rows = tx.execute(_parts_of(select(idempotency_keys), user_id, route, key)).all()
    return {int(row.route.rpartition(" ")[2]): row for row in rows}


def forget_parts(tx: Connection, user_id: str, route: str, key: str) -> None:
    tx.execute(_parts_of(delete(idempotency_keys), user_id, route, key))


def _parts_of(of: Any, user_id: str, route: str, key: str) -> Any:
    return of.where(idempotency_keys.c.user_id == user_id, idempotency_keys.c.key == key,
                    idempotency_keys.c.route.startswith(f"{route} ", autoescape=True))


def forget_answers(tx: Connection, before: str) -> None:
    tx.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < before))
