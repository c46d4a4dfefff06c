"""Users, conversations, messages and the pieces of running answers."""
import sqlalchemy as sa
from alembic import op

revision = "0001_conversations_and_messages"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "settings",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False, unique=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False, server_default="0"),
        sa.Column("created_at", sa.String, nullable=False),
    )
    op.create_table(
        "conversations",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("model", sa.String),
        sa.Column("system_prompt", sa.Text, nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("head_id", sa.String),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("updated_at", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("conversations_by_activity", "conversations", ["user_id", "archived", "updated_at", "seq"])
    op.create_table(
        "messages",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("conversation_id", sa.String, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.String, nullable=False),
        sa.Column("parent_id", sa.String),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("reasoning", sa.Text, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("model", sa.String),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("finish_reason", sa.String),
        sa.Column("error", sa.JSON(none_as_null=True)),
        sa.Column("input_tokens", sa.Integer),
        sa.Column("output_tokens", sa.Integer),
        sa.Column("reasoning_tokens", sa.Integer),
        sa.Column("cached_tokens", sa.Integer),
        sa.Column("cost_amount", sa.Float),
        sa.Column("cost_kind", sa.String),
        sa.Column("timings", sa.JSON, nullable=False),
        sa.Column("citations", sa.JSON, nullable=False),
        sa.Column("generation_id", sa.String),
        sa.Column("request_id", sa.String),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("finished_at", sa.String),
        sa.Column("timeline", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("messages_by_conversation", "messages", ["conversation_id", "seq"])
    unfinished = sa.text("finished_at IS NULL")
    op.create_index("messages_unfinished", "messages", ["user_id"], sqlite_where=unfinished, postgresql_where=unfinished)
    op.create_table(
        "pieces",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("message_seq", sa.Integer, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
    )
    op.create_index("pieces_by_message", "pieces", ["message_seq"])
    op.create_table(
        "wire_records",
        sa.Column("message_seq", sa.Integer, sa.ForeignKey("messages.seq", ondelete="CASCADE"), primary_key=True),
        sa.Column("entries", sa.JSON, nullable=False),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("route", sa.String, primary_key=True),
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("body_sha256", sa.String, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
    )
