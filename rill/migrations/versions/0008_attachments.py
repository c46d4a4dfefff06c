"""Attachments: what they are, their bytes in pieces, and which message has them and how they went along with a reply."""
import sqlalchemy as sa
from alembic import op

revision = "0008_attachments"
down_revision = "0007_search_todo"


def upgrade() -> None:
    op.add_column("messages", sa.Column("attachments", sa.JSON, nullable=False, server_default="[]"))
    op.add_column("messages", sa.Column("sent_as", sa.JSON, nullable=False, server_default="{}"))
    some = sa.text("attachments != '[]'")
    op.create_index("messages_with_attachments", "messages", ["user_id"], sqlite_where=some, postgresql_where=some)
    op.create_table(
        "attachments",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("description", sa.JSON, nullable=False),
        sa.Column("stored_bytes", sa.Integer, nullable=False),
        sa.Column("kept_until", sa.String, nullable=False),
    )
    op.create_index("attachments_by_user", "attachments", ["user_id"])
    op.create_table(
        "attachment_pieces",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("attachment_id", sa.String, nullable=False),
        sa.Column("part", sa.String, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("bytes", sa.LargeBinary, nullable=False),
    )
    op.create_index("attachment_pieces_by_place", "attachment_pieces", ["attachment_id", "part", "number"], unique=True)
