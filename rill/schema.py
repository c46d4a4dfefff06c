"""The tables, as SQLAlchemy sees them. How a database came to look like this is told by `migrations/`.

Rows have a `seq` (insertion order, never shown) beside the random public id. While a run lives, its committed text is
the message's own text followed by what the journal has of it (journal.py); when it ends, the row holds it whole.
A row with a `deleted_at` can still come back (`trash.py`); to all others it is as if it were not there.
A message holds the descriptions of its attachments, and that alone is what keeps them: there is no table of links.
"""
from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, Text, text

metadata = MetaData()

settings = Table(
    "settings", metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)

users = Table(
    "users", metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("created_at", String, nullable=False),
)

conversations = Table(
    "conversations", metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("user_id", String, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("title", Text, nullable=False),
    Column("model", String),
    Column("system_prompt", Text, nullable=False),
    Column("params", JSON, nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("archived", Boolean, nullable=False),
    Column("head_id", String),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
    Column("deleted_at", String),
    Index("conversations_by_activity", "user_id", "archived", "updated_at", "seq"),
    Index("conversations_deleted", "deleted_at", sqlite_where=text("deleted_at IS NOT NULL"), postgresql_where=text("deleted_at IS NOT NULL")),
    sqlite_autoincrement=True,
)

messages = Table(
    "messages", metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("conversation_id", String, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("user_id", String, nullable=False),
    Column("parent_id", String),
    Column("role", String, nullable=False),
    Column("content", Text, nullable=False),
    Column("reasoning", Text, nullable=False),
    Column("status", String, nullable=False),
    Column("model", String),
    Column("params", JSON, nullable=False),
    Column("finish_reason", String),
    Column("error", JSON(none_as_null=True)),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("cost_amount", Float),
    Column("cost_kind", String),
    Column("timings", JSON, nullable=False),
    Column("citations", JSON, nullable=False),
    Column("generation_id", String),
    Column("request_id", String),
    Column("created_at", String, nullable=False),
    Column("finished_at", String),
    Column("timeline", JSON, nullable=False),
    Column("deleted_at", String),
    Column("attachments", JSON, nullable=False, server_default="[]"),
    Column("sent_as", JSON, nullable=False, server_default="{}"),
    Index("messages_by_conversation", "conversation_id", "seq"),
    Index("messages_unfinished", "user_id", sqlite_where=text("finished_at IS NULL"), postgresql_where=text("finished_at IS NULL")),
    Index("messages_with_attachments", "user_id", sqlite_where=text("attachments != '[]'"), postgresql_where=text("attachments != '[]'")),
    Index("messages_deleted", "deleted_at", sqlite_where=text("deleted_at IS NOT NULL"), postgresql_where=text("deleted_at IS NOT NULL")),
    sqlite_autoincrement=True,
)

journal = Table(
    "journal", metadata,
    Column("seq", Integer, primary_key=True),
    Column("entries", LargeBinary, nullable=False),
)

wire_records = Table(
    "wire_records", metadata,
    Column("message_seq", Integer, ForeignKey("messages.seq", ondelete="CASCADE"), primary_key=True),
    Column("entries", JSON, nullable=False),
)

attachments = Table(
    "attachments", metadata,
    Column("id", String, primary_key=True),
    Column("user_id", String, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("description", JSON, nullable=False),
    Column("stored_bytes", Integer, nullable=False),
    Column("kept_until", String, nullable=False),
    Index("attachments_by_user", "user_id"),
)

attachment_pieces = Table(
    "attachment_pieces", metadata,
    Column("seq", Integer, primary_key=True),
    Column("attachment_id", String, nullable=False),
    Column("part", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
    Index("attachment_pieces_by_place", "attachment_id", "part", "number", unique=True),
)

idempotency_keys = Table(
    "idempotency_keys", metadata,
    Column("user_id", String, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("route", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("body_sha256", String, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("created_at", String, nullable=False),
)

preferences = Table(
    "preferences", metadata,
    Column("user_id", String, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("value", JSON, nullable=False),
)

presets = Table(
    "presets", metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("user_id", String, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", String, nullable=False),
    Column("model", String),
    Column("system_prompt", Text, nullable=False),
    Column("params", JSON, nullable=False),
    Column("created_at", String, nullable=False),
    Column("updated_at", String, nullable=False),
    Index("presets_by_name", "user_id", "name", unique=True),
    sqlite_autoincrement=True,
)

charges = Table(  # no reference to messages or conversations: it outlives them
    "charges", metadata,
    Column("seq", Integer, primary_key=True),
    Column("user_id", String, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("purpose", String, nullable=False),
    Column("message_id", String),
    Column("conversation_id", String, nullable=False),
    Column("model", String),
    Column("generation_id", String),
    Column("at", String, nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("cached_tokens", Integer),
    Column("amount", Float),
    Column("kind", String, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("waits_from", String),  # while the true amount is still to be asked for
    Index("charges_by_time", "user_id", "at"),
    Index("charges_by_message", "message_id"),
    Index("charges_waiting", "waits_from", sqlite_where=text("waits_from IS NOT NULL"), postgresql_where=text("waits_from IS NOT NULL")),
)

shares = Table(
    "shares", metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("user_id", String, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("conversation_id", String, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("title", Text, nullable=False),
    Column("branch", JSON, nullable=False),  # [message id, content length, reasoning length] from the root on
    Column("reasoning", Boolean, nullable=False),
    Column("attachments", Boolean, nullable=False),
    Column("created_at", String, nullable=False),
    Index("shares_by_conversation", "conversation_id", "seq"),
    sqlite_autoincrement=True,
)

search_todo = Table(  # what the search index does not know yet, and which text it knows instead; see search.py
    "search_todo", metadata,
    Column("message_seq", Integer, primary_key=True),
    Column("indexed", Text),
)
