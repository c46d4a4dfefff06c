"""The checking reader checked: a feed with one planted lie must fail, and the same feed without it must pass."""
from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.feed_reader import MESSAGE_FIELDS, Feed, FeedEnded
from tests.wire_server import STREAM, WireServer

REPLY, CONVERSATION = "r" * 22, "c" * 22
Lines = list[tuple[str, str | None, dict[str, Any]]]


def message(status: str, revision: int, content: str = "", **more: Any) -> dict[str, Any]:
    is_final = status == "completed"
    fields = {**dict.fromkeys(MESSAGE_FIELDS), "id": REPLY, "conversation_id": CONVERSATION, "role": "assistant", "status": status,
              "finished_at": "2026-01-01T00:00:00.000Z" if is_final else None, "finish_reason": "stop" if is_final else None, **more}
    sums = {f"{channel}_sha256": hashlib.sha256(text.encode()).hexdigest() for channel, text in (("content", content), ("reasoning", ""))}
    return {"message": fields, "content_length": len(content), "reasoning_length": 0, "revision": revision, **(sums if is_final else {})}


def delta(offset: int, text: str) -> dict[str, Any]:
    return {"message_id": REPLY, "channel": "content", "offset": offset, "text": text}


def truth() -> Lines:
    return [("hello", None, {"revision": 5, "boot": "b", "server_time": "t"}), ("ready", None, {}),
            ("message", f"{REPLY}:0:0", message("queued", 6)), ("delta", f"{REPLY}:3:0", delta(0, "abc")), ("delta", None, delta(3, "def")),
            ("message", "-", message("completed", 7, "abcdef"))]


def replace(at: int, event: tuple[str, str | None, dict[str, Any]]) -> Lines:
    lines = truth()
    lines[at] = event
    return lines


def with_text(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "message": {**data["message"], "content": "", "reasoning": ""}}


LIES: dict[str, Lines] = {
    "a duplicate": [*truth()[:5], ("delta", None, delta(3, "def")), *truth()[5:]],
    "a gap": replace(4, ("delta", None, delta(4, "ef"))),
    "a lost tail": [*truth()[:4], truth()[5]],
    "text taken back": replace(4, ("delta", None, delta(0, "xyz"))),
    "a false completion": replace(5, ("message", "-", message("completed", 7, "abcdef", error={"type": "cut", "message": "x.", "retryable": True}))),
    "an end that has not ended": replace(5, ("message", "-", message("completed", 7, "abcdef", finished_at=None))),
    "an orphan": [*truth()[:2], *truth()[3:]],
    "text after the end": [*truth(), ("delta", None, delta(6, "more"))],
    "a revision too many": replace(5, ("message", "-", message("completed", 8, "abcdef"))),
    "a status that goes back": [*truth()[:2], ("message", f"{REPLY}:0:0", message("streaming", 6)), ("message", f"{REPLY}:0:0", message("queued", 7))],
    "no id on the first delta": replace(3, ("delta", None, delta(0, "abc"))),
    "an id that is ahead": replace(3, ("delta", f"{REPLY}:4:0", delta(0, "abc"))),
    "a delta too long": replace(3, ("delta", f"{REPLY}:5000:0", delta(0, "x" * 5000))),
    "a reply with its text": replace(2, ("message", f"{REPLY}:0:0", with_text(message("queued", 6)))),
    "an unknown event": [*truth(), ("surprise", None, {})],
    "no hello": truth()[1:],
    "a deleted one that lives": [*truth()[:3], ("conversation_deleted", None, {"id": CONVERSATION, "revision": 7}),
                                 ("message", "-", message("completed", 8))],
}


def read_all(lines: Lines) -> Feed:
    frames = ["retry: 1000\n\n"] + ["".join([f"id: {cursor}\n" if cursor is not None else "", f"event: {name}\ndata: {json.dumps(data)}\n\n"])
                                    for name, cursor, data in lines]
    with WireServer((frames, {**STREAM, "framing": "close"})) as server, Feed(int(server.base_url.split(":")[2].partition("/")[0])) as feed:
        try:
            while True:
                feed.read(5)
        except FeedEnded:
            return feed


def test_the_truth_passes() -> None:
    assert read_all(truth()).held.text(REPLY) == "abcdef"


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_found(lie: str) -> None:
    with pytest.raises(AssertionError, match="broke a promise"):
        read_all(LIES[lie])
