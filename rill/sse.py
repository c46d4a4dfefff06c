"""The syntax of one server-sent event, outgoing (WHATWG HTML, section 9.2). Knows nothing of what events mean."""
from __future__ import annotations

import orjson

dumps = orjson.dumps  # never emits a raw CR or LF, so an event's data is one line


def frame(event: str, data: bytes, cursor: str | None = None) -> bytes:
    """One event. `data` is one line of JSON; `cursor`, when given, becomes the reader's Last-Event-ID."""
    head = f"id: {cursor}\nevent: {event}\n" if cursor is not None else f"event: {event}\n"
    return b"%bdata: %b\n\n" % (head.encode(), data)
