"""The index of what was said, and the SQL of looking for it.

An FTS5 table of trigrams says which messages may hold a text, in any language; it keeps no text of its own, and what it
finds is looked at again in the message's row, so that a stale entry finds nothing. `search_todo` names the messages whose
entry is not up to date, with the text that the index knows of them; triggers fill it, `indexing.py` empties it in idle
moments. What it names is searched by reading, so that a message is found before it is indexed. Titles are few and short:
they are read. A SQLite without FTS5 or its trigrams reads everything.

Each function takes a transaction; those that find rows take the owner too.
"""
from __future__ import annotations

import heapq
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from operator import attrgetter
from typing import Any
from weakref import WeakSet

from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, or_, select, text
from sqlalchemy.exc import DatabaseError

from rill.schema import conversations, messages, search_todo
from rill.search_terms import fold, has_all, like_of, match_of, trigrams_of

log = logging.getLogger(__name__)

MANY_TODO = 4000
CANDIDATES = 2000  # looked at for one answer; a text that so many may hold is found sooner by reading
READ_AT_ONCE = 200  # candidates: mostly the first ones are enough

_CREATE = "CREATE VIRTUAL TABLE search_index USING fts5(content, content='', columnsize=0, detail=none, tokenize='trigram')"
_ENTRY = "INSERT INTO search_index (rowid, content) VALUES (?, ?)"
_FORGET = "INSERT INTO search_index (search_index, rowid, content) VALUES ('delete', ?, ?)"
_TRIGGERS = {
    "search_made": "AFTER INSERT ON messages WHEN NEW.finished_at IS NOT NULL BEGIN "
                   "INSERT OR IGNORE INTO search_todo VALUES (NEW.seq, NULL); END",
    "search_finished": "AFTER UPDATE OF finished_at ON messages WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL BEGIN "
                       "INSERT OR IGNORE INTO search_todo VALUES (NEW.seq, NULL); END",
    "search_changed": "AFTER UPDATE OF content, finished_at ON messages WHEN OLD.finished_at IS NOT NULL "
                      "AND (NEW.finished_at IS NULL OR NEW.content <> OLD.content) BEGIN "
                      "INSERT OR IGNORE INTO search_todo VALUES (OLD.seq, OLD.content); END",
    "search_gone": "AFTER DELETE ON messages WHEN OLD.finished_at IS NOT NULL BEGIN "
                   "INSERT OR IGNORE INTO search_todo VALUES (OLD.seq, OLD.content); END",
}
_TODO = text("""
    SELECT todo.message_seq, todo.indexed, messages.content, messages.seq IS NULL AS is_gone
    FROM search_todo AS todo LEFT JOIN messages ON messages.seq = todo.message_seq
    WHERE messages.seq IS NULL OR messages.finished_at IS NOT NULL ORDER BY todo.message_seq DESC""")
_CANDIDATES = text("SELECT rowid FROM search_index WHERE search_index MATCH :match AND rowid < :before ORDER BY rowid DESC LIMIT :limit")

_broken: WeakSet[Engine] = WeakSet()  # whose index failed when it was asked; the next `prepare` makes it anew


def _knows_trigrams() -> bool:
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute(_CREATE)
        except sqlite3.OperationalError:
            return False
    return True


KNOWS_TRIGRAMS = _knows_trigrams()


# ---- the index

def prepare(tx: Connection) -> bool:
    """Begin a new index where there is none to trust; quick, whatever there is to index. Returns whether it was begun."""
    kept = set(tx.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars())
    if not KNOWS_TRIGRAMS:  # nobody would empty the list; without triggers a later start will not trust the index
        for name in _TRIGGERS.keys() & kept:
            tx.exec_driver_sql(f"DROP TRIGGER {name}")
        return False
    if has_index(tx) and _TRIGGERS.keys() <= kept:
        return False
    for name, body in _TRIGGERS.items():
        tx.exec_driver_sql(f"DROP TRIGGER IF EXISTS {name}")
        tx.exec_driver_sql(f"CREATE TRIGGER {name} {body}")
    tx.exec_driver_sql("DROP TABLE IF EXISTS search_index")
    tx.exec_driver_sql(_CREATE)
    tx.exec_driver_sql("DELETE FROM search_todo")
    tx.exec_driver_sql("INSERT INTO search_todo SELECT seq, NULL FROM messages")
    _broken.discard(tx.engine)
    return True


def has_index(tx: Connection) -> bool:
    """One that can be asked."""
    is_there = tx.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'search_index'").scalar()
    return bool(is_there) and KNOWS_TRIGRAMS and tx.engine not in _broken


def helps(tx: Connection) -> bool:
    """One that knows nearly everything; until then reading is quicker."""
    return has_index(tx) and (tx.exec_driver_sql("SELECT count(*) FROM search_todo").scalar() or 0) <= MANY_TODO


def has_todo(tx: Connection) -> bool:
    return tx.execute(_TODO).first() is not None


def index_some(tx: Connection, chars: int) -> int:
    """Bring the entries of the newest messages on the list up to date, up to so much text. Returns how many it were."""
    done: list[tuple[int]] = []
    with closing(tx.execute(_TODO)) as rows:
        todo = []
        for row in rows:
            todo.append(row)
            chars -= len(row.indexed or "") + len(row.content or "")
            if chars <= 0:
                break
    for row in reversed(todo):  # FTS5 gathers what comes in the order of its rows, and writes to the file at each step back
        if row.indexed:
            tx.exec_driver_sql(_FORGET, (row.message_seq, row.indexed))
        if not row.is_gone:
            tx.exec_driver_sql(_ENTRY, (row.message_seq, row.content))
        done.append((row.message_seq,))
    if done:
        tx.exec_driver_sql("DELETE FROM search_todo WHERE message_seq = ?", done)
    return len(done)


def check_index(tx: Connection) -> bool:
    """SQLite's own look at the whole index. In a transaction that may write, though it changes nothing."""
    try:
        tx.exec_driver_sql("INSERT INTO search_index (search_index) VALUES ('integrity-check')")
    except DatabaseError as error:
        doubt(tx, error)
        return False
    return True


def doubt(tx: Connection, error: DatabaseError) -> None:
    """From now on it is not asked; the next `prepare` begins a new one."""
    log.warning("the search index is broken and will be made anew: %s", error.orig)
    _broken.add(tx.engine)


# ---- looking for something

_SHOWN = select(
    messages.c.seq, messages.c.id, messages.c.conversation_id, messages.c.role, messages.c.model, messages.c.created_at,
    messages.c.content, conversations.c.title, conversations.c.archived,
).join_from(messages, conversations, messages.c.conversation_id == conversations.c.id).where(messages.c.finished_at.is_not(None))


def _of(user_id: str) -> ColumnElement[bool]:
    """By the message alone: asked for the conversation's owner too, SQLite would begin with all of the owner's conversations."""
    return and_(messages.c.user_id == user_id, messages.c.deleted_at.is_(None), conversations.c.deleted_at.is_(None))


def _like(column: Any, term: str) -> ColumnElement[bool]:
    return column.like(like_of(term), escape="\\")


def find_titles(tx: Connection, user_id: str, terms: list[str], limit: int) -> list[Row]:
    """Conversations called so, newest activity first."""
    wanted = select(conversations.c.id, conversations.c.title, conversations.c.archived, conversations.c.updated_at).where(
        conversations.c.user_id == user_id, conversations.c.deleted_at.is_(None), *(_like(conversations.c.title, term) for term in terms))
    with closing(tx.execute(wanted.order_by(conversations.c.updated_at.desc(), conversations.c.seq.desc()))) as rows:
        return list(islice((row for row in rows if has_all(fold(row.title), terms)), limit))


def find_indexed(tx: Connection, user_id: str, terms: list[str], before: int, limit: int) -> tuple[list[Row], int | None]:
    """Messages that hold all the terms, newest first, by the index and the list of what it lacks; and the row to go on
    before, None when that was all. Asks the index: there must be one, and a term of three letters."""
    with_all = [_like(messages.c.content, term) for term in terms]
    listed = _rows(tx, user_id, _todo_before(tx, before), with_all)
    return _take(heapq.merge(_indexed(tx, user_id, terms, before), listed, key=attrgetter("seq"), reverse=True), terms, limit)


def _indexed(tx: Connection, user_id: str, terms: list[str], before: int) -> Iterator[Row]:
    match = match_of(trigrams_of(terms))
    while True:
        try:
            some = tx.execute(_CANDIDATES, {"match": match, "before": before, "limit": READ_AT_ONCE}).scalars().all()
        except DatabaseError as error:
            return doubt(tx, error)
        yield from _rows(tx, user_id, some, [])
        if len(some) < READ_AT_ONCE:
            return None
        before = some[-1]


def _rows(tx: Connection, user_id: str, seqs: Sequence[int], conditions: list[ColumnElement[bool]]) -> Iterator[Row]:
    for at in range(0, len(seqs), READ_AT_ONCE):
        some = seqs[at:at + READ_AT_ONCE]
        yield from tx.execute(_SHOWN.where(_of(user_id), messages.c.seq.in_(some), *conditions).order_by(messages.c.seq.desc()))


def _todo_before(tx: Connection, before: int) -> Sequence[int]:
    return tx.scalars(select(search_todo.c.message_seq).where(search_todo.c.message_seq < before).order_by(search_todo.c.message_seq.desc())).all()


def _take(rows: Iterable[Row], terms: list[str], limit: int) -> tuple[list[Row], int | None]:
    hits: list[Row] = []
    seen = 0
    last = None
    for row in rows:
        if row.seq == last:  # indexed, and on the list for what has changed since
            continue
        if len(hits) == limit or seen == CANDIDATES:
            return hits, last
        last, seen = row.seq, seen + 1
        if has_all(fold(row.content), terms):
            hits.append(row)
    return hits, None


def find_by_reading(tx: Connection, user_id: str, terms: list[str], before: int, count: int, limit: int) -> tuple[list[Row], int | None]:
    """The same, by reading the `count` rows before `before`."""
    wanted = _SHOWN.where(_of(user_id), messages.c.seq < before, messages.c.seq >= before - count,
                          *(_like(messages.c.content, term) for term in terms)).order_by(messages.c.seq.desc())
    with closing(tx.execute(wanted)) as rows:
        hits = list(islice((row for row in rows if has_all(fold(row.content), terms)), limit + 1))
    if len(hits) > limit:
        return hits[:limit], hits[limit - 1].seq
    return hits, before - count if before - count > 1 else None


def newest(tx: Connection) -> int:
    """A row number that no message has reached."""
    return (tx.exec_driver_sql("SELECT max(seq) FROM messages").scalar() or 0) + 1


# ---- for the list of conversations

def holding(tx: Connection, user_id: str, said: str) -> ColumnElement[bool]:
    """A condition on conversations: `said` stands in the title or in a message."""
    in_title = conversations.c.title.contains(said, autoescape=True)
    ids = _conversations_with(tx, user_id, said)
    if ids is not None:
        return or_(in_title, conversations.c.id.in_(ids))
    in_text = _messages_with(user_id, said).where(messages.c.conversation_id == conversations.c.id).correlate(conversations)
    return or_(in_title, in_text.exists())


def _messages_with(user_id: str, said: str) -> Select:
    return select(messages.c.conversation_id).where(messages.c.user_id == user_id, messages.c.deleted_at.is_(None), messages.c.content.contains(said, autoescape=True))


def _conversations_with(tx: Connection, user_id: str, said: str) -> set[str] | None:
    """None where so many messages hold it that the newest conversations soon fill a page: then it is quicker to ask each."""
    wanted = _messages_with(user_id, said)
    if len(said) >= 3 and helps(tx):
        try:
            rowids = tx.execute(_CANDIDATES, {"match": match_of(trigrams_of([said])), "before": newest(tx), "limit": CANDIDATES + 1}).scalars().all()
        except DatabaseError as error:
            doubt(tx, error)
            return None
        wanted = wanted.where(messages.c.seq.in_({*rowids, *_todo_before(tx, newest(tx))}))
    else:
        rowids = ()
    ids = () if len(rowids) > CANDIDATES else tx.scalars(wanted.limit(CANDIDATES + 1)).all()
    return None if max(len(rowids), len(ids)) > CANDIDATES else set(ids)
