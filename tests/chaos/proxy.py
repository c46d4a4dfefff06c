"""A TCP proxy on loopback that harms what passes, and remembers to the byte what it let through and when.

Each exchange (what one side asks, what the other answers) gets its harm from `draw`. Only the answer is harmed; what the
asker sends passes as it is. It parses no HTTP: `witness.py` makes sense of the bytes afterwards. On gevent sockets.
"""
from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import gevent
from gevent.server import StreamServer

READ_BYTES = 65536
DRAIN_SECONDS = 2.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)

# What keeps every byte, and what does not.
GENTLE = ("none", "split", "throttle", "buffer", "pause", "idle_close")
CUTTING = ("stall", "reset", "truncate")  # at `at_byte`; `refuse` resets before anything, `mute` answers nothing


@dataclass(frozen=True, slots=True)
class Harm:
    kind: str = "none"
    at_byte: int = 0  # of the answer
    seconds: float = 0.0  # of each hold, pause or idle time
    piece_bytes: int = 1  # of split and throttle


@dataclass(slots=True)
class Exchange:
    """Times are monotonic seconds. `asker_closed_at`: when whoever asked let go of the connection."""

    harm: Harm
    asked_at: float
    asked: bytes = b""
    answered: list[tuple[float, bytes]] = field(default_factory=list)  # passed on to the asker
    struck_at: float | None = None  # the harm took hold for good
    ended_at: float | None = None  # the answering side ended the connection, and the asker was told
    asker_closed_at: float | None = None


class Proxy:
    def __init__(self, target_port: int, draw: Callable[[], Harm]) -> None:
        self.draw = draw
        self.exchanges: list[Exchange] = []
        self._target_port = target_port
        self._server = StreamServer(("127.0.0.1", 0), self._accept)
        self._server.start()
        self.port = self._server.server_port

    def be_gone(self, seconds: float) -> None:
        """Refuse connections for a while; those that are open go on."""
        self._server.close()
        gevent.sleep(seconds)
        self._server = StreamServer(("127.0.0.1", self.port), self._accept)
        self._server.start()

    def close(self) -> None:
        self._server.stop(timeout=0.1)

    def _accept(self, asker: socket.socket, _address: object) -> None:
        try:
            target = socket.create_connection(("127.0.0.1", self._target_port), timeout=5)
        except OSError:
            _reset(asker)
            return
        target.settimeout(None)
        for sock in (asker, target):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(asker, target, self.draw, self.exchanges)
        down = gevent.spawn(link.pass_answers)
        try:
            link.pass_questions()
        finally:
            down.kill()
            asker.close()
            target.close()


class _Link:
    def __init__(self, asker: socket.socket, target: socket.socket, draw: Callable[[], Harm], exchanges: list[Exchange]) -> None:
        self._asker, self._target, self._draw, self._all = asker, target, draw, exchanges
        self._now: Exchange | None = None
        self._passed = 0

    def pass_questions(self) -> None:
        """Until the asker closes; its closing is what the proxy is the witness of."""
        mine: list[Exchange] = []
        with contextlib.suppress(OSError):
            while data := self._asker.recv(READ_BYTES):
                if self._now is None or self._now.answered:
                    self._now, self._passed = Exchange(self._draw(), time.monotonic()), 0
                    mine.append(self._now)
                    self._all.append(self._now)
                self._now.asked += data
                if self._now.harm.kind == "refuse":
                    self._strike()
                    _reset(self._asker)
                    break
                self._target.sendall(data)
        closed_at = time.monotonic()
        for exchange in mine:
            exchange.asker_closed_at = exchange.asker_closed_at or closed_at

    def pass_answers(self) -> None:
        try:
            while data := self._read():
                if self._now is not None and not self._pass(data, self._now):
                    return  # silence from here on, or closed already
        except OSError:
            self._end(reset=True)
        else:
            self._end(reset=False)

    def _read(self) -> bytes:
        exchange = self._now
        if exchange is None or exchange.harm.kind != "idle_close" or not exchange.answered:
            return self._target.recv(READ_BYTES)
        with gevent.Timeout(exchange.harm.seconds, False):
            return self._target.recv(READ_BYTES)
        return b""

    def _end(self, *, reset: bool) -> None:
        if self._now is not None:
            if self._now.harm.kind == "mute":
                return
            self._now.ended_at = time.monotonic()
        if reset:
            _reset(self._asker)
            return
        with contextlib.suppress(OSError):
            self._asker.shutdown(socket.SHUT_WR)

    def _pass(self, data: bytes, exchange: Exchange) -> bool:
        """False when nothing more is to pass."""
        harm = exchange.harm
        if harm.kind == "mute":
            self._strike()
            return False
        if harm.kind in CUTTING and self._passed + len(data) >= harm.at_byte:
            self._send(data[:max(0, harm.at_byte - self._passed)], exchange)
            self._strike()
            if harm.kind == "reset":
                _reset(self._asker)
            elif harm.kind == "truncate":
                self._end(reset=False)
            return False
        if harm.kind == "pause" and self._passed <= harm.at_byte < self._passed + len(data):
            cut = harm.at_byte - self._passed
            self._send(data[:cut], exchange)
            gevent.sleep(harm.seconds)
            self._send(data[cut:], exchange)
        elif harm.kind in ("split", "throttle"):
            for start in range(0, len(data), harm.piece_bytes):
                piece = data[start:start + harm.piece_bytes]
                self._send(piece, exchange)
                gevent.sleep(harm.seconds * len(piece) / harm.piece_bytes)  # by the byte: small writes are not slower
        else:
            if harm.kind == "buffer":
                gevent.sleep(harm.seconds)
            self._send(data, exchange)
        return True

    def _send(self, data: bytes, exchange: Exchange) -> None:
        if data:
            self._passed += len(data)
            self._asker.sendall(data)
            exchange.answered.append((time.monotonic(), data))

    def _strike(self) -> None:
        if self._now is not None:
            self._now.struck_at = time.monotonic()


def _reset(sock: socket.socket) -> None:
    """A reset throws away what was written and not taken by the other side yet: that must not count as passed."""
    give_up_at = time.monotonic() + DRAIN_SECONDS
    while _unsent_bytes(sock) and time.monotonic() < give_up_at:
        gevent.sleep(0.001)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        sock.close()


def _unsent_bytes(sock: socket.socket) -> int:
    """Written, and not yet acknowledged by the other side."""
    with contextlib.suppress(OSError):
        return struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0\0\0\0"))[0]
    return 0
