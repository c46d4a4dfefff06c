"""Messages as they are read later: long ones folded, each with its time, code in a block that one can take away."""
from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Visit

LONG = "\n".join(f"Line {n} of something that was pasted." for n in range(1, 61))


def test_a_long_message_is_folded_and_stays_as_the_person_left_it(visit: Visit) -> None:
    visit.choose("demo/fast").say(LONG)
    expect(visit.numbers).to_be_visible()
    text = visit.page.locator(".utterance-text")
    folded = text.bounding_box()["height"]
    more = visit.button("Show all of it")
    expect(more).to_have_attribute("aria-expanded", "false")
    more.focus()
    visit.page.keyboard.press("Enter")
    expect(visit.button("Show less")).to_be_focused()
    whole = text.bounding_box()["height"]
    assert whole > 3 * folded
    visit.page.reload()
    expect(visit.button("Show less")).to_be_visible()
    visit.button("Show less").click()
    expect(visit.button("Show all of it")).to_be_in_viewport()
    visit.page.reload()
    expect(more).to_be_visible()
    assert text.bounding_box()["height"] == folded
    assert text.text_content() == LONG


def test_a_short_message_is_not_folded(visit: Visit) -> None:
    visit.choose("demo/echo").say("Short")
    expect(visit.numbers).to_be_visible()
    assert visit.page.locator(".unfold").count() == 0


def test_each_message_says_when_it_was_in_the_readers_own_way(open_page: Callable[..., Visit]) -> None:
    visit = open_page(timezone_id="Asia/Tokyo")
    visit.choose("demo/echo").say("When?")
    expect(visit.numbers).to_be_visible()
    times = visit.page.locator("time.when")
    expect(times).to_have_count(2)
    for at in range(2):
        iso, title, shown = (times.nth(at).get_attribute("datetime"), times.nth(at).get_attribute("title"), times.nth(at).text_content())
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", iso) and re.fullmatch(r"\d\d:\d\d", shown)
        wanted = visit.page.evaluate("iso => new Date(iso).toLocaleTimeString('en-GB', {timeZone: 'Asia/Tokyo', hour: '2-digit', minute: '2-digit'})", iso)
        assert shown == wanted and iso[:4] in title and "day" in title
    acts = visit.page.locator(".utterance .acts")
    expect(acts).to_have_css("opacity", "0")
    visit.page.locator(".utterance").hover()
    expect(acts).to_have_css("opacity", "1")


def test_on_a_phone_the_foot_of_a_message_fits(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    visit.choose("demo/fast").say(LONG)
    expect(visit.numbers).to_be_visible()
    assert visit.page.evaluate("scroller.scrollWidth <= scroller.clientWidth")
    assert visit.button("Show all of it").bounding_box()["height"] >= 44
