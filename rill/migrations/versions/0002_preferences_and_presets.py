"""What a user prefers, and the presets a user keeps."""
import sqlalchemy as sa
from alembic import op

revision = "0002_preferences_and_presets"
down_revision = "0001_conversations_and_messages"


def upgrade() -> None:
    op.create_table(
        "preferences",
        sa.Column("user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )
    op.create_table(
        "presets",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("user_id", sa.String, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("model", sa.String),
        sa.Column("system_prompt", sa.Text, nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("updated_at", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("presets_by_name", "presets", ["user_id", "name"], unique=True)
