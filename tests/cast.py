"""The cast of every suite: Alice owns the conversation, Bob is a stranger.

`settle` puts both into a database; it does not make conversations, each test makes its own.
"""
from __future__ import annotations

from sqlalchemy import insert

from rill.db import Database
from rill.models import User, utc_now
from rill.schema import users

ALICE = User("alice-00000000000000000", "Alice", "admin")
BOB = User("bob-0000000000000000000", "Bob", "user")


def settle(db: Database) -> None:
    """Alice and Bob live in this database from now on."""
    with db.write() as tx:
        for user in (ALICE, BOB):
            tx.execute(insert(users).values(id=user.id, name=user.name, role=user.role, created_at=utc_now()))
