"""Links belong to who made them: nobody else lists, sees or revokes them, and other secrets make other links."""
from __future__ import annotations

import pytest

from rill import shares, store
from rill.db import Database
from rill.errors import NotFound
from rill.models import Conversation, utc_now
from tests.cast import ALICE, BOB

SECRET = "s" * 32


@pytest.fixture
def conversation(db: Database) -> Conversation:
    with db.write() as tx:
        made = store.create_conversation(tx, ALICE.id, title="Alice's")
        asked = store.add_message(tx, ALICE.id, made.id, parent_id=None, role="user", content="Hi", status="completed", finished_at=utc_now())
        return store.update_conversation(tx, ALICE.id, made.id, head_id=asked.id)


def test_a_stranger_finds_no_link_of_others(db: Database, conversation: Conversation) -> None:
    with db.write() as tx:
        made = shares.create_share(tx, ALICE.id, conversation, reasoning=False, attachments=False)
        for refused in (shares.get_share, shares.delete_share):
            with pytest.raises(NotFound):
                refused(tx, BOB.id, made.id)
        assert shares.list_shares(tx, BOB.id, conversation.id) == []
        assert shares.list_shares(tx, ALICE.id, conversation.id) == [made]


def test_another_secret_ends_all_links(db: Database, conversation: Conversation) -> None:
    with db.write() as tx:
        made = shares.create_share(tx, ALICE.id, conversation, reasoning=False, attachments=False)
        token = made.as_dict(SECRET)["token"]
        assert shares.read_share(tx, token, SECRET)["title"] == "Alice's"
        with pytest.raises(NotFound, match="leads nowhere"):
            shares.read_share(tx, token, "t" * 32)


def test_a_message_that_is_gone_takes_its_links_with_it(db: Database, conversation: Conversation) -> None:
    with db.write() as tx:
        made = shares.create_share(tx, ALICE.id, conversation, reasoning=False, attachments=False)
        tx.exec_driver_sql("DELETE FROM messages")
        with pytest.raises(NotFound, match="leads nowhere"):
            shares.read_share(tx, made.as_dict(SECRET)["token"], SECRET)
