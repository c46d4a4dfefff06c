"""What leaves as a file: names that every system takes, Markdown in which no message swallows the next."""
from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import orjson
import pytest

from rill import store, trash
from rill.db import Database
from rill.exports import markdown, ours
from rill.exports.filename import disposition
from rill.models import Conversation, Message
from tests.cast import ALICE, BOB


def talk(db: Database, *said: tuple[str, str], title: str = "A talk", **values: Any) -> tuple[Conversation, list[Message]]:
    """A conversation of one branch."""
    with db.write() as tx:
        conversation = store.create_conversation(tx, ALICE.id, title=title)
        parent = None
        for role, content in said:
            extra = {"model": "demo/hand", **values} if role == "assistant" else {}
            message = store.add_message(tx, ALICE.id, conversation.id, parent_id=parent, role=role, content=content,
                                        **{"status": "completed", "finished_at": "2026-01-02T03:04:05.678Z", "created_at": "2026-01-02T03:04:05.678Z", **extra})
            parent = message.id
        return store.get_conversation(tx, ALICE.id, conversation.id), store.conversation_messages(tx, ALICE.id, conversation.id)


# ---- the name of the file

@pytest.mark.parametrize(("title", "plain", "whole"), [
    ("Reading files", "Reading files", "Reading files"),
    ("Ärger über Öl", "Arger uber Ol", "Ärger über Öl"),
    ("漢字の話", "conversation", "漢字の話"),
    ("../../etc/passwd", "etc passwd", "etc passwd"),
    ('a"b\\c;d\r\nSet-Cookie: x=1', "a b cd Set-Cookie x1", "a b c;d Set-Cookie x=1"),
    ("report\u202efdp.exe", "reportfdp.exe", "reportfdp.exe"),
    ("", "conversation", "conversation"), (" .. ", "conversation", "conversation"),
    ("CON", "_CON", "_CON"), ("nul.txt", "_nul.txt", "_nul.txt"),
])
def test_a_title_becomes_a_safe_name(title: str, plain: str, whole: str) -> None:
    header = disposition(title, "md")
    found = re.fullmatch(r"attachment; filename=\"([^\"]*)\.md\"; filename\*=UTF-8''([^;\s]*)\.md", header)
    assert found is not None, header
    assert (found[1], unquote(found[2])) == (plain, whole) and header.isascii()


def test_a_long_title_makes_no_long_name() -> None:
    assert len(disposition("漢" * 5000, "json")) < 900


# ---- Markdown

def test_a_branch_reads_as_a_talk(db: Database) -> None:
    conversation, messages = talk(db, ("user", "Why is the sky blue?"), ("assistant", "Because of *scattering*."), title="The <sky> & _more_",
                                  reasoning="Rayleigh, I think.", citations=[{"url": "https://example.org/sky", "title": "Sky [1]"}])
    text = "".join(markdown.branch_document(conversation, messages))
    assert text == (
        "# The \\<sky\\> & \\_more\\_\n\nModel: `demo/hand`\n\n## You · 2026-01-02 03:04 UTC\n\nWhy is the sky blue?\n\n"
        "## demo/hand · 2026-01-02 03:04 UTC\n\nBecause of *scattering*.\n\nSources:\n\n- [Sky \\[1\\]](<https://example.org/sky>)\n"
    )
    folded = "".join(markdown.branch_document(conversation, messages, with_reasoning=True))
    assert "<details><summary>Thoughts</summary>\n\nRayleigh, I think.\n\n</details>\n\nBecause" in folded


@pytest.mark.parametrize(("values", "said"), [
    ({"status": "stopped"}, "*Stopped. What was written by then is kept.*"),
    ({"finish_reason": "length"}, "*The answer reached its length limit.*"),
    ({"status": "failed", "error": {"type": "cut", "message": "The line broke.", "retryable": True}}, "*The line broke.*"),
    ({"status": "streaming", "finished_at": None}, "*This answer was still being written.*"),
])
def test_it_says_how_an_answer_ended(db: Database, values: dict[str, Any], said: str) -> None:
    conversation, messages = talk(db, ("user", "Go"), ("assistant", "Half of"), **values)
    assert "".join(markdown.branch_document(conversation, messages)).endswith(f"Half of\n\n{said}\n")


@pytest.mark.parametrize(("text", "written"), [
    ("```py\nprint(1)", "```py\nprint(1)\n```"),
    ("~~~~\na\n~~~", "~~~~\na\n~~~\n~~~~"),
    ("```\nclosed\n```", "```\nclosed\n```"),
    ("````\n```\n````", "````\n```\n````"),
    ("use ``` inline", "use ``` inline"),
    ("- a list\n  ```py\n  open", "> - a list\n>   ```py\n>   open"),
    ("- a list\n  ```py\n  closed\n  ```", "- a list\n  ```py\n  closed\n  ```"),
    ("> ```\n> open", "> > ```\n> > open"),
    ("<!-- open", "> <!-- open"),
    ("<!-- closed --> x", "<!-- closed --> x"),
    ("<script>\nopen", "> <script>\n> open"),
    ("a < b and <b>bold", "a < b and <b>bold"),
])
def test_what_a_message_leaves_open_does_not_reach_the_next(text: str, written: str) -> None:
    assert markdown.contained(text) == written


def test_ten_thousand_open_ends_are_looked_through_in_a_moment() -> None:
    assert markdown.contained("<pre>\n" * 100_000 + "</pre>").startswith("<pre>")
    assert markdown.contained("- " * 100_000 + "x").startswith("- ")


# ---- JSON

def test_everything_holds_what_is_ours_and_nothing_of_others(db: Database) -> None:
    talk(db, ("user", "one"), ("assistant", "1"))
    talk(db, ("user", "two"))
    with db.write() as tx:
        store.create_conversation(tx, BOB.id, title="Bob's secret")
    document = b"".join(ours.everything(db, ALICE.id))
    assert b"secret" not in document
    read = orjson.loads(document)
    assert (read["format"], read["version"]) == ("rill", 1)
    assert [[message["content"] for message in one["messages"]] for one in read["conversations"]] == [["one", "1"], ["two"]]


def test_a_conversation_that_goes_while_all_is_written_is_left_out(db: Database) -> None:
    kept, _ = talk(db, ("user", "kept"))
    gone, _ = talk(db, ("user", "x" * ours.BLOCK_BYTES))
    last, _ = talk(db, ("user", "last"))
    document = ours._everything(db, ALICE.id, [kept.id, gone.id, last.id], lambda conversation_id: lambda message: message)
    text = next(document)
    with db.write() as tx:
        trash.delete_conversation(tx, ALICE.id, gone.id, lambda message: message)
    read = orjson.loads(text + b"".join(document))
    assert [one["conversation"]["id"] for one in read["conversations"]] == [kept.id, last.id]


def test_what_is_written_has_the_shape_of_the_api(db: Database) -> None:
    conversation, messages = talk(db, ("user", "one"), ("assistant", "1"))
    read = orjson.loads(b"".join(ours.one(conversation, messages)))
    assert read["conversation"] == conversation.as_dict()
    expected = [message.as_dict() for message in messages]
    assert [{**message, "retry": None} for message in read["messages"]] == expected
