"""A chat/completions request body -> a `Chat`, or ZenMux's refusal in ZenMux's words.

The wording of the 400s follows the gateway's own list of errors, spelling included. Says nothing about which models exist
(`catalog.py`) and nothing about keys (`service.py`).
"""
from __future__ import annotations

import base64
import binascii
import hashlib
import math
import re
from dataclasses import dataclass
from typing import Any

import orjson

from rill.standin.dialect import ApiError

DATA_URL = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,")
IMAGE_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif")
SLUG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}")
ROLES = ("developer", "system", "user", "assistant", "tool")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
STOPS_LIMIT = 4
NUMBERS = {"temperature": (0, math.inf), "top_p": (0, 1), "frequency_penalty": (-2, 2), "presence_penalty": (-2, 2)}
OBJECTS = ("stream_options", "reasoning", "provider", "model_routing_config", "metadata", "logit_bias", "web_search_options",
           "response_format", "usage")


@dataclass(frozen=True, slots=True)
class File:
    """A part that is no text: `takes` is what a model must take for it."""
    takes: str  # image | file | audio
    says: str  # what it is, in a line


@dataclass(frozen=True, slots=True)
class Chat:
    """What the caller wants, checked."""
    model: str
    messages: list[tuple[str, str]]  # (role, text)
    stream: bool = False
    include_usage: bool = False
    max_tokens: int | None = None
    reasoning: bool = True
    stop: tuple[str, ...] = ()
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    web_search: bool = False
    files: tuple[File, ...] = ()  # of the last user message
    needs: frozenset[str] = frozenset()  # what the files of all messages ask of a model

    @property
    def last_user(self) -> str:
        return next((text for role, text in reversed(self.messages) if role == "user"), "")

    @property
    def prefix(self) -> str:
        """The partial answer that is to be continued, or nothing."""
        return self.messages[-1][1] if self.messages[-1][0] == "assistant" else ""


def parse_json(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise invalid("Request body is not valid JSON") from exc
    if not isinstance(value, dict):
        raise invalid("Request body must be a JSON object")
    return value


def parse_chat(body: dict[str, Any]) -> Chat:
    model = body.get("model")
    if model is None or model == "":
        raise invalid("Parameter model is required")
    if not isinstance(model, str):
        raise invalid("Parameter model must be a string")
    if not SLUG.fullmatch(model):
        raise ApiError(404, "invalid_model", f"Model {model[:200]} is not valid")
    check_objects(body)
    stream = boolean(body, "stream")
    options = body.get("stream_options") or {}
    if options and not stream:
        raise invalid("Parameter stream_options is not supported while stream is false")
    include_usage = boolean(options, "include_usage", "stream_options.include_usage")
    if include_usage and (body.get("usage") or {}).get("include"):
        raise invalid("Parameter stream_options.include_usage conflict with usage.include")
    if (whole(body, "n", 1) or 1) > 1:
        raise invalid("Parameter n grater than 1 is not supported")
    if model == "zenmux/auto" and not body.get("model_routing_config"):
        raise invalid("Parameter model_routing_config is required when model is zenmux/auto")
    numbers = {name: number(body, name, *bounds) for name, bounds in NUMBERS.items()}
    return Chat(model, messages(body), stream, include_usage,
                whole(body, "max_completion_tokens", 1) or whole(body, "max_tokens", 1), wants_reasoning(body), stops(body),
                numbers["temperature"], numbers["top_p"], whole(body, "seed", 0), body.get("web_search_options") is not None,
                last_files(body["messages"]), frozenset(file.takes for item in body["messages"] for file in files_of(item.get("content"))))


def messages(body: dict[str, Any]) -> list[tuple[str, str]]:
    items = body.get("messages")
    if items is None:
        raise invalid("Parameter messages is required")
    if not isinstance(items, list) or not items:
        raise invalid("Parameter messages must be a non-empty array")
    return [message(item) for item in items]


def last_files(items: list[dict[str, Any]]) -> tuple[File, ...]:
    return next((files_of(item["content"]) for item in reversed(items) if item["role"] == "user"), ())


def message(item: Any) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise invalid("Parameter messages can only contain objects")
    role, content = item.get("role"), item.get("content")
    if role not in ROLES:
        raise invalid(f"Parameter messages.role must be one of {', '.join(ROLES)}")
    if role == "assistant" and not content and item.get("tool_calls"):
        return role, ""
    if content is None or content == "" or content == []:
        raise invalid("Parameter messages can not contain elements without content")
    if isinstance(content, str):
        return role, content
    if not isinstance(content, list) or not all(isinstance(part, dict) and isinstance(part.get("type"), str) for part in content):
        raise invalid("Parameter messages.content must be a string or an array of content parts")
    texts = [part.get("text") for part in content if part["type"] == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise invalid("Parameter messages.content.text must be a string")
    files_of(content)
    return role, "\n".join(texts)


def files_of(content: Any) -> tuple[File, ...]:
    """The parts of a content that are no text, checked."""
    return tuple(file_part(part) for part in content if part["type"] != "text") if isinstance(content, list) else ()


def file_part(part: dict[str, Any]) -> File:
    kind = part["type"]
    held = part.get(kind) if kind in ("image_url", "file", "input_audio") else None
    if not isinstance(held, dict):
        raise invalid(f"Parameter messages.content of type {kind[:40]} is not valid")
    if kind == "input_audio":
        return File("audio", f"audio, {held.get('format')}")
    given = held.get("url" if kind == "image_url" else "file_data")
    takes = "image" if kind == "image_url" else "file"
    if isinstance(given, str) and given.startswith(("https://", "http://")):
        return File(takes, given)
    found = DATA_URL.match(given) if isinstance(given, str) else None
    if found is None or (takes == "image" and found[1] not in IMAGE_TYPES):
        raise invalid(f"Parameter messages.content.{kind} must be a URL or a data URL")
    try:
        data = base64.b64decode(given[found.end():], validate=True)
    except binascii.Error as exc:
        raise invalid(f"Parameter messages.content.{kind} is not valid base64") from exc
    name = held.get("filename")
    return File(takes, f"{f'{name}, ' if isinstance(name, str) else ''}{found[1]}, {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


def wants_reasoning(body: dict[str, Any]) -> bool:
    effort, settings = body.get("reasoning_effort"), body.get("reasoning") or {}
    for value in (effort, settings.get("effort")):
        if value is not None and value not in EFFORTS:
            raise invalid(f"Parameter reasoning_effort must be one of {', '.join(EFFORTS)}")
    excluded = boolean(settings, "exclude", "reasoning.exclude")
    if body.get("include_reasoning") is not None and "exclude" in settings:
        raise invalid("Parameter include_reasoning conflict with reasoning.exclude")
    off = settings.get("enabled") is False or "none" in (effort, settings.get("effort")) or body.get("include_reasoning") is False
    return not (excluded or off)


def stops(body: dict[str, Any]) -> tuple[str, ...]:
    stop = body.get("stop")
    items = [stop] if isinstance(stop, str) else stop or []
    if not isinstance(items, list) or not all(isinstance(item, str) and item for item in items):
        raise invalid("Parameter stop must be a string or an array of strings")
    if len(items) > STOPS_LIMIT:
        raise invalid(f"Parameter stop can not have more than {STOPS_LIMIT} elements")
    return tuple(items)


def check_objects(body: dict[str, Any]) -> None:
    for name in OBJECTS:
        if body.get(name) is not None and not isinstance(body[name], dict):
            raise invalid(f"Parameter {name} must be an object")


def boolean(body: dict[str, Any], name: str, label: str | None = None) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(f"Parameter {label or name} must be a boolean")
    return bool(value)


def whole(body: dict[str, Any], name: str, low: int) -> int | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < low):
        raise invalid(f"Parameter {name} must be an integer not less than {low}")
    return value


def number(body: dict[str, Any], name: str, low: float, high: float) -> float | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high):
        raise invalid(f"Parameter {name} must be a number between {low} and {high}")
    return value


def invalid(message_: str) -> ApiError:
    return ApiError(400, "invalid_params", message_)
