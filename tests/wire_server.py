"""The far end of the wire for tests of the client: a listening socket that plays scripts byte by byte.

Each connection has a thread; each request on it is read whole, kept in `requests`, and answered with the next script
(the last one again when they run out). It parses nothing of what was asked.
"""
from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any, Self

from rill.standin.wire import play, read_request

Script = tuple[list[Any], dict[str, Any]]
STREAM = {"status": 200, "headers": {"Content-Type": "text/event-stream"}, "framing": "chunked", "end": "clean", "delays_ms": 0}
JSON = STREAM | {"headers": {"Content-Type": "application/json"}, "framing": "length"}
DEADLINE_SECONDS = 10
TLS_FILE = Path(__file__).parent / "fixtures" / "tls_upstream.pem"


class WireServer:
    def __init__(self, *scripts: Script, tls: bool = False) -> None:
        self.requests: list[bytes] = []
        self.sent: list[tuple[int, float]] = []  # number of the write, monotonic time
        self.connections = 0
        self.asked = threading.Event()  # a request has been read
        self.gone = threading.Event()  # a peer closed its connection
        self._scripts = list(scripts)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH) if tls else None
        if self._tls:
            self._tls.load_cert_chain(TLS_FILE)
        self.base_url = f"http{'s' if tls else ''}://127.0.0.1:{self._listener.getsockname()[1]}/api/v1"

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop_connections()
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)

    def drop_connections(self) -> None:
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _run(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                self._sockets.append(sock)
                self._run(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                self._sockets.append(sock)
            while request := read_request(sock):
                self.requests.append(request)
                chunks, http = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
                self.asked.set()
                play(sock, chunks, http, on_sent=lambda number, _: self.sent.append((number, time.monotonic())))
                if http.get("end", "clean") != "clean" or http["framing"] not in ("chunked", "length"):
                    break
        sock.close()
        self.gone.set()
