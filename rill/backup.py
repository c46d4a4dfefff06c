"""Copies of the database: made while the server runs, verified, and brought back.

`save` makes one through SQLite's backup interface, so it is consistent whatever is being written meanwhile. `stage`
verifies one and lays it beside the database; `bring_in` swaps it in at the next start, under the data directory's
lock, and keeps what was there. Called by parts.py, and by `bin/backup` and `bin/restore` (this file as a program).
"""
from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from rill.config import load_settings
from rill.db import quick_check
from rill.errors import BackupFailed, ConfigError

FOLDER = "backups"
STAGED = "restore.db"
PAGES_A_STEP = 256  # then writers get their turn


def save(database: Path, data_dir: Path, label: str = "", target: Path | None = None) -> Path:
    """A verified copy; its name is only there when it is whole. Raises BackupFailed."""
    if not database.exists():
        raise BackupFailed(f"There is no database at {database} yet.")
    name = f"rill-{datetime.now():%Y%m%d-%H%M%S-%f}{label and '-' + label}.db"
    target = target or data_dir / FOLDER / name
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy, pages=PAGES_A_STEP, sleep=0.01)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        verify(part)
        _sync(part)
        os.replace(part, target)
    except (sqlite3.Error, OSError) as error:
        with contextlib.suppress(OSError):
            part.unlink()
        raise BackupFailed(f"The copy could not be made: {error}. The database itself was not touched.") from None
    return target


def verify(path: Path) -> None:
    """Raises BackupFailed unless `path` is a whole, healthy database of ours."""
    if not path.is_file():
        raise BackupFailed(f"There is no file {path}.")
    if problem := quick_check(path):
        raise BackupFailed(f"{path} is damaged or no database: {problem}. Nothing was changed.")
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
        try:
            connection.execute("SELECT count(*) FROM messages").fetchone()
            connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.DatabaseError:
            raise BackupFailed(f"{path} is a database, but not one of Rill's. Nothing was changed.") from None


def stage(backup: Path, data_dir: Path) -> None:
    """Lay a verified copy of `backup` where the next start looks for it."""
    verify(backup)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        part = data_dir / (STAGED + ".part")
        shutil.copyfile(backup, part)
        verify(part)
        _sync(part)
        os.replace(part, data_dir / STAGED)
    except OSError as error:
        raise BackupFailed(f"The backup could not be copied into {data_dir}: {error.strerror}. Nothing was changed.") from None


def bring_in(data_dir: Path, database: Path) -> bool:
    """If a backup is staged, make it the database and keep the one there was. The caller holds the directory's lock."""
    staged = data_dir / STAGED
    if not staged.exists():
        return False
    kept = data_dir / FOLDER / f"rill-{datetime.now():%Y%m%d-%H%M%S-%f}-before-restore.db"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(sqlite3.Error):  # one that is damaged is kept as it is, in its parts
        if database.exists():
            with closing(sqlite3.connect(database)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # what a killed server left in the log
    for suffix in ("-wal", "-shm", ""):  # the file itself last: a crash in between finds it, and comes here again
        part = database.with_name(database.name + suffix)
        if part.exists():
            os.replace(part, kept.with_name(kept.name + suffix))
    os.replace(staged, database)
    return True


def _sync(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())


def ask_to_reload(data_dir: Path) -> bool:
    """Tell a running server to start its process anew. False when none runs."""
    try:
        _, master = (data_dir / "rill.lock").read_text(encoding="ascii").split()
        os.kill(int(master), signal.SIGHUP)
    except (OSError, ValueError):
        return False
    return True


def main(arguments: list[str]) -> int:
    """`save [FILE]` or `restore FILE`."""
    try:
        settings = load_settings()
        match arguments:
            case ["save", *rest] if len(rest) < 2:
                print(save(settings.sqlite_path, settings.data_dir, target=Path(rest[0]) if rest else None))
            case ["restore", given]:
                stage(Path(given), settings.data_dir)
                running = ask_to_reload(settings.data_dir)
                print("The running server is changing over to it; pages reconnect by themselves." if running
                      else "The next start brings it in.", f"The database there was is kept in {settings.data_dir / FOLDER}.")
            case _:
                print("usage: bin/backup [FILE]   or   bin/restore FILE", file=sys.stderr)
                return 2
    except ConfigError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
