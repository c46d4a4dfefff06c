"""The journal: text that runs have committed and that stands in no message row yet.

One row a commit, whatever number of runs grew in it, so that the cost of a token does not hold a row and an index entry
of its own. An entry says where its text begins (offset and length in code points): what a row has already is passed
over, so entries that a row has taken in need not be looked for and removed one by one.
It decides nothing about when: the committer appends and empties it, the engine replays it after a crash.
"""
from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import orjson
from sqlalchemy import Connection, delete, select

from rill.models import Channel, Message
from rill.schema import journal

APPEND = "INSERT INTO journal (entries) VALUES (?)"

Entry = tuple[int, Channel, int, str]  # message seq, channel, offset, text

encode = orjson.dumps  # raises orjson.JSONEncodeError for text that is none (half a surrogate pair)


def append(tx: Connection, entries: list[Entry]) -> int:
    """In the caller's transaction; alone, `db.append(APPEND, (encode(entries),))` is ten times as fast. Returns its bytes."""
    row = encode(entries)
    tx.exec_driver_sql(APPEND, (row,))
    return len(row)


def empty(tx: Connection) -> None:
    tx.execute(delete(journal))


def replayed(tx: Connection, messages: Iterable[Message]) -> list[Message]:
    """These messages with all their committed text."""
    messages = list(messages)
    grown = {message.seq: {"content": [message.content], "reasoning": [message.reasoning]} for message in messages if not message.is_finished}
    lengths = {(seq, channel): len(parts[0]) for seq, channels in grown.items() for channel, parts in channels.items()}
    for row in tx.execute(select(journal.c.entries).order_by(journal.c.seq)) if grown else ():
        for seq, channel, offset, text in orjson.loads(row.entries):
            have = lengths.get((seq, channel))
            if have is not None and offset <= have < offset + len(text):
                grown[seq][channel].append(text[have - offset:])
                lengths[seq, channel] = offset + len(text)
    return [replace(message, **{channel: "".join(parts) for channel, parts in grown[message.seq].items()}) if message.seq in grown else message
            for message in messages]
