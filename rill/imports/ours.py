"""Our own export (`exports/ours.py`) as drafts: everything that can be kept is kept, also what the API calls a conversation
and its messages.

A member that this version does not know is passed over: an export is no command.
"""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rill.errors import Unusable
from rill.imports import draft
from rill.imports.draft import Draft, DraftFile, DraftMessage, number, slug, stamp, text
from rill.kinds import clean_name
from rill.models import EMPTY_TIMINGS, FINISHED, ID_PATTERN, Usage

Params = Callable[[Any], dict[str, Any]]  # what of given params is known and allowed
ERROR_WORDS = {"type": str, "message": str, "retryable": bool, "status": int, "upstream_type": str, "upstream_code": str, "request_id": str}
MAX_CITATIONS = 256
MAX_ATTACHMENTS = 100  # of one message
MAX_COST = 1e6


def is_ours(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("conversation"), dict) and isinstance(value.get("messages"), list)


def count_messages(value: dict[str, Any]) -> int:
    return len(value["messages"])


def to_draft(value: dict[str, Any], now: str, params: Params) -> Draft:
    """Raises Unusable."""
    given = value["conversation"]
    values = draft.conversation_values(given, now)
    values |= {"model": slug(given.get("model")), "system_prompt": text(given.get("system_prompt")), "params": params(given.get("params")),
               "pinned": given.get("pinned") is True, "archived": given.get("archived") is True}
    made = Draft(values, given.get("head_id") if isinstance(given.get("head_id"), str) else None)
    for message in value["messages"]:
        made.messages.append(_message(message, values["created_at"], now, params))
        _note_files(message, made.messages[-1].attachments, made.files)
    return made


def _message(given: Any, began_at: str, now: str, params: Params) -> DraftMessage:
    if not isinstance(given, dict):
        raise Unusable("a message is not an object")
    parent = given.get("parent_id")
    role = given.get("role")
    if role not in ("user", "assistant"):
        raise Unusable("a message is neither a person's nor an answer")
    if not isinstance(given.get("content"), str):
        raise Unusable("a message has no text")
    created_at = stamp(given.get("created_at"), now) or began_at
    values = {"role": role, "content": given["content"], "reasoning": "", "status": "completed", "params": {}, "created_at": created_at,
              "finished_at": stamp(given.get("finished_at"), now) or created_at}
    if role == "assistant":
        values |= _reply_values(given, params)
    return DraftMessage(draft.name(given.get("id")), None if parent is None else draft.name(parent), values, _attachment_ids(given) if role == "user" else [])


def _attachment_ids(given: dict[str, Any]) -> list[str]:
    listed = given.get("attachments")
    found = [text(one.get("id")) for one in (listed if isinstance(listed, list) else [])[:MAX_ATTACHMENTS] if isinstance(one, dict)]
    return list(dict.fromkeys(one for one in found if ID_PATTERN.fullmatch(one)))


def _note_files(given: dict[str, Any], ids: list[str], files: dict[str, DraftFile]) -> None:
    """The first that has bytes counts: they stand where a file is named first."""
    for one in given["attachments"] if ids else ():
        if isinstance(one, dict) and (file_id := one.get("id")) in ids and (file_id not in files or files[file_id].data is None):
            files[file_id] = DraftFile(clean_name(text(one.get("name"))), one["data"] if isinstance(one.get("data"), str) and one["data"] else None)


def _reply_values(given: dict[str, Any], params: Params) -> dict[str, Any]:
    status, error = given.get("status"), _error(given.get("error"))
    if status not in FINISHED:
        status, error = "interrupted", None
    if status in ("failed", "interrupted"):
        error = error or draft.interrupted(draft.WAS_WRITING)
    else:
        error = None
    cost = given.get("cost") if isinstance(given.get("cost"), dict) else {}
    amount = number(cost.get("amount"))
    return {
        "reasoning": text(given.get("reasoning")), "status": status, "model": slug(given.get("model")), "params": params(given.get("params")),
        "finish_reason": text(given.get("finish_reason"))[:100] or None, "error": error,
        **_usage(given.get("usage")),
        "cost_amount": amount if amount is not None and amount <= MAX_COST else None,
        "cost_kind": None if amount is None else "actual" if cost.get("kind") == "actual" else "estimate",
        "timings": _timings(given.get("timings")), "citations": _citations(given.get("citations")),
        "generation_id": text(given.get("generation_id"))[:200] or None, "request_id": text(given.get("request_id"))[:200] or None,
    }


def _error(given: Any) -> dict[str, Any] | None:
    if not isinstance(given, dict) or not text(given.get("message")):
        return None
    kept = {name: given[name] for name, kind in ERROR_WORDS.items() if type(given.get(name)) is kind}
    return {"type": "internal", "retryable": True, **kept}


def _usage(given: Any) -> dict[str, int | None]:
    counts = {name: number(given.get(name)) if isinstance(given, dict) else None for name in Usage.__slots__}
    return {name: None if count is None else int(count) for name, count in counts.items()}


def _timings(given: Any) -> dict[str, float]:
    known = {name: number(given.get(name)) for name in EMPTY_TIMINGS} if isinstance(given, dict) else {}
    return {name: value for name, value in known.items() if value is not None}


def _citations(given: Any) -> list[dict[str, str]]:
    """Only what the web can be asked for: the page makes links of them."""
    listed = given if isinstance(given, list) else []
    found = [{"url": one["url"], "title": text(one.get("title"))} for one in listed[:MAX_CITATIONS]
             if isinstance(one, dict) and text(one.get("url")).startswith(("http://", "https://"))]
    return found
