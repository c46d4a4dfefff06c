"""Holds everything that was observed of one seed against the nine properties, and names each violation in a sentence.

Pure: a `Record` in, a list out; no clock, no socket, no SQL, nothing of the server's own code. `episode.py` makes the
records; tests/unit/test_checker.py plants every kind of bug in a clean one and wants it found.

P1 readers, API and database agree        P4 what was shown never vanishes    P7 the key is nowhere
P2 exact without an upstream fault        P5 `completed` only if it ended     P8 every run ends
P3 else a prefix with all that arrived    P6 one call a run, closed in time   P9 a kill costs what came in its last 100 ms
"""
from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rill.standin import numbers
from tests.chaos.proxy import Exchange
from tests.chaos.record import CHANNELS, FINAL, Record, RunRecord
from tests.chaos.replay import Replay
from tests.chaos.witness import Answer, read_answer, read_question

LOST_AT_MOST_SECONDS = 0.1  # P9; what came so shortly before a stop or kill may be lost
CLOSED_WITHIN_SECONDS = 3.0  # P6
SHUTDOWN_SECONDS = 3.0  # above the grace time
MAX_CALLS = 3
REPEATABLE = (429, 502, 503, 504)  # refused before anything was generated
COLUMNS = ("conversation_id", "parent_id", "role", *CHANNELS, "status", "model", "finish_reason", "error", "finished_at")
NO_SENTENCE = re.compile(r"Traceback|Error\(|Exception|<class|0x[0-9a-f]{6}|\n|None")
SHORTEST_SENTENCE = 30
KEY_TAIL_CHARS = 12

Found = Iterator["Violation"]


@dataclass(frozen=True, slots=True)
class Violation:
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.what}"


def check(record: Record) -> list[Violation]:
    calls = _calls_by_name(record.exchanges)
    return [*_check_readers(record), *_check_rows(record), *_check_messages(record), *_check_calls(record, calls),
            *(one for run in record.runs for one in _check_run(record, run, calls.get((run.tag, run.model), []))),
            *_check_secret(record), *_check_process(record)]


def _calls_by_name(exchanges: list[Exchange]) -> dict[tuple[float, str], list[Exchange]]:
    calls: dict[tuple[float, str], list[Exchange]] = {}
    for exchange in exchanges:
        if question := read_question(exchange.asked):
            calls.setdefault((question.get("temperature", 0.0), question["model"]), []).append(exchange)
    return calls


# -- P1, P4: everybody shows the same

def _check_readers(record: Record) -> Found:
    for reader in record.readers:
        for promise in reader.broken_promises:
            yield Violation("P1", f"{reader.name}: {promise}")
        for connection in reader.connections:
            if connection.ended.startswith("refused") and connection.ended != "refused 503" and not record.storage_faults:
                yield Violation("P1", f"{reader.name} was {connection.ended} with the cursor {connection.cursor!r}")
        replay = Replay(reader).run()
        for rule, what in replay.found:
            yield Violation(rule, what)
        if record.revision and replay.revision != record.revision:
            yield Violation("P1", f"{reader.name} ends at revision {replay.revision}, the API is at {record.revision}")
        for message_id in replay.open_ids():
            if message_id in record.messages:
                yield Violation("P8", f"{reader.name} believes to the end that {message_id} is unfinished")
        for message_id, texts in replay.texts.items():
            yield from _check_shown(record, reader.name, message_id, texts, replay.messages.get(message_id, {}))


def _check_shown(record: Record, name: str, message_id: str, texts: dict[str, str], seen: dict[str, Any]) -> Found:
    message = record.messages.get(message_id)
    if message is None:
        if seen.get("conversation_id") in record.kept_conversations:
            yield Violation("P4", f"{message_id} was shown to {name} and is gone")
        return
    is_last = seen.get("finished_at") is not None and seen["finished_at"] == message["finished_at"]
    for channel in CHANNELS:
        if not message[channel].startswith(texts[channel]):
            yield Violation("P4", f"{channel} of {message_id} lacks what {name} was shown{_difference(texts[channel], message[channel])}")
        elif is_last and message[channel] != texts[channel]:
            yield Violation("P1", f"{name} ends with {len(texts[channel])} characters of {channel} of {message_id}, there are {len(message[channel])}")
    if is_last and seen["status"] != message["status"]:
        yield Violation("P1", f"{message_id} is {seen['status']} to {name} and {message['status']} to the API")


def _check_rows(record: Record) -> Found:
    for message_id, message in record.messages.items():
        row = record.rows.get(message_id)
        if row is None:
            yield Violation("P1", f"{message_id} is not in the database")
            continue
        for column in COLUMNS:
            if row[column] != message[column]:
                yield Violation("P1", f"{column} of {message_id} is {row[column]!r:.200} in the database and {message[column]!r:.200} in the API")
    for message_id, row in record.rows.items():
        if row["status"] not in FINAL:
            yield Violation("P8", f"{message_id} of {row['conversation_id']} is {row['status']} for ever")
        if row["conversation_id"] in record.deleted:
            yield Violation("P1", f"{message_id} is in the database though its conversation was deleted")
    if record.stray_text:
        yield Violation("P1", f"{record.stray_text} rows of the journal belong to no unfinished message")


# -- P5, P8: how messages ended

def _check_messages(record: Record) -> Found:
    for message_id, message in record.messages.items():
        status, error = message["status"], message["error"]
        if status not in FINAL:
            yield Violation("P8", f"{message_id} is {status} for ever")
        if (error is not None) != (status in ("failed", "interrupted")):
            yield Violation("P5", f"{message_id} is {status} with the error {error}")
        if error is not None and not is_sentence(error["message"]):
            yield Violation("P5", f"{message_id} failed without a usable sentence: {error['message']!r}")
        if error is not None and error["type"] in ("internal", "storage") and not record.storage_faults:
            yield Violation("P5", f"{message_id} failed inside the server: {error}")


def is_sentence(text: Any) -> bool:
    """Something a person can use: what happened, what is kept, what to do."""
    return isinstance(text, str) and len(text) >= SHORTEST_SENTENCE and text.endswith(".") and not NO_SENTENCE.search(text)


# -- P6: calls of the upstream

def _check_calls(record: Record, calls: dict[tuple[float, str], list[Exchange]]) -> Found:
    known = {(run.tag, run.model) for run in record.runs}
    asked = {run.message_id for run in record.runs}
    for message_id, message in record.messages.items():
        if message["role"] == "assistant" and message_id not in asked:
            yield Violation("P6", f"nobody asked for the reply {message_id}")
    for (tag, model), exchanges in calls.items():
        if (tag, model) not in known and tag in record.refused_tags:
            yield Violation("P6", f"the upstream was asked for a refused request, tag {tag} model {model}")
        if len(exchanges) > MAX_CALLS:
            yield Violation("P6", f"{len(exchanges)} calls for one run, tag {tag} model {model}")
        for exchange in exchanges[:-1]:
            if (status := _answer(exchange).status) not in REPEATABLE:
                yield Violation("P6", f"asked again after an answer of status {status}, tag {tag} model {model}")
        for exchange in exchanges:
            if exchange.asker_closed_at is None and not _answer(exchange).is_over:
                yield Violation("P6", f"an orphan: the call of tag {tag} model {model} was never closed")
    for call in record.ledger:
        body = call["body"] or {}
        exchanges = calls.get((body.get("temperature", 0.0), body.get("model")), [])
        if not exchanges:
            yield Violation("P6", f"the ledger has a call that nobody made: {body.get('model')} {body.get('temperature')}")


def _answer(exchange: Exchange, until: float = math.inf) -> Answer:
    """What had reached the server by then, as long as it listened."""
    until = min(until, exchange.asker_closed_at or math.inf)
    return read_answer(b"".join(data for at, data in exchange.answered if at <= until))


# -- P2, P3, P5, P6, P9: one run

def _check_run(record: Record, run: RunRecord, exchanges: list[Exchange]) -> Found:
    name = f"{run.message_id} tag {run.tag:.6f} model {run.model}"
    exchange = exchanges[-1] if exchanges else None
    for asked_at in (run.stopped_at, record.discarded.get(run.conversation_id)):
        if exchange and asked_at and exchange.asked_at < asked_at and not _answer(exchange).is_over:
            late = (exchange.asker_closed_at or math.inf) - asked_at
            if late > CLOSED_WITHIN_SECONDS + record.lag_seconds:
                yield Violation("P6", f"the upstream of {name} was closed {late:.1f} s after Stop")
    if run.after is None:
        return
    kept = {}
    for channel in CHANNELS:
        if not run.after[channel].startswith(run.before[channel]):
            yield Violation("P4", f"{channel} of {name} lost what it had before it was continued")
        kept[channel] = run.after[channel][len(run.before[channel]):]
    if "leak" in run.model:
        return  # the key is masked in it: `_check_secret` looks
    said, surely = _arrived(record, run, exchange)
    yield from _check_text(run, name, kept, said, surely)
    yield from _check_ending(record, run, name, exchange, said, surely)
    yield from _check_numbers(run, name)


def _arrived(record: Record, run: RunRecord, exchange: Exchange | None) -> tuple[Answer, Answer]:
    """All that may have been read, and what must have been."""
    if exchange is None:
        return Answer(), Answer()
    said = _answer(exchange)
    let_go = min([at for at in (exchange.asker_closed_at, *record.kills) if at and at >= exchange.asked_at], default=math.inf)
    broke = min(exchange.struck_at or math.inf, exchange.ended_at or math.inf)
    was_read = run.after["status"] not in ("stopped", "interrupted") and not (record.read_faults and run.after["status"] == "failed")
    if was_read and (broke < let_go or said.is_broken):
        return said, said  # the server came to the end of what it was given
    return said, _answer(exchange, min(let_go, broke) - LOST_AT_MOST_SECONDS - record.lag_seconds)


def _check_text(run: RunRecord, name: str, kept: dict[str, str], said: Answer, surely: Answer) -> Found:
    for channel in CHANNELS:
        if not said.texts[channel].startswith(kept[channel]):
            yield Violation("P2", f"{channel} of {name} is not what the upstream said{_difference(kept[channel], said.texts[channel])}")
        elif not kept[channel].startswith(surely.texts[channel]):
            yield Violation("P3", f"a lost tail: {channel} of {name} has {len(kept[channel])} characters, "
                                  f"{len(surely.texts[channel])} had surely arrived")
    if run.after["status"] == "completed" and kept != said.texts:
        yield Violation("P2", f"{name} is completed with {_lengths(kept)} of {_lengths(said.texts)} characters")


def _check_ending(record: Record, run: RunRecord, name: str, exchange: Exchange | None, said: Answer, surely: Answer) -> Found:
    status = run.after["status"]
    is_cut_off = any(at >= run.asked_at for at in (*record.kills, *(at for at, _, _ in record.shutdowns)))
    if status == "completed" and not said.is_complete:
        yield Violation("P5", f"{name} is completed, but the upstream did not end it")
    if status == "stopped" and run.stopped_at is None:
        yield Violation("P5", f"{name} is stopped, and nobody stopped it")
    if status == "interrupted" and not is_cut_off:
        yield Violation("P5", f"{name} is interrupted, and no server died")
    if surely.is_complete and not surely.is_broken and status != "completed" and run.stopped_at is None and not is_cut_off:
        yield Violation("P5", f"the upstream ended {name} well, and it is {status}: {run.after['error']}")
    error = run.after["error"]
    if error and error["type"] == "timeout" and exchange and exchange.asker_closed_at:
        before = _answer(exchange, exchange.asker_closed_at - 0.8 * record.content_timeout)
        if before.texts != surely.texts:
            yield Violation("P5", f"{name} ran into a limit, but the upstream had just spoken")


def _check_numbers(run: RunRecord, name: str) -> Found:
    """The text proves itself: no witness is needed."""
    if run.model != "demo/numbers" or run.spec is None:
        return
    seed, wide = run.spec["seed"], run.spec["wide"]
    if (wrong := numbers.verify(run.after["content"], seed, wide=wide)) is not None:
        yield Violation("P2", f"content of {name} is wrong from character {wrong}: {run.after['content'][max(0, wrong - 20):wrong + 20]!r}")
    whole = sum(len(word) for word in numbers.words(run.spec["words"], seed, wide=wide))
    if run.after["status"] == "completed" and len(run.after["content"]) != whole:
        yield Violation("P2", f"{name} is completed with {len(run.after['content'])} of {whole} characters")


# -- P7, and the process itself

def _check_secret(record: Record) -> Found:
    for place, data in record.places.items():
        for part in (record.key, record.key[-KEY_TAIL_CHARS:]):
            if (at := data.find(part.encode())) >= 0:
                yield Violation("P7", f"the key stands in {place}: …{data[max(0, at - 60):at]!r}")
                break


def _check_process(record: Record) -> Found:
    for asked_at, gone_at, code in record.shutdowns:
        limit = record.grace_seconds + SHUTDOWN_SECONDS
        if code or gone_at - asked_at > limit + record.lag_seconds:
            yield Violation("P8", f"after SIGTERM the server ended with {code} in {gone_at - asked_at:.1f} s; the limit is {limit} s")
    if "Traceback" in record.log and not record.storage_faults:
        at = record.log.index("Traceback")
        yield Violation("P5", f"a traceback in the server's log: {record.log[max(0, at - 200):at + 1500]}")
    for trouble in record.troubles:
        yield Violation("P8", trouble)


def _lengths(texts: dict[str, str]) -> str:
    return "+".join(str(len(texts[channel])) for channel in CHANNELS)


def _difference(got: str, expected: str) -> str:
    at = next((at for at, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
    return f"; from {at} on it has {got[at:at + 30]!r} where {expected[at:at + 30]!r} was"
