"""Export, import, sharing and print, as a person does them."""
from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, WATCH_POLICY, Visit
from tests.browser.test_page_looks import WITHOUT_MOTION, assert_accessible
from tests.files import picture
from tests.servers import Rill

LONG = 70  # messages: more than the page builds at once


def document(count: int = 2, messages: int = 2, **values: Any) -> dict[str, Any]:
    """An export of ours, written by hand."""
    def said(number: int) -> dict[str, Any]:
        return {"id": f"m{number}", "parent_id": f"m{number - 1}" if number else None, "role": ("user", "assistant")[number % 2], "model": "demo/echo",
                "content": f"Words {number}", **(values if number % 2 else {})}

    return {"format": "rill", "version": 1, "conversations": [
        {"conversation": {"title": f"Brought {number}"}, "messages": [said(at) for at in range(messages)]} for number in range(count)]}


def menu(visit: Visit, item: str) -> None:
    """An item of the menu of the conversation that is shown."""
    row = visit.page.locator(".side-item:has([aria-current])")
    row.hover()
    row.locator(".side-more").click()
    visit.page.get_by_role("menuitem", name=item).click()


def open_import(visit: Visit) -> Locator:
    visit.button("Settings").click()
    visit.page.get_by_role("button", name="Import…").click()
    return visit.page.get_by_role("dialog", name="Import conversations")


def choose(dialog: Locator, name: str, content: bytes) -> None:
    dialog.locator("input[type=file]").set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": content})


def ask(visit: Visit, text: str, model: str = "demo/echo") -> Visit:
    visit.choose(model).say(text)
    expect(visit.numbers).to_be_visible(timeout=60_000)
    return visit


# ---- export

def test_a_conversation_is_exported_from_its_menu_and_copied(open_page: Callable[..., Visit]) -> None:
    visit = ask(open_page(permissions=["clipboard-read", "clipboard-write"]), "Take me along")
    menu(visit, "Export…")
    with visit.page.expect_download() as down:
        visit.page.get_by_role("menuitem", name="Markdown, to read").click()
    assert down.value.suggested_filename == "Take me along.md"
    assert Path(down.value.path()).read_text().startswith("# Take me along\n\nModel: `demo/echo`")
    menu(visit, "Export…")
    with visit.page.expect_download() as down:
        visit.page.get_by_role("menuitem", name="JSON, to bring back").click()
    assert json.loads(Path(down.value.path()).read_text())["conversation"]["title"] == "Take me along"
    menu(visit, "Export…")
    with visit.page.expect_download() as down:
        visit.page.get_by_role("menuitem", name="JSON with its files").click()
    assert down.value.url.endswith("/export?format=json&attachments=true")
    menu(visit, "Export…")
    visit.page.get_by_role("menuitem", name="Copy as Markdown").click()
    expect(visit.page.locator("#announcer")).to_have_text("Copied as Markdown")
    assert visit.page.evaluate("navigator.clipboard.readText()").startswith("# Take me along")
    visit.button("Settings").click()
    with visit.page.expect_download() as down:
        visit.page.get_by_role("button", name="Export everything").first.click()
    assert down.value.suggested_filename.startswith("Rill 2")


# ---- import

def test_a_file_is_imported_and_its_first_conversation_opens(visit: Visit) -> None:
    brought = document(300)
    brought["conversations"][7]["messages"][0]["parent_id"] = "nobody"
    brought["conversations"][8]["messages"][0]["attachments"] = [{"id": "x" * 22, "name": "plan.pdf"}]
    dialog = open_import(visit)
    choose(dialog, "rill.json", json.dumps(brought).encode())
    expect(dialog).to_contain_text("299 conversations were imported, 1 left out.")
    expect(dialog.get_by_role("listitem").first).to_contain_text("Brought 7: a message follows one that is not there.")
    expect(dialog.get_by_role("listitem").last).to_contain_text("Brought 8: what was sent names “plan.pdf”, but does not hold it.")
    expect(visit.page.get_by_role("heading", name="Brought 0")).to_be_attached()
    dialog.get_by_role("button", name="Close").click()
    expect(visit.answer).to_have_text("Words 1")


def test_the_archive_that_chatgpt_sends_is_read_as_it_is(visit: Visit) -> None:
    nodes = {"q": {"id": "q", "parent": None, "message": {"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["From there"]}}},
             "a": {"id": "a", "parent": "q", "message": {"author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["Here I am"]}}}}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("chat.html", "<p>" * 1000)
        packed.writestr("conversations.json", json.dumps([{"title": "Moved", "mapping": nodes, "current_node": "a"}]))
    dialog = open_import(visit)
    choose(dialog, "export.zip", archive.getvalue())
    expect(dialog).to_contain_text("1 conversation was imported.")
    expect(visit.answer).to_have_text("Here I am")


def test_a_reply_that_came_without_a_model_has_a_heading_with_a_word(visit: Visit, axe_source: str) -> None:
    brought = document(1)
    for message in brought["conversations"][0]["messages"]:
        del message["model"]
    dialog = open_import(visit)
    choose(dialog, "rill.json", json.dumps(brought).encode())
    dialog.get_by_role("button", name="Close").click()
    expect(visit.page.locator(".reply-name")).to_have_text("Unknown model")
    assert_accessible(visit, axe_source, "a reply without a model")
    chinese = visit.context.browser.new_context(locale="zh-CN", storage_state=visit.context.storage_state())
    page = chinese.new_page()
    page.goto(visit.page.url)
    expect(page.locator(".reply-name")).to_have_text("未知模型")
    chinese.close()


@pytest.mark.parametrize(("name", "content", "said"), [
    ("notes.json", b"{", "notes.json is not valid JSON."), ("photo.zip", b"PK\x03\x04nothing", "This archive holds no conversations.json"),
    ("other.json", b'{"a": 1}', "neither an export of Rill nor ChatGPT"), ("none.json", b"[]", "The file holds no conversations."),
])
def test_a_wrong_file_is_told_in_a_sentence_and_another_can_be_chosen(visit: Visit, name: str, content: bytes, said: str) -> None:
    dialog = open_import(visit)
    choose(dialog, name, content)
    expect(dialog).to_contain_text(said)


# ---- sharing

def test_a_link_is_made_opened_by_a_stranger_and_revoked(open_page: Callable[..., Visit], rill: Rill) -> None:
    visit = ask(open_page(), "Show this to others", "demo/tour")
    menu(visit, "Share…")
    dialog = visit.page.get_by_role("dialog", name="Share a conversation")
    dialog.get_by_role("button", name="Make a link").click()
    address = dialog.get_by_role("textbox", name="Link of").input_value()
    assert address.startswith(f"{rill.url}/s/")
    stranger = visit.page.context.browser.new_context()
    stranger.add_init_script(WATCH_POLICY)
    complaints: list[str] = []
    page = stranger.new_page()
    page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
    page.goto(address)
    expect(page.get_by_role("heading", level=1, name="Show this to others")).to_be_visible()
    expect(page.locator(".reply > .md section").first).to_be_visible()
    expect(page.locator(".katex").first).to_be_attached()
    assert page.locator("details").count() == 0 and stranger.cookies() == []
    assert not complaints and page.evaluate("window.violations") == []
    dialog.get_by_role("button", name="Revoke the link").click()
    expect(dialog.get_by_role("listitem")).to_have_count(0)
    assert page.reload().status == 404
    expect(page.get_by_role("heading", name="Nothing is shared here")).to_be_visible()
    stranger.close()


def test_a_stranger_sees_the_pictures_and_gets_the_files_of_a_link(open_page: Callable[..., Visit], rill: Rill, axe_source: str) -> None:
    api = rill.api()
    files = [api.upload("red and blue.png", picture(size=(600, 400)))["id"], api.upload("Notes on rivers and their long names.md", b"# Rivers")["id"]]
    reply = api.answered("What is in these?", "demo/echo", attachments=files)
    made = api.post(f"/api/conversations/{reply['conversation_id']}/shares", {"attachments": True}, expect=201)
    stranger = open_page().page.context.browser.new_context(viewport=PHONE, reduced_motion="reduce")
    stranger.add_init_script(WATCH_POLICY)
    page = stranger.new_page()
    page.goto(rill.url + made["url"])
    image = page.get_by_role("link", name="red and blue.png").locator("img")
    expect(image).to_be_visible()
    assert image.evaluate("img => img.decode().then(() => [img.naturalWidth, img.naturalHeight])") == [320, 213]
    expect(page.get_by_role("list", name="Files")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert_accessible(SimpleNamespace(page=page), axe_source, "a shared page with files")
    notes = page.get_by_role("link", name="Notes on rivers and their long names.md")
    assert notes.bounding_box()["x"] >= 0
    with page.expect_download() as down:
        notes.click()
    assert (down.value.suggested_filename, Path(down.value.path()).read_text()) == ("Notes on rivers and their long names.md", "# Rivers")
    with page.expect_popup() as large:
        image.click()
    assert large.value.locator("img").evaluate("img => img.naturalWidth") == 600
    assert page.evaluate("window.violations") == [] and stranger.cookies() == []
    stranger.close()


# ---- print

def test_paper_gets_the_whole_branch_light_and_nothing_of_the_page(open_page: Callable[..., Visit], rill: Rill) -> None:
    made = rill.api().post("/api/import", document(1, LONG), expect=200)["conversation_ids"][0]
    visit = open_page(f"/c/{made}", color_scheme="dark")
    expect(visit.replies.last).to_be_visible()
    assert visit.page.locator("#thread article").count() < LONG
    visit.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    visit.page.pdf()
    expect(visit.page.locator("#thread article")).to_have_count(LONG)
    visit.page.emulate_media(media="print", color_scheme="dark")
    assert visit.page.evaluate("getComputedStyle(document.querySelector('.utterance-text')).color") == "rgb(29, 27, 24)"
    for hidden in ("#sidebar", "#composer", ".utterance-foot", ".topbar .icon-button"):
        expect(visit.page.locator(hidden).first).to_be_hidden()
    assert visit.page.evaluate("document.querySelector('#scroller').scrollHeight - document.querySelector('#scroller').clientHeight") == 0


# ---- for everybody

@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_dialogs_and_on_the_shared_page(open_page: Callable[..., Visit], axe_source: str, scheme: str) -> None:
    visit = ask(open_page(color_scheme=scheme, **WITHOUT_MOTION), "Look closely", "demo/tour")
    menu(visit, "Export…")
    assert_accessible(visit, axe_source, f"the export menu, {scheme}")
    visit.page.keyboard.press("Escape")
    menu(visit, "Share…")
    dialog = visit.page.get_by_role("dialog", name="Share a conversation")
    dialog.get_by_text("With the model’s thoughts").click()
    dialog.get_by_role("button", name="Make a link").click()
    address = dialog.get_by_role("textbox", name="Link of").input_value()
    assert_accessible(visit, axe_source, f"sharing, {scheme}")
    dialog.get_by_role("button", name="Close").click()
    imports = open_import(visit)
    choose(imports, "x.json", json.dumps([document(1)["conversations"][0], {"mapping": {}}]).encode())
    expect(imports).to_contain_text("left out")
    assert_accessible(visit, axe_source, f"the import, {scheme}")
    visit.page.goto(address)
    expect(visit.page.locator(".thinking summary")).to_be_visible()
    visit.page.locator(".thinking summary").click()
    assert_accessible(visit, axe_source, f"a shared page, {scheme}")


def test_the_shared_page_and_the_dialogs_fit_a_phone(open_page: Callable[..., Visit], rill: Rill) -> None:
    api = rill.api()
    reply = api.finished(api.ask("Does it fit?", "demo/tour")["id"], 60)
    made = api.post(f"/api/conversations/{reply['conversation_id']}/shares", {}, expect=201)
    visit = open_page(f"/c/{reply['conversation_id']}", viewport=PHONE, has_touch=True, is_mobile=True)
    visit.button("Open the sidebar").click()
    visit.page.locator(".side-item:has([aria-current]) .side-more").click()
    visit.page.get_by_role("menuitem", name="Share…").click()
    expect(visit.page.locator(".share-list li")).to_have_count(1)
    assert visit.page.evaluate("document.querySelector('.share').scrollWidth - document.querySelector('.share').clientWidth") <= 0
    visit.page.goto(rill.url + made["url"])
    expect(visit.page.locator(".reply")).to_be_visible()
    assert visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
