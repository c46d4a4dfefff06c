"""What is deleted stays for a while, so that it can come back."""
import sqlalchemy as sa
from alembic import op

revision = "0005_deleted_at"
down_revision = "0004_charges"


def upgrade() -> None:
    deleted = sa.text("deleted_at IS NOT NULL")
    for table in ("conversations", "messages"):
        op.add_column(table, sa.Column("deleted_at", sa.String))
        op.create_index(f"{table}_deleted", table, ["deleted_at"], sqlite_where=deleted, postgresql_where=deleted)
