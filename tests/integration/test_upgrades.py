"""Copies, their return, and the schema's steps, on a whole server: bin/backup, bin/restore, an update of Rill."""
from __future__ import annotations

import importlib.util
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

from rill import backup, migrations
from rill.db import Database
from rill.errors import BackupFailed
from rill.standin.numbers import verify
from tests.disks import MIB, UNSHARE, can_mount
from tests.feed_reader import Held
from tests.servers import PROJECT, Rill, bare_environment, running_rill
from tests.standin_process import StandIn

SEED = 6
STEPS = sorted((migrations.HERE / "versions").glob("[0-9]*.py"))
SAMPLE = "kept through every step: é漢🌊"


def numbers(words: int, rate: int) -> str:
    return json.dumps({"words": words, "rate": rate, "seed": SEED, "wide": True})


def command(name: str, data_dir: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    env = {**bare_environment(), "RILL_DATA_DIR": str(data_dir)}
    return subprocess.run([PROJECT / "bin" / name, *map(str, arguments)], env=env, cwd=data_dir.parent, capture_output=True, text=True, timeout=60)


@pytest.fixture
def rill(upstream: StandIn, data_dir: Path) -> Iterator[Rill]:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo", RILL_GRACE_SECONDS=2) as running:
        yield running


# ---- bin/backup

def test_a_backup_made_while_an_answer_streams_holds_a_prefix_of_it(rill: Rill, upstream: StandIn, tmp_path: Path) -> None:
    api = rill.api()
    before, reply = api.answered("before"), api.ask(numbers(400, 100), "demo/numbers")
    shown = api.with_text(reply["id"], 300)["content"]
    made = command("backup", rill.data_dir, "copy.db")  # relative to where the person stands
    assert made.returncode == 0 and Path(made.stdout.strip()) == tmp_path / "copy.db", made.stderr
    unnamed = command("backup", rill.data_dir)
    assert Path(unnamed.stdout.strip()).parent == rill.data_dir / "backups" and unnamed.returncode == 0
    whole = api.finished(reply["id"])["content"]
    (tmp_path / "restored").mkdir()
    shutil.copy(tmp_path / "copy.db", tmp_path / "restored" / "rill.db")
    with running_rill(tmp_path / "restored", upstream.base_url) as other:
        kept = other.api().message(reply["id"])
        assert other.api().message(before["id"])["content"] == "before"
    assert kept["status"] == "interrupted" and whole.startswith(kept["content"]) and kept["content"].startswith(shown)
    assert verify(whole, SEED, wide=True) is None


def test_a_backup_onto_a_full_disk_fails_and_leaves_nothing(rill: Rill, tmp_path: Path) -> None:
    if not can_mount():
        pytest.skip("a disk of its own needs root or user namespaces")
    conversation = rill.api().new_conversation()
    for _ in range(3):
        rill.api().patch(f"/api/conversations/{conversation['id']}", {"system_prompt": "x" * 30_000})
    (tmp_path / "small").mkdir()
    script = 'mount -t tmpfs -o size=40k tmpfs "$1"; "$2" "$1/copy.db"; echo "code $?"; ls -A "$1"'
    env = {**bare_environment(), "RILL_DATA_DIR": str(rill.data_dir)}
    done = subprocess.run([*UNSHARE, "sh", "-c", script, "sh", tmp_path / "small", PROJECT / "bin" / "backup"], env=env, capture_output=True,
                          text=True, timeout=60)
    assert done.stdout.strip() == "code 1" and "could not be made" in done.stderr and "Traceback" not in done.stderr, done
    assert rill.api().answered("still here")["content"] == "still here"


# ---- bin/restore

def test_a_restore_into_a_running_server_brings_pages_back_and_loses_neither_life(rill: Rill) -> None:
    api, held = rill.api(), Held()
    old = api.answered("in the backup")
    copy = Path(command("backup", rill.data_dir).stdout.strip())
    newer = api.answered("after the backup")
    running = api.ask(numbers(9000, 60), "demo/numbers")
    feed = rill.feed(held, is_slow=True).until(lambda feed: len(feed.held.text(running["id"])) > 300, "no text")
    done = command("restore", rill.data_dir, copy)
    assert done.returncode == 0 and "changing over" in done.stdout, done.stderr
    feed.until_end()
    assert feed.bye == "shutdown"
    feed.close()
    shown, revision, page = held.text(running["id"]), held.revision, Held(revision=held.revision)
    rill.next_life(page, feed.boot)
    assert page.revision > revision + 1000, "so far beyond that every page asks for everything again"
    assert rill.api().message(old["id"])["content"] == "in the backup"
    rill.api().get(f"/api/messages/{newer['id']}", expect=404)
    [kept] = (rill.data_dir / "backups").glob("*before-restore.db")
    with closing(sqlite3.connect(f"{kept.as_uri()}?mode=ro", uri=True)) as connection:
        rows = dict(connection.execute("SELECT id, content FROM messages"))
        statuses = dict(connection.execute("SELECT id, status FROM messages"))
    assert rows[newer["id"]] == "after the backup" and statuses[running["id"]] == "interrupted"
    assert rows[running["id"]].startswith(shown) and verify(rows[running["id"]], SEED, wide=True) is None
    assert rill.api().answered("and on")["content"] == "and on"


def test_a_restore_while_nothing_runs_comes_with_the_next_start_also_over_a_broken_file(rill: Rill) -> None:
    old = rill.api().answered("in the backup")
    copy = Path(command("backup", rill.data_dir).stdout.strip())
    rill.terminate()
    rill.wait()
    broken = b"Dear aunt, this is no database.\n" * 300
    (rill.data_dir / "rill.db").write_bytes(broken)
    done = command("restore", rill.data_dir, copy)
    assert done.returncode == 0 and "next start" in done.stdout, done.stderr
    rill.start()
    assert rill.api().message(old["id"])["content"] == "in the backup"
    [kept] = (rill.data_dir / "backups").glob("*before-restore.db")
    assert kept.read_bytes() == broken


def test_a_log_that_vanished_is_cured_by_a_restore_as_the_refusal_says(rill: Rill) -> None:
    old = rill.api().answered("in the backup")
    copy = Path(command("backup", rill.data_dir).stdout.strip())
    rill.kill()
    (rill.data_dir / "rill.db-wal").unlink()
    assert command("restore", rill.data_dir, copy).returncode == 0
    rill.start()
    assert rill.api().message(old["id"])["content"] == "in the backup"


@pytest.mark.parametrize("content", [None, b"", b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_what_is_no_backup_is_refused_and_the_server_goes_on(rill: Rill, tmp_path: Path, content: bytes | None) -> None:
    kept, boot = rill.api().answered("kept"), rill.feed().until_ready().boot
    bad = tmp_path / "bad.db"
    if content is not None:
        bad.write_bytes(content)
    done = command("restore", rill.data_dir, bad)
    assert done.returncode == 1 and "bad.db" in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not list(rill.data_dir.glob("restore*"))
    assert rill.api().message(kept["id"]) == kept and rill.feed().until_ready().boot == boot


# ---- the schema's steps

def step_module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def database_at(step: int, path: Path) -> None:
    """As a Rill of that step left it, with a row in every table."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        with Operations.context(MigrationContext.configure(connection)):
            for module in map(step_module, STEPS[:step + 1]):
                module.upgrade()
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (STEPS[step].stem,))
        seen = sa.MetaData()
        seen.reflect(connection)
        for table in seen.sorted_tables:
            if table.name != "alembic_version":
                connection.execute(table.insert().values({column.name: sample(table.name, column) for column in table.columns}))
    engine.dispose()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def sample(table: str, column: sa.Column) -> object:
    """A value that fits: ids refer to each other by being the same everywhere."""
    if column.name == "deleted_at":
        return None
    if column.name in ("id", "user_id", "conversation_id", "name") or column.name.endswith("_id"):
        return "x" * 22
    if isinstance(column.type, sa.JSON):
        return [] if column.name in ("citations", "timeline", "entries") else {}
    if isinstance(column.type, sa.LargeBinary):
        return b"[]"
    if isinstance(column.type, sa.Boolean):
        return False
    if isinstance(column.type, (sa.Integer, sa.Float)):
        return 1
    return {"role": "user", "status": "completed", "channel": "content"}.get(column.name, "2026-01-02T03:04:05.678Z" if column.name.endswith("_at") else SAMPLE)


def rows(path: Path) -> dict[str, list[dict[str, object]]]:
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        names = [name for name, in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in names if name != "alembic_version"}


def upgrade(path: Path) -> list[Path]:
    """As a start does it; returns the copies that were kept."""
    database, kept = Database(path), []
    try:
        database.upgrade(lambda step: kept.append(backup.save(path, path.parent, f"before-upgrade-from-{step}")))
    finally:
        database.close()
    return kept


@pytest.mark.parametrize("step", range(len(STEPS)), ids=[path.stem for path in STEPS])
def test_every_earlier_schema_is_brought_up_with_its_rows_and_a_copy_is_kept(step: int, tmp_path: Path, upstream: StandIn) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "rill.db"
    database_at(step, path)
    before = rows(path)
    with running_rill(tmp_path / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
        message = rill.api().message("x" * 22)
        assert message["content"] == SAMPLE and rill.api().answered("and on")["content"] == "and on"
    copies = list((tmp_path / "data").glob("backups/*before-upgrade*"))
    assert len(copies) == (step + 1 < len(STEPS)), "a copy for each upgrade, and none where nothing was to do"
    for copy in copies:
        assert STEPS[step].stem in copy.name and rows(copy) == before


def test_text_in_pieces_of_an_answer_that_was_under_way_is_in_its_message_after_the_step_to_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "rill.db"
    database_at(0, path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE messages SET finished_at = NULL, status = 'streaming', role = 'assistant', content = 'so ', reasoning = ''")
        connection.executemany("INSERT INTO pieces (message_seq, channel, text) VALUES (1, ?, ?)",
                               [("content", "far"), ("reasoning", "why"), ("content", " 😀")])
        connection.execute("DELETE FROM pieces WHERE text = ?", (SAMPLE,))
        connection.commit()
    upgrade(path)
    [message] = rows(path)["messages"]
    assert (message["content"], message["reasoning"]) == ("so far 😀", "why")


@pytest.fixture
def failing_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A history with one more step, which changes much and then fails."""
    history = tmp_path / "migrations"
    shutil.copytree(migrations.HERE, history, ignore=shutil.ignore_patterns("__pycache__"))
    (history / "versions" / "9000_fails.py").write_text(f'''
import sqlalchemy as sa
from alembic import op
revision, down_revision = "9000_fails", "{STEPS[-1].stem}"

def upgrade():
    op.add_column("users", sa.Column("extra", sa.Text))
    op.create_table("more", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("UPDATE messages SET content = 'changed'")
    with op.batch_alter_table("messages") as batch:
        batch.alter_column("content", new_column_name="words")
    op.execute("DELETE FROM conversations")
    op.execute("INSERT INTO nowhere VALUES (1)")
''')
    monkeypatch.setattr(migrations, "HERE", history)
    yield history


def test_a_step_that_fails_changes_nothing(failing_step: Path, tmp_path: Path) -> None:
    path = tmp_path / "rill.db"
    database_at(len(STEPS) - 1, path)
    before = rows(path)
    with pytest.raises(Exception, match="nowhere"):
        upgrade(path)
    assert rows(path) == before
    [copy] = (tmp_path / backup.FOLDER).glob("*before-upgrade*")
    assert rows(copy) == before
    (failing_step / "versions" / "9000_fails.py").unlink()
    assert upgrade(path) == [] and rows(path) == before


def test_without_room_for_the_copy_nothing_is_upgraded(failing_step: Path, tmp_path: Path) -> None:
    path = tmp_path / "rill.db"
    database_at(len(STEPS) - 1, path)
    before = rows(path)
    (tmp_path / backup.FOLDER).write_text("a file where the folder of backups should be")
    with pytest.raises(BackupFailed, match="could not be made"):
        upgrade(path)
    assert rows(path) == before


def test_what_messages_cost_before_there_was_a_ledger_is_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "rill.db"
    database_at(next(n for n, step in enumerate(STEPS) if step.stem.endswith("_charges")) - 1, path)
    upgrade(path)
    [charge], [message] = rows(path)["charges"], rows(path)["messages"]
    told = {"message_id": "id", "user_id": "user_id", "conversation_id": "conversation_id", "model": "model", "at": "finished_at", "amount": "cost_amount", "output_tokens": "output_tokens"}
    assert {ours: charge[ours] for ours in told} == {ours: message[theirs] for ours, theirs in told.items()}
    assert (charge["purpose"], charge["waits_from"]) == ("reply", None), "and nobody asks for what is long past"
