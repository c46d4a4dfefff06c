"""Attachments over HTTP, against a whole server: what is taken, what is refused, what others may see, and what it costs them."""
from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import re
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from rill.models import new_id, utc_now
from rill.standin.numbers import verify
from tests.api_client import Api
from tests.disks import SmallDisk, can_mount
from tests.files import CAMERA, noise, pdf, photo, picture, png_bomb
from tests.servers import PROJECT, Rill, bare_environment, running_rill
from tests.standin_process import StandIn, wait_until

MB = 1_000_000
HICCUP_SECONDS = 0.35  # between two tokens of somebody else's; one in ten may meet a busy machine


def pixel(data: bytes, x: int, y: int) -> tuple[int, ...]:
    return Image.open(io.BytesIO(data)).convert("RGB").getpixel((x, y))


def last_call(upstream: StandIn) -> list[dict[str, Any]]:
    """The messages of the newest request, as the stand-in took them."""
    return upstream.ledger()[-1]["body"]["messages"]


def mark(data: bytes) -> str:
    """How the ledger keeps a long data URL's data."""
    return f"bytes={len(data)} sha256={hashlib.sha256(data).hexdigest()}"


# ---- images

def test_a_photo_comes_out_upright_smaller_and_without_a_word_of_who_took_it(api: Api) -> None:
    given = photo((3000, 1500))
    assert CAMERA.encode() in given
    made = api.upload("IMG_1.jpg", given)
    assert made == {"id": made["id"], "name": "IMG_1.jpg", "kind": "image", "media_type": "image/jpeg", "width": 1024, "height": 2048, "size": made["size"]}
    answer = api.request("GET", f"/api/attachments/{made['id']}")
    data = answer.content
    assert len(data) == made["size"] == int(answer.headers["Content-Length"]) and CAMERA.encode() not in data and b"Exif" not in data
    assert Image.open(io.BytesIO(data)).size == (1024, 2048)
    top, bottom = pixel(data, 500, 100), pixel(data, 500, 1900)  # turned to the right: what was left is on top
    assert top[0] > 150 > top[2] and bottom[2] > 150 > bottom[0]


@pytest.mark.parametrize(("format_", "mode", "media_type"), [
    ("PNG", "RGB", "image/png"), ("PNG", "RGBA", "image/png"), ("PNG", "P", "image/png"), ("PNG", "LA", "image/png"), ("PNG", "1", "image/png"), ("GIF", "P", "image/png"),
    ("JPEG", "RGB", "image/jpeg"), ("JPEG", "CMYK", "image/jpeg"), ("JPEG", "L", "image/jpeg"), ("WEBP", "RGB", "image/jpeg"), ("WEBP", "RGBA", "image/webp"),
])
def test_every_kind_of_image_is_taken_and_is_made_anew(api: Api, format_: str, mode: str, media_type: str) -> None:
    given = picture(format_, mode=mode)
    made = api.upload(f"a.{format_.lower()}", given)
    data = api.request("GET", f"/api/attachments/{made['id']}").content
    assert (made["media_type"], made["width"], made["height"]) == (media_type, 300, 200) and data != given
    if mode not in ("1", "L", "LA"):
        assert pixel(data, 20, 100)[0] > 150 > pixel(data, 20, 100)[2]


def test_a_picture_in_place_is_sealed_and_a_small_one_is_there_too(api: Api) -> None:
    made = api.upload("a.png", noise())
    whole, thumb = (api.request("GET", f"/api/attachments/{made['id']}{query}") for query in ("", "?thumb=1"))
    for answer in (whole, thumb):
        assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'" and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Disposition"].startswith("inline") and answer.headers["Cache-Control"] == "no-store"
    assert thumb.headers["Content-Type"] == "image/webp" and len(thumb.content) < len(whole.content) / 4
    assert max(Image.open(io.BytesIO(thumb.content)).size) == 320
    api.get(f"/api/attachments/{made['id']}?thumb=x", expect=400)


@pytest.mark.parametrize(("name", "data", "status", "says"), [
    ("bomb.png", png_bomb(), 415, "40 million pixels"), ("short.png", picture()[:200], 415, "damaged"), ("head.jpg", b"\xff\xd8\xff" + b"x" * 500, 415, "damaged"),
    ("page.png", b"<html><script>alert(1)</script>", 415, "not an image"), ("a.gif", pdf("x"), 415, "not an image"), ("x.pdf", b"%PDF-1.7\n" + b"x" * 900, 415, "cannot be read"),
    ("x.pdf", b"<svg/>", 415, "not a PDF"), ("a.zip", b"PK\x03\x04", 415, "no model here"), ("a.bin", b"\0\1\2", 415, "no model here"),
    ("latin.txt", b"caf\xe9", 415, "save it as UTF-8"), ("a.txt", b"", 400, "is empty"), ("a.txt", b"x" * (MB + 1), 413, "1 MB"),
    ("a.pdf", b"%PDF-" + b"x" * (20 * MB), 413, "20 MB"), ("a.tiff", picture("TIFF"), 415, "no model here"),
], ids=lambda value: value if isinstance(value, str) else None)
def test_what_is_not_taken_is_refused_with_its_reason_and_leaves_nothing(rill: Rill, api: Api, name: str, data: bytes, status: int, says: str) -> None:
    before = stored(rill)
    error = api.upload(name, data, expect=status)["error"]
    assert says in error["message"] and name in error["message"] + name * (status == 413) and not error["message"].endswith("!")
    assert stored(rill) == before and api.answered("well")["content"] == "well"


def stored(rill: Rill) -> tuple[int, int]:
    with rill.database() as connection:
        return tuple(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("attachments", "attachment_pieces"))  # type: ignore[return-value]


@pytest.mark.parametrize("name", ["logo.svg", "page.html", "page.xhtml", "x.xml", "run.js", "both.gif.html"])
def test_what_could_be_a_page_is_a_text_to_be_downloaded_and_nothing_else(api: Api, name: str) -> None:
    data = b"GIF89a<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/><script>alert(1)</script>"
    made = api.upload(name, data)
    answer = api.request("GET", f"/api/attachments/{made['id']}")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8" and answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer.headers["Content-Security-Policy"] and answer.content == data


def test_an_image_that_is_a_page_too_loses_the_page(api: Api) -> None:
    hidden = b"<script>alert(document.domain)</script>"
    made = api.upload("a.gif", picture("GIF") + hidden)
    assert hidden not in api.request("GET", f"/api/attachments/{made['id']}").content
    pdf_too = api.upload("a.png", picture() + pdf("hidden text"))
    assert b"%PDF" not in api.request("GET", f"/api/attachments/{pdf_too['id']}").content


# ---- text and PDF, and what a model is sent

def test_the_model_is_sent_exactly_what_was_attached_now_and_with_every_later_question(api: Api, upstream: StandIn) -> None:
    image, text, document = api.upload("a.png", picture()), api.upload("n\"ote s.py", b"print('```')\n"), api.upload("r.pdf", pdf("Rivers", "Lakes"))
    assert (text["name"], text["text_length"], document["text_length"], document["pages"]) == ("note s.py", 13, 13, 2)
    conversation = api.new_conversation()["id"]
    sent = api.send(conversation, "What is all this?", attachments=[image["id"], text["id"], document["id"]])
    assert sent["user_message"]["attachments"] == [image, text, document]
    reply = api.finished(sent["replies"][0]["id"])
    stored_png, stored_pdf = (api.request("GET", f"/api/attachments/{one['id']}").content for one in (image, document))
    [asked] = last_call(upstream)
    assert asked["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{mark(stored_png)}"}},
        {"type": "text", "text": "File: note s.py\n````\nprint('```')\n````"},
        {"type": "file", "file": {"filename": "r.pdf", "file_data": f"data:application/pdf;base64,{mark(stored_pdf)}"}},
        {"type": "text", "text": "What is all this?"},
    ]
    assert stored_pdf == pdf("Rivers", "Lakes") and reply["sent_as"] == {image["id"]: "image", text["id"]: "text", document["id"]: "file"}
    assert f"[image/png, {len(stored_png)} bytes" in reply["content"] and "print('```')" in reply["content"]
    api.finished(api.send(conversation, "And now?")["replies"][0]["id"])
    assert last_call(upstream)[0] == asked and last_call(upstream)[2] == {"role": "user", "content": "And now?"}
    assert api.get(f"/api/conversations/{conversation}")["messages"][0]["attachments"] == [image, text, document]


def test_a_model_that_takes_no_pdf_gets_its_text_and_the_reply_says_so(api: Api, upstream: StandIn) -> None:
    document, scan = api.upload("r.pdf", pdf("Rivers")), api.upload("scan.pdf", pdf("", ""))
    assert scan["text_length"] == 0
    reply = api.answered("Sum up", "demo/fast", attachments=[document["id"], scan["id"]])
    assert reply["status"] == "completed" and set(reply["sent_as"].values()) == {"text"}
    first, second, _ = last_call(upstream)[0]["content"]
    assert first == {"type": "text", "text": "File: r.pdf\n```\nRivers\n```"} and "scan.pdf" in second["text"] and "No text" in second["text"]
    listed = {model["id"]: model["takes_pdf"] for model in api.get("/api/models")["models"]}
    assert listed["demo/echo"] is True and listed["demo/fast"] is False


def test_an_image_goes_to_a_model_that_lists_none_and_the_models_refusal_is_shown(api: Api) -> None:
    failed = api.answered("Look", "demo/fast", attachments=[api.upload("a.png", picture())["id"]])
    assert (failed["status"], failed["error"]["status"]) == ("failed", 422) and "image" in failed["error"]["message"]


def test_an_edit_keeps_drops_and_adds_and_a_regenerated_answer_sees_the_same(api: Api, upstream: StandIn) -> None:
    a, b, c = (api.upload(f"{name}.txt", name.encode()) for name in "abc")
    sent = api.send(api.new_conversation()["id"], "x", attachments=[a["id"], b["id"]])
    api.finished(sent["replies"][0]["id"])
    question = sent["user_message"]["id"]
    for body, kept in (({}, [a, b]), ({"attachments": [b["id"], c["id"]]}, [b, c]), ({"attachments": []}, [])):
        edited = api.post(f"/api/messages/{question}/edit", {"content": "y", **body})
        assert edited["user_message"]["attachments"] == kept
        api.finished(edited["replies"][0]["id"])
    api.finished(api.post(f"/api/messages/{question}/replies")["replies"][0]["id"])
    assert [part["text"] for part in last_call(upstream)[0]["content"]] == ["File: a.txt\n```\na\n```", "File: b.txt\n```\nb\n```", "x"]
    api.post(f"/api/messages/{question}/edit", {"content": "", "attachments": []}, expect=400)


def test_a_message_may_be_files_alone(api: Api, upstream: StandIn) -> None:
    reply = api.answered("", attachments=[api.upload("Trip plan.md", b"Rome")["id"]])
    assert reply["status"] == "completed" and [part["type"] for part in last_call(upstream)[0]["content"]] == ["text"]
    assert api.conversation(reply["conversation_id"])["title"] == "Trip plan.md"
    api.send(api.new_conversation()["id"], " ", expect=400)


# ---- ids, keys, bodies

def other_user(rill: Rill) -> str:
    user_id = new_id()
    with rill.database(write=True) as connection:
        connection.execute("INSERT INTO users (id, name, role, created_at) VALUES (?, ?, 'user', ?)", (user_id, f"Bob {user_id}", "2999-01-01"))
    return user_id


def test_foreign_and_unknown_ids_are_the_same_404_everywhere(rill: Rill, api: Api) -> None:
    bobs = api.upload("bobs.txt", b"secret")["id"]
    with rill.database(write=True) as connection:
        connection.execute("UPDATE attachments SET user_id = ? WHERE id = ?", (other_user(rill), bobs))
    conversation, mine = api.new_conversation()["id"], api.upload("mine.txt", b"x")["id"]
    reply = api.answered("x")
    for one in (bobs, new_id()):
        errors = [api.get(f"/api/attachments/{one}", expect=404), api.get(f"/api/attachments/{one}?thumb=1", expect=404),
                  api._checked("DELETE", f"/api/attachments/{one}", 404), api.send(conversation, "x", attachments=[mine, one], expect=404),
                  api.post(f"/api/messages/{reply['parent_id']}/edit", {"content": "x", "attachments": [one]}, expect=404)]
        assert len({json.dumps(error) for error in errors}) == 1 and "secret" not in str(errors)
    assert api.get(f"/api/conversations/{conversation}")["messages"] == []


def test_the_same_upload_with_the_same_key_is_one_and_with_another_file_a_409(api: Api) -> None:
    key = new_id()
    first, again = api.upload("a.png", picture(), key=key), api.upload("a.png", picture(), key=key)
    assert first == again
    api.upload("a.png", picture(size=(10, 10)), key=key, expect=409)
    api.upload("b.png", picture(), key=key, expect=409)
    assert api.upload("a.png", picture(), key=new_id())["id"] != first["id"]


def multipart(*parts: bytes, boundary: bytes = b"XX") -> bytes:
    return b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary


FILE = b'Content-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhello'
FORM = "multipart/form-data; boundary=XX"


@pytest.mark.parametrize(("body", "content_type", "status"), [
    (multipart(FILE), FORM, 201), (multipart(FILE), "multipart/form-data", 415), (b"{}", "application/json", 415), (b"", FORM, 400), (b"", None, 415),
    (multipart(FILE)[:-9], FORM, 400), (multipart(FILE, FILE), FORM, 400), (multipart(FILE.replace(b"file", b"other", 1)), FORM, 400), (multipart(), FORM, 400),
    (multipart(FILE, b'Content-Disposition: form-data; name="x"\r\n\r\ny'), FORM, 400), (multipart(FILE.replace(b'; filename="a.txt"', b"")), FORM, 400),
    (b"garbage" * 100, FORM, 400), (multipart(b"X" * 70_000), FORM, 400), (multipart(FILE), "multipart/form-data; boundary=" + "y" * 300, 415),
    (multipart(b"No-Header\r\n\r\nhello"), FORM, 400), (multipart(FILE.replace(b"a.txt", b"")), FORM, 201),
])
def test_a_body_that_is_not_one_file_is_refused(api: Api, body: bytes, content_type: str | None, status: int) -> None:
    answer = api.request("POST", "/api/attachments", data=body, headers={"Content-Type": content_type})
    assert answer.status_code == status, answer.text
    assert status == 201 or answer.json()["error"]["message"].endswith(".")


def test_an_upload_needs_the_token_and_the_same_origin(rill: Rill, api: Api) -> None:
    for headers in ({"X-CSRF-Token": None}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert api.request("POST", "/api/attachments", files={"file": ("a.txt", b"x")}, headers=headers).status_code == 403
    assert api.request("POST", "/api/conversations", data=b"x" * (5 * MB), headers={"Content-Type": FORM}).status_code == 413, "the limit of other routes stays"


def test_a_message_has_at_most_ten(api: Api) -> None:
    one = api.upload("a.txt", b"x")["id"]
    api.send(api.new_conversation()["id"], "x", attachments=[one] * 11, expect=400)


# ---- going

def test_one_that_was_not_sent_can_be_removed_and_one_that_was_goes_with_its_message(poor: Rill) -> None:
    rill, api = poor, poor.api()
    loose, sent = api.upload("a.txt", b"x" * 500_000)["id"], api.upload("b.txt", b"y")["id"]
    reply = api.answered("x", attachments=[sent])
    api.delete(f"/api/attachments/{loose}")
    api.get(f"/api/attachments/{loose}", expect=404)
    wait_until(lambda: pieces_of(rill, loose) == 0, "the bytes to be gone")
    assert api._checked("DELETE", f"/api/attachments/{sent}", 409)["error"]["type"] == "conflict"
    api.delete(f"/api/conversations/{reply['conversation_id']}")
    assert not gone(api, sent), "the conversation can come back, and its file with it"
    with rill.database(write=True) as connection:
        connection.executescript("UPDATE messages SET deleted_at = '2000' WHERE deleted_at IS NOT NULL; UPDATE conversations SET deleted_at = '2000' WHERE deleted_at IS NOT NULL")
    rill.terminate()
    assert rill.wait() == 0
    api = rill.start().api()
    wait_until(lambda: gone(api, sent), "the file of a deleted conversation to go")
    wait_until(lambda: pieces_of(rill, sent) == 0, "its bytes to be gone")


def pieces_of(rill: Rill, attachment_id: str) -> int:
    with rill.database() as connection:
        return connection.execute("SELECT count(*) FROM attachment_pieces WHERE attachment_id = ?", (attachment_id,)).fetchone()[0]


def gone(api: Api, attachment_id: str) -> bool:
    return api.request("GET", f"/api/attachments/{attachment_id}").status_code == 404


# ---- room

@pytest.fixture
def poor(upstream: StandIn, data_dir: Path) -> Iterator[Rill]:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo", RILL_UPLOAD_QUOTA_BYTES=1_500_000) as running:
        yield running


def test_a_person_has_a_quota_and_gets_it_back(poor: Rill) -> None:
    api = poor.api()
    first = api.upload("a.txt", b"x" * MB)["id"]
    error = api.upload("b.txt", b"y" * MB, expect=413)["error"]
    assert "limit here" in error["message"] and stored(poor)[0] == 1
    api.delete(f"/api/attachments/{first}")
    api.upload("b.txt", b"y" * MB)


def test_what_was_not_sent_is_gone_after_a_day(poor: Rill) -> None:
    api = poor.api()
    old, sent = api.upload("a.txt", b"x")["id"], api.upload("b.txt", b"x")["id"]
    api.answered("x", attachments=[sent])
    with poor.database(write=True) as connection:
        connection.execute("UPDATE attachments SET kept_until = ? WHERE kept_until != ''", (utc_now(-1),))
    api.delete(f"/api/attachments/{api.upload('c.txt', b'x')['id']}")  # which makes it look
    wait_until(lambda: gone(api, old), "the old one to be gone")
    api.get(f"/api/conversations?limit=1")
    assert not gone(api, sent)


def test_with_little_room_on_the_disk_nothing_is_taken_and_messages_still_are(data_dir: Path, upstream: StandIn) -> None:
    if not can_mount():
        pytest.skip("a disk of its own needs root or user namespaces")
    disk = SmallDisk(data_dir, 48 * 1024 * 1024)
    with running_rill(data_dir, upstream.base_url, wrapper=disk.wrapper, RILL_DEFAULT_MODEL="demo/echo") as small:
        assert small.api().upload("a.txt", b"x", expect=507)["error"]["type"] == "disk_full"
        assert small.api().answered("still here")["content"] == "still here"


def test_a_backup_holds_the_files(poor: Rill, upstream: StandIn, tmp_path: Path) -> None:
    api = poor.api()
    made = api.upload("a.png", noise((500, 400)))
    message = api.answered("x", attachments=[made["id"]])
    data = api.request("GET", f"/api/attachments/{made['id']}").content
    copy = tmp_path / "copy.db"
    subprocess.run([PROJECT / "bin" / "backup", copy], env={**bare_environment(), "RILL_DATA_DIR": str(poor.data_dir)}, check=True, capture_output=True, timeout=60)
    (tmp_path / "new").mkdir()
    copy.rename(tmp_path / "new" / "rill.db")
    with running_rill(tmp_path / "new", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as restored:
        other = restored.api()
        assert other.request("GET", f"/api/attachments/{made['id']}").content == data
        assert other.message(message["parent_id"])["attachments"] == [made]


# ---- others

def test_an_upload_of_a_large_file_holds_nobodys_stream_up(rill: Rill, api: Api) -> None:
    """Twenty megabytes in, read by a child, stored, sent on to the model, and read back, while an answer is written."""
    reply = api.ask(json.dumps({"words": 4000, "rate": 100, "seed": 3}), "demo/numbers")
    feed = rill.feed().until_ready()
    document = pdf("Rivers", extra=b"%" + b"x" * 19_900_000 + b"\n")

    def work() -> None:
        other = rill.api()
        made = other.upload("large.pdf", document)
        done = other.answered("Sum up", attachments=[made["id"]])
        assert done["status"] == "completed" and hashlib.sha256(document).hexdigest() in done["content"]
        assert other.request("GET", f"/api/attachments/{made['id']}").content == document
        ended.append(time.monotonic())

    ended: list[float] = []
    worker = threading.Thread(target=work)
    began = time.monotonic()
    worker.start()
    feed.until(lambda feed: not worker.is_alive(), "the upload did not end", 40)
    worker.join()
    assert ended, "the upload failed"
    times = [event.at for event in feed.events if event.name == "delta" and event.data["message_id"] == reply["id"] and began < event.at < ended[0]]
    gaps = sorted(later - earlier for earlier, later in zip(times, times[1:], strict=False))
    api.stop(reply["id"])
    assert verify(api.message(reply["id"])["content"], 3) is None
    print(f"seconds={ended[0] - began:.2f} gaps={len(gaps)} median={gaps[len(gaps) // 2]:.3f} p99={gaps[len(gaps) * 99 // 100]:.3f} longest={gaps[-1]:.3f}")
    assert len(gaps) > 20 and gaps[len(gaps) * 9 // 10] < HICCUP_SECONDS, f"the longest gaps were {gaps[-5:]}"


def test_slow_uploads_block_nobody_and_leave_nothing_when_they_break_off(rill: Rill, api: Api) -> None:
    before = stored(rill)
    cookie = "; ".join(f"{one.name}={one.value}" for one in api.http.cookies)
    head = (f"POST /api/attachments HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nX-CSRF-Token: {api.token}\r\n"
            f"Content-Type: {FORM}\r\nContent-Length: 1000000\r\n\r\n").encode()
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", rill.port), timeout=10)) for _ in range(4)]
        for sock in slow:
            sock.sendall(head + multipart(FILE)[:40])
        started = time.monotonic()
        assert api.answered("quick")["content"] == "quick"
        error = wait_for_refusal(api)
        assert error["type"] == "rate_limited" and time.monotonic() - started < 10
    wait_until(lambda: api.request("POST", "/api/attachments", files={"file": ("a.txt", b"x")}).status_code == 201, "the slow ones to be let go of")
    assert stored(rill)[0] == before[0] + 1


def wait_for_refusal(api: Api) -> dict[str, Any]:
    """Until the four are known to the server, one more is still taken."""
    deadline = time.monotonic() + 5
    while (answer := api.request("POST", "/api/attachments", data=b"", headers={"Content-Type": FORM})).status_code != 429:
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.02)
    return answer.json()["error"]


def test_a_child_that_takes_too_much_is_ended_and_the_server_stays_small(poor: Rill) -> None:
    api = poor.api()
    api.answered("warm")
    before = poor.memory_bytes()
    for name, data in (("bomb.png", png_bomb(6300, 6300)), ("bomb.pdf", b"%PDF-1.7\n" + b"[" * 1_000_000)):
        assert api.upload(name, data, expect=415)["error"]["type"] == "unsupported_media_type"
    api.upload("a.png", noise((1800, 1200)))
    grown = poor.memory_bytes() - before
    print(f"before={before / MB:.0f} MB grown={grown / MB:.1f} MB")
    assert grown < 15 * MB and poor.memory_bytes() < 120 * 1024 * 1024


def test_a_crash_in_the_middle_of_an_upload_leaves_nothing(poor: Rill) -> None:
    api = poor.api()
    big = pdf("x", extra=b"%" + b"x" * 1_300_000 + b"\n")
    threading.Thread(target=lambda: contextlib.suppress(requests.RequestException).__enter__() or _try(poor, big), daemon=True).start()
    wait_until(lambda: stored(poor)[1] > 0, "the first piece to be stored")
    poor.kill()
    poor.start()
    wait_until(lambda: stored(poor) in ((0, 0), (1, 8)), "what was half stored to be swept")
    assert poor.api().answered("well")["content"] == "well" and api.url


def _try(rill: Rill, data: bytes) -> None:
    with contextlib.suppress(requests.RequestException):
        rill.api().upload("a.pdf", data)
