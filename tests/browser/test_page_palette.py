"""The palette and the sheet of shortcuts: what can be done, found by a few letters, with keys alone or with a finger."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.test_page_looks import assert_accessible


def open_palette(visit: Visit) -> Locator:
    visit.page.keyboard.press("Control+k")
    palette = visit.page.get_by_role("dialog", name="Palette")
    expect(palette.get_by_role("combobox")).to_be_focused()
    return palette


def options(palette: Locator) -> Locator:
    return palette.get_by_role("option")


def begin_conversation(visit: Visit, text: str) -> None:
    visit.choose("demo/echo").say(text)
    expect(visit.numbers).to_be_visible()


def test_an_action_is_found_by_a_few_letters_and_done_with_enter(visit: Visit) -> None:
    palette = open_palette(visit)
    visit.page.keyboard.type("dark th")
    expect(options(palette).first).to_have_text("Dark theme")
    visit.page.keyboard.press("Enter")
    expect(palette).to_be_hidden()
    expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
    open_palette(visit)
    visit.page.keyboard.press("Escape")
    expect(visit.field).to_be_focused()


def test_what_was_used_last_comes_first_and_what_makes_no_sense_is_left_out(visit: Visit) -> None:
    actions = open_palette(visit).get_by_role("group", name="Actions").get_by_role("option")
    expect(actions.first).to_contain_text("New conversation")
    expect(actions.filter(has_text="Delete this conversation")).to_have_count(0)
    visit.page.keyboard.type("keyboard")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    visit.page.keyboard.press("Escape")
    expect(open_palette(visit).get_by_role("group", name="Actions").get_by_role("option").first).to_contain_text("Keyboard shortcuts")


def test_a_conversation_is_found_by_its_title_and_by_its_text(visit: Visit) -> None:
    begin_conversation(visit, "The colour of quince, and then a word that only the text has: " + "much " * 20 + "zirkonium")
    visit.page.keyboard.press("Control+Shift+O")
    for words, section in (("colour of quin", "Conversations"), ("zirkonium", "In messages")):
        palette = open_palette(visit)
        visit.page.keyboard.type(words)
        found = palette.get_by_role("group", name=section).get_by_role("option").first
        found.click()
        expect(visit.replies).to_have_count(1)
        visit.page.keyboard.press("Control+Shift+O")
        expect(visit.replies).to_have_count(0)


def test_a_model_is_chosen_from_the_palette_with_the_arrows(visit: Visit) -> None:
    palette = open_palette(visit)
    visit.page.keyboard.type("demo echo")
    models = palette.get_by_role("group", name="Models")
    expect(models.get_by_role("option").first).to_contain_text("demo/echo")
    for _ in range(20):
        if models.get_by_role("option", selected=True).count():
            break
        visit.page.keyboard.press("ArrowDown")
    chosen = palette.get_by_role("option", selected=True)
    assert palette.get_by_role("combobox").get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#model-chip")).to_have_attribute("title", "demo/echo")


@pytest.mark.parametrize(("words", "address"), [("as json, with its files", "/export?format=json&attachments=true"), ("everything, with files", "/api/export?attachments=true")])
def test_an_export_takes_its_files_along_from_the_palette_too(visit: Visit, words: str, address: str) -> None:
    begin_conversation(visit, "To be exported")
    open_palette(visit)
    visit.page.keyboard.type(words)
    with visit.page.expect_download() as download:
        visit.page.keyboard.press("Enter")
    assert download.value.url.endswith(address)


def test_the_same_keys_close_the_palette_and_nothing_found_is_said(visit: Visit) -> None:
    palette = open_palette(visit)
    visit.page.keyboard.type("qqqqqq")
    expect(palette.get_by_text("Nothing here is called “qqqqqq”.").first).to_be_visible()
    visit.page.keyboard.press("Enter")  # nothing to do
    expect(palette).to_be_visible()
    visit.page.keyboard.press("Control+k")
    expect(palette).to_be_hidden()
    assert open_palette(visit).get_by_role("combobox").input_value() == ""


def test_the_sheet_tells_the_keys_that_hold(visit: Visit) -> None:
    visit.page.locator("#scroller").focus()
    visit.page.keyboard.press("?")
    sheet = visit.page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_be_visible()
    told = sheet.locator("dl > div").evaluate_all("lines => lines.map(l => [l.querySelector('dt').textContent, [...l.querySelectorAll('kbd')].map(k => k.textContent).join(' ')])")
    assert ["New conversation", "Ctrl Shift O"] in told
    assert ["Send the message", "Enter"] in told
    assert ["Rename the conversation", "F2"] in told
    visit.page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()


def test_an_apple_machine_reads_and_uses_its_own_keys(open_page: Callable[..., Visit]) -> None:
    visit = open_page()
    visit.context.add_init_script("Object.defineProperty(navigator, 'platform', {value: 'MacIntel'})")
    visit.page.reload()
    expect(visit.field).to_be_visible()
    visit.page.keyboard.press("Meta+k")
    palette = visit.page.get_by_role("dialog", name="Palette")
    expect(palette.locator(".pal-keys").first).to_have_text("⌘⇧O")


def test_on_a_phone_the_palette_is_a_sheet_for_fingers(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    visit.page.evaluate("document.body.dispatchEvent(new CustomEvent('openPalette', {bubbles: true, detail: {}}))")
    palette = visit.page.get_by_role("dialog", name="Palette")
    box = palette.bounding_box()
    assert (box["x"], box["width"]) == (0, PHONE["width"])
    small = palette.evaluate("p => [...p.querySelectorAll('button, [role=option]')].filter(e => e.getBoundingClientRect().height < 44).map(e => e.textContent)")
    assert small == []
    palette.get_by_role("combobox").fill("setti")
    palette.get_by_role("option").first.tap()
    expect(visit.page.get_by_role("dialog", name="Settings")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_palette_and_the_sheet(open_page: Callable[..., Visit], axe_source: str, scheme: str) -> None:
    visit = open_page(color_scheme=scheme, reduced_motion="reduce")
    begin_conversation(visit, "A conversation to be found")
    palette = open_palette(visit)
    assert_accessible(visit, axe_source, f"the palette, {scheme}")
    visit.page.keyboard.type("con")
    expect(palette.get_by_role("group", name="Conversations")).to_be_visible()
    assert_accessible(visit, axe_source, f"what the palette found, {scheme}")
    visit.page.keyboard.press("Escape")
    visit.page.locator("#scroller").focus()
    visit.page.keyboard.press("?")
    assert_accessible(visit, axe_source, f"the sheet of shortcuts, {scheme}")
