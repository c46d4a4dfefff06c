"""`python -m rill.standin --port N`: the stand-in's process. One line on standard output when it listens; ends on SIGTERM.

Loopback only, always: it takes any key and has a control face without a lock.
"""
from __future__ import annotations

from gevent import monkey

monkey.patch_all()  # before anything else takes hold of sockets, subprocesses or sleep

import argparse  # noqa: E402
import itertools  # noqa: E402
import logging  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import signal  # noqa: E402
import socket  # noqa: E402
import sys  # noqa: E402

import gevent  # noqa: E402
from gevent.event import Event  # noqa: E402
from gevent.server import StreamServer  # noqa: E402

from rill.standin.costs import LATE_SECONDS  # noqa: E402
from rill.standin.httpd import serve_connection  # noqa: E402
from rill.standin.service import KEEPALIVE_SECONDS, Service, http_error  # noqa: E402

HOST = "127.0.0.1"
BACKLOG = 1024
PARENT_CHECK_SECONDS = 0.5


def main() -> int:
    options = read_arguments()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s %(message)s", level=logging.INFO)
    raise_file_limit()
    service, numbers, ended = Service(keepalive_seconds=options.keepalive_seconds, cost_seconds=options.cost_seconds), itertools.count(1), Event()

    def accept(sock: socket.socket, address: tuple[str, int]) -> None:
        number = next(numbers)
        try:
            serve_connection(sock, number, service.handle, http_error)
        finally:
            service.ledger.connection_closed(number)

    server = StreamServer((HOST, options.port), accept, backlog=BACKLOG)
    try:
        server.start()
    except OSError as exc:
        print(f"The stand-in cannot listen on port {options.port}: {os.strerror(exc.errno or 0)}.", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, ended.set)
    print(f"stand-in listening on http://{HOST}:{server.server_port}", flush=True)
    parent = os.getppid()
    while not ended.wait(PARENT_CHECK_SECONDS if options.with_parent else None):
        if os.getppid() != parent:
            break
    server.close()
    service.local.stop()
    return 0


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/standin", description="A stand-in for ZenMux on this machine.")
    parser.add_argument("--port", type=int, default=0, help="0 for any free port")
    parser.add_argument("--keepalive-seconds", type=float, default=KEEPALIVE_SECONDS, help="silence before a keep-alive comment")
    parser.add_argument("--cost-seconds", type=float, default=LATE_SECONDS, help="time after a call until its cost is known")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that started this one ends")
    return parser.parse_args()


def raise_file_limit() -> None:
    """A connection is a file descriptor, and many systems start with 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536) if hard > 0 else 65536, hard))


if __name__ == "__main__":
    sys.exit(main())
