"""One answer being read: bytes -> frames -> chunks -> events, and the judgement of how it ended.

Complete is only what the upstream ended (finish_reason, [DONE], or a whole document); a cut or a stall after that
changes nothing, an error frame does. It opens and closes no connection and knows no request.

Called by zenmux.py. Frames: framer.py; their fields: sseclient-py; chunks: chunks.py; sentences: upstream_errors.py.
"""
from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
import requests
import urllib3
from sseclient import SSEClient

from rill.chunks import Answer, Delta, Event
from rill.errors import CutOff, FrameTooLarge, NotAStream, ProtocolBroken, TimedOut, UpstreamError, UpstreamFailed
from rill.framer import BOM, Framer
from rill.masking import masked
from rill.transport import KNOWN_ENCODINGS, READ_ERRORS, Body, Deadlines, Limits
from rill.upstream_errors import (
    ASK_ADMIN, MESSAGE_KEPT, TRY_AGAIN, error_in, field, http_refused, kept, said, upstream_failed,
)

ERROR_BODY_BYTES = 65536
ERROR_BODY_SECONDS = 3.0
TAIL_SECONDS = 10.0  # after finish_reason: for the usage chunk and [DONE]
DRAIN_SECONDS = 0.2  # after [DONE]: to the end of the body, so that the connection can serve the next request
DRAIN_BYTES = 65536
OPENING_BRACE = ord("{")


class Exchange:
    """`answer` holds what was said so far, also when `events` raises."""

    def __init__(self, response: requests.Response, deadlines: Deadlines, limits: Limits, key: str,
                 record: Callable[[bytes], None] | None = None) -> None:
        self._response = response
        self._deadlines = deadlines
        self._limits = limits
        self._body = self._pieces = Body(response, deadlines, key, record)
        self._has_text = False
        self._done = False
        self.answer = Answer(key)
        headers = response.headers
        self._labelled_stream = headers.get("Content-Type", "").lower().startswith("text/event-stream")
        self.request_id = field(masked(headers.get("X-ZenMux-RequestId") or headers.get("X-Request-Id") or "", key))

    def refuse_unless_ok(self) -> None:
        """Status, then encoding: requests looks at neither, and SSEClient finds no event in an error page."""
        encoding = self._response.headers.get("Content-Encoding", "").strip().lower()
        if self._response.status_code != 200:
            self._deadlines.expect("the error message", ERROR_BODY_SECONDS)
            body = self._body.up_to(ERROR_BODY_BYTES) if encoding in KNOWN_ENCODINGS else b""
            raise http_refused(self._response.status_code, self._response.headers, body)
        if encoding not in KNOWN_ENCODINGS:
            raise ProtocolBroken(f'The model service packed its answer as "{field(encoding)}", which was not asked for. '
                                 f"{MESSAGE_KEPT} {TRY_AGAIN}")

    def events(self) -> Iterator[Event]:
        failure: UpstreamError | None = None
        framer: Framer | None = None
        try:
            if self._is_stream():
                framer = Framer(self._pieces, self._limits.max_frame_bytes)
                for frame in SSEClient(data_frames(framer)).events():
                    yield from self._take(frame.data, frame.event)
                    if self._done:
                        break
            else:
                yield from self._take(self.document(self._limits.max_frame_bytes).decode(errors="replace"), "document")
        except READ_ERRORS as error:
            failure = self._translated(error)
        except UpstreamError as error:
            failure = error
        if framer and not self._done and (failure is None or isinstance(failure, (CutOff, TimedOut))):
            try:
                yield from self._take_rest(framer.rest)
            except UpstreamError as error:
                failure = error
        for event in self.answer.flush():
            self._has_text = self._has_text or isinstance(event, Delta)
            yield event
        is_whole = self._done or self.answer.finish_reason is not None
        if isinstance(failure, UpstreamFailed) or not is_whole:
            raise failure or self._ended_early()
        if not failure:
            self._deadlines.expect("the end of the body", DRAIN_SECONDS)
            self._body.up_to(DRAIN_BYTES)
        yield self.answer.finish()

    def document(self, limit: int) -> bytes:
        """A body that is one JSON document. Blank lines are signs of life at most, like an event stream's comments."""
        document = bytearray()
        try:
            for piece in self._pieces:
                document += piece
                if limit and len(document) > limit:
                    raise FrameTooLarge(f"The model service sent a document of more than {limit} bytes. "
                                        f"{MESSAGE_KEPT} {TRY_AGAIN}")
                if not piece.isspace():
                    self._deadlines.expect("more of the answer", self._limits.content_seconds)
        except READ_ERRORS as error:
            raise self._translated(error) from error
        return bytes(document.strip())

    def _is_stream(self) -> bool:
        """Frames or one document? The label is believed when it says frames, else the first byte that is not blank is."""
        if self._labelled_stream:
            return True
        ahead = b""
        for piece in self._body:
            ahead += piece
            if not ahead.isspace():
                break
        self._pieces = itertools.chain((ahead,), self._body)
        start = ahead.lstrip().removeprefix(BOM)
        if start.startswith(b"<"):
            raise NotAStream("Something between this server and the model service answered with a web page, perhaps a "
                             f"login page or a proxy. {MESSAGE_KEPT} {ASK_ADMIN} its network and ZENMUX_BASE_URL.")
        return not start.startswith((b"{", b"["))

    def _take(self, data: str, event: str) -> Iterator[Event]:
        """One frame's data, or a whole document, which is complete by being whole."""
        if data == "[DONE]" or not (chunk := self._parsed(data, event)):
            self._done = self._done or data.strip() == "[DONE]"
            return
        problem = error_in(chunk, event)
        events, told = self.answer.take(chunk)
        if event == "document":
            self._done = not problem and isinstance(chunk.get("choices"), list)
        for one in events:
            self._has_text = self._has_text or isinstance(one, Delta)
            yield one
        if problem:
            raise upstream_failed(problem, has_text=self._has_text)
        # Only now: the time our own side took over these events is not the upstream's.
        if self.answer.finish_reason is not None:
            self._deadlines.expect("the end of the answer", TAIL_SECONDS)
        elif told:
            self._deadlines.expect("more of the answer", self._limits.content_seconds)

    def _take_rest(self, rest: bytes) -> Iterator[Event]:
        """A last frame that lacks its blank line counts if it is whole: [DONE], or complete JSON."""
        for frame in SSEClient(data_frames([rest] if rest else [])).events():
            try:
                yield from self._take(frame.data, frame.event)
            except ProtocolBroken:
                return

    def _parsed(self, data: str, event: str) -> dict[str, Any] | None:
        if not data or data.isspace():
            return None
        try:
            chunk = parse_json(data)
        except ValueError:
            if event == "error":
                raise upstream_failed(said(data), has_text=self._has_text) from None
            if data.strip() == "[DONE]":
                return None
            raise ProtocolBroken(f"The model service sent a broken piece of the answer. {kept(self._has_text)} "
                                 f"{TRY_AGAIN}") from None
        return chunk if isinstance(chunk, dict) else None

    def _translated(self, error: Exception) -> UpstreamError:
        if isinstance(error, (TimeoutError, urllib3.exceptions.ReadTimeoutError)):
            return timed_out(self._deadlines, has_text=self._has_text)
        if isinstance(error, urllib3.exceptions.DecodeError):
            return ProtocolBroken(f"The model service's answer could not be unpacked. {kept(self._has_text)} {TRY_AGAIN}")
        return CutOff("The connection to the model service broke before the answer was complete. "
                      f"{kept(self._has_text)} {TRY_AGAIN}")

    def _ended_early(self) -> UpstreamError:
        if not self._labelled_stream and not self._has_text:
            return NotAStream(f"The model service answered with something that is no chat answer. {MESSAGE_KEPT} "
                              f"{ASK_ADMIN} ZENMUX_BASE_URL.")
        return CutOff(f"The model service ended the answer without completing it. {kept(self._has_text)} {TRY_AGAIN}")


def timed_out(deadlines: Deadlines, *, has_text: bool) -> TimedOut:
    what, seconds = deadlines.passed
    return TimedOut(f"Waiting for {what} took longer than this server's limit of {seconds:g} seconds. {kept(has_text)} "
                    f"{TRY_AGAIN}")


def data_frames(frames: Iterable[bytes]) -> Iterator[bytes]:
    """Frames for SSEClient; one that is bare JSON without `data:` (an error, mostly) becomes a data frame."""
    for frame in frames:
        yield frame if frame[0] != OPENING_BRACE else b"data: " + frame.rstrip().replace(b"\n", b"\ndata: ") + b"\n\n"


def parse_json(text: str | bytes) -> Any:
    """orjson, and the patient parser for what it refuses: NaN, and the half surrogates that some models send.

    Raises ValueError, also for nesting without end."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            return json.loads(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None
