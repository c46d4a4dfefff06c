"""What the search index does not know yet. The index itself is made at the start, where SQLite can."""
import sqlalchemy as sa
from alembic import op

revision = "0007_search_todo"
down_revision = "0006_shares"


def upgrade() -> None:
    op.create_table(
        "search_todo",
        sa.Column("message_seq", sa.Integer, primary_key=True),
        sa.Column("indexed", sa.Text),
    )
