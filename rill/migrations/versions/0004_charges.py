"""A ledger of what every call cost, which outlives messages; what messages cost until now is its beginning."""
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004_charges"
down_revision = "0003_journal"


def upgrade() -> None:
    op.create_table(
        "charges",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("purpose", sa.String, nullable=False),
        sa.Column("message_id", sa.String),
        sa.Column("conversation_id", sa.String, nullable=False),
        sa.Column("model", sa.String),
        sa.Column("generation_id", sa.String),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("input_tokens", sa.Integer),
        sa.Column("output_tokens", sa.Integer),
        sa.Column("reasoning_tokens", sa.Integer),
        sa.Column("cached_tokens", sa.Integer),
        sa.Column("amount", sa.Float),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("waits_from", sa.String),
    )
    op.create_index("charges_by_time", "charges", ["user_id", "at"])
    op.create_index("charges_by_message", "charges", ["message_id"])
    is_waiting = sa.text("waits_from IS NOT NULL")
    op.create_index("charges_waiting", "charges", ["waits_from"], sqlite_where=is_waiting, postgresql_where=is_waiting)
    op.execute(  # only of users that exist: the table refuses others
        "INSERT INTO charges (user_id, purpose, message_id, conversation_id, model, generation_id, at, input_tokens, output_tokens, "
        "reasoning_tokens, cached_tokens, amount, kind, tries) "
        "SELECT user_id, 'reply', id, conversation_id, model, generation_id, COALESCE(finished_at, created_at), input_tokens, "
        "output_tokens, reasoning_tokens, cached_tokens, cost_amount, COALESCE(cost_kind, 'estimate'), 0 FROM messages "
        "WHERE (cost_amount IS NOT NULL OR output_tokens IS NOT NULL) AND user_id IN (SELECT id FROM users) ORDER BY seq"
    )
