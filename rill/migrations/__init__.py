"""The database's history, one file a step. `upgrade(connection)` brings any earlier one to today's schema."""
from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

HERE = Path(__file__).parent


def latest() -> str:
    """The newest step's name, read from the file names so that an up-to-date start need not load Alembic."""
    return max(path.stem for path in (HERE / "versions").glob("[0-9]*.py"))


def current(connection: Connection) -> str | None:
    """The step this database is at; None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(connection: Connection) -> None:
    """Run the missing steps in the caller's transaction."""
    from alembic import command  # only here: 10 MB and 0.2 s that an up-to-date start does not pay
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
