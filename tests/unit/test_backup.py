"""Copies of the database: whole or not there, and brought back without losing what was there."""
from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rill import backup, store
from rill.db import Database, DataDir
from rill.errors import BackupFailed, ConfigError


@pytest.fixture
def database(tmp_path: Path) -> Database:
    db = Database(tmp_path / "rill.db")
    db.upgrade()
    with db.write() as tx:
        store.local_owner(tx)
    yield db
    db.close()


def titles(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT title FROM conversations ORDER BY seq")]


def add(db: Database, title: str) -> None:
    with db.write() as tx:
        store.create_conversation(tx, store.local_owner(tx).id, title=title)


def test_a_copy_holds_what_was_committed_while_the_database_stays_open(database: Database, tmp_path: Path) -> None:
    add(database, "before")
    copy = backup.save(database.path, tmp_path)
    add(database, "after")
    assert titles(copy) == ["before"]
    assert not copy.with_name(copy.name + ".part").exists()
    backup.verify(copy)


def test_a_copy_that_cannot_be_made_leaves_no_file(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BackupFailed, match="could not be made"):
        backup.save(database.path, tmp_path, target=tmp_path / "file" / "copy.db")
    with pytest.raises(BackupFailed, match="no database"):
        backup.save(tmp_path / "none.db", tmp_path)


def test_a_staged_backup_takes_the_place_of_the_database_which_is_kept(database: Database, tmp_path: Path) -> None:
    add(database, "old")
    copy = backup.save(database.path, tmp_path)
    add(database, "newer")
    database.close()
    backup.stage(copy, tmp_path)
    assert backup.bring_in(tmp_path, database.path)
    assert titles(database.path) == ["old"]
    [kept] = (tmp_path / backup.FOLDER).glob("*before-restore.db")
    assert titles(kept) == ["old", "newer"]
    assert not backup.bring_in(tmp_path, database.path)


def test_the_text_of_a_killed_process_is_kept_too(tmp_path: Path) -> None:
    db = Database(tmp_path / "rill.db")
    db.upgrade()
    with db.write() as tx:
        store.local_owner(tx)
    copy = backup.save(db.path, tmp_path)
    add(db, "only in the write-ahead log")
    for suffix in ("", "-wal"):  # what a kill leaves: an open log beside the file
        (tmp_path / f"left{suffix}").write_bytes((tmp_path / f"rill.db{suffix}").read_bytes())
    db.close()
    backup.stage(copy, tmp_path)
    backup.bring_in(tmp_path, tmp_path / "left")
    [kept] = (tmp_path / backup.FOLDER).glob("*before-restore.db")
    assert titles(kept) == ["only in the write-ahead log"]


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_database_of_ours_is_refused_and_changes_nothing(content: bytes, tmp_path: Path) -> None:
    bad = tmp_path / "bad.db"
    bad.write_bytes(content)
    with pytest.raises(BackupFailed, match=r"bad\.db is .*Nothing was changed"):
        backup.stage(bad, tmp_path)
    assert not (tmp_path / backup.STAGED).exists()


def test_a_copy_with_a_flipped_page_is_refused(database: Database, tmp_path: Path) -> None:
    for n in range(300):
        add(database, f"a conversation with a title of some length, number {n}")
    copy = backup.save(database.path, tmp_path)
    data = bytearray(copy.read_bytes())
    data[len(data) // 2:len(data) // 2 + 4096] = b"\x5a" * 4096
    copy.write_bytes(data)
    with pytest.raises(BackupFailed, match="damaged"):
        backup.verify(copy)


@pytest.fixture
def hold(tmp_path: Path) -> Callable[[], DataDir]:
    held: list[DataDir] = []

    def take() -> DataDir:
        while held:
            held.pop().release()
        held.append(DataDir(tmp_path))
        return held[0]

    yield take
    held.pop().release()


def test_a_log_without_its_database_is_never_replaced_by_an_empty_one(hold: Callable[[], DataDir], tmp_path: Path) -> None:
    (tmp_path / "rill.db-wal").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"rill\.db cannot be used .*bin/restore"):
        hold().check(tmp_path / "rill.db")


def test_a_log_that_vanished_after_a_kill_is_noticed(hold: Callable[[], DataDir], tmp_path: Path) -> None:
    (tmp_path / "rill.db").write_bytes(b"x")
    (tmp_path / "rill.lock").write_text("123 122")
    with pytest.raises(ConfigError, match=r"rill\.db-wal beside it is gone"):
        hold().check(tmp_path / "rill.db")


def test_after_a_clean_end_no_log_is_expected(hold: Callable[[], DataDir], database: Database, tmp_path: Path) -> None:
    first = hold()
    first.mark_open()
    database.close()
    first.mark_closed()
    assert not (tmp_path / "rill.db-wal").exists()
    hold().check(tmp_path / "rill.db")


def test_a_damaged_file_is_refused_after_a_kill_before_anything_opens_it(hold: Callable[[], DataDir], tmp_path: Path) -> None:
    (tmp_path / "rill.lock").write_text("123 122")
    (tmp_path / "rill.db").write_bytes(b"no database")
    (tmp_path / "rill.db-wal").write_bytes(b"")
    with pytest.raises(ConfigError, match="not a database"):
        hold().check(tmp_path / "rill.db")
    assert (tmp_path / "rill.db").read_bytes() == b"no database"


def test_an_upgrade_keeps_a_copy_of_the_file_first(database: Database, tmp_path: Path) -> None:
    add(database, "from before")
    with database.write() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '0000_before'")
    kept: list[Path] = []
    with pytest.raises(Exception, match="0000_before"):  # there is no such step; the copy comes before it is tried
        database.upgrade(lambda step: kept.append(backup.save(database.path, tmp_path, f"before-upgrade-from-{step}")))
    assert titles(kept[0]) == ["from before"]
