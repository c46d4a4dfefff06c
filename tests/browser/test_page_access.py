"""Whoever comes with a keyboard, a large print, their own colours or a screen reader finds the whole page."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.test_page_looks import assert_accessible

ZOOMED = {"width": 320, "height": 256}  # 1280 x 1024 at 400 % (WCAG 1.4.10)
SIDEWAYS = """() => [document.documentElement, ...document.querySelectorAll('body *')].filter(e => e.checkVisibility() && !e.closest('.off-screen, .skip')
    && /auto|scroll/.test(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1 && !e.closest('pre, .table, .math, textarea'))
    .map(e => `${e.localName}#${e.id}.${e.className} ${e.scrollWidth} > ${e.clientWidth}`)"""


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


def test_under_reduced_motion_nothing_moves_while_an_answer_streams(open_page: Callable[..., Visit]) -> None:
    visit = open_page(reduced_motion="reduce")
    visit.ask_numbers(words=60, rate=30, seed=2)
    visit.wait_for_words(5)
    assert visit.page.evaluate("document.getAnimations().filter(a => a.playState === 'running' && a.effect.getComputedTiming().endTime > 50).length") == 0
    expect(visit.numbers).to_be_visible()
