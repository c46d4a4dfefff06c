"""The database connection: opens it, brings its schema up to date, gives out transactions, and holds the lock that
proves no other living process uses the data directory.

It knows no table; `store.py` does. A transaction that writes must not wait for anything but the database: on SQLite all
greenlets share one thread, so what never yields between BEGIN and COMMIT is alone by construction. One that reads keeps its
view, and may let others run meanwhile (`turns.py`).
"""
from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import gevent
import orjson
from gevent.lock import BoundedSemaphore
from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError

from rill import migrations
from rill.errors import ConfigError, DiskFull, RequestError, StorageBroken, StorageBusy

BUSY_TIMEOUT_MS = 2  # SQLite's own wait stops the whole loop, so it is short; `_begin` waits on, letting others run
LOCKED_SECONDS = 5  # then the caller gets a 503
LOCKED_PAUSE_SECONDS = 0.05
RETRY_AFTER_SECONDS = 5
MIN_FREE_BYTES = 16 * 1024 * 1024  # what running answers may still need
QUICK_CHECK_BYTES = 256 * 1024 * 1024  # a larger file would hold up the start; its damage shows when it is read
LOCK_WAIT_SECONDS = 15  # a worker that is just ending still holds the data directory


class Database:
    """One SQLite file in WAL mode."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # No limit of connections: while the file is locked, everybody who waits for it holds one.
        self.engine = create_engine(URL.create("sqlite+pysqlite", database=str(path)), max_overflow=-1,
                                    json_serializer=_dumps, json_deserializer=orjson.loads)
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "begin", self._begin)
        self._first_in_line = BoundedSemaphore()
        self._appender = None

    def upgrade(self, keep_copy: Callable[[str], object] = lambda name: None) -> None:
        """Bring the schema up to date; `keep_copy` is called with the old step's name before anything changes.

        Raises ConfigError for a file that is no healthy database of ours."""
        try:
            with self.read() as tx:
                at = migrations.current(tx)
            if at == migrations.latest():
                return
            if at is not None and at > migrations.latest():
                raise ConfigError(f"{self.path} was written by a newer Rill ({at}). Update Rill, or point RILL_DATA_DIR elsewhere. Nothing was changed.")
            if at is not None:
                keep_copy(at)
            with self.write() as tx:
                migrations.upgrade(tx)
        except (DatabaseError, RequestError) as error:
            raise damaged(self.path, str(getattr(error, "orig", error))) from None

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

    def append(self, statement: str, values: tuple = ()) -> None:
        """One transaction of one statement, for the path of a token: a tenth of what `write` costs.

        Raises StorageBusy at once when another process holds the file: the caller keeps the values and comes again.
        """
        with _told_plainly():
            try:
                if self._appender is None:
                    self._appender = self.engine.raw_connection()
                cursor = self._appender.driver_connection
                cursor.execute("BEGIN IMMEDIATE")
                try:
                    cursor.execute(statement, values)
                    cursor.execute("COMMIT")
                except BaseException:
                    cursor.rollback()
                    raise
            except sqlite3.OperationalError as error:
                raise OperationalError(statement, None, error) from error
            except sqlite3.DatabaseError as error:
                raise DatabaseError(statement, None, error) from error

    def _begin(self, connection: Connection) -> None:
        """While another process holds the file, one of ours asks again and again, and the others wait behind it: were they
        all to ask, nobody else would get a turn."""
        statement = "BEGIN IMMEDIATE" if connection.get_execution_options().get("rill_write") else "BEGIN"
        give_up_at = time.monotonic() + LOCKED_SECONDS
        try:
            _ask_to_begin(connection, statement)
            return
        except OperationalError as error:
            if not _is_locked(error) or not self._first_in_line.acquire(timeout=LOCKED_SECONDS):
                raise
        try:
            while not _ask_to_begin(connection, statement, give_up_at):
                gevent.sleep(LOCKED_PAUSE_SECONDS)
        finally:
            self._first_in_line.release()

    def check_room(self, needed: int = MIN_FREE_BYTES) -> None:
        """Raises DiskFull or StorageBusy before anything is begun that could not be stored."""
        room = os.statvfs(self.path.parent)
        if room.f_flag & os.ST_RDONLY:  # what a system does with a disk that fails
            raise StorageBusy(UNWRITABLE[1], retry_after=RETRY_AFTER_SECONDS)
        if room.f_bavail * room.f_frsize < needed:
            raise DiskFull(FULL[1])

    def fold_log(self) -> None:
        """Carry the write-ahead log into the file, in a thread: left to a commit, the waits for the disk that many bytes
        bring with them would stop the loop. It locks nobody out, and does nothing when the database is busy."""
        gevent.get_hub().threadpool.apply(_fold_log, (self.path,))

    def close(self) -> None:
        if self._appender is not None:
            self._appender.close()
            self._appender = None
        self.engine.dispose()


def _fold_log(path: Path) -> None:
    with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=0)) as connection:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _dumps(value: object) -> str:
    return orjson.dumps(value).decode()


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, see _begin
    connection.executescript(
        f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;"
    )


def _ask_to_begin(connection: Connection, statement: str, give_up_at: float = 0) -> bool:
    """Whether the transaction has begun; raises instead of False when the time is over."""
    try:
        connection.exec_driver_sql(statement)
    except OperationalError as error:
        if not _is_locked(error) or time.monotonic() > give_up_at:
            raise
        return False
    return True


def _is_locked(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code not in REFUSALS:
            raise
        refusal, message = REFUSALS[code]
        raise refusal(message, retry_after=RETRY_AFTER_SECONDS) from error


BUSY = (StorageBusy, "The database is busy with something else. Nothing was changed; try again in a moment.")
UNWRITABLE = (StorageBusy, "The server cannot use its database just now. What was stored is kept; try again in a moment.")
BROKEN = (StorageBroken, "The server's database file is damaged. Nothing was changed; whoever runs the server can bring back a backup with bin/restore.")
FULL = (DiskFull, "The server's disk is full. What you have is kept; make room and try again.")
REFUSALS = {
    sqlite3.SQLITE_BUSY: BUSY, sqlite3.SQLITE_LOCKED: BUSY, sqlite3.SQLITE_FULL: FULL, sqlite3.SQLITE_READONLY: UNWRITABLE,
    sqlite3.SQLITE_IOERR: UNWRITABLE, sqlite3.SQLITE_CANTOPEN: UNWRITABLE, sqlite3.SQLITE_CORRUPT: BROKEN,
    sqlite3.SQLITE_NOTADB: BROKEN,
}


def damaged(path: Path, why: str) -> ConfigError:
    return ConfigError(f"{path} cannot be used as the database: {why}. Nothing was changed. Bring back a backup with "
                       f"bin/restore FILE, or move {path} away to start with an empty one.")


class DataDir:
    """The data directory, held for this process's life; the kernel lets go when it dies, however it dies.

    So whoever holds it knows that every unfinished message in the database lost its process. The lock file names the
    process while it runs; a name that was left there tells that the last one died before it could close the database.
    """

    def __init__(self, path: Path, wait_seconds: float = LOCK_WAIT_SECONDS) -> None:
        """Raises ConfigError when the directory cannot be written or another server has it."""
        try:
            path.mkdir(parents=True, exist_ok=True)
            self._lock = open(path / "rill.lock", "a+", encoding="ascii")  # noqa: SIM115 - held for the process's life
        except OSError as error:
            raise ConfigError(f"RILL_DATA_DIR: {path} cannot be written ({error.strerror}).") from None
        give_up_at = time.monotonic() + wait_seconds
        while not self._take():
            if time.monotonic() > give_up_at:
                self.release()
                raise ConfigError(f"RILL_DATA_DIR: another Rill is using {path}. Stop it first, or give this one its own directory.")
            time.sleep(0.05)
        self.was_closed = self._lock.tell() == 0

    def _take(self) -> bool:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        self._lock.seek(0, os.SEEK_END)
        return True

    def check(self, database: Path) -> None:
        """Refuse a database of which a part is gone or broken, before anything opens and so changes it."""
        wal = database.with_name(f"{database.name}-wal")
        if not database.exists():
            if wal.exists():
                raise damaged(database, f"it is missing, though {wal.name} beside it is there")
            return
        if not self.was_closed and not wal.exists():
            raise damaged(database, f"{wal.name} beside it is gone, and with it the newest text; if another program closed the database properly, remove rill.lock and start again")
        if not os.access(database, os.W_OK):  # SQLite would open it, and begin to write, and fail at the first message
            raise ConfigError(f"{database} cannot be written by this user. Nothing was changed.")
        size = database.stat().st_size
        if not self.was_closed and not size:
            raise damaged(database, "it is empty")
        if size <= QUICK_CHECK_BYTES and (problem := quick_check(database)):
            raise damaged(database, problem)

    def mark_open(self) -> None:
        """The database is open: name this process and its parent, whom bin/restore asks to reload."""
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()} {os.getppid()}")
        self._lock.flush()

    def mark_closed(self) -> None:
        """The database is whole without its log."""
        self._lock.truncate(0)
        self.was_closed = True

    def release(self) -> None:
        self._lock.close()


def quick_check(database: Path) -> str:
    """SQLite's own look at every page (a second for a gigabyte); empty when all is well. It writes nothing."""
    # Even to read, SQLite makes a -wal and a -shm file for a database that has none, unless it is told that nobody writes.
    mode = "mode=ro" if database.with_name(f"{database.name}-wal").exists() else "immutable=1"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(database))}?{mode}", uri=True)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else found
