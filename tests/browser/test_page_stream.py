"""The text is exact in every tab, and a long one flows. What faults do to it: test_page_faults*.py."""
from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from rill.standin.numbers import verify
from tests.browser.conftest import Visit
from tests.servers import Rill

WORDS = 300
NUMBERS = {"words": WORDS, "rate": 80, "seed": 11}
LONG_CHARS = 100_000
TOKENS_PER_SECOND = 2000  # twenty times a fast model


AT_END = "(s => s.scrollHeight - s.scrollTop - s.clientHeight < 4)(document.querySelector('#scroller'))"


def assert_whole(visit: Visit) -> None:
    expect(visit.replies.last).to_have_attribute("data-status", "completed")
    assert verify(visit.words(), 11) is None and len(visit.words().split()) == WORDS


def test_a_second_tab_shows_the_same_text_while_it_grows(visit: Visit, open_page: Callable[..., Visit]) -> None:
    visit.ask_numbers(**NUMBERS)
    visit.wait_for_words(10)
    second = open_page(visit.page.url.removeprefix(visit.base), beside=visit)
    assert verify(second.wait_for_words(20), 11) is None
    assert_whole(visit)
    assert_whole(second)


def test_an_answer_that_ends_in_the_background_is_marked_until_it_is_looked_at(visit: Visit) -> None:
    visit.ask_numbers(words=300, rate=60, seed=1)
    visit.wait_for_words(3)
    expect(visit.page.get_by_role("img", name="answering")).to_be_visible()
    path = visit.page.url.removeprefix(visit.base)
    visit.page.keyboard.press("Control+Shift+O")
    mark = visit.page.get_by_role("img", name="finished")
    expect(mark).to_be_visible(timeout=30_000)
    visit.page.locator(f"a[href='{path}']").click()
    expect(mark).to_be_hidden()
    assert verify(visit.words(), 1) is None and len(visit.words().split()) == 300


def test_a_reader_who_scrolled_up_is_not_pulled_back_and_finds_the_way_down(visit: Visit) -> None:
    visit.choose("demo/long").say("chars=60000 rate=1500")
    visit.page.wait_for_function("() => document.querySelector('.reply > .md')?.textContent.length > 5000")
    visit.page.locator("#scroller").hover()
    visit.page.mouse.wheel(0, -600)
    jump = visit.button("Jump to the newest words")
    expect(jump).to_be_visible()
    visit.page.wait_for_function("""() => { const at = scroller.scrollTop, isStill = at === window.wasAt; window.wasAt = at; return isStill; }""")
    top = visit.page.evaluate("scroller.scrollTop")
    length = visit.answer.evaluate("el => el.textContent.length")
    visit.page.wait_for_function("n => document.querySelector('.reply > .md').textContent.length > n + 3000", arg=length)
    assert abs(visit.page.evaluate("scroller.scrollTop") - top) < 60
    jump.click()
    expect(jump).to_be_hidden()
    visit.page.wait_for_function(f"() => {AT_END}")


def test_a_long_answer_ends_with_its_last_word_and_the_page_at_its_end(visit: Visit, rill: Rill) -> None:
    visit.choose("demo/long")
    visit.say(f"chars={LONG_CHARS} rate={TOKENS_PER_SECOND}")
    expect(visit.numbers).to_be_visible(timeout=90_000)
    messages = rill.api().get("/api/conversations/" + visit.page.url.rpartition("/")[2])["messages"]
    text = messages[-1]["content"]
    assert messages[-1]["status"] == "completed" and len(text) > LONG_CHARS * 0.9
    last_word = re.findall(r"\w{3,}", text)[-1]
    assert last_word in visit.answer.evaluate("el => el.textContent")[-200:]
    assert visit.page.evaluate(AT_END), "still pinned to the end"


def test_the_reading_place_is_kept_over_a_reload(visit: Visit) -> None:
    visit.choose("demo/long").say("chars=20000 rate=60000")
    expect(visit.numbers).to_be_visible(timeout=30_000)
    visit.page.locator("#scroller").hover()
    visit.page.mouse.wheel(0, -4000)
    expect(visit.button("Jump to the newest words")).to_be_visible()
    place = """() => { const top = document.querySelector('#scroller').getBoundingClientRect().top + 40;
        return document.elementFromPoint(innerWidth / 2, top + 60).closest('p, li, pre, tr, h2, blockquote')?.textContent }"""
    visit.page.wait_for_function("() => JSON.parse(localStorage.getItem('rill.places') ?? '{}')[location.pathname.split('/').at(-1)]")
    before = visit.page.evaluate(place)
    visit.page.reload()
    visit.page.wait_for_function(f"text => ({place})() === text", arg=before)
