"""What an upstream's answer says, from the raw bytes that reached the server: an own, small reading of HTTP and frames.

It shares no code with the client it is held against. Pure. It reads what the stand-in sends: HTTP/1.1, chunked, by
length or to the end; frames of `data:` lines; no compression.
"""
from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

CHANNELS = ("content", "reasoning")
STATUS = re.compile(r"HTTP/1\.1 ([1-5]\d\d)")


@dataclass(slots=True)
class Answer:
    """`is_whole`: its HTTP body ended. `is_complete`: it said its end. `is_broken`: after `texts` came something that is no chunk, or an error."""

    status: int | None = None
    texts: dict[str, str] = field(default_factory=lambda: dict.fromkeys(CHANNELS, ""))
    is_whole: bool = False
    is_complete: bool = False
    is_broken: bool = False
    finish_reason: str | None = None

    @property
    def is_over(self) -> bool:
        """Nothing more has to come: the connection may stay open for the next question."""
        return self.is_whole or self.is_complete


def read_question(asked: bytes) -> dict[str, Any] | None:
    """The JSON body of a chat request; None for any other request, or half a one."""
    head, _, body = asked.partition(b"\r\n\r\n")
    if not head.startswith(b"POST "):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None


def read_answer(data: bytes) -> Answer:
    answer = Answer()
    head, found, rest = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    if told := STATUS.match(status):  # a client may act on it, whatever becomes of the rest
        answer.status = int(told[1])
    if not found:
        return answer
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body, answer.is_whole = _body(rest, headers)
    if answer.status != 200:
        return answer
    if headers.get("content-type", "").startswith("text/event-stream"):
        _read_frames(body, answer)
    elif answer.is_whole:
        _read_document(body, answer)
    return answer


def _body(rest: bytes, headers: dict[str, str]) -> tuple[bytes, bool]:
    if headers.get("transfer-encoding") == "chunked":
        return _dechunk(rest)
    length = headers.get("content-length")
    return rest, length is not None and len(rest) >= int(length)


def _dechunk(rest: bytes) -> tuple[bytes, bool]:
    body = b""
    while True:
        size, found, after = rest.partition(b"\r\n")
        if not found:
            return body, False
        count = int(size, 16)
        if count == 0:
            return body, True
        body += after[:count]
        rest = after[count + 2:]


def _read_frames(body: bytes, answer: Answer) -> None:
    *blocks, rest = body.split(b"\n\n")
    for block in (*blocks, rest):
        data = b"\n".join(line[6:] for line in block.split(b"\n") if line.startswith(b"data: "))
        if data == b"[DONE]":
            answer.is_complete = True
            return
        if not data:
            continue
        try:
            chunk = json.loads(data)
        except ValueError:
            answer.is_broken = block is not rest  # half a frame at the very end is only half
            return
        if chunk.get("error"):
            answer.is_broken = True
            return
        for choice in chunk.get("choices", []):
            _add(choice.get("delta") or {}, answer)
            if choice.get("finish_reason"):
                answer.finish_reason, answer.is_complete = choice["finish_reason"], True


def _read_document(body: bytes, answer: Answer) -> None:
    try:
        choice = json.loads(body)["choices"][0]
    except (ValueError, KeyError, TypeError):
        answer.is_broken = True
        return
    _add(choice["message"], answer)
    answer.finish_reason, answer.is_complete = choice["finish_reason"], True


def _add(said: dict[str, Any], answer: Answer) -> None:
    answer.texts["content"] += said.get("content") or ""
    answer.texts["reasoning"] += said.get("reasoning") or said.get("reasoning_content") or ""
