"""What a user prefers on every device: the default model, starred models, the models chosen last.

One row a user, holding one JSON value; a user without a row prefers nothing. Whether a model exists is nobody's question
here: any well-formed slug may be starred, and the upstream judges. What was read once is kept in memory: a page asks for
its session most when something is wrong, and is answered while the database cannot.

Called by parts.py (the default model) and the routes.
"""
from __future__ import annotations

import contextlib
from typing import Any

from sqlalchemy import Connection, insert, select, update

from rill.db import Database
from rill.errors import RequestError
from rill.schema import preferences

NOTHING_PREFERRED: dict[str, Any] = {"default_model": None, "favourites": [], "recents": []}


def get_preferences(tx: Connection, user_id: str) -> dict[str, Any]:
    stored = tx.scalar(select(preferences.c.value).where(preferences.c.user_id == user_id))
    return {**NOTHING_PREFERRED, **(stored or {})}


def change_preferences(tx: Connection, user_id: str, **changes: Any) -> dict[str, Any]:
    """All of them as they are now; a list keeps the first of what stands in it twice."""
    single = {name: list(dict.fromkeys(value)) if isinstance(value, list) else value for name, value in changes.items()}
    value = {**get_preferences(tx, user_id), **single}
    if not tx.execute(update(preferences).where(preferences.c.user_id == user_id).values(value=value)).rowcount:
        tx.execute(insert(preferences).values(user_id=user_id, value=value))
    return value


class Preferences:
    """Those of every user, as this process, the only one with this database, knows them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._known: dict[str, dict[str, Any]] = {}

    def of(self, user_id: str) -> dict[str, Any]:
        """While they were never read and cannot be, nothing is preferred."""
        if user_id not in self._known:
            with contextlib.suppress(RequestError), self._db.read() as tx:
                self._known[user_id] = get_preferences(tx, user_id)
        return self._known.get(user_id, NOTHING_PREFERRED)

    def change(self, user_id: str, **changes: Any) -> dict[str, Any]:
        with self._db.write() as tx:
            value = change_preferences(tx, user_id, **changes)
        self._known[user_id] = value
        return value
