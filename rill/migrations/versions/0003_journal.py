"""One journal row a commit instead of a row a piece; what a dead process left in pieces goes into its messages."""
import sqlalchemy as sa
from alembic import op

revision = "0003_journal"
down_revision = "0002_preferences_and_presets"


def upgrade() -> None:
    op.create_table(
        "journal",
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("entries", sa.LargeBinary, nullable=False),
    )
    connection = op.get_bind()
    for message_seq, channel, text in connection.execute(sa.text("SELECT message_seq, channel, text FROM pieces ORDER BY seq")).all():
        name = {"content": "content", "reasoning": "reasoning"}[channel]
        connection.execute(sa.text(f"UPDATE messages SET {name} = {name} || :text WHERE seq = :seq AND finished_at IS NULL"),
                           {"text": text, "seq": message_seq})
    op.drop_table("pieces")
