"""Every width, both themes, keyboard only, two languages, and what axe-core finds; the weight of the first load."""
from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PHONE, Visit
from tests.servers import Rill

FIRST_LOAD_BYTES = 60 * 1024
AXE_RULES = {"empty-table-header": {"enabled": False}, "target-size": {"enabled": True}}  # a table's empty corner is the model's to write
WITHOUT_MOTION = {"reduced_motion": "reduce"}


def assert_accessible(visit: Visit, axe_source: str, where: str) -> None:
    visit.page.evaluate(axe_source)
    violations = visit.page.evaluate("rules => axe.run({resultTypes: ['violations'], rules}).then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 200) + n.failureSummary)]))", AXE_RULES)
    assert violations == [], f"{where}: {violations}"


def show_a_rich_answer(visit: Visit) -> None:
    visit.choose("demo/tour").say("Show everything")
    expect(visit.numbers).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page: Callable[..., Visit], axe_source: str, scheme: str) -> None:
    visit = open_page(color_scheme=scheme, **WITHOUT_MOTION)
    expect(visit.page.locator(".prompt").first).to_be_enabled()
    assert_accessible(visit, axe_source, f"the empty page, {scheme}")
    show_a_rich_answer(visit)
    visit.page.locator(".thinking summary").click()
    assert_accessible(visit, axe_source, f"a rich answer, {scheme}")
    visit.numbers.click()
    assert_accessible(visit, axe_source, f"the timing, {scheme}")
    visit.page.keyboard.press("Escape")
    visit.choose("demo/fault-cut").say("Break")
    expect(visit.replies.last.locator(".trouble")).to_be_visible()
    assert_accessible(visit, axe_source, f"a failure, {scheme}")
    visit.page.locator("#model-chip").click()
    assert_accessible(visit, axe_source, f"the open picker, {scheme}")


@pytest.mark.parametrize("width", [320, 390, 820])
def test_nothing_makes_a_narrow_page_scroll_sideways(open_page: Callable[..., Visit], width: int) -> None:
    visit = open_page(viewport={"width": width, "height": 844}, has_touch=True)
    overflow = "document.documentElement.scrollWidth - innerWidth + document.querySelector('#scroller').scrollWidth - document.querySelector('#scroller').clientWidth"
    assert visit.page.evaluate(overflow) <= 0
    show_a_rich_answer(visit)
    assert visit.page.evaluate(overflow) <= 0


def test_only_the_conversation_scrolls_never_the_page_around_it(open_page: Callable[..., Visit]) -> None:
    visit = open_page()
    visit.choose("demo/echo").say("Here")
    expect(visit.numbers).to_be_visible()
    visit.replies.last.evaluate("el => el.scrollIntoView()")
    assert visit.page.evaluate("[document.scrollingElement.scrollHeight - innerHeight, document.scrollingElement.scrollTop]") == [0, 0]


def test_fingers_find_targets_of_44_pixels(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    visit.choose("demo/echo").say("Touch")
    expect(visit.numbers).to_be_visible()
    small = visit.page.evaluate("""() => [...document.querySelectorAll('.stage button, .stage a, .stage summary')].filter(e => e.checkVisibility()).map(e => {
        const r = e.getBoundingClientRect(), after = getComputedStyle(e, '::after'), grown = after.content === 'none' ? 0 : -2 * (parseFloat(after.top) || 0);
        return [e.getAttribute('aria-label') ?? e.textContent.trim(), Math.min(r.width, r.height) + Math.max(0, grown)];
    }).filter(([, size]) => size < 44)""")
    assert small == []


def test_on_a_phone_the_sidebar_is_a_drawer_that_closes_again(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    sidebar = visit.page.get_by_role("navigation", name="Conversations")
    expect(sidebar).to_be_hidden()
    visit.button("Open the sidebar").click()
    expect(sidebar).to_be_visible()
    visit.page.keyboard.press("Escape")
    expect(sidebar).to_be_hidden()
    expect(visit.button("Open the sidebar")).to_be_focused()


def test_everything_is_reached_with_the_keyboard(visit: Visit) -> None:
    keys = visit.page.keyboard
    expect(visit.field).to_be_focused()
    keys.press("Control+Shift+M")
    expect(visit.page.get_by_role("combobox")).to_be_focused()
    keys.type("demo/echo")
    keys.press("Enter")
    expect(visit.page.locator("#model-chip")).to_have_attribute("title", "demo/echo")
    expect(visit.field).to_be_focused()
    keys.type("line one")
    keys.press("Shift+Enter")
    keys.type("line two")
    keys.press("Enter")
    expect(visit.page.locator(".utterance-text")).to_have_text("line one\nline two")
    expect(visit.numbers).to_be_visible()
    visit.numbers.focus()
    keys.press("Enter")
    expect(visit.page.get_by_role("dialog", name="How this answer came")).to_be_visible()
    keys.press("Escape")
    expect(visit.numbers).to_be_focused()
    keys.press("/")
    expect(visit.field).to_be_focused()
    visit.numbers.focus()
    keys.press("?")
    expect(visit.page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    keys.press("Escape")
    keys.press("Control+Shift+S")
    expect(visit.page.get_by_role("navigation", name="Conversations")).to_be_hidden()
    keys.press("Control+Shift+O")
    expect(visit.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    expect(visit.field).to_be_focused()


def test_the_skip_link_is_first_and_leads_to_the_field(visit: Visit) -> None:
    first = visit.page.evaluate("(first => { first.focus(); return first.textContent; })(document.querySelector('a, button, input, textarea, [tabindex]'))")
    assert first == "Skip to the message field"
    expect(visit.page.get_by_role("link", name=first)).to_be_in_viewport()
    visit.page.keyboard.press("Enter")
    expect(visit.field).to_be_focused()


def test_a_chinese_browser_gets_the_page_in_chinese(open_page: Callable[..., Visit], rill: object) -> None:
    visit = open_page()
    context = visit.context.browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(visit.base)
    expect(page.get_by_role("heading", name="想知道些什么？")).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    context.close()


def test_answers_are_read_out_by_sentences_and_never_by_words(open_page: Callable[..., Visit]) -> None:
    visit = open_page()
    visit.page.evaluate("""() => { window.said = []; new MutationObserver(() => said.push(announcer.textContent)).observe(announcer, {childList: true}); }""")
    visit.choose("demo/echo").say("The first sentence. The second one.")
    expect(visit.numbers).to_be_visible()
    visit.page.wait_for_function("() => said.some(s => s.includes('The answer is complete'))")
    said = visit.page.evaluate("said")
    assert said[0].endswith("is answering.") and len(said) <= 4, said
    assert visit.page.locator(".reply [aria-live]:not(.copy)").count() == 0


def test_an_address_that_leads_nowhere_is_answered_with_a_way_back(visit: Visit, axe_source: str) -> None:
    response = visit.page.goto(visit.base + "/nowhere")
    assert response is not None and response.status == 404
    assert_accessible(visit, axe_source, "the error page")
    visit.page.get_by_role("link", name="Back to Rill").click()
    expect(visit.field).to_be_visible()


@pytest.mark.parametrize(("width", "locale"), [(320, "en-GB"), (320, "zh-CN"), (390, "en-GB"), (390, "zh-CN")])
def test_a_narrow_phone_cuts_nothing_of_the_composer_while_an_answer_runs(browser: Browser, rill: Rill, width: int, locale: str) -> None:
    context = browser.new_context(viewport={"width": width, "height": 700}, locale=locale, has_touch=True)
    context.add_init_script("""localStorage['rill.setup'] = JSON.stringify({system_prompt: 'Be brief.', params: {temperature: 0.5}});
      localStorage['rill.model'] = JSON.stringify({id: 'demo/numbers', over: null});""")
    page = context.new_page()
    page.goto(rill.url)
    page.locator("#say").fill('{"words": 2000}')
    page.locator("button[type=submit]:enabled").wait_for()
    page.keyboard.press("Enter")
    page.locator(".is-stop").wait_for()
    page.locator("#say").fill("And then?")
    page.locator("button[type=submit]").wait_for()
    form, model, *others = [page.locator(name).bounding_box() for name in
                            (".composer", "#model-chip", ".attach", ".is-add", "#params-chip", "button[type=submit]", ".is-stop")]
    for box in (boxes := [model, *others]):
        assert form["x"] <= box["x"] and box["x"] + box["width"] <= form["x"] + form["width"], box
    for one, other in itertools.combinations(boxes, 2):
        assert one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"] \
            or one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"], (one, other)
    assert page.evaluate("(({scrollWidth, clientWidth}) => scrollWidth <= clientWidth)(document.querySelector('.say-models'))")
    assert model["width"] >= 96
    context.close()


def test_a_low_window_shows_the_greeting_from_its_beginning(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport={"width": 390, "height": 600})
    heading = visit.page.get_by_role("heading", name="What would you like to know?")
    expect(heading).to_be_in_viewport()
    visit.field.fill("one\ntwo\nthree\nfour\nfive\nsix")
    assert visit.page.evaluate("scroller.scrollHeight > scroller.clientHeight + 100"), "it does not fit"
    expect(heading).to_be_in_viewport()
    expect(visit.button("Jump to the newest words")).to_be_hidden()


def test_the_first_load_is_light(open_page: Callable[..., Visit]) -> None:
    visit = open_page()
    scripts: list[bytes] = []
    visit.page.on("response", lambda r: scripts.append(r.body()) if r.url.endswith(".js") else None)
    visit.page.reload()
    expect(visit.page.locator(".prompt").first).to_be_enabled()
    weight = sum(len(gzip.compress(script)) for script in scripts)
    assert 20 * 1024 < weight <= FIRST_LOAD_BYTES, f"{weight / 1024:.1f} KiB of JavaScript"
