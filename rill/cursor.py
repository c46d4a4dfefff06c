"""What a reader already has: for each message it believes unfinished, the length of each channel in code points.

Pure arithmetic on values (PROTOCOL section 5); no clock, no I/O.
"""
from __future__ import annotations

import re

from rill.errors import InvalidRequest

MAX_CURSOR_BYTES = 16 * 1024
MAX_NAMED = 400  # an `id:` names at most so many, so that it fits a header line on its way back

_ENTRY = re.compile(r"([A-Za-z0-9_-]{22,64}):([0-9]{1,10}):([0-9]{1,10})")

Cursor = dict[str, tuple[int, int]]  # message id -> (content length, reasoning length), oldest first


def parse_cursor(text: str) -> Cursor:
    """Raises InvalidRequest for anything but `-`, nothing, or `id:content:reasoning` joined by commas."""
    if text in ("", "-"):
        return {}
    if len(text) > MAX_CURSOR_BYTES:
        raise InvalidRequest(f"The cursor is longer than {MAX_CURSOR_BYTES} bytes. Connect without one.")
    cursor: Cursor = {}
    for entry in text.split(","):
        match = _ENTRY.fullmatch(entry)
        if not match:
            raise InvalidRequest("The cursor must be `-` or `id:content length:reasoning length` joined by commas.")
        message_id, content, reasoning = match[1], int(match[2]), int(match[3])
        if message_id in cursor:
            content, reasoning = min(content, cursor[message_id][0]), min(reasoning, cursor[message_id][1])
        cursor[message_id] = (content, reasoning)
    return cursor


def format_cursor(cursor: Cursor) -> str:
    newest = list(cursor.items())[-MAX_NAMED:]
    return ",".join(f"{message_id}:{content}:{reasoning}" for message_id, (content, reasoning) in newest) or "-"
