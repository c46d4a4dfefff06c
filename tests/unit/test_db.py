"""The database file: its schema, its transactions beside another process, its refusals, and the directory's lock."""
from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from rill import db as db_module
from rill import backup, journal, migrations, schema, store
from rill.db import DataDir, Database
from rill.errors import ConfigError, DiskFull, StorageBusy
from tests.cast import ALICE

LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(sys.argv[2])
print("locked", flush=True)
sys.stdin.read()
"""
HOLDER = """
import sys
from pathlib import Path
from rill.db import DataDir
from rill.errors import ConfigError
try:
    held = DataDir(Path(sys.argv[1]), 0)
    held.mark_open()
except ConfigError as error:
    print("refused", error.message, flush=True)
else:
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(script: str, *arguments: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """It, and its first line; it lives until the block ends."""
    process = subprocess.Popen([sys.executable, "-c", script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, cwd=Path(__file__).parents[2])
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def tables(path: Path) -> dict[str, str]:
    connection = sqlite3.connect(path)
    try:
        return dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    finally:
        connection.close()


# ---- the schema

def test_the_tables_as_the_code_sees_them_are_those_the_migrations_make(db: Database) -> None:
    with db.read() as tx:
        context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_the_sql_of_both_is_the_same_too(db: Database, tmp_path: Path) -> None:
    """The comparison above overlooks AUTOINCREMENT and the conditions of indexes."""
    other = Database(tmp_path / "other.db")
    with other.write() as tx:
        schema.metadata.create_all(tx)
    other.close()
    db.close()

    def words(path: Path) -> dict[str, list[str]]:
        return {name: sorted(sql.replace(",", " ").replace("(", " ").replace(")", " ").split())
                for name, sql in tables(path).items() if name != "alembic_version"}

    assert words(db.path) == words(other.path)


def test_upgrading_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rill.db"
    for _ in range(2):
        database = Database(path)
        database.upgrade()
        with database.read() as tx:
            assert migrations.current(tx) == migrations.latest()
        database.close()
        seen = path.read_bytes()
    database = Database(path)
    database.upgrade()
    database.close()
    assert path.read_bytes() == seen


def test_a_database_of_a_newer_version_is_refused_and_kept(db: Database) -> None:
    with db.write() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999_from_the_future'"))
    db.close()
    before = db.path.read_bytes()
    newer = Database(db.path)
    with pytest.raises(ConfigError, match="9999_from_the_future") as refused:
        newer.upgrade()
    newer.close()
    assert str(db.path) in refused.value.message
    assert db.path.read_bytes() == before


@pytest.mark.parametrize("content", [b"This is a letter to my aunt.\n" * 300, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database_is_refused_by_name_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rill.db"
    path.write_bytes(content)
    database = Database(path)
    with pytest.raises(ConfigError, match="rill.db"):
        database.upgrade()
    database.close()
    assert path.read_bytes() == content


def test_a_place_where_no_database_can_be_is_refused_by_name(tmp_path: Path) -> None:
    database = Database(tmp_path / "missing" / "rill.db")
    with pytest.raises(ConfigError, match="missing"):
        database.upgrade()
    database.close()
    (tmp_path / "folder.db").mkdir()
    database = Database(tmp_path / "folder.db")
    with pytest.raises(ConfigError, match="folder.db"):
        database.upgrade()
    database.close()


@pytest.mark.parametrize("name", ["what?mode=ro", "100% äöü", "a#b&c d", "@:x"])
def test_a_directory_may_have_any_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    database = Database(folder / "rill.db")
    database.upgrade()
    database.close()
    assert "messages" in tables(folder / "rill.db")
    assert "messages" in tables(backup.save(database.path, folder))


# ---- transactions

def test_a_write_that_fails_leaves_nothing(db: Database) -> None:
    with pytest.raises(RuntimeError), db.write() as tx:
        store.create_conversation(tx, ALICE.id)
        raise RuntimeError
    with db.read() as tx:
        assert store.list_conversations(tx, ALICE.id) == ([], None)


def test_an_append_is_all_or_nothing_and_the_next_one_works(db: Database) -> None:
    db.append(journal.APPEND, (b"a",))
    with pytest.raises(DatabaseError):
        db.append(journal.APPEND, (None,))
    with pytest.raises(UnicodeEncodeError):
        db.append(journal.APPEND, ("\ud800",))
    db.append(journal.APPEND, (b"d",))
    with db.read() as tx:
        assert tx.scalars(text("SELECT entries FROM journal ORDER BY seq")).all() == [b"a", b"d"]


def test_a_view_stays_as_it_was_when_it_began(db: Database) -> None:
    other = Database(db.path)
    with db.read() as tx:
        before = store.revision(tx, ALICE.id)
        with other.write() as writing:
            store.next_revision(writing, ALICE.id)
        assert store.revision(tx, ALICE.id) == before
    with db.read() as tx:
        assert store.revision(tx, ALICE.id) == before + 1
    other.close()


def test_foreign_keys_are_kept_on_every_connection(db: Database) -> None:
    for _ in range(3):
        with db.read() as tx:
            assert tx.scalar(text("PRAGMA foreign_keys")) == 1
            assert tx.scalar(text("PRAGMA journal_mode")) == "wal"


# ---- beside another process

@pytest.fixture
def short_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db_module, "LOCKED_SECONDS", 0.5)


def test_a_file_that_another_process_writes_is_busy_and_others_run_meanwhile(db: Database, short_wait: None) -> None:
    ticks = []

    def tick() -> None:
        while True:
            ticks.append(1)
            gevent.sleep(0.01)

    with another_process(LOCKER, str(db.path), "BEGIN IMMEDIATE") as (_, said):
        assert said == "locked"
        ticker = gevent.spawn(tick)
        with pytest.raises(StorageBusy) as refused, db.write():
            pass
        ticker.kill()
        assert refused.value.retry_after
        assert len(ticks) > 5
        with pytest.raises(StorageBusy):
            db.append(journal.APPEND, (b"a",))
        with db.read() as tx:  # a reader of WAL waits for nobody
            assert store.revision(tx, ALICE.id) == 0
    with db.write() as tx:
        assert store.next_revision(tx, ALICE.id) == 1
    db.append(journal.APPEND, (b"a",))


def test_a_write_waits_for_another_process_that_is_soon_done(db: Database) -> None:
    with another_process(LOCKER, str(db.path), "BEGIN IMMEDIATE") as (process, said):
        assert said == "locked"
        gevent.spawn_later(0.1, process.stdin.close)
        with gevent.Timeout(4), db.write() as tx:
            assert store.next_revision(tx, ALICE.id) == 1


def test_a_first_connection_to_a_busy_file_is_told_plainly_too(db: Database, short_wait: None) -> None:
    db.close()
    connection = sqlite3.connect(db.path)
    connection.execute("PRAGMA journal_mode=DELETE")  # so that the other one can keep everybody out
    connection.close()
    with another_process(LOCKER, str(db.path), "BEGIN EXCLUSIVE") as (_, said):
        assert said == "locked"
        with pytest.raises(StorageBusy), db.write():
            pass


def test_a_full_disk_is_told_as_one_and_what_was_there_is_kept(db: Database) -> None:
    with db.write() as tx:
        store.create_conversation(tx, ALICE.id, title="kept")
    with pytest.raises(DiskFull), db.write() as tx:
        tx.execute(text("PRAGMA max_page_count = 1"))  # SQLite takes it as "no larger than it is now"
        for _ in range(1000):
            store.create_conversation(tx, ALICE.id, system_prompt="x" * 10_000)
    with db.read() as tx:
        found, _ = store.list_conversations(tx, ALICE.id)
        assert [one.title for one in found] == ["kept"]


# ---- the lock of the directory

def test_a_second_server_on_the_same_directory_is_refused_by_name(tmp_path: Path) -> None:
    held = DataDir(tmp_path, 0)
    with another_process(HOLDER, str(tmp_path)) as (_, said):
        assert said.startswith("refused RILL_DATA_DIR")
        assert str(tmp_path) in said
    held.release()
    with another_process(HOLDER, str(tmp_path)) as (_, said):
        assert said == "held"


def test_a_killed_server_lets_go_of_the_directory_at_once(tmp_path: Path) -> None:
    with another_process(HOLDER, str(tmp_path)) as (process, said):
        assert said == "held"
        with pytest.raises(ConfigError, match="another Rill"):
            DataDir(tmp_path, 0)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        DataDir(tmp_path, 0).release()


def test_a_start_waits_for_one_that_is_just_ending(tmp_path: Path) -> None:
    with another_process(HOLDER, str(tmp_path)) as (process, said):
        assert said == "held"
        process.stdin.close()
        DataDir(tmp_path, 10).release()


def test_a_directory_that_cannot_be_made_is_refused_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="RILL_DATA_DIR"):
        DataDir(tmp_path / "file" / "data", 0)


def test_the_lock_names_the_process_that_holds_it(tmp_path: Path) -> None:
    with another_process(HOLDER, str(tmp_path)) as (process, _):
        assert (tmp_path / "rill.lock").read_text().split()[0] == str(process.pid)


def test_a_copy_of_the_file_alone_is_a_whole_backup_after_a_clean_end(db: Database, tmp_path: Path) -> None:
    with db.write() as tx:
        store.create_conversation(tx, ALICE.id, title="kept")
    db.append(journal.APPEND, (b"a",))
    db.close()
    shutil.copy(db.path, tmp_path / "copy.db")
    copy = Database(tmp_path / "copy.db")
    with copy.read() as tx:
        assert [one.title for one in store.list_conversations(tx, ALICE.id)[0]] == ["kept"]
    copy.close()
