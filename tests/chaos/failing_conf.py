"""gunicorn's configuration for the test of the k-th failing call: the real one, with faults under the application.

It wraps what the product stands on (sqlite3's cursors, gevent's sockets) before the product is made, counts the calls,
and makes one of them fail. A test arms and asks it over a Unix socket, one line of JSON each way. The product knows
nothing of it. Only `gunicorn -c` of test_kth_failing_call.py loads this.
"""
from __future__ import annotations

import errno
import json
import os
import runpy
import socket
import sqlite3
from pathlib import Path
from typing import Any

from gevent import socket as gevent_socket
from gevent.server import StreamServer

PROJECT = Path(__file__).resolve().parents[2]
CONTROL_NAME = "chaos.sock"  # in the data directory's parent

_real = runpy.run_path(str(PROJECT / "gunicorn.conf.py"))
globals().update({name: value for name, value in _real.items() if not name.startswith("__")})
_upstream_port = int(os.environ["ZENMUX_BASE_URL"].split(":")[2].partition("/")[0])
_own_port = int(os.environ["RILL_PORT"])


class _Faults:
    """`kind` is counted from `arm` on; the k-th such call fails, once."""

    def __init__(self) -> None:
        self.kind, self.k, self.count, self.code = "", 0, 0, 0

    def arm(self, kind: str, k: int, code: int = 0) -> None:
        self.kind, self.k, self.count, self.code = kind, k, 0, code

    def is_due(self, kind: str) -> bool:
        if kind != self.kind:
            return False
        self.count += 1
        return self.count == self.k


faults = _Faults()


# -- the database

def _check_database() -> None:
    if faults.is_due("database"):
        error = sqlite3.OperationalError(f"planted fault {faults.code}")
        error.sqlite_errorcode = faults.code
        raise error


class _Cursor(sqlite3.Cursor):
    def execute(self, *args: Any) -> sqlite3.Cursor:
        _check_database()
        return super().execute(*args)

    def executemany(self, *args: Any) -> sqlite3.Cursor:
        _check_database()
        return super().executemany(*args)


class _Connection(sqlite3.Connection):
    def cursor(self, *_: Any) -> sqlite3.Cursor:
        return super().cursor(_Cursor)

    def commit(self) -> None:
        _check_database()
        super().commit()


_connect = sqlite3.connect
sqlite3.connect = sqlite3.dbapi2.connect = lambda *args, **options: _connect(*args, **{**options, "factory": _Connection})


# -- the sockets

def _is_between(sock: Any, kind: str) -> bool:
    try:
        return (sock.getpeername()[1] == _upstream_port) if kind.startswith("upstream") else (sock.getsockname()[1] == _own_port)
    except (OSError, IndexError):
        return False


def _failing(kind: str, real: Any) -> Any:
    def call(sock: Any, *args: Any) -> Any:
        if faults.kind == kind and _is_between(sock, kind) and faults.is_due(kind):
            sock.shutdown(socket.SHUT_RDWR)  # a connection on which a call fails is dead for the other side too
            raise ConnectionResetError(errno.ECONNRESET, "planted fault")
        return real(sock, *args)
    return call


_socket_class = gevent_socket.socket
_socket_class.recv_into = _failing("upstream read", _socket_class.recv_into)
_socket_class.sendall = _failing("upstream write", _failing("answer write", _socket_class.sendall))


# -- how a test reaches this

def _serve(connection: Any, _address: object) -> None:
    with connection, connection.makefile("r") as lines:
        for line in lines:
            asked = json.loads(line)
            if asked:
                faults.arm(**asked)
            connection.sendall(json.dumps({"kind": faults.kind, "count": faults.count, "k": faults.k}).encode() + b"\n")


def post_worker_init(worker: Any) -> None:
    _real["post_worker_init"](worker)
    path = Path(os.environ["RILL_DATA_DIR"]).parent / CONTROL_NAME
    path.unlink(missing_ok=True)
    listener = gevent_socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    StreamServer(listener, _serve).start()
