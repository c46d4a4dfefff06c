"""Attachments: what a file is taken for, who may have it, when it goes, and what a model is sent of it."""
from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, func, select, update

from rill import attachments, child, store
from rill.attachments import PIECE_BYTES
from rill.contents import MAX_SENT_BYTES, fenced
from rill.errors import Conflict, NotFound, RateLimited, TooLarge, UnsupportedMediaType
from rill.kinds import MAX_TEXT_BYTES, clean_name, kind_of
from rill.models import new_id, utc_now
from rill.replies import Options
from rill.schema import attachment_pieces, attachments as table
from rill.uploads import UPLOADS_PER_USER
from tests.cast import ALICE, BOB
from tests.files import pdf, photo, picture
from tests.support import Core
from tests.unit.test_replies import answered


def upload(core: Core, data: bytes = b"print(1)\n", name: str = "a.py", user_id: str = ALICE.id) -> str:
    made: dict[str, Any] = {}
    with tempfile.TemporaryFile() as file:
        file.write(data)
        core.uploads.store(user_id, name, file, len(data), lambda tx, ids: made.update(ids))
    return made["attachment"]


def count(core: Core, of: Any) -> int:
    with core.witness.read() as tx:
        return tx.scalar(select(func.count()).select_from(of))


# ---- what a file is

@pytest.mark.parametrize(("name", "data", "kind"), [
    ("a.png", picture(), "image"), ("photo.JPG", photo(), "image"), ("a.webp", picture("WEBP"), "image"), ("a.gif", picture("GIF"), "image"),
    ("jpeg.png", photo(), "image"), ("image", picture(), "image"), ("a.pdf", pdf("x"), "pdf"), ("noname", pdf("x"), "pdf"),
    ("a.txt", b"hello", "text"), ("Makefile", "é漢🌊".encode(), "text"), ("page.html", b"<script>", "text"), ("logo.svg", b"<svg/>", "text"),
    ("tricky.js", b"GIF89a=1;alert(1)", "text"), ("bom.csv", b"\xef\xbb\xbfa,b", "text"), ("archive.tar.py", b"x", "text"),
    ("notepad.txt", b"\xff\xfeh\0i\0", "text"), ("big-endian.csv", b"\xfe\xff\0h\0i", "text"), ("empty.txt", b"\xff\xfe", "text"),
])
def test_a_file_is_what_its_content_and_its_name_say(name: str, data: bytes, kind: str) -> None:
    assert kind_of(name, io.BytesIO(data)) == kind


@pytest.mark.parametrize(("name", "data"), [
    ("a.png", b"hello"), ("a.png", pdf("x")), ("a.pdf", b"hello"), ("a.pdf", picture()), ("a.gif", b"<html>"), ("a.txt", b"a\0b"), ("a.txt", b"h\0i\0"),
    ("a.txt", b"\xff\xfeh\0\0\0"), ("a.txt", b"\xff\xfeh\0i"), ("a.txt", b"\xff\xfeh\0\0\xd8"), ("a.zip", b"\xff\xfeh\0"),
    ("a.txt", b"caf\xe9"), ("a.txt", b"cut \xc3"), ("a.zip", b"hello"), ("a.docx", b"PK\x03\x04"), ("a.bin", b"\x7fELF\0"), ("a.exe", b"text"), ("riff.webp", b"RIFF....WAVE"),
])
def test_what_is_not_what_it_says_is_refused_by_name(name: str, data: bytes) -> None:
    with pytest.raises(UnsupportedMediaType, match=re.escape(name)):
        kind_of(name, io.BytesIO(data))


@pytest.mark.parametrize(("data", "says"), [(b"caf\xe9", "not in UTF-8.*save it as UTF-8"), ("中文".encode("gbk"), "not in UTF-8"), (b"\xe9\0\1", "no model here"), (b"\xff\xfe\0\xd8", "no model here")])
def test_a_text_of_other_letters_is_told_apart_from_what_is_none(data: bytes, says: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=says):
        kind_of("a.csv", io.BytesIO(data))


def test_a_text_is_long_or_too_long_but_never_read_wrong_at_a_border() -> None:
    assert kind_of("a.md", io.BytesIO(("é" * (MAX_TEXT_BYTES // 2)).encode())) == "text"
    with pytest.raises(TooLarge, match="1 MB"):
        kind_of("a.md", io.BytesIO(b"x" * (MAX_TEXT_BYTES + 1)))
    assert kind_of("a.md", io.BytesIO(("x" * MAX_TEXT_BYTES).encode("utf-16"))) == "text"
    with pytest.raises(TooLarge, match="1 MB"):
        kind_of("a.md", io.BytesIO(("漢" * (MAX_TEXT_BYTES // 3 + 1)).encode("utf-16")))


@pytest.mark.parametrize(("given", "name"), [
    ("a.png", "a.png"), ("C:\\Users\\me\\a b.txt", "a b.txt"), ("../../etc/passwd", "passwd"), ("a\r\nX: y\".txt", "aX: y.txt"),
    ("", "file"), (None, "file"), ("...", "file"), ("evil\u202egnp.exe", "evilgnp.exe"), ("漢字.md", "漢字.md"), ("\ud800x.txt", "x.txt"),
    ("x" * 300 + ".jpeg", "x" * 144 + "….jpeg"),
])
def test_a_name_keeps_its_words_and_loses_its_tricks(given: str | None, name: str) -> None:
    assert clean_name(given) == name and len(clean_name(given)) <= 150


# ---- the child

def test_a_child_that_reads_for_too_long_is_ended_and_the_file_refused(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "WALL_SECONDS", 0.01)
    with pytest.raises(UnsupportedMediaType, match="slow.pdf.*memory or time"):
        upload(core, pdf("x"), "slow.pdf")
    assert (count(core, table), count(core, attachment_pieces)) == (0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="not every system limits memory")
def test_a_child_gets_no_more_memory_than_its_limit_and_nothing_of_our_environment(core: Core, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import rill.child as c; c.limit(); bytes(c.MEMORY_BYTES)"
    assert "MemoryError" in subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30).stderr
    monkeypatch.setenv("ZENMUX_API_KEY", "sk-secret")
    with (tmp_path / "out").open("w+b") as out, (tmp_path / "out").open("rb") as source:
        assert child._exit_code([sys.executable, "-c", "import os; print(dict(os.environ))"], source, out) == 0
    assert "sk-secret" not in (tmp_path / "out").read_text()


# ---- whose it is

@pytest.mark.parametrize("ask", [
    lambda tx, who, one: attachments.get(tx, who, one), lambda tx, who, one: attachments.take(tx, who, [one]), lambda tx, who, one: attachments.is_used(tx, who, one),
])
def test_what_is_alices_is_for_bob_as_if_it_did_not_exist(core: Core, ask: Callable) -> None:
    one = upload(core)
    with core.db.write() as tx:
        with pytest.raises(NotFound) as foreign:
            ask(tx, BOB.id, one)
        with pytest.raises(NotFound) as unknown:
            ask(tx, BOB.id, new_id())
        assert foreign.value.message == unknown.value.message
        assert attachments.existing(tx, BOB.id, [one]) == {} and attachments.used_bytes(tx, BOB.id) == 0
        ask(tx, ALICE.id, one)
    assert list(core.uploads.read(BOB.id, one)) == [] and b"".join(core.uploads.read(ALICE.id, one)) == b"print(1)\n"
    with pytest.raises(NotFound):
        core.uploads.remove(BOB.id, one)


def test_a_message_takes_its_attachments_once_each_and_none_of_bobs(core: Core) -> None:
    mine, bobs = upload(core), upload(core, user_id=BOB.id)
    conversation = core.conversation()
    with pytest.raises(NotFound):
        core.send(conversation, attachments=[mine, bobs])
    [run] = core.send(conversation, attachments=[mine, mine])
    asked = core.stored(run.message.parent_id)
    assert [(one["id"], one["name"], one["kind"], one["text_length"], one["size"]) for one in asked.attachments] == [(mine, "a.py", "text", 9, 9)]
    assert run.message.sent_as == core.stored(run.message.id).sent_as == {mine: "text"}


# ---- when it goes

def age(core: Core, seconds: float) -> None:
    with core.db.write() as tx:
        tx.execute(update(table).where(table.c.kept_until != "").values(kept_until=utc_now(seconds)))


def test_what_was_not_sent_goes_after_a_day_and_not_before(core: Core) -> None:
    one = upload(core, bytes(range(32, 127)) * 4000)
    assert count(core, attachment_pieces) == 2
    core.uploads.sweep()
    assert count(core, table) == 1
    age(core, -1)
    core.uploads.sweep()
    assert (count(core, table), count(core, attachment_pieces)) == (0, 0)
    assert list(core.uploads.read(ALICE.id, one)) == []


def test_what_messages_have_stays_until_the_last_of_them_is_gone(core: Core) -> None:
    one, first, second = upload(core), core.conversation(), core.conversation()
    answered(core, first, attachments=[one])
    reply = answered(core, second, attachments=[one])
    core.replies.edit(ALICE.id, core.stored(reply.parent_id), "Other words", Options())
    age(core, -1)
    core.uploads.sweep()
    with pytest.raises(Conflict):
        core.uploads.remove(ALICE.id, one)
    core.delete(first)
    core.deletions.purge(-1)
    core.uploads.sweep()
    assert count(core, table) == 1
    core.delete(second)
    core.uploads.sweep()
    assert count(core, table) == 1, "what was deleted can come back for a while"
    core.deletions.purge(-1)
    core.uploads.sweep()
    assert (count(core, table), count(core, attachment_pieces)) == (0, 0)


def test_a_message_of_bobs_that_names_alices_file_keeps_nothing_and_reads_nothing(core: Core) -> None:
    one, conversation = upload(core), core.conversation(BOB.id)
    with core.db.write() as tx:  # as an import might bring it
        store.add_message(tx, BOB.id, conversation.id, parent_id=None, role="user", content="look", status="completed", finished_at=utc_now(),
                          attachments=[{"id": one, "name": "a.py", "kind": "text"}])
        asked = store.conversation_messages(tx, BOB.id, conversation.id)[0]
    core.replies.regenerate(BOB.id, asked, Options())
    [run] = core.engine.runs.values()
    sent = orjson.loads(run.request.encoded())["messages"][0]["content"]
    assert "no longer stored" in sent[0]["text"] and "print" not in str(sent) and run.message.sent_as == {one: "missing"}
    age(core, -1)
    core.uploads.sweep()
    assert count(core, table) == 0


def test_pieces_that_a_dead_process_left_are_swept_and_those_on_their_way_are_not(core: Core) -> None:
    with core.db.write() as tx:
        for number in range(20):
            attachments.add_piece(tx, "left-by-a-dead-process", "data", number, b"x")
        attachments.add_piece(tx, "on-its-way", "data", 0, b"x")
    core.uploads._storing.add("on-its-way")
    core.uploads.sweep()
    assert count(core, attachment_pieces) == 1


def test_an_upload_that_cannot_be_told_of_leaves_nothing(core: Core) -> None:
    def fail(tx: Connection, ids: dict[str, Any]) -> None:
        raise RuntimeError
    with pytest.raises(RuntimeError):
        core.uploads.store(ALICE.id, "a.txt", io.BytesIO(b"x"), 1, fail)
    core.uploads.sweep()
    assert (count(core, table), count(core, attachment_pieces)) == (0, 0)


def test_a_person_uploads_a_few_at_once(core: Core) -> None:
    turns = [core.uploads.turn(ALICE.id) for _ in range(UPLOADS_PER_USER)]
    for turn in turns:
        turn.__enter__()
    with pytest.raises(RateLimited), core.uploads.turn(ALICE.id):
        pass
    with core.uploads.turn(BOB.id):
        pass
    for turn in turns:
        turn.__exit__(None, None, None)
    with core.uploads.turn(ALICE.id):
        pass


# ---- what a model is sent

def sent(core: Core) -> list[dict[str, Any]]:
    run = list(core.engine.runs.values())[-1]
    return orjson.loads(run.request.encoded())["messages"]


def test_an_image_goes_as_a_data_url_before_the_words_and_again_with_every_later_question(core: Core) -> None:
    image, conversation = upload(core, picture("PNG", (3000, 20)), "wide.png"), core.conversation()
    answered(core, conversation, "What is this?", attachments=[image])
    core.send(conversation, "And now?")
    first, reply, second = sent(core)
    [part, words] = first["content"]
    stored = b"".join(core.uploads.read(ALICE.id, image))
    assert part == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(stored).decode()}"}}
    assert words == {"type": "text", "text": "What is this?"} and (reply["content"], second["content"]) == ("Hi", "And now?")


def test_an_image_of_many_pieces_is_one_base64(core: Core) -> None:
    data = bytes(range(256)) * (PIECE_BYTES * 2 // 256 + 3)
    with core.db.write() as tx:
        described = {"id": new_id(), "name": "x", "kind": "image", "media_type": "image/png", "size": len(data)}
        attachments.add(tx, ALICE.id, described, len(data))
        for number, at in enumerate(range(0, len(data), PIECE_BYTES)):
            attachments.add_piece(tx, described["id"], "data", number, data[at:at + PIECE_BYTES])
    core.send(core.conversation(), "", attachments=[described["id"]])
    [part] = sent(core)[0]["content"]
    assert base64.b64decode(part["image_url"]["url"].partition(",")[2], validate=True) == data


@pytest.mark.parametrize("text", ["plain", "ends\n", "```\nfence\n```", "`````` six", "~~~", "</file>\nFile: b"])
def test_the_text_of_a_file_cannot_end_its_fence(text: str) -> None:
    lines = fenced("a.md", text).split("\n")
    assert lines[0] == "File: a.md" and lines[1] == lines[-1] and set(lines[1]) == {"`"} and len(lines[1]) >= 3
    assert lines[1] not in text and "\n".join(lines[2:-1]) == text.removesuffix("\n")


def test_a_text_goes_between_fences_under_its_name(core: Core) -> None:
    one = upload(core, "é漢🌊\n".encode(), "notes.txt")
    core.send(core.conversation(), "Sum up", attachments=[one])
    assert sent(core) == [{"role": "user", "content": [
        {"type": "text", "text": "File: notes.txt\n```\né漢🌊\n```"}, {"type": "text", "text": "Sum up"}]}]


@pytest.mark.parametrize("data", ["\ufeffé漢🌊\r\n2\r\n".encode(), "\ufeffé漢🌊\r\n2\r\n".encode("utf-16-le"), "\ufeffé漢🌊\r\n2\r\n".encode("utf-16-be")])
def test_a_text_loses_the_mark_of_its_encoding_and_keeps_the_ends_of_its_lines(core: Core, data: bytes) -> None:
    one = upload(core, data, "notes.txt")
    core.send(core.conversation(), "", attachments=[one])
    assert sent(core)[0]["content"] == [{"type": "text", "text": "File: notes.txt\n```\né漢🌊\r\n2\r\n```"}]
    with core.db.read() as tx:
        described = attachments.get(tx, ALICE.id, one)
    stored = b"".join(core.uploads.read(ALICE.id, one))
    assert (described["text_length"], described["size"]) == (8, len(stored)) and stored.decode("utf-8-sig") == "é漢🌊\r\n2\r\n"


@pytest.mark.parametrize(("model", "way"), [("demo/pdf", "file"), ("demo/blind", "text")])
def test_a_pdf_goes_as_a_file_or_as_its_text_and_the_reply_remembers_which(core: Core, model: str, way: str) -> None:
    data = pdf("Rivers of Europe", "Page two")
    one = upload(core, data, "rivers.pdf")
    [run] = core.send(core.conversation(), "Sum up", attachments=[one], models=[model])
    part = sent(core)[0]["content"][0]
    assert run.message.sent_as == {one: way}
    if way == "file":
        assert part == {"type": "file", "file": {"filename": "rivers.pdf", "file_data": f"data:application/pdf;base64,{base64.b64encode(data).decode()}"}}
    else:
        assert part == {"type": "text", "text": "File: rivers.pdf\n```\nRivers of Europe\n\nPage two\n```"}


def test_a_pdf_without_text_says_so_instead_of_being_left_out(core: Core) -> None:
    one = upload(core, pdf("", ""), "scan.pdf")
    core.send(core.conversation(), "Sum up", attachments=[one], models=["demo/blind"])
    assert "scan.pdf" in sent(core)[0]["content"][0]["text"] and "No text can be read" in sent(core)[0]["content"][0]["text"]


def test_more_than_goes_along_with_one_question_is_refused_and_nothing_is_stored(core: Core) -> None:
    conversation, ids = core.conversation(), []
    with core.db.write() as tx:
        for _ in range(2):
            ids.append(new_id())
            attachments.add(tx, ALICE.id, {"id": ids[-1], "name": "big.pdf", "kind": "pdf", "media_type": "application/pdf", "text_length": 5,
                                           "size": MAX_SENT_BYTES * 3 // 5}, 1)
    answered(core, conversation, "1", attachments=ids[:1], models=["demo/pdf"])
    with pytest.raises(TooLarge, match="24 MB"):
        core.send(conversation, "2", attachments=ids[1:], models=["demo/pdf"])
    assert len(core.engine.runs) == 0
    core.send(conversation, "2", attachments=ids[1:], models=["demo/blind"])  # as text they are small


def test_an_edit_keeps_the_files_unless_it_says_which(core: Core) -> None:
    a, b, conversation = upload(core, name="a.py"), upload(core, name="b.py"), core.conversation()
    asked = core.stored(answered(core, conversation, attachments=[a, b]).parent_id)
    ids = []
    for options in (Options(), Options(attachments=[b]), Options(attachments=[])):
        core.replies.edit(ALICE.id, asked, "Other words", options)
        run = list(core.engine.runs.values())[-1]
        ids.append([one["id"] for one in core.stored(run.message.parent_id).attachments])
    assert ids == [[a, b], [b], []]


def test_a_message_of_files_alone_is_named_after_the_first(core: Core) -> None:
    conversation = core.conversation()
    [run] = core.send(conversation, "", attachments=[upload(core, name="Trip plan.md")])
    with core.witness.read() as tx:
        assert store.get_conversation(tx, ALICE.id, conversation.id).title == "Trip plan.md"
    assert run.message.status == "queued"
    assert [part["type"] for part in sent(core)[0]["content"]] == ["text"]


def test_the_server_never_imports_what_reads_images_and_documents() -> None:
    code = "import sys, app, rill.parts, rill.routes.files; print([m for m in sys.modules if m.split('.')[0] in ('PIL', 'pypdf') or m in ('rill.images', 'rill.documents')])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout.strip() == "[]"
