"""One branch as Markdown for people: title, who said what and when, sources, how an answer ended. Thoughts are left out, or
folded.

What a message leaves open (a fence, a comment) must not swallow the messages after it: a plain fence is closed, anything
that is not so plain goes into a quote, which ends by itself. It reads no rows.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import chain

from rill.models import Conversation, Message

ENDINGS = {
    "stopped": "Stopped. What was written by then is kept.",
    "queued": "This answer was still being written.", "connecting": "This answer was still being written.",
    "streaming": "This answer was still being written.",
}
TOO_LONG = "The answer reached its length limit."

Say = Callable[[str], str]  # our own words in the language of whoever reads them

FENCE = re.compile(r"^(?P<before>(?:[ \t]*(?:>|[-+*]|\d{1,9}[.)])(?=[ \t`~]))*[ \t]*)(?P<run>`{3,}|~{3,})(?P<rest>.*)$", re.M)
# Blocks of HTML that only their own end ends (CommonMark 4.6, kinds 1 to 5), each with that end.
RAW = re.compile(r"^ {0,3}<(?:(?P<tag>script|pre|style|textarea)(?=[\s>]|$)|(?P<mark>!--|\?|!\[CDATA\[|![a-z]))", re.M | re.I)
RAW_ENDS = {"!--": "-->", "?": "?>", "![cdata[": "]]>"}


def branch_document(conversation: Conversation, branch: list[Message], *, with_reasoning: bool = False, say: Say = str) -> Iterator[str]:
    """Piece by piece; ends with one newline."""
    yield f"# {_escaped(conversation.title) or say('Conversation')}"
    said = chain.from_iterable(_message_parts(message, with_reasoning, say) for message in branch)
    yield from (f"\n\n{part}" for part in chain(_facts(branch, say), _instructions(conversation, say), said))
    yield "\n"


def _instructions(conversation: Conversation, say: Say) -> list[str]:
    return [f"## {say('Instructions')}", contained(conversation.system_prompt)] if conversation.system_prompt else []


def _facts(branch: list[Message], say: Say) -> Iterator[str]:
    models = dict.fromkeys(message.model for message in branch if message.model)
    if models:
        yield (say("Model") if len(models) == 1 else say("Models")) + ": " + ", ".join(f"`{model}`" for model in models)


def _message_parts(message: Message, with_reasoning: bool, say: Say) -> Iterator[str]:
    who = say("You") if message.role == "user" else message.model or say("Answer")
    yield f"## {_escaped(who)} · {_readable(message.created_at)}"
    if with_reasoning and message.reasoning:
        yield f"<details><summary>{say('Thoughts')}</summary>\n\n{contained(message.reasoning)}\n\n</details>"
    if message.content:
        yield contained(message.content)
    for attachment in message.as_dict().get("attachments") or ():
        yield f"*{say('Attached')}: {_escaped(str(attachment.get('name', '')))}*"
    if message.citations:
        yield "\n".join([f"{say('Sources')}:", "", *(_source(citation) for citation in message.citations)])
    if ending := _ending(message):
        yield f"*{_escaped(say(ending))}*"


def _ending(message: Message) -> str | None:
    if message.error:
        return message.error.get("message")
    return TOO_LONG if message.finish_reason == "length" else ENDINGS.get(message.status)


def _source(citation: dict[str, str]) -> str:
    url = re.sub(r"[\s<>]", "", citation.get("url") or "")
    return f"- [{_escaped(citation.get('title') or url)}](<{url}>)"


def _readable(at: str) -> str:
    return f"{at[:10]} {at[11:16]} UTC"


def _escaped(text: str) -> str:
    """Plain words inside a line of Markdown."""
    return re.sub(r"([\\`*_\[\]<>])", r"\\\1", " ".join(text.split()))


def contained(text: str) -> str:
    """The same text, so that whatever follows it is not part of it."""
    text = text.strip("\n")
    if _leaves_raw_html_open(text):
        return _quoted(text)
    left_open, is_plain = _open_fence(text)
    if not left_open:
        return text
    return f"{text}\n{left_open}" if is_plain else _quoted(text)


def _open_fence(text: str) -> tuple[str, bool]:
    """The run of a fence that is open at the end (else empty), and whether all fences stand at the left edge, where nothing
    but a fence ends them. In lists and quotes much else does: there we do not try to be exact."""
    left_open, is_plain = "", True
    for found in FENCE.finditer(text):
        run, rest = found["run"], found["rest"]
        is_plain = is_plain and not found["before"]
        if left_open:
            if run.startswith(left_open) and not rest.strip():
                left_open = ""
        elif run[0] == "~" or "`" not in rest:
            left_open = run
    return left_open, is_plain


def _leaves_raw_html_open(text: str) -> bool:
    lower = text.lower()
    last: dict[str, int] = {}  # end -> where it stands last
    for found in RAW.finditer(lower):
        end = f"</{found['tag']}>" if found["tag"] else RAW_ENDS.get(found["mark"], ">")
        if end not in last:
            last[end] = lower.rfind(end)
        if last[end] < found.end():
            return True
    return False


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
