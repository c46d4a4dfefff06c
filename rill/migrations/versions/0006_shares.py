"""Read-only links to conversations."""
import sqlalchemy as sa
from alembic import op

revision = "0006_shares"
down_revision = "0005_deleted_at"


def upgrade() -> None:
    op.create_table(
        "shares",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("conversation_id", sa.String, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("branch", sa.JSON, nullable=False),
        sa.Column("reasoning", sa.Boolean, nullable=False),
        sa.Column("attachments", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("shares_by_conversation", "shares", ["conversation_id", "seq"])
