"""What a user prefers on every device: the default model, starred models, the models chosen last.

One row a user, holding one JSON value; a user without a row prefers nothing. Whether a model exists is nobody's question
here: any well-formed slug may be starred, and the upstream judges.

Called by parts.py (the default model) and the routes.
"""
from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update

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
