"""The database connection: opens it, brings its schema up to date, gives out transactions, and holds the lock that
proves no other living process uses the data directory.

It knows no table; `store.py` does. A transaction must not wait for anything but the database: on SQLite all
greenlets share one thread, so what never yields between BEGIN and COMMIT is alone by construction.
"""
from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import gevent
import orjson
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from rill import migrations
from rill.errors import ConfigError, DiskFull, StorageBusy

BUSY_TIMEOUT_MS = 20  # SQLite's own wait stops the whole loop, so it is short; `_begin` waits on, letting others run
LOCKED_SECONDS = 5  # then the caller gets a 503
LOCKED_PAUSE_SECONDS = 0.05
LOCK_WAIT_SECONDS = 15  # a worker that is just ending still holds the data directory


class Database:
    """One SQLite file in WAL mode."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.engine = create_engine(f"sqlite+pysqlite:///{path}", json_serializer=_dumps, json_deserializer=orjson.loads)
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", _begin)
        self._appender = None

    def upgrade(self) -> None:
        """Bring the schema up to date. Raises ConfigError for a file that is no healthy database of ours."""
        try:
            with self.write() as tx:
                at = migrations.current(tx)
                if at != migrations.latest():
                    if at is not None and at > migrations.latest():
                        raise ConfigError(f"{self.path} was written by a newer Rill ({at}). Update Rill, or point RILL_DATA_DIR elsewhere. Nothing was changed.")
                    migrations.upgrade(tx)
        except DatabaseError as error:
            raise ConfigError(f"{self.path} cannot be used as the database: {error.orig}. Nothing was changed; put a backup in its place or repair it.") from None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent view of everything committed. Raises StorageBusy."""
        with _told_plainly(), self.engine.connect() as tx, tx.begin():
            yield tx

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """All or nothing. Raises StorageBusy or DiskFull; then nothing was changed."""
        with _told_plainly(), self.engine.connect() as connection:
            with connection.execution_options(rill_write=True).begin():
                yield connection

    def append(self, statement: str, rows: list[tuple]) -> None:
        """One transaction of one statement, for the path of a token: a tenth of what `write` costs. All or nothing.

        Raises StorageBusy at once when another process holds the file: the caller keeps the rows and comes again.
        """
        with _told_plainly():
            try:
                if self._appender is None:
                    self._appender = self.engine.raw_connection()
                cursor = self._appender.driver_connection
                cursor.execute("BEGIN IMMEDIATE")
                try:
                    cursor.executemany(statement, rows)
                    cursor.execute("COMMIT")
                except BaseException:
                    cursor.rollback()
                    raise
            except sqlite3.OperationalError as error:
                raise OperationalError(statement, None, error) from error

    def close(self) -> None:
        if self._appender is not None:
            self._appender.close()
            self._appender = None
        self.engine.dispose()


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin
    connection.executescript(
        f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
    )


def _begin(connection: Connection) -> None:
    statement = "BEGIN IMMEDIATE" if connection.get_execution_options().get("rill_write") else "BEGIN"
    give_up_at = time.monotonic() + LOCKED_SECONDS
    while True:
        try:
            connection.exec_driver_sql(statement)
            return
        except OperationalError as error:
            if not _is_locked(error) or time.monotonic() > give_up_at:
                raise
        gevent.sleep(LOCKED_PAUSE_SECONDS)


def _is_locked(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if _is_locked(error):
            raise StorageBusy("The database is busy with something else. Nothing was changed; try again in a moment.", retry_after=5) from error
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise DiskFull("The server's disk is full. What you have is kept; make room and try again.") from error
        if getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN):
            raise StorageBusy("The server cannot write to its database just now. What was committed is kept; try again in a moment.", retry_after=5) from error
        raise


def lock_data_dir(data_dir: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> IO[str]:
    """Hold the directory for this process's life; the kernel lets go when it dies, however it dies.

    So whoever holds the lock knows that every unfinished message in the database lost its process.
    Raises ConfigError when the directory cannot be written or another server has it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = open(data_dir / "rill.lock", "a+", encoding="ascii")  # noqa: SIM115 - held for the process's life
    except OSError as error:
        raise ConfigError(f"RILL_DATA_DIR: {data_dir} cannot be written ({error.strerror}).") from None
    give_up_at = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise ConfigError(f"RILL_DATA_DIR: another Rill is using {data_dir}. Stop it first, or give this one its own directory.") from None
            time.sleep(0.05)
        else:
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
            return handle
