"""Files on the page: picked, pasted, dropped, shown, removed, kept over a reload, sent; and what one is told before."""
from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.test_page_compare import ask_too
from tests.files import noise, pdf, photo, picture
from tests.standin_process import StandIn

PICTURE = {"name": "red and blue.png", "mimeType": "image/png", "buffer": picture()}
NOTES = {"name": "notes.py", "mimeType": "text/x-python", "buffer": b"print('hello')\n"}
HANDED = """([kind, into, files]) => {
  const transfer = new DataTransfer();
  for (const {name, type, data} of files) transfer.items.add(new File([Uint8Array.from(atob(data), c => c.charCodeAt(0))], name, {type}));
  const target = document.querySelector(into);
  if (kind === 'paste') target.dispatchEvent(new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true, cancelable: true}));
  else target.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


def pick(visit: Visit, *files: dict[str, Any]) -> None:
    visit.page.get_by_label("Attach files").set_input_files(list(files))


def hand(visit: Visit, kind: str, *files: dict[str, Any], into: str = "#say") -> None:
    """Paste or drag, as the browser itself would."""
    visit.page.evaluate(HANDED, [kind, into, [{"name": one["name"], "type": one["mimeType"], "data": base64.b64encode(one["buffer"]).decode()} for one in files]])


def edit(visit: Visit) -> None:
    expect(visit.numbers).to_be_visible()
    visit.page.locator(".utterance").hover()
    visit.button("Edit").click()


def tray(visit: Visit) -> Locator:
    return visit.page.locator(".tray .file")


def ready(visit: Visit, count: int) -> None:
    expect(visit.page.locator(".tray .file.is-ready")).to_have_count(count, timeout=20_000)  # a PDF is read in a process of its own


@pytest.mark.parametrize("kind", ["pick", "paste", "drop"])
def test_a_picture_comes_in_by_every_way_and_is_shown_with_its_name(visit: Visit, kind: str) -> None:
    pick(visit, PICTURE) if kind == "pick" else hand(visit, kind, PICTURE)
    ready(visit, 1)
    expect(tray(visit)).to_contain_text("red and blue.png")
    assert visit.page.locator(".tray img").evaluate("img => img.decode().then(() => img.naturalWidth)") > 0
    expect(visit.field).to_be_focused()


def test_a_drag_over_the_page_shows_where_to_drop(visit: Visit) -> None:
    hand(visit, "dragover", PICTURE)
    expect(visit.page.get_by_text("Drop files to attach them")).to_be_visible()
    expect(visit.page.get_by_text("Drop files to attach them")).to_be_hidden()  # the drag went elsewhere


def test_what_is_sent_reaches_the_model_and_stands_in_the_thread_also_after_a_reload(visit: Visit, upstream: StandIn) -> None:
    visit.choose("demo/echo")
    pick(visit, PICTURE, NOTES)
    ready(visit, 2)
    visit.say("What are these?")
    expect(visit.answer).to_contain_text("print('hello')")
    assert [part["type"] for part in upstream.ledger()[-1]["body"]["messages"][-1]["content"]] == ["image_url", "text", "text"]
    expect(tray(visit)).to_have_count(0)
    for _ in range(2):
        expect(visit.page.locator(".utterance .file-open img")).to_be_visible()
        expect(visit.page.locator(".utterance a.file")).to_contain_text("notes.py")
        visit.page.reload()
    with visit.page.expect_download() as download:
        visit.page.get_by_title("Download notes.py").click()
    assert download.value.suggested_filename == "notes.py"


def test_a_picture_opens_large_and_closes_with_escape(visit: Visit) -> None:
    visit.choose("demo/echo")
    pick(visit, PICTURE)
    ready(visit, 1)
    visit.say("Look")
    opener = visit.page.get_by_role("button", name="Show red and blue.png large")
    opener.click()
    large = visit.page.get_by_role("dialog", name="red and blue.png")
    expect(large.locator("img")).to_be_visible()
    visit.page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    expect(opener).to_be_focused()


def test_files_alone_can_be_sent(visit: Visit) -> None:
    visit.choose("demo/echo")
    expect(visit.button("Send")).to_be_disabled()
    pick(visit, NOTES)
    ready(visit, 1)
    visit.button("Send").click()
    expect(visit.answer).to_contain_text("print('hello')")
    expect(visit.page.locator(".utterance .utterance-text")).to_have_count(0)


def test_what_is_attached_survives_a_reload_and_can_be_removed(visit: Visit) -> None:
    pick(visit, PICTURE, NOTES)
    ready(visit, 2)
    visit.field.fill("half a thought")
    visit.page.reload()
    ready(visit, 2)
    expect(visit.field).to_have_value("half a thought")
    visit.button("Remove notes.py").click()
    ready(visit, 1)
    visit.page.reload()
    ready(visit, 1)
    expect(tray(visit)).to_contain_text("red and blue.png")


def test_each_conversation_has_its_own_files(visit: Visit) -> None:
    visit.choose("demo/echo").say("first")
    expect(visit.numbers).to_be_visible()
    pick(visit, NOTES)
    ready(visit, 1)
    visit.page.locator(".new-here, .side-new").first.click()
    expect(tray(visit)).to_have_count(0)
    visit.page.go_back()
    ready(visit, 1)


def test_a_file_that_is_refused_says_why_and_is_not_sent(visit: Visit, tmp_path: Path) -> None:
    fake, huge = tmp_path / "fake.png", tmp_path / "huge.bin"
    fake.write_bytes(b"<html>")
    huge.write_bytes(b"")
    os.truncate(huge, 20_000_001)
    visit.page.get_by_label("Attach files").set_input_files([fake, huge])
    expect(visit.page.locator(".tray .file.is-failed")).to_have_count(2)
    expect(tray(visit).first).to_contain_text("is not an image")
    expect(tray(visit).last).to_contain_text("Larger than 20 MB")
    visit.say("With it")
    expect(visit.page.get_by_role("alert")).to_contain_text("could not be uploaded")
    expect(visit.replies).to_have_count(0)


def test_an_upload_that_failed_on_the_way_is_tried_again_by_a_button(visit: Visit) -> None:
    visit.page.route("**/api/attachments", lambda route: route.abort())
    pick(visit, NOTES)
    expect(tray(visit)).to_contain_text("cannot be reached")
    visit.page.unroute("**/api/attachments")
    visit.button("Upload notes.py again").click()
    ready(visit, 1)


def test_one_is_warned_before_a_model_gets_what_it_may_not_see(visit: Visit) -> None:
    visit.choose("demo/fast")
    pick(visit, PICTURE, {"name": "rivers.pdf", "mimeType": "application/pdf", "buffer": pdf("Rivers")}, {"name": "scan.pdf", "mimeType": "application/pdf", "buffer": pdf("")})
    ready(visit, 3)
    told = visit.page.locator(".file-warnings")
    expect(told).to_contain_text("Demo: fast does not list images")
    expect(told).to_contain_text("of rivers.pdf it gets the text, 6 characters")
    expect(told).to_contain_text("No text can be read from scan.pdf")
    visit.choose("demo/echo")
    expect(told).not_to_contain_text("images")
    expect(told).to_contain_text("rivers.pdf goes to the model as a PDF")
    visit.choose("unlisted/model")
    expect(told).to_contain_text("It is not known whether model takes images")


def test_the_warning_names_each_model_of_a_comparison_that_may_not_see_it(visit: Visit) -> None:
    visit.choose("demo/echo")
    pick(visit, PICTURE, {"name": "rivers.pdf", "mimeType": "application/pdf", "buffer": pdf("Rivers")})
    ready(visit, 2)
    told = visit.page.locator(".file-warnings")
    expect(told).to_contain_text("rivers.pdf goes to the model as a PDF.")
    for model in ("demo/fast", "demo/slow"):
        ask_too(visit, model)
    expect(told).to_contain_text("Demo: fast and Demo: slow do not list images among what they take.")
    expect(told).to_contain_text("rivers.pdf goes to Demo: echo as a PDF.")
    expect(told).to_contain_text("Demo: fast and Demo: slow take no PDF here: of rivers.pdf they get the text")
    for model in ("fast", "slow"):
        visit.button(f"Do not ask Demo: {model}").click()
    expect(told).not_to_contain_text("images")


def test_the_thread_tells_how_a_pdf_went(visit: Visit) -> None:
    visit.choose("demo/fast")
    pick(visit, {"name": "rivers.pdf", "mimeType": "application/pdf", "buffer": pdf("Rivers")})
    ready(visit, 1)
    visit.say("Sum up")
    expect(visit.page.locator(".utterance .file")).to_contain_text("sent as its text")


def test_an_edited_message_keeps_its_files_and_can_lose_one(visit: Visit, upstream: StandIn) -> None:
    visit.choose("demo/echo")
    pick(visit, NOTES, {**NOTES, "name": "other.py"})
    ready(visit, 2)
    visit.say("First")
    edit(visit)
    visit.button("Remove other.py").click()
    visit.page.get_by_role("textbox", name="Edit").fill("Second")
    visit.button("Send again").click()
    expect(visit.page.locator(".utterance-text")).to_have_text("Second")
    expect(visit.page.locator(".utterance .file")).to_have_count(1)
    expect(visit.numbers).to_be_visible()
    assert [part["text"][:14] for part in upstream.ledger()[-1]["body"]["messages"][-1]["content"]] == ["File: notes.py", "Second"]


@pytest.mark.parametrize("kind", ["pick", "paste", "drop"])
def test_a_file_is_added_to_a_message_that_is_edited(visit: Visit, upstream: StandIn, kind: str) -> None:
    visit.choose("demo/echo").say("Only words")
    edit(visit)
    visit.page.get_by_role("textbox", name="Edit").fill("With a file")
    if kind == "pick":
        visit.page.locator(".edit").get_by_label("Attach files").set_input_files([NOTES])
    else:
        hand(visit, kind, NOTES, into=".edit textarea")
    expect(visit.page.locator(".edit .file.is-ready")).to_contain_text("notes.py")
    expect(visit.page.locator("#composer .file")).to_have_count(0)
    visit.button("Send again").click()
    expect(visit.page.locator(".utterance-text")).to_have_text("With a file")
    for _ in range(2):
        expect(visit.page.locator(".utterance a.file")).to_contain_text("notes.py")
        expect(visit.answer).to_contain_text("print('hello')")
        visit.page.reload()
    assert [part["text"][:14] for part in upstream.ledger()[-1]["body"]["messages"][-1]["content"]] == ["File: notes.py", "With a file"]


def test_an_edit_that_is_given_up_leaves_the_message_and_nothing_at_the_server(visit: Visit) -> None:
    visit.choose("demo/echo")
    pick(visit, NOTES)
    ready(visit, 1)
    visit.say("First")
    edit(visit)
    hand(visit, "paste", {**NOTES, "name": "other.py"}, {"name": "fake.png", "mimeType": "image/png", "buffer": b"<html>"}, into=".edit textarea")
    expect(visit.page.locator(".edit .file.is-ready")).to_have_count(2)
    visit.button("Send again").click()
    expect(visit.page.locator(".edit").get_by_role("alert")).to_contain_text("could not be uploaded")
    with visit.page.expect_request(lambda one: one.method == "DELETE") as gone:
        visit.button("Cancel").click()
    assert gone.value.response().status == 204
    expect(visit.page.locator(".utterance a.file")).to_have_count(1)
    assert visit.page.request.get(visit.base + visit.page.locator(".utterance a.file").get_attribute("href")).ok


def test_a_large_photo_is_made_smaller_before_it_leaves_and_loses_its_metadata(visit: Visit) -> None:
    given = photo((4000, 3000))
    with visit.page.expect_request("**/api/attachments") as asked:
        pick(visit, {"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": given})
    ready(visit, 1)
    assert int(asked.value.all_headers()["content-length"]) < len(given) + 2000
    body = asked.value.post_data_buffer or b""
    assert b"SecretCamera" not in body
    described = visit.page.evaluate("JSON.parse(localStorage['rill.files']).new[0]")
    assert (described["width"], described["height"]) == (1536, 2048)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_files_are_accessible_on_a_phone_and_need_no_sideways_scrolling(open_page: Callable[..., Visit], axe_source: str, scheme: str) -> None:
    visit = open_page(viewport=PHONE, color_scheme=scheme, has_touch=True)
    visit.choose("demo/echo")
    pick(visit, PICTURE, NOTES)
    ready(visit, 2)
    visit.say("What are these?")
    expect(visit.numbers).to_be_visible()
    pick(visit, {**PICTURE, "buffer": noise((900, 700))}, {**NOTES, "name": f"{'long ' * 30}.py"}, {"name": "fake.png", "mimeType": "image/png", "buffer": b"<html>"})
    expect(visit.page.locator(".tray .file.is-ready")).to_have_count(2)
    visit.page.add_script_tag(content=axe_source) if False else visit.page.evaluate(axe_source)
    found = visit.page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html)]))")
    assert found == []
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button in visit.page.locator(".tray .icon-button, .attach").all():
        box = button.bounding_box()
        assert box["width"] >= 44 and box["height"] >= 44 or not re.search("file", button.get_attribute("class") or "file")
