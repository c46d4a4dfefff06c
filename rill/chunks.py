"""Chunk JSON -> events: what one `chat.completion.chunk` (or one whole completion) says, in our words.

A pure state machine over one answer: no clock, no socket, no frames. It takes dicts, returns small events, and keeps
what only the end can tell: finish_reason, usage, half surrogate pairs. It never executes tool calls, and nothing of
the upstream's raw JSON passes through it except `usage`. Errors inside chunks are the caller's (upstream_errors.py).

Called by exchange.py; the events are part of zenmux.py's public face.
"""
from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from rill.masking import Mask
from rill.models import Channel

EXTRAS_LIMIT = 256  # tool calls, signatures and citations kept of one answer
TOOL_ARGUMENTS_LIMIT = 65536  # characters kept of one tool call's arguments
TITLE_LIMIT = 300  # characters
URL_LIMIT = 2000
ID_LIMIT = 200

PLAIN_FIELDS = frozenset({"role", "content"})  # all that most tokens have: nothing else to look for

UNFIT = re.compile("[\x00\ud800-\udfff]")
PAIR = re.compile("([\ud800-\udbff])([\udc00-\udfff])")


@dataclass(frozen=True, slots=True)
class Connected:
    """The response's headers are in."""
    request_id: str | None


@dataclass(frozen=True, slots=True)
class Meta:
    """Once, before the first text: the id that names this call at the upstream, and the model really used."""
    generation_id: str | None
    model: str | None


class Delta(NamedTuple):
    """New text, never empty; NUL and lone surrogates are U+FFFD already. A tuple: one is made for every token."""
    channel: Channel
    text: str


@dataclass(frozen=True, slots=True)
class Citation:
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The last event of a complete answer. `usage` is the upstream's last usage object, verbatim; `extras` has what was
    said beside the two channels: `refusal` (text), `tool_calls` and `reasoning_details` (lists), where there are any."""
    finish_reason: str | None
    usage: dict[str, Any] | None
    extras: dict[str, Any] = field(default_factory=dict)


Event = Connected | Meta | Delta | Citation | Finish


class Answer:
    """One answer as it grows, with `secret` kept out of its text."""

    def __init__(self, secret: str = "") -> None:
        self.generation_id: str | None = None
        self.model: str | None = None
        self.finish_reason: str | None = None
        self.usage: dict[str, Any] | None = None
        self.extras: dict[str, Any] = {}
        self._meta_said = False
        self._cited: set[str] = set()
        self._half: dict[Channel, str] = {}  # a high surrogate waiting for its other half
        self._masks: dict[Channel, Mask[str]] = {"content": Mask(secret), "reasoning": Mask(secret)}

    def finish(self) -> Finish:
        return Finish(self.finish_reason, self.usage, self.extras)

    def take(self, chunk: dict[str, Any]) -> tuple[list[Event], bool]:
        """The chunk's events, and whether it said anything at all (a role or an empty string says nothing)."""
        if not self._meta_said:
            self._learn_names(chunk)
        if (usage := chunk.get("usage")) and isinstance(usage, dict):
            self.usage = usage
        choice = first_choice(chunk.get("choices"))
        if choice is None:
            return [], bool(usage)
        events: list[Event] = []
        delta = choice.get("delta") or choice.get("message") or choice
        told = False
        if isinstance(delta, dict):
            content = delta.get("content")
            if content.__class__ is not str:
                content, thought = parts_text(content)
                if delta is choice:
                    content = content or as_text(choice.get("text"))
            else:
                thought = ""
            is_plain = delta.keys() <= PLAIN_FIELDS
            reasoning = thought or ("" if is_plain else reasoning_text(delta))
            if reasoning and (text := self._fit("reasoning", reasoning)):
                events.append(Delta("reasoning", text))
            if content and (text := self._fit("content", content)):
                events.append(Delta("content", text))
            told = not is_plain and self._take_extras(delta, events) or bool(reasoning or content)
        if (usage := choice.get("usage")) and isinstance(usage, dict):
            self.usage = usage
        if (reason := choice.get("finish_reason")) and isinstance(reason, str):
            self.finish_reason = fit(reason)[:ID_LIMIT]
            told = True
        if events and not self._meta_said:
            events[:0] = self.meta()
        return events, told

    def meta(self) -> list[Event]:
        """What is known of the names, if it has not been said yet."""
        if self._meta_said or not (self.generation_id or self.model):
            return []
        self._meta_said = True
        return [Meta(self.generation_id, self.model)]

    def flush(self) -> list[Event]:
        """At the end, whatever the end was: the names if no text ever came, and what was held back."""
        halves, self._half = self._half, {}
        events = self.meta()
        for channel, mask in self._masks.items():
            if text := mask.feed("\ufffd" if channel in halves else "") + mask.flush():
                events.append(Delta(channel, text))
        return events

    def _learn_names(self, chunk: dict[str, Any]) -> None:
        if not self.generation_id:
            self.generation_id = fit(as_text(chunk.get("id")))[:ID_LIMIT] or None
        if not self.model:
            self.model = fit(as_text(chunk.get("model")))[:ID_LIMIT] or None

    def _fit(self, channel: Channel, text: str) -> str:
        if self._half:
            text = self._half.pop(channel, "") + text
        if not text.isascii() or "\x00" in text:
            if "\ud800" <= text[-1] <= "\udbff":
                self._half[channel] = text[-1]
                text = text[:-1]
            text = fit(text)
        return self._masks[channel].feed(text)

    def _take_extras(self, delta: dict[str, Any], events: list[Event]) -> bool:
        """Refusals, tool calls, signatures and citations; true if there were any."""
        told = False
        if refusal := as_text(delta.get("refusal")):
            self.extras["refusal"] = self.extras.get("refusal", "") + fit(refusal)
            told = True
        for call in as_dicts(delta.get("tool_calls")):
            self._take_tool_call(call)
            told = True
        for detail in as_dicts(delta.get("reasoning_details")):
            told = True
            if not detail_text(detail) and len(kept := self.extras.setdefault("reasoning_details", [])) < EXTRAS_LIMIT:
                kept.append(detail)
        for annotation in as_dicts(delta.get("annotations")):
            told = True
            if (citation := as_citation(annotation)) and citation.url not in self._cited \
                    and len(self._cited) < EXTRAS_LIMIT:
                self._cited.add(citation.url)
                events.append(citation)
        return told

    def _take_tool_call(self, call: dict[str, Any]) -> None:
        """Pieces of one call share its index; without one, a piece with an id starts the next call."""
        calls = self.extras.setdefault("tool_calls", [])
        position = call.get("index")
        if not isinstance(position, int):
            position = len(calls) if call.get("id") or not calls else calls[-1]["index"]
        known = next((one for one in calls if one["index"] == position), None)
        if known is None:
            if len(calls) >= EXTRAS_LIMIT:
                return
            known = {"index": position, "id": "", "name": "", "arguments": ""}
            calls.append(known)
        function = call.get("function") if isinstance(call.get("function"), dict) else {}
        known["id"] = known["id"] or fit(as_text(call.get("id")))[:ID_LIMIT]
        known["name"] = known["name"] or fit(as_text(function.get("name")))[:ID_LIMIT]
        if len(known["arguments"]) < TOOL_ARGUMENTS_LIMIT:
            known["arguments"] += fit(as_text(function.get("arguments")))


def first_choice(choices: Any) -> dict[str, Any] | None:
    """Choice 0. `choices` may be empty, null or absent; other indices are other answers and are not mixed in."""
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and choice.get("index") in (0, None):
            return choice
    return None


def reasoning_text(delta: dict[str, Any]) -> str:
    """One source per delta: the same text may stand in two or three fields, so they are never added up."""
    return (as_text(delta.get("reasoning")) or as_text(delta.get("reasoning_content"))
            or "".join(map(detail_text, as_dicts(delta.get("reasoning_details")))))


def detail_text(detail: dict[str, Any]) -> str:
    return as_text(detail.get("text")) or as_text(detail.get("summary"))


def parts_text(parts: Any) -> tuple[str, str]:
    """(content, reasoning) of a content given as a list of parts."""
    content, reasoning = "", ""
    for part in as_dicts(parts):
        thinking = part.get("thinking")
        if isinstance(thinking, list):
            reasoning += parts_text(thinking)[0]
        elif thinking:
            reasoning += as_text(thinking)
        else:
            content += as_text(part.get("text"))
    return content, reasoning


def as_citation(annotation: dict[str, Any]) -> Citation | None:
    """Only http(s): the address becomes a link in somebody's page."""
    nested = annotation.get("url_citation")
    source = nested if isinstance(nested, dict) else annotation
    url = fit(as_text(source.get("url"))).strip()
    if len(url) > URL_LIMIT or not url.lower().startswith(("http://", "https://")):
        return None
    return Citation(url, fit(as_text(source.get("title")))[:TITLE_LIMIT] or url)


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def as_dicts(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def fit(text: str) -> str:
    """PROTOCOL: surrogate pairs joined, then U+0000 and lone surrogates -> U+FFFD, one for one."""
    if not UNFIT.search(text):
        return text
    joined = PAIR.sub(lambda pair: (pair[0]).encode("utf-16", "surrogatepass").decode("utf-16"), text)
    return UNFIT.sub("\ufffd", joined)
