"""The checker of the chaos test finds every kind of bug that is planted in a clean record, and finds nothing in that.

Each test changes one observation as one bug of the server would, and wants the property named that it breaks.
"""
from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from rill.standin import numbers
from tests.chaos.checker import Violation, check, is_sentence
from tests.chaos.proxy import Exchange, Harm
from tests.chaos.record import CHANNELS, Connection, ReaderRecord, Record, RunRecord, Seen

KEY = "sk-ai-v1-0123456789abcdefWXYZ"
TAG, MODEL, SEED, WORDS = 0.000001, "demo/numbers", 7, 40
REPLY, QUESTION, CONVERSATION = "reply-0000000000000000001", "asked-0000000000000000001", "talks-0000000000000000001"
TEXT = "".join(numbers.words(WORDS, SEED, wide=True))
PARTS = [TEXT[at:at + 30] for at in range(0, len(TEXT), 30)]
CURSOR = f"{REPLY}:0:0"
ASKED_AT, STEP_SECONDS = 100.0, 0.05
CUT = {"type": "cut", "message": "The connection broke before the answer was complete. The text so far is kept. Try again.", "retryable": True}


def message(**fields: Any) -> dict[str, Any]:
    return {"id": REPLY, "conversation_id": CONVERSATION, "parent_id": QUESTION, "role": "assistant", "content": TEXT, "reasoning": "",
            "status": "completed", "model": MODEL, "finish_reason": "stop", "error": None, "finished_at": "2026-01-01T00:00:09.000Z", **fields}


def frames(parts: list[str], *, ended: bool = True) -> list[bytes]:
    """The answer in HTTP chunks, head first."""
    chunks = [{"choices": [{"index": 0, "delta": {"content": part}, "finish_reason": None}]} for part in parts]
    data = [f"data: {json.dumps(one)}\n\n".encode() for one in chunks]
    if ended:
        data += [b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n', b"data: [DONE]\n\n"]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return [head, *(b"%x\r\n%b\r\n" % (len(one), one) for one in data), *([b"0\r\n\r\n"] if ended else [])]


def call(pieces: list[bytes], **fields: Any) -> Exchange:
    body = json.dumps({"model": MODEL, "temperature": TAG}).encode()
    answered = [(ASKED_AT + number * STEP_SECONDS, piece) for number, piece in enumerate(pieces)]
    return Exchange(Harm(), ASKED_AT, b"POST /api/v1/chat/completions HTTP/1.1\r\n\r\n" + body, answered, **fields)


def feed_of(final: dict[str, Any]) -> list[Seen]:
    """Hello, the reply as it grows, its end."""
    told = {name: value for name, value in final.items() if name not in CHANNELS}
    events: list[tuple[str, dict[str, Any], str | None]] = [("hello", {"revision": 3}, None), ("ready", {}, None)]
    events.append(("message", {"message": {**told, "status": "streaming", "error": None, "finished_at": None}, "revision": 4}, CURSOR))
    offset = 0
    for part in [final["content"][at:at + 30] for at in range(0, len(final["content"]), 30)]:
        cursor = f"{REPLY}:{offset + len(part)}:0" if offset == 0 else None
        events.append(("delta", {"message_id": REPLY, "channel": "content", "offset": offset, "text": part}, cursor))
        offset += len(part)
    hashes = {f"{channel}_sha256": hashlib.sha256(final[channel].encode()).hexdigest() for channel in CHANNELS}
    lengths = {f"{channel}_length": len(final[channel]) for channel in CHANNELS}
    events.append(("message", {"message": told, "revision": 5, **lengths, **hashes}, "-"))
    return [Seen(name, data, cursor, ASKED_AT + number * STEP_SECONDS) for number, (name, data, cursor) in enumerate(events)]


def record_of(final: dict[str, Any], exchange: Exchange) -> Record:
    run = RunRecord(REPLY, CONVERSATION, TAG, MODEL, ASKED_AT, dict.fromkeys(CHANNELS, ""),
                    {"seed": SEED, "words": WORDS, "wide": True, "reasoning_words": 0}, after=copy.deepcopy(final))
    return Record(seed=0, key=KEY, content_timeout=1.0, readers=[ReaderRecord("reader", [Connection("-", ASKED_AT, feed_of(final))])],
                  runs=[run], messages={REPLY: copy.deepcopy(final)}, rows={REPLY: copy.deepcopy(final)}, revision=5,
                  kept_conversations={CONVERSATION}, exchanges=[exchange],
                  ledger=[{"body": {"model": MODEL, "temperature": TAG}}], places={"the log": b"run=1 started"}, grace_seconds=1.0)


@pytest.fixture
def clean() -> Record:
    return record_of(message(), call(frames(PARTS)))


def cut_off() -> Record:
    """The upstream broke after half of it, and half of it is kept."""
    half = PARTS[:len(PARTS) // 2]
    final = message(content="".join(half), status="failed", finish_reason=None, error=CUT)
    return record_of(final, call(frames(half, ended=False), struck_at=ASKED_AT + 2, ended_at=ASKED_AT + 2, asker_closed_at=ASKED_AT + 2.01))


def stopped() -> Record:
    """A person stopped it half way; the connection was let go of 20 ms later."""
    half = PARTS[:len(PARTS) // 2]
    closed_at = ASKED_AT + len(half) * STEP_SECONDS + 0.02
    record = record_of(message(content="".join(half), status="stopped", finish_reason=None), call(frames(half, ended=False), asker_closed_at=closed_at))
    record.runs[0].stopped_at = closed_at - 0.02
    return record


def killed() -> Record:
    half = PARTS[:len(PARTS) // 2]
    killed_at = ASKED_AT + len(half) * STEP_SECONDS + 0.01
    error = {**CUT, "type": "interrupted"}
    record = record_of(message(content="".join(half), status="interrupted", finish_reason=None, error=error),
                       call(frames(half, ended=False), asker_closed_at=killed_at))
    record.kills = [killed_at]
    return record


def rules(record: Record) -> set[str]:
    return {violation.rule for violation in check(record)}


def keep(record: Record, **fields: Any) -> None:
    """What the server kept is this, and everybody agrees on it."""
    for place in (record.messages[REPLY], record.rows[REPLY], record.runs[0].after):
        place.update(copy.deepcopy(fields))
    record.readers[0].connections[0].events = feed_of(record.messages[REPLY])


def deltas(record: Record) -> list[Seen]:
    return [event for event in record.readers[0].connections[0].events if event.name == "delta"]


def drop_event(record: Record, event: Seen) -> None:
    record.readers[0].connections[0].events.remove(event)


# -- clean

@pytest.mark.parametrize("made", [cut_off, stopped, killed])
def test_a_clean_record_of_an_early_end_is_accepted(made: Callable[[], Record]) -> None:
    assert check(made()) == []


def test_a_clean_record_is_accepted(clean: Record) -> None:
    assert check(clean) == []


def test_a_reader_that_comes_back_and_overlaps_is_accepted(clean: Record) -> None:
    whole = clean.readers[0].connections[0].events
    head, tail = whole[:6], whole[6:]
    at = 30  # it names less than it has, as a page that only kept an id
    resumed = [Seen("hello", {"revision": 4}, None, 101.0), Seen("message", {**whole[2].data, "revision": 4}, f"{REPLY}:{at}:0", 101.0)]
    resumed += [Seen("delta", {**one.data}, f"{REPLY}:{one.data['offset'] + len(one.data['text'])}:0", 101.0) for one in deltas(clean)[1:]]
    resumed += [Seen("ready", {}, None, 101.1), tail[-1]]
    clean.readers[0].connections = [Connection("-", ASKED_AT, head), Connection(f"{REPLY}:{at}:0", 101.0, resumed)]
    assert check(clean) == []


# -- readers

def test_a_duplicate_delta_is_found(clean: Record) -> None:
    events = clean.readers[0].connections[0].events
    events.insert(events.index(deltas(clean)[3]) + 1, copy.deepcopy(deltas(clean)[3]))
    assert "P2" in rules(clean)


def test_a_gap_in_a_feed_is_found(clean: Record) -> None:
    drop_event(clean, deltas(clean)[3])
    assert "P2" in rules(clean)


def test_a_lost_tail_of_a_reader_is_found(clean: Record) -> None:
    drop_event(clean, deltas(clean)[-1])
    assert "P1" in rules(clean)


def test_a_reader_left_without_the_end_is_found(clean: Record) -> None:
    clean.readers[0].connections[0].events.pop()
    assert "P8" in rules(clean)


def test_a_text_that_is_taken_back_is_found(clean: Record) -> None:
    first = clean.readers[0].connections[0]
    again = Connection(f"{REPLY}:0:0", 101.0, copy.deepcopy(first.events))
    again.events[3].data["text"] = "another beginning of 30 letters"[:30]
    first.events = first.events[:8]
    clean.readers[0].connections.append(again)
    assert "P4" in rules(clean)


def test_a_shown_text_that_is_not_kept_is_found() -> None:
    record = killed()
    shown = feed_of(message())[:8]
    keep(record, content=PARTS[0])
    record.readers[0].connections.insert(0, Connection("-", ASKED_AT, shown))
    assert "P4" in rules(record)


def test_a_shown_message_that_is_gone_is_found(clean: Record) -> None:
    clean.messages.clear()
    clean.rows.clear()
    clean.runs.clear()
    assert "P4" in rules(clean)


def test_an_event_of_a_deleted_conversation_is_found(clean: Record) -> None:
    clean.kept_conversations.clear()
    clean.deleted = clean.discarded = {CONVERSATION: 104.0}
    clean.messages.clear()
    clean.rows.clear()
    clean.runs[0].after = None
    events = clean.readers[0].connections[0].events
    events[6:6] = [Seen("conversation_deleted", {"id": CONVERSATION, "revision": 5}, "-", 103.0)]
    assert "P1" in rules(clean)
    del events[7:]
    assert check(clean) == []


@pytest.mark.parametrize("revision", [4, 6, 3])
def test_a_revision_out_of_order_is_found(clean: Record, revision: int) -> None:
    clean.readers[0].connections[0].events[-1].data["revision"] = revision
    assert "P1" in rules(clean)


def test_a_reader_that_is_refused_is_found(clean: Record) -> None:
    clean.readers[0].connections.insert(0, Connection("-", ASKED_AT, ended="refused 503"))  # the server was ending
    assert check(clean) == []
    clean.readers[0].connections[0].ended = "refused 500"
    assert rules(clean) == {"P1"}


def test_a_reader_that_missed_a_change_is_found(clean: Record) -> None:
    clean.revision = 6
    assert rules(clean) == {"P1"}


def test_a_named_message_that_is_not_mentioned_is_found(clean: Record) -> None:
    first = clean.readers[0].connections[0]
    asked = Seen("asked", {"message": clean.messages[REPLY]}, None, 101.2)
    first.events = first.events[:6]
    quiet = [Seen("hello", {"revision": 5}, None, 101.0), Seen("ready", {}, None, 101.1), asked]
    clean.readers[0].connections.append(Connection(f"{REPLY}:30:0", 101.0, quiet))
    assert "P1" in rules(clean)
    clean.readers[0].connections[1].cursor = "-"
    assert check(clean) == []


def test_an_id_that_claims_too_much_is_found(clean: Record) -> None:
    deltas(clean)[0].id = f"{REPLY}:31:0"
    assert "P4" in rules(clean)


@pytest.mark.parametrize("field", ["content_sha256", "content_length"])
def test_a_wrong_hash_or_length_is_found(clean: Record, field: str) -> None:
    data = clean.readers[0].connections[0].events[-1].data
    data[field] = 5 if field.endswith("length") else hashlib.sha256(b"else").hexdigest()
    assert "P1" in rules(clean)


def test_a_broken_promise_of_the_strict_reader_is_passed_on(clean: Record) -> None:
    clean.readers[0].broken_promises.append("the feed broke a promise: no hole")
    assert "P1" in rules(clean)


# -- API, database, upstream

def test_a_database_that_disagrees_is_found(clean: Record) -> None:
    clean.rows[REPLY]["content"] = TEXT[:-1]
    assert "P1" in rules(clean)


def test_a_doubled_word_that_everybody_agrees_on_is_found(clean: Record) -> None:
    keep(clean, content=PARTS[0] + TEXT)
    assert "P2" in rules(clean)


def test_a_hole_that_everybody_agrees_on_is_found(clean: Record) -> None:
    keep(clean, content="".join(PARTS[:3] + PARTS[4:]))
    assert "P2" in rules(clean)


def test_the_text_of_another_message_is_found(clean: Record) -> None:
    keep(clean, content="".join(numbers.words(WORDS, SEED + 1, wide=True)))
    assert "P2" in rules(clean)


@pytest.mark.parametrize("made", [cut_off, stopped, killed])
def test_a_lost_tail_that_everybody_agrees_on_is_found(made: Callable[[], Record]) -> None:
    record = made()
    keep(record, content=record.messages[REPLY]["content"][:-200])
    assert rules(record) & {"P2", "P3"}


def test_a_read_that_was_made_to_fail_excuses_an_unread_tail_and_no_wrong_one() -> None:
    record = cut_off()
    record.lag_seconds = 2  # a machine that was as slow as the whole answer took
    whole = record.messages[REPLY]["content"]
    keep(record, content=whole[:-50])
    assert "P3" in rules(record)
    record.read_faults = 1
    assert "P3" not in rules(record)
    keep(record, content=whole[:-50] + "?")
    assert "P2" in rules(record)


def test_a_completed_one_that_lacks_its_tail_is_found(clean: Record) -> None:
    keep(clean, content="".join(PARTS[:-1]))
    assert "P2" in rules(clean)


def test_a_false_completion_is_found() -> None:
    record = cut_off()
    keep(record, status="completed", finish_reason="stop", error=None)
    assert "P5" in rules(record)


def test_a_false_failure_is_found(clean: Record) -> None:
    keep(clean, status="failed", finish_reason=None, error=CUT)
    assert "P5" in rules(clean)


@pytest.mark.parametrize("status", ["stopped", "interrupted"])
def test_an_end_that_nobody_made_is_found(status: str) -> None:
    record = cut_off()
    keep(record, status=status, error=None if status == "stopped" else CUT)
    assert "P5" in rules(record)


def test_a_limit_that_fires_while_text_flows_is_found() -> None:
    record = stopped()
    keep(record, status="failed", error={**CUT, "type": "timeout"})
    assert "P5" in rules(record)


@pytest.mark.parametrize("sentence", ["", "Error", "KeyError('x')", "Traceback (most recent call last): something went wrong.", None])
def test_a_failure_without_a_usable_sentence_is_found(sentence: Any) -> None:
    record = cut_off()
    assert is_sentence(CUT["message"]) and not is_sentence(sentence)
    keep(record, error={**CUT, "message": sentence})
    assert "P5" in rules(record)


def test_a_failure_inside_the_server_is_found() -> None:
    record = cut_off()
    keep(record, error={**CUT, "type": "internal"})
    assert "P5" in rules(record)


def test_a_message_that_never_ends_is_found(clean: Record) -> None:
    keep(clean, status="streaming", finish_reason=None, finished_at=None)
    assert "P8" in rules(clean)


def test_an_upstream_that_stays_open_is_found() -> None:
    record = stopped()
    record.exchanges[0].asker_closed_at = None
    assert "P6" in rules(record)


def test_an_upstream_that_is_closed_late_is_found() -> None:
    record = stopped()
    record.exchanges[0].asker_closed_at += 3.5
    assert "P6" in rules(record)


def test_a_second_call_after_a_started_answer_is_found(clean: Record) -> None:
    clean.exchanges.insert(0, call(frames(PARTS[:1], ended=False), asker_closed_at=ASKED_AT + 1))
    assert "P6" in rules(clean)


def test_repeats_after_refusals_are_accepted_up_to_two(clean: Record) -> None:
    refused = call([b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"])
    clean.exchanges[:0] = [refused, refused]
    assert check(clean) == []
    clean.exchanges.insert(0, refused)
    assert "P6" in rules(clean)


def test_a_reply_that_nobody_asked_for_is_found(clean: Record) -> None:
    for place in (clean.messages, clean.rows):
        place["second"] = message(id="second")
    assert rules(clean) == {"P6"}


def test_a_call_for_a_refused_request_is_found(clean: Record) -> None:
    clean.runs.clear()
    clean.messages.clear()
    clean.readers.clear()
    clean.refused_tags = [TAG]
    assert "P6" in rules(clean)


def test_text_left_behind_in_the_journal_is_found(clean: Record) -> None:
    clean.stray_text = 1
    assert "P1" in rules(clean)


def test_a_deleted_message_left_in_the_database_is_found(clean: Record) -> None:
    clean.deleted = {CONVERSATION: 104.0}
    assert "P1" in rules(clean)


# -- the key, the process

@pytest.mark.parametrize("data", [KEY, KEY[-12:], f"...{KEY}..."])
def test_a_leak_of_the_key_is_found(clean: Record, data: str) -> None:
    clean.places["a page"] = f"<p>{data}</p>".encode()
    assert "P7" in rules(clean)


def test_a_shutdown_that_takes_too_long_or_fails_is_found(clean: Record) -> None:
    clean.shutdowns = [(50.0, 53.9, 0)]
    assert check(clean) == []
    clean.shutdowns = [(50.0, 54.1, 0)]
    assert "P8" in rules(clean)
    clean.shutdowns = [(50.0, 51.0, 1)]
    assert "P8" in rules(clean)


def test_a_traceback_in_the_log_is_found(clean: Record) -> None:
    clean.log = "run=1 started\nTraceback (most recent call last):\n"
    assert [violation for violation in check(clean) if "traceback" in str(violation)] != []


def test_a_violation_names_its_rule() -> None:
    assert str(Violation("P4", "what was shown is gone")) == "P4: what was shown is gone"
