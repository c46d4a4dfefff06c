"""A conversation on its way in: values that were checked, and a tree of messages under the names they have in the file.

`check` holds the tree to the rules that ours keep: a user message begins, or follows a reply; a reply follows a user
message; no circles, no strangers. It makes no ids and writes nothing.
"""
from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rill.errors import Unusable
from rill.models import SLUG_PATTERN

MAX_TITLE_CHARS = 200
MAX_ID_CHARS = 200
NO_ANSWER = "The file holds no answer to this message. Ask again to get one."
WAS_WRITING = "This answer was still being written when it was exported. What was there by then is kept."


@dataclass(slots=True)
class DraftMessage:
    """`values` are columns of `messages`; `name` and `parent` are the file's own. `attachments` are ids that it claims: who
    writes the draft keeps those that are this person's and still here, and those that came along (`files.py`)."""

    name: str
    parent: str | None
    values: dict[str, Any]
    attachments: list[str] = field(default_factory=list)

    @property
    def role(self) -> str:
        return self.values["role"]


@dataclass(slots=True)
class DraftFile:
    name: str
    data: str | None  # base64; None where the file only names it


@dataclass(slots=True)
class Draft:
    """`values` are columns of `conversations`; `head` names the message that is shown; `files` are the attachments that the
    file describes, by the ids they have there, with their bytes or without."""

    values: dict[str, Any]
    head: str | None
    messages: list[DraftMessage] = field(default_factory=list)
    files: dict[str, DraftFile] = field(default_factory=dict)

    def check(self) -> None:
        """Raises Unusable. The order of `messages` stays: it is the one in which they were said."""
        by_name = {message.name: message for message in self.messages}
        if len(by_name) != len(self.messages):
            raise Unusable("two of its messages have the same id")
        for message in self.messages:
            parent = by_name.get(message.parent) if message.parent is not None else None
            if message.parent is not None and parent is None:
                raise Unusable("a message follows one that is not there")
            if message.role == "assistant" and (parent is None or parent.role != "user"):
                raise Unusable("an answer does not follow a message of a person")
            if message.role == "user" and parent is not None and parent.role != "assistant":
                raise Unusable("a message of a person does not follow an answer")
        check_no_circle({message.name: message.parent for message in self.messages})
        if self.head not in by_name:
            self.head = self.messages[-1].name if self.messages else None


def check_no_circle(parents: dict[str, str | None]) -> None:
    """Raises Unusable. A loop, so that no depth can exhaust our own stack; each message is walked over once."""
    reaches_root: set[str] = set()
    for name in parents:
        walked: dict[str, None] = {}
        at: str | None = name
        while at is not None and at not in reaches_root:
            if at in walked:
                raise Unusable("its messages follow each other in a circle")
            walked[at] = None
            at = parents.get(at)
        reaches_root.update(walked)


# ---- values that came from outside: what is not what it should be is left out

def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def title(value: Any) -> str:
    return text(value)[:MAX_TITLE_CHARS]


def name(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_CHARS:
        raise Unusable("a message has no id")
    return value


def slug(value: Any) -> str | None:
    return value if isinstance(value, str) and SLUG_PATTERN.fullmatch(value) else None


def number(value: Any) -> float | None:
    """Finite and not negative."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) and 0 <= value < 2**53 else None


def stamp(value: Any, now: str) -> str | None:
    """A time as we write it, from ours or from Unix seconds; none that is still to come."""
    try:
        if number(value):
            at = datetime.fromtimestamp(value, UTC)
        elif isinstance(value, str) and len(value) <= 40:
            at = datetime.fromisoformat(value)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    if at.year < 1970:
        return None
    return min(at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z", now)


def interrupted(sentence: str) -> dict[str, Any]:
    """The error of a reply that has no end."""
    return {"type": "interrupted", "message": sentence, "retryable": True}


def conversation_values(given: dict[str, Any], now: str) -> dict[str, Any]:
    """What both formats have: a title and times."""
    created_at = stamp(given.get("created_at", given.get("create_time")), now) or now
    updated_at = stamp(given.get("updated_at", given.get("update_time")), now) or created_at
    return {"title": title(given.get("title")), "model": None, "system_prompt": "", "params": {}, "pinned": False, "archived": False,
            "created_at": created_at, "updated_at": max(created_at, updated_at)}

