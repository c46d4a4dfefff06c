"""The settings: one dialog; what is chosen holds at once, after a reload, and before the first paint."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.test_page_looks import assert_accessible

ROOT_SIZE = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
# The colours that a browser may take for its bars: of the one tag that holds.
BARS = "() => [...document.querySelectorAll('meta[name=theme-color]')].filter(one => matchMedia(one.media).matches).map(one => one.content)"
# What <html> carries when the parser comes to <body>: nothing of the page's own modules has run by then.
WATCH_BODY = """new MutationObserver((_, watch) => { if (!document.body) return; watch.disconnect();
  window.early = {...document.documentElement.dataset}; window.bars = (%s)(); }).observe(document, {childList: true, subtree: true});""" % BARS


def open_settings(visit: Visit) -> Locator:
    if visit.button("Open the sidebar").is_visible():
        visit.button("Open the sidebar").click()
    visit.button("Settings").click()
    dialog = visit.page.get_by_role("dialog", name="Settings")
    expect(dialog).to_be_visible()
    return dialog


def choose(dialog: Locator, line: str, choice: str) -> None:
    dialog.get_by_role("group", name=line).get_by_role("radio", name=choice).click()


def test_size_of_text_density_and_theme_hold_at_once_and_before_the_next_first_paint(visit: Visit) -> None:
    usual = visit.page.evaluate(ROOT_SIZE)
    dialog = open_settings(visit)
    choose(dialog, "Text size", "Large")
    assert visit.page.evaluate(ROOT_SIZE) > usual
    choose(dialog, "Density", "Compact")
    choose(dialog, "Theme", "Dark")
    visit.context.add_init_script(WATCH_BODY)
    visit.page.reload()
    expect(visit.field).to_be_visible()
    early = visit.page.evaluate("window.early")
    assert {"theme": "dark", "text": "large", "density": "compact"}.items() <= early.items()
    dialog = open_settings(visit)
    expect(dialog.get_by_role("radio", name="Large")).to_be_checked()
    choose(dialog, "Text size", "Normal")
    assert visit.page.evaluate(ROOT_SIZE) == usual
    assert visit.page.evaluate("localStorage.getItem('rill.text')") is None  # the usual is no choice


@pytest.mark.parametrize(("system", "choice"), [("light", "Dark"), ("dark", "Light")])
def test_the_bars_of_the_browser_take_the_colour_of_the_chosen_theme(open_page: Callable[..., Visit], system: str, choice: str) -> None:
    colours = {"Light": "#faf9f7", "Dark": "#14181b"}
    visit = open_page(color_scheme=system)
    assert visit.page.evaluate(BARS) == [colours[system.title()]]
    choose(open_settings(visit), "Theme", choice)
    assert visit.page.evaluate(BARS) == [colours[choice]]
    visit.context.add_init_script(WATCH_BODY)
    visit.page.reload()
    expect(visit.field).to_be_visible()
    assert visit.page.evaluate("window.bars") == [colours[choice]]  # before the first paint
    choose(open_settings(visit), "Theme", "System")
    assert visit.page.evaluate(BARS) == [colours[system.title()]]


def test_the_settings_are_worked_with_the_keyboard_and_give_the_focus_back(visit: Visit) -> None:
    keys = visit.page.keyboard
    visit.button("Settings").focus()
    keys.press("Enter")
    dialog = visit.page.get_by_role("dialog", name="Settings")
    expect(dialog).to_be_visible()
    keys.press("Tab")
    expect(dialog.get_by_role("radio", name="System")).to_be_focused()
    keys.press("ArrowRight")
    expect(dialog.get_by_role("radio", name="Light")).to_be_checked()
    assert visit.page.evaluate("document.documentElement.dataset.theme") == "light"
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(visit.button("Settings")).to_be_focused()


def test_another_language_is_a_fresh_start(visit: Visit) -> None:
    choose(open_settings(visit), "Language", "简体中文")
    expect(visit.page.get_by_role("heading", name="想知道些什么？")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_settings(open_page: Callable[..., Visit], axe_source: str, scheme: str) -> None:
    visit = open_page(color_scheme=scheme, reduced_motion="reduce")
    open_settings(visit)
    assert_accessible(visit, axe_source, f"the settings, {scheme}")


def test_the_settings_fit_a_phone_and_a_finger(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    dialog = open_settings(visit)
    small = dialog.evaluate("""dialog => [...dialog.querySelectorAll('button, a, label')].map(e => [e.textContent.trim() || e.ariaLabel, e.getBoundingClientRect()])
        .filter(([, r]) => Math.min(r.width, r.height) < 44 || r.right > innerWidth || r.left < 0).map(([name]) => name)""")
    assert small == []
