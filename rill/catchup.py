"""What a feed sends first: where things stand, and what its reader lacks of every message it may be following
(PROTOCOL section 5, "On connecting"). From `ready` on the reader is live.
"""
from __future__ import annotations

from collections.abc import Iterator

from rill import store
from rill.committer import message_event
from rill.cursor import Cursor
from rill.db import Database
from rill.engine import Engine
from rill.errors import NotFound
from rill.hub import Reader, StateEvent
from rill.models import Message, utc_now
from rill.sse import dumps, frame
from rill.text import LiveText

RETRY_LINE = b"retry: 1000\n\n"


def catch_up(db: Database, engine: Engine, reader: Reader, named: Cursor, boot: str) -> Iterator[bytes]:
    """Frames from `hello` to `ready`. The reader must be open in the hub already: what is committed while this is
    sent waits in it, and `hello`'s revision tells which of that the catch-up has shown."""
    with db.read() as tx:
        revision = store.revision(tx, reader.user_id)
        following = store.unfinished_messages(tx, reader.user_id)
        known = {message.id for message in following}
        following += [message for message_id in named if message_id not in known
                      if (message := _find(tx, reader.user_id, message_id)) is not None]
    reader.revision = revision
    events = [_event(engine, message, revision) for message in following]
    for event in events:
        live = event.live
        lengths = live.lengths() if event.lengths is None else event.lengths
        if live.message_id in named:  # the others join when their `message` is sent: no id names one before that
            content, reasoning = named[live.message_id]
            reader.have[live.message_id] = (min(content, lengths[0]), min(reasoning, lengths[1]))
    return _frames(reader, events, revision, boot)


def _frames(reader: Reader, events: list[StateEvent], revision: int, boot: str) -> Iterator[bytes]:
    yield RETRY_LINE + frame("hello", dumps({"revision": revision, "boot": boot, "server_time": utc_now()}))
    for event in events:
        yield from reader.show(event, revision)
        if event.lengths is None:
            yield from reader.catch_up(event.live, event.live.lengths())
    reader.is_catching_up = False
    yield frame("ready", b"{}")


def _find(tx, user_id: str, message_id: str) -> Message | None:  # noqa: ANN001
    try:
        message = store.get_message(tx, user_id, message_id)
    except NotFound:
        return None
    return message if message.role == "assistant" else None


def _event(engine: Engine, message: Message, revision: int) -> StateEvent:
    run = engine.runs.get(message.id)
    if run is not None and not message.is_finished:
        return message_event(run.message, revision, run.live)
    message = engine.grown(message)
    live = LiveText(message.id, message.conversation_id, message.content, message.reasoning)
    return message_event(message, revision, live)
