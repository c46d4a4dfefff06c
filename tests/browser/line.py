"""The line between a browser and Rill, with a hand on it: cut, silenced, slowed, collected, while a page is looked at.

A TCP proxy on loopback, on threads of its own because Playwright keeps the test's. It parses nothing but the first line of
what is asked, to tell the feed from other requests. Used by test_page_faults*.py; asserts nothing.
"""
from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time

READ_BYTES = 65536
TURN_SECONDS = 0.02
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
FEED = b"GET /api/feed"


class Line:
    """What is set holds for all connections at once, also for those that are open."""

    def __init__(self, target_port: int) -> None:
        self.is_cut = False  # every connection is reset, and every new one
        self.is_silent = False  # bytes vanish, nobody is told; what is open then stays dead for good
        self.is_feed_mute = False  # the feed's answer never comes; all else passes
        self.hold_seconds = 0.0  # the feed's answer passes in lumps, so far apart
        self.bytes_per_second = 0  # of each connection's answer
        self.delay_seconds = 0.0
        self.idle_seconds = 0.0  # an answer that is silent for so long is closed
        self.feeds = 0  # asked for so far
        self._cut_inside = False
        self._target_port = target_port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._lost: list[socket.socket] = []
        self._run(self._accept)

    def close(self) -> None:
        self.is_cut = True
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for sock in self._lost:
            _close(sock)

    def cut_inside_next_event(self) -> None:
        """Reset a feed's connection in the middle of its next delta."""
        self._cut_inside = True

    def _run(self, what, *arguments) -> None:  # noqa: ANN001
        threading.Thread(target=what, args=arguments, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                asker, _ = self._server.accept()
                if self.is_cut:
                    _reset(asker)
                else:
                    self._run(self._serve, _Link(self, asker))

    def _serve(self, link: _Link) -> None:
        try:
            link.target = socket.create_connection(("127.0.0.1", self._target_port), timeout=5)
        except OSError:
            return _reset(link.asker)
        for sock in (link.asker, link.target):
            sock.settimeout(TURN_SECONDS)
        self._run(link.pass_answers)
        link.pass_questions()


class _Link:
    def __init__(self, line: Line, asker: socket.socket) -> None:
        self.line, self.asker, self.target = line, asker, asker
        self.is_feed = self.is_lost = self.is_over = False

    def _read(self, sock: socket.socket) -> bytes | None:
        """b"" when nothing is there yet, None at the end. Both sides look here often enough to be cut or lost."""
        if self.line.is_cut:
            self.is_over = True
        self.is_lost = self.is_lost or self.line.is_silent
        if self.is_over:
            return None
        try:
            return sock.recv(READ_BYTES) or None
        except TimeoutError:
            return b""
        except OSError:
            return None

    def pass_questions(self) -> None:
        while (data := self._read(self.asker)) is not None:
            if FEED in data:
                self.is_feed = True
                self.line.feeds += 1
            if data and not self.is_lost and not self._send(self.target, data):
                break
        self.end()

    def pass_answers(self) -> None:
        held, since = b"", time.monotonic()
        heard = time.monotonic()
        while (data := self._read(self.target)) is not None:
            if data:
                heard = time.monotonic()
            elif self.line.idle_seconds and time.monotonic() - heard > self.line.idle_seconds:
                break
            held += data
            waits = self.is_feed and (self.line.is_feed_mute or time.monotonic() - since < self.line.hold_seconds)
            if not held or waits or self.is_lost:
                continue
            if self.is_feed and self.line._cut_inside and b"event: delta" in held:
                self.line._cut_inside = False
                self._send(self.asker, held[:held.index(b"event: delta") + 40])
                break
            if not self._send(self.asker, held, slowly=True):
                break
            held, since = b"", time.monotonic()
        if not self.is_lost and not self.line.is_cut:
            self._send(self.asker, held)
        self.end()

    def _send(self, to: socket.socket, data: bytes, *, slowly: bool = False) -> bool:
        if slowly and self.line.delay_seconds:
            time.sleep(self.line.delay_seconds)
        rate = self.line.bytes_per_second if slowly else 0
        step = max(1, rate // 20) if rate else len(data) or 1
        try:
            for start in range(0, len(data), step):
                to.settimeout(5)
                to.sendall(data[start:start + step])
                to.settimeout(TURN_SECONDS)
                if rate:
                    time.sleep(step / rate)
        except OSError:
            return False
        return True

    def end(self) -> None:
        """A lost connection is told to nobody; the asker finds out by itself, the server too."""
        self.is_over = True
        if self.is_lost and not self.line.is_cut:
            self.line._lost += [self.asker, self.target]
            return
        for sock in (self.asker, self.target):
            _reset(sock) if self.line.is_cut else _close(sock)


def _close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    sock.close()
