"""Bytes in any pieces -> finished frames, ready for sseclient-py.

Stands between the reader of the socket and SSEClient, which merges frames with mixed newlines, loses the first event
behind a BOM, dies of invalid UTF-8, grows without limit and takes quadratic time (WHATWG HTML, "Parsing an event
stream" is followed instead). Each frame yielded is whole UTF-8 lines closed by one blank line, comments taken out.
It does not parse fields, and does not judge what is left when the stream ends: that is `rest`, for the caller.

Called by exchange.py. Pure: no clock, no I/O; whatever its source raises passes through.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NoReturn

from rill.errors import FrameTooLarge

BOM = b"\xef\xbb\xbf"
MAX_FRAME_LINES = 1024  # SSEClient's cost is lines times bytes; real frames have one to three lines


class Framer:
    """Iterate it once. `comments` counts comment lines; `rest` is the unfinished frame, current at any time."""

    def __init__(self, source: Iterable[bytes], max_frame_bytes: int = 0) -> None:
        self._source = source
        self._limit = max_frame_bytes or float("inf")
        self._lines: list[bytes] = []  # finished lines of the frame under way, without their ends
        self._pieces: list[bytes] = []  # the line under way
        self._size = 0  # bytes in both
        self._skip_lf = False  # the last byte was the CR of what may be a CRLF
        self._at_start = True
        self.comments = 0

    @property
    def rest(self) -> bytes:
        """What has come of a frame without its blank line; an unfinished comment counts as nothing."""
        line = b"".join(self._pieces)
        lines = self._lines if line.startswith(b":") or not line else [*self._lines, line]
        return as_utf8(b"\n".join(lines))

    def __iter__(self) -> Iterator[bytes]:
        for data in self._source:
            if self._at_start:
                data = self._without_bom(data)
            if not data:
                continue
            if self._size or self._skip_lf or not is_plain(data):
                yield from self._slowly(data)
            elif data.find(b"\n\n") == len(data) - 2:  # one read, one frame: what a token is
                self._check(data)
                yield as_utf8(data)
            else:
                for frame in data.split(b"\n\n"):
                    if frame := frame.strip(b"\n"):
                        self._check(frame)
                        yield as_utf8(frame) + b"\n\n"

    def _slowly(self, data: bytes) -> Iterator[bytes]:
        """Line by line, with state kept between calls; linear in the bytes whatever the pieces."""
        if self._skip_lf:
            self._skip_lf = False
            data = data.removeprefix(b"\n")
        for piece in data.splitlines(keepends=True):  # of bytes: at LF, CR and CRLF only
            self._size += len(piece)
            if self._size > self._limit:
                self._refuse(f"of more than {self._limit} bytes")
            self._pieces.append(piece)
            if not piece.endswith((b"\n", b"\r")):
                return
            line = b"".join(self._pieces)
            self._pieces.clear()
            if line.startswith(b":"):
                self.comments += 1
                self._size -= len(line)
            elif line := line.rstrip(b"\r\n"):
                self._lines.append(line)
                if len(self._lines) > MAX_FRAME_LINES:
                    self._refuse(f"of more than {MAX_FRAME_LINES} lines")
            else:
                frame, self._lines, self._size = self._lines, [], 0
                if frame:
                    yield as_utf8(b"\n".join(frame)) + b"\n\n"
        # A CRLF inside `data` came as one line end: only a CR as the very last byte may still have its LF to come.
        self._skip_lf = data.endswith(b"\r")

    def _check(self, frame: bytes) -> None:
        if len(frame) > self._limit:
            self._refuse(f"of more than {self._limit} bytes")
        if len(frame) > MAX_FRAME_LINES and frame.count(b"\n") > MAX_FRAME_LINES + 1:
            self._refuse(f"of more than {MAX_FRAME_LINES} lines")

    def _refuse(self, what: str) -> NoReturn:
        self._lines, self._pieces, self._size = [], [], 0
        raise FrameTooLarge(f"The model service sent a single block {what}. The text before it is kept. "
                            "Try again, or choose another model.")

    def _without_bom(self, data: bytes) -> bytes:
        """One BOM at the very start is no part of the stream; it may come in three reads."""
        data = b"".join((*self._pieces, data))
        self._pieces.clear()
        if len(data) < len(BOM) and BOM.startswith(data):
            self._pieces = [data] if data else []
            return b""
        self._at_start = False
        return data.removeprefix(BOM)


def is_plain(data: bytes) -> bool:
    """Whole frames, LF only, no comments: nothing to keep, nothing to take out."""
    return data.endswith(b"\n\n") and b"\r" not in data and b"\n:" not in data and not data.startswith((b":", b"\n"))


def as_utf8(data: bytes) -> bytes:
    """Bytes that are not UTF-8 become U+FFFD; the stream goes on."""
    if data.isascii():
        return data
    try:
        data.decode()
    except UnicodeDecodeError:
        return data.decode(errors="replace").encode()
    return data
