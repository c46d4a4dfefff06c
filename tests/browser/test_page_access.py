"""Whoever comes with a keyboard, a large print, their own colours or a screen reader finds the whole page."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.test_page_attachments import PICTURE
from tests.browser.test_page_looks import assert_accessible

ZOOMED = {"width": 320, "height": 256}  # 1280 x 1024 at 400 % (WCAG 1.4.10)
SIDEWAYS = """() => [document.documentElement, ...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('.off-screen, .skip')
    && /auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1 && !e.closest('pre, .table, .math, textarea'))
    .map(e => `${e.localName}#${e.id}.${e.className} ${e.scrollWidth} > ${e.clientWidth}`)"""


# The name of what has the focus, and whether anything of it is to be seen; (null, false) when the focus has left the page.
IN_FOCUS = """() => {
  const el = document.activeElement;
  if (el === document.body) return [null, false];
  const {left, top, width, height} = el.getBoundingClientRect();
  const parts = [.04, .5, .96].flatMap(x => [.04, .5, .96].map(y => document.elementFromPoint(left + width * x, top + height * y)));
  const name = el.ariaLabel ?? (el.labels?.[0] ?? el).textContent.trim();
  return [name, parts.some(part => part && (el.contains(part) || el.labels?.[0]?.contains(part)))];
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_dialogs_and_the_menu(open_page: Callable[..., Visit], axe_source: str, scheme: str) -> None:
    visit = open_page(color_scheme=scheme, reduced_motion="reduce")
    visit.choose("demo/echo").say("Words")
    expect(visit.numbers).to_be_visible()
    visit.page.keyboard.press("Escape")
    visit.page.locator("#scroller").focus()
    visit.page.keyboard.press("?")
    expect(visit.page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    assert_accessible(visit, axe_source, f"the keys, {scheme}")
    visit.page.keyboard.press("Escape")
    visit.page.locator(".side-item").first.hover()
    visit.page.locator(".side-more").first.click()
    expect(visit.page.get_by_role("menu")).to_be_visible()
    assert_accessible(visit, axe_source, f"a menu, {scheme}")
    visit.page.keyboard.press("Escape")
    visit.page.goto(visit.base + "/c/" + "x" * 22)
    expect(visit.page.get_by_role("heading", name="There is no conversation here")).to_be_visible()
    assert_accessible(visit, axe_source, f"no conversation, {scheme}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_what_comes_and_goes(open_page: Callable[..., Visit], axe_source: str, scheme: str) -> None:
    visit = open_page(color_scheme=scheme, reduced_motion="reduce")
    keys = visit.page.keyboard

    def look(where: str) -> None:
        assert_accessible(visit, axe_source, f"{where}, {scheme}")

    visit.choose("demo/echo")
    visit.page.get_by_label("Attach files").set_input_files([PICTURE])
    expect(visit.page.locator(".tray .is-ready")).to_be_visible()
    look("a file that waits")
    visit.say("Words\n\n```python\nprint('words')\n```\n" + "more\n" * 40)
    expect(visit.numbers).to_be_visible()
    look("a folded message with a file, and code")
    visit.page.get_by_role("button", name="large").click()
    expect(visit.page.get_by_role("dialog", name=PICTURE["name"])).to_be_visible()
    look("a picture shown large")
    keys.press("Escape")
    visit.replies.last.get_by_role("button", name="More").click()
    expect(visit.page.get_by_role("menu")).to_be_visible()
    look("the menu of a message")
    keys.press("Escape")
    visit.page.locator(".utterance").get_by_role("button", name="Edit").click()
    expect(visit.button("Send again")).to_be_visible()
    look("a message that is edited")
    keys.press("Escape")
    visit.page.locator(".side-more").first.click()
    visit.page.get_by_role("menuitem", name="Rename").click()
    expect(visit.page.get_by_role("textbox", name="Title")).to_be_focused()
    look("a conversation that is renamed")
    keys.press("Escape")
    visit.page.locator(".side-more").first.click()
    visit.page.get_by_role("menuitem", name="Choose several").click()
    expect(visit.button("All")).to_be_visible()
    visit.page.locator(".keep-item input").first.check()
    look("choosing several")
    visit.page.locator(".keep-bar").get_by_role("button", name="Archive").click()
    expect(visit.button("Undo")).to_be_visible()
    look("an offer to undo")
    visit.button("Archive").click()
    expect(visit.button("Back to all conversations")).to_be_visible()
    look("the archive")


@pytest.mark.parametrize("size", [ZOOMED, PHONE])
def test_what_the_tab_key_reaches_is_seen(open_page: Callable[..., Visit], size: dict[str, int]) -> None:
    visit = open_page(viewport=size)
    visit.choose("demo/echo").say("A first question.\n\n```python\nprint('code')\n```")
    expect(visit.numbers).to_be_visible()
    visit.say("\n".join(["A message that is folded"] * 30))
    expect(visit.page.locator(".reply .numbers")).to_have_count(2)
    visit.choose("demo/numbers")
    for count in (3, 4):
        visit.say('{"words": 500, "rate": 2000}')
        expect(visit.page.locator(".reply .numbers")).to_have_count(count)
    visit.page.reload()  # what was never in view is as high as an estimate
    expect(visit.numbers).to_be_visible()
    visit.page.locator("#skip").focus()
    reached = []
    while len(reached) < 60:
        visit.page.keyboard.press("Tab")
        name, is_seen = visit.page.evaluate(IN_FOCUS)
        if name is None:
            break
        assert is_seen, f"{name} has the focus out of view, after {reached[-3:]}"
        reached.append(name)
    for one in ("Copy", "Show all of it", "Wrap", "Message"):
        assert one in reached


def test_the_focus_comes_back_from_every_float(visit: Visit) -> None:
    keys = visit.page.keyboard
    visit.choose("demo/echo").say("Words")
    expect(visit.numbers).to_be_visible()
    more = visit.page.locator(".side-more").first
    for opener, float_ in [(more, "[role=menu]"), (visit.button("Settings"), "dialog.settings"),
                           (visit.page.locator("#model-chip"), "#picker"), (visit.numbers, "#timing")]:
        opener.focus()
        keys.press("Enter")
        expect(visit.page.locator(float_).first).to_be_visible()
        visit.page.wait_for_function("selector => document.querySelector(selector).contains(document.activeElement)", arg=float_)
        keys.press("Escape")
        expect(visit.page.locator(float_).first).to_be_hidden()
        expect(opener).to_be_focused()


def test_the_focus_is_never_lost_with_what_had_it(visit: Visit) -> None:
    keys = visit.page.keyboard
    visit.choose("demo/echo").say("Words")
    expect(visit.numbers).to_be_visible()
    answer = "document.querySelector('.reply:last-of-type').contains(document.activeElement)"
    visit.page.locator(".edit-act").focus()
    keys.press("Enter")
    keys.type("Other words")
    keys.press("Enter")
    expect(visit.answer).to_contain_text("Other words")
    visit.page.wait_for_function(f"() => {answer}")
    expect(visit.numbers).to_be_visible()
    again = visit.replies.last.get_by_role("button", name="Ask again")
    again.focus()
    keys.press("Enter")
    expect(again).to_be_hidden()
    expect(visit.numbers).to_be_visible()
    visit.page.wait_for_function(f"() => {answer}")
    archive = visit.button("Archive")
    archive.focus()
    keys.press("Enter")
    expect(visit.button("Back to all conversations")).to_be_focused()
    keys.press("Enter")
    expect(archive).to_be_focused()
    item = visit.page.locator(".side-item a").first
    more = visit.page.locator(".side-more").first
    more.focus()
    keys.press("Enter")
    visit.page.get_by_role("menuitem", name="Choose several").focus()
    keys.press("Enter")
    expect(visit.page.locator(".keep-item input").first).to_be_focused()
    visit.page.get_by_role("button", name="Choose no more").focus()
    keys.press("Enter")
    expect(item).to_be_focused()


def test_at_400_percent_nothing_scrolls_sideways_and_one_can_still_read_and_write(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=ZOOMED)
    assert visit.page.evaluate(SIDEWAYS) == []
    visit.choose("demo/echo").say("A question long enough to be wrapped at this size, and then some more of it.")
    expect(visit.numbers).to_be_visible()
    assert visit.page.evaluate(SIDEWAYS) == []
    assert visit.page.locator("#scroller").bounding_box()["height"] >= 90
    expect(visit.field).to_be_in_viewport(ratio=1)
    visit.button("Open the sidebar").click()
    visit.button("Settings").click()
    expect(visit.page.get_by_role("dialog", name="Settings")).to_be_visible()
    assert visit.page.evaluate(SIDEWAYS) == []
    visit.page.keyboard.press("Escape")
    visit.page.locator("#scroller").focus()
    visit.page.keyboard.press("?")
    expect(visit.page.get_by_role("heading", name="Keyboard shortcuts")).to_be_in_viewport(ratio=1)
    assert visit.page.evaluate(SIDEWAYS) == []


def test_at_400_percent_what_scrolls_has_room_for_it(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=ZOOMED)
    visit.choose("demo/echo").say("Words")
    expect(visit.numbers).to_be_visible()
    visit.button("Open the sidebar").click()
    visit.page.locator(".side-item").first.hover()
    visit.page.locator(".side-more").first.click()
    visit.page.get_by_role("menuitem", name="Choose several").click()
    visit.page.locator(".keep-item input").first.check()
    for part in (visit.page.locator(".keep-item").first, visit.page.locator(".keep-bar").get_by_role("button", name="Delete"), visit.button("Settings")):
        part.scroll_into_view_if_needed()
        expect(part).to_be_in_viewport(ratio=1)
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("Escape")
    visit.page.locator("#params-chip").click()
    field = visit.page.get_by_role("textbox", name="Temperature")
    field.focus()
    expect(field).to_be_in_viewport(ratio=1)


def test_an_offer_to_undo_covers_neither_the_field_nor_what_waits(visit: Visit) -> None:
    visit.ask_numbers(words=2000, rate=30)
    visit.wait_for_words(3)
    for words in ("first", "second", "third"):
        visit.say(words)
        expect(visit.field).to_have_value("")
    visit.button("Take this message back").last.click()
    offer = visit.page.locator(".offers .net")
    expect(offer).to_be_visible()
    waiting = visit.page.get_by_role("region", name="Waiting to be sent")
    visit.page.wait_for_function("() => document.getAnimations().every(a => a.playState !== 'running' || a.effect.getComputedTiming().endTime === Infinity)")
    assert offer.bounding_box()["y"] + offer.bounding_box()["height"] <= waiting.bounding_box()["y"]


def test_with_text_of_twice_the_size_nothing_is_cut_on_a_phone(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=PHONE)
    visit.page.evaluate("document.documentElement.style.fontSize = '200%'")
    visit.choose("demo/echo").say("```python\nprint('code')\n```")
    expect(visit.numbers).to_be_visible()
    edges = visit.page.locator("figure.code").evaluate("code => [...code.querySelectorAll('figcaption *')].map(e => e.getBoundingClientRect().right - code.getBoundingClientRect().right)")
    assert len(edges) > 3 and max(edges) <= 0
    for key, name in (("?", "Keyboard shortcuts"), ("Control+k", "Palette")):
        visit.page.locator("#scroller").focus()
        visit.page.keyboard.press(key)
        expect(visit.page.get_by_role("dialog", name=name)).to_be_visible()
        assert visit.page.evaluate(SIDEWAYS) == []
        visit.page.keyboard.press("Escape")
    visit.page.evaluate("document.body.dispatchEvent(new CustomEvent('findInConversation', {bubbles: true, detail: {}}))")  # Ctrl F is the browser's here
    bar = visit.page.get_by_role("search")
    bar.get_by_role("textbox").fill("code")
    expect(bar.get_by_role("status")).to_contain_text("of 2")
    assert bar.get_by_role("textbox").bounding_box()["width"] > 90


def test_in_forced_colours_what_is_chosen_and_what_can_be_pressed_is_seen(open_page: Callable[..., Visit]) -> None:
    visit = open_page(forced_colors="active")
    visit.button("Settings").click()
    ground = "label => getComputedStyle(label).backgroundColor"
    chosen, other = (visit.page.get_by_role("group", name="Theme").locator("label").nth(at).evaluate(ground) for at in (0, 1))
    assert chosen != other
    visit.page.keyboard.press("Escape")
    framed = "e => parseFloat(getComputedStyle(e).borderTopWidth) > 0 && getComputedStyle(e).borderTopStyle !== 'none'"
    for control in (visit.button("Send"), visit.page.locator("#model-chip"), visit.page.locator(".prompt").first):
        assert control.evaluate(framed), control
    expect(visit.page.locator(".prompt").first).to_be_enabled()
    visit.page.keyboard.press("Control+k")
    visit.page.get_by_role("dialog", name="Palette").get_by_role("combobox").fill("se")
    mark = visit.page.locator(".pal-item:not(.is-active) mark").first
    expect(mark).to_be_visible()
    assert mark.evaluate("e => getComputedStyle(e).color !== getComputedStyle(e).backgroundColor && getComputedStyle(e).backgroundColor !== 'rgba(0, 0, 0, 0)'")
    places = [visit.page.evaluate("name => getComputedStyle(document.body, `::highlight(${name})`).backgroundColor", name) for name in ("found", "found-now")]
    assert places[0] != places[1]


def test_under_reduced_motion_nothing_moves_while_an_answer_streams(open_page: Callable[..., Visit]) -> None:
    visit = open_page(reduced_motion="reduce")
    visit.ask_numbers(words=240, rate=30, seed=2)
    visit.wait_for_words(5)
    assert visit.page.evaluate("document.getAnimations().filter(a => a.playState === 'running' && a.effect.getComputedTiming().endTime > 50).length") == 0
    expect(visit.numbers).to_be_visible(timeout=30_000)
