"""One search of a person's: by the index where it helps, else by reading a stretch at a time, with a limit of time.

A page that ran out of time has fewer hits and a `next` all the same: whoever asks on gets the rest. Between two stretches
the event loop turns, so that nobody's answer waits for somebody's search.
"""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Row

from rill import search
from rill.db import Database
from rill.errors import InvalidRequest
from rill.search_terms import ranges_of, snippet_of, terms_of, trigrams_of
from rill.turns import give_turn

READ_ROWS = 4000  # in one stretch: some 10 ms
READ_SECONDS = 0.15  # for one page
TITLES = 10


def find(db: Database, user_id: str, query: str, *, limit: int, before: str | None = None,
         clock: Callable[[], float] = time.monotonic) -> dict[str, Any]:
    """Conversations called so (on the first page), and messages that hold all terms, newest first."""
    terms = terms_of(query)
    at = None if before is None else _parse(before)
    if not terms:
        return {"conversations": [], "hits": [], "next": None}
    give_up_at = clock() + READ_SECONDS
    with db.read() as tx:
        titles = search.find_titles(tx, user_id, terms, TITLES) if at is None else []
        at = at or search.newest(tx)
        is_indexed = bool(trigrams_of(terms)) and search.helps(tx)
        hits, at = search.find_indexed(tx, user_id, terms, at, limit) if is_indexed else ([], at)
        if is_indexed and not search.has_index(tx):  # it broke under our hands
            hits, at = [], search.newest(tx) if before is None else _parse(before)
            is_indexed = False
    while not is_indexed and at is not None and len(hits) < limit and clock() < give_up_at:
        with db.read() as tx:
            more, at = search.find_by_reading(tx, user_id, terms, at, READ_ROWS, limit - len(hits))
        hits += more
        give_turn()
    return {"conversations": [_title(row, terms) for row in titles], "hits": [_hit(row, terms) for row in hits],
            "next": None if at is None else str(at)}


def _parse(before: str) -> int:
    if not (before.isascii() and before.isdecimal() and len(before) <= 18):  # 18 digits fit SQLite's integers
        raise InvalidRequest("`before` must be the `next` of an earlier page.")
    return int(before)


def _title(row: Row, terms: list[str]) -> dict[str, Any]:
    return {"id": row.id, "title": row.title, "archived": row.archived, "updated_at": row.updated_at, "matches": ranges_of(row.title, terms)}


def _hit(row: Row, terms: list[str]) -> dict[str, Any]:
    snippet, matches = snippet_of(row.content, terms)
    return {"conversation": {"id": row.conversation_id, "title": row.title, "archived": row.archived}, "message_id": row.id,
            "role": row.role, "model": row.model, "created_at": row.created_at, "snippet": snippet, "matches": matches}
