"""ChatGPT's `conversations.json` as drafts. Each of its conversations is a tree of nodes (`mapping`), of which many are not
for people: system messages, tools, calls of tools.

What is hidden is passed over, and what follows it follows what stood before it. Nodes of one role in a row are one
message to a person, so they become one; where such a row branches, each branch becomes a message of its own. Thoughts
go to the reasoning of the answer they led to.
"""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rill.errors import Unusable
from rill.imports import draft
from rill.imports.draft import NO_ANSWER, Draft, DraftMessage, slug, stamp, text

MAX_CHARS = 32_000_000  # of one conversation, when rows that branch are written out
NOTHING_SAID = "…"  # before an answer that no question came before
ROLES = ("user", "assistant")
SHOWN_AS = {"image_asset_pointer": "[image]", "audio_asset_pointer": "[audio]", "video_container_asset_pointer": "[video]",
            "real_time_user_audio_video_asset_pointer": "[audio]"}


@dataclass(slots=True)
class Node:
    """A node for people. `before` is the one of the same role that it continues; `above` the one of the other role that
    this row of nodes follows."""

    name: str
    role: str
    content: str
    reasoning: str
    model: str | None
    created_at: str | None
    before: Node | None = None
    above: Node | None = None
    children: list[Node] = field(default_factory=list)
    chars: int = 0

    @property
    def is_said(self) -> bool:
        """Whether a message ends here: something of the other role follows, or nothing at all."""
        return not self.children or any(child.role != self.role for child in self.children)

    def row(self) -> list[Node]:
        nodes, at = [], self
        while at is not None:
            nodes.append(at)
            at = at.before
        return nodes[::-1]


def is_chatgpt(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("mapping"), dict)


def count_messages(value: dict[str, Any]) -> int:
    return len(value["mapping"])


def to_draft(value: dict[str, Any], now: str) -> Draft:
    """Raises Unusable."""
    mapping = value["mapping"]
    parents = _parents(mapping)
    draft.check_no_circle(parents)
    values = draft.conversation_values(value, now)
    nodes = _join({name: _node(name, given, now) for name, given in mapping.items()}, parents, values["created_at"])
    made = Draft(values, None, _messages(nodes))
    if not made.messages:
        raise Unusable("it holds no messages")
    made.head = _head(value.get("current_node"), nodes, parents, made)
    values["archived"] = value.get("is_archived") is True
    return made


def _parents(mapping: dict[str, Any]) -> dict[str, str | None]:
    parents = {}
    for name, given in mapping.items():
        if not isinstance(given, dict):
            raise Unusable("a node of it is not an object")
        parent = given.get("parent")
        if parent is not None and (not isinstance(parent, str) or parent not in mapping):
            raise Unusable("a message follows one that is not there")
        parents[draft.name(name)] = parent
    return parents


# ---- one node

def _node(name: str, given: dict[str, Any], now: str) -> Node | None:
    """None for what people do not see."""
    message = given.get("message")
    if not isinstance(message, dict):
        return None
    role = _member(message, "author").get("role")
    metadata, content = _member(message, "metadata"), _member(message, "content")
    if role not in ROLES or metadata.get("is_visually_hidden_from_conversation") is True:
        return None
    said, thought = _words(content, message.get("recipient") or "all")
    if not said.strip() and not thought.strip():
        return None
    model = text(metadata.get("model_slug"))
    return Node(name, role, said.strip(), thought.strip(), slug(f"openai/{model}") if model else None, stamp(message.get("create_time"), now))


def _member(of: dict[str, Any], name: str) -> dict[str, Any]:
    value = of.get(name)
    return value if isinstance(value, dict) else {}


def _words(content: dict[str, Any], recipient: str) -> tuple[str, str]:
    """What was said, and what was thought."""
    kind = content.get("content_type")
    if kind == "thoughts":
        thoughts = content.get("thoughts")
        return "", "\n\n".join(_thought(one) for one in (thoughts if isinstance(thoughts, list) else ()) if isinstance(one, dict))
    if kind == "reasoning_recap" or (kind != "code" and recipient != "all"):
        return "", ""  # a call of a tool
    if kind == "code":
        language = "python" if recipient == "python" else text(content.get("language"))
        is_shown = recipient in ("all", "python") and text(content.get("text")).strip()
        return (_fenced(text(content["text"]), language) if is_shown else ""), ""
    parts = content.get("parts")
    said = [_part(part) for part in (parts if isinstance(parts, list) else ())] or [text(content.get("text"))]
    return "\n\n".join(part for part in said if part), ""


def _part(part: Any) -> str:
    if isinstance(part, dict):
        kind = text(part.get("content_type"))
        return text(part.get("text")) or SHOWN_AS.get(kind, f"[{kind}]" if kind else "")
    return text(part)


def _thought(thought: dict[str, Any]) -> str:
    return "\n\n".join(part for part in (text(thought.get("summary")) and f"**{text(thought['summary'])}**", text(thought.get("content"))) if part)


def _fenced(code: str, language: str) -> str:
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language if language.isalnum() and language != 'unknown' else ''}\n{code}\n{fence}"


# ---- the tree

def _join(found: dict[str, Node | None], parents: dict[str, str | None], began_at: str) -> list[Node]:
    """The visible nodes, parents first, each joined to what it follows, and none older than that."""
    children: dict[str | None, list[str]] = {}
    for name, parent in parents.items():
        children.setdefault(parent, []).append(name)
    ordered: list[Node] = []
    waiting: list[tuple[str, Node | None]] = [(name, None) for name in reversed(children.get(None, ()))]
    while waiting:
        name, above = waiting.pop()
        node = found[name]
        if node is not None:
            _follow(node, above, began_at)
            ordered.append(node)
        waiting += [(child, node or above) for child in reversed(children.get(name, ()))]
    return ordered


def _follow(node: Node, other: Node | None, began_at: str) -> None:
    node.chars = len(node.content) + len(node.reasoning)
    node.created_at = max(node.created_at or "", other.created_at if other else "") or began_at
    if other is None:
        return
    other.children.append(node)
    if other.role == node.role:
        node.before, node.above = other, other.above
        node.chars += other.chars
    else:
        node.above = other


def _messages(nodes: list[Node]) -> list[DraftMessage]:
    said = [node for node in nodes if node.is_said]
    if sum(node.chars for node in said) > MAX_CHARS:
        raise Unusable("it is too long")
    messages: list[DraftMessage] = []
    for node in said:
        parent = node.above.name if node.above else None
        if node.role == "assistant" and parent is None:
            parent = f"before {node.name}"
            messages.append(_message(parent, None, node.row()[0], role="user", content=NOTHING_SAID, reasoning=""))
        messages.append(_message(node.name, parent, node))
        if node.role == "user" and not node.children:
            messages.append(_message(f"after {node.name}", node.name, node, role="assistant", content="", reasoning="",
                                     status="interrupted", error=draft.interrupted(NO_ANSWER)))
    return sorted(messages, key=lambda message: message.values["created_at"])  # stable: a parent stays before its children


def _message(name: str, parent: str | None, node: Node, **other: Any) -> DraftMessage:
    row = node.row()
    values = {"role": node.role, "content": "\n\n".join(one.content for one in row if one.content),
              "reasoning": "\n\n".join(one.reasoning for one in row if one.reasoning),
              "status": "completed", "params": {}, "model": node.model if node.role == "assistant" else None,
              "created_at": row[0].created_at, "finished_at": node.created_at}
    return DraftMessage(name, parent, values | other)


def _head(current: Any, nodes: list[Node], parents: dict[str, str | None], made: Draft) -> str | None:
    """The message that holds the node that was shown, or the answer to it; else the last one."""
    by_name = {node.name: node for node in nodes}
    at = current if isinstance(current, str) else None
    while at is not None and at not in by_name:
        at = parents.get(at)
    node = by_name.get(at)
    while node is not None and (not node.is_said or node.role == "user" and node.children):
        node = node.children[-1]
    if node is None:
        return made.messages[-1].name
    return f"after {node.name}" if node.role == "user" and not node.children else node.name
