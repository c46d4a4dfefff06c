"""One prompt to several models: columns with the same parts on the same lines, one of them picked, others added, stopped, failing."""
from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.test_page_looks import WITHOUT_MOTION, assert_accessible
from tests.servers import Rill

FAST, ECHO = "demo/fast", "demo/echo"


def ask_too(visit: Visit, model: str) -> Visit:
    visit.button("Ask another model, too").click()
    visit.page.get_by_role("combobox").fill(model)
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator(f".chip.is-also[title='{model}']").first).to_be_visible()
    return visit


def columns(visit: Visit) -> Locator:
    return visit.page.locator(".column")


def column(visit: Visit, at: int) -> Locator:
    return columns(visit).nth(at)


def messages(rill: Rill, visit: Visit) -> list[dict]:
    return rill.api().get("/api/conversations/" + visit.page.url.rpartition("/")[2])["messages"]


def compare(visit: Visit, *models: str, text: str = "Compare them") -> Visit:
    visit.choose(models[0])
    for model in models[1:]:
        ask_too(visit, model)
    visit.say(text)
    expect(columns(visit)).to_have_count(len(models))
    return visit


def assert_all_ended(visit: Visit) -> None:
    expect(visit.page.locator(".column.is-running")).to_have_count(0, timeout=30_000)


def test_three_models_answer_side_by_side_and_the_picked_one_goes_on(visit: Visit, rill: Rill) -> None:
    compare(visit, FAST, ECHO, "demo/numbers")
    expect(visit.page.get_by_text("The next message follows Demo: fast.")).to_be_visible()
    assert_all_ended(visit)
    column(visit, 1).get_by_role("button", name="Go on with this one").click()
    expect(columns(visit)).to_have_count(0)
    expect(visit.answer).to_have_text("Compare them")
    expect(visit.page.get_by_label("Version 2 of 3")).to_be_visible()
    expect(visit.field).to_be_focused()
    visit.page.locator(".chip.is-also").first.click()
    visit.page.locator(".chip.is-also").first.click()
    visit.say("And on")
    expect(visit.numbers).to_be_visible()
    told = messages(rill, visit)
    assert [m["model"] for m in told if m["role"] == "assistant"] == [FAST, ECHO, "demo/numbers", FAST]
    assert told[-2]["content"] == "And on" and told[-2]["parent_id"] == told[2]["id"]


def test_the_models_chosen_beside_are_kept_for_the_next_messages_until_they_are_left(visit: Visit, rill: Rill) -> None:
    compare(visit, FAST, ECHO)
    assert_all_ended(visit)
    visit.page.reload()
    expect(visit.page.locator(".chip.is-also")).to_have_count(1)
    visit.say("Once more")
    expect(visit.page.locator(".utterance")).to_have_count(2)
    expect(columns(visit)).to_have_count(2)
    assert_all_ended(visit)
    assert [m["model"] for m in messages(rill, visit) if m["role"] == "assistant"] == [FAST, ECHO] * 2
    visit.page.get_by_role("link", name="New conversation").first.click()
    expect(visit.page.locator(".chip.is-also")).to_have_count(0)


def test_no_more_than_six_models_can_be_asked(visit: Visit) -> None:
    visit.choose(ECHO)
    for _ in range(5):
        visit.button("Ask another model, too").click()
        visit.page.get_by_role("combobox").fill(ECHO)
        visit.page.keyboard.press("Enter")
    expect(visit.page.locator(".chip.is-also")).to_have_count(5)
    expect(visit.button("Ask another model, too")).to_have_count(0)
    visit.say("Six of them")
    expect(columns(visit)).to_have_count(6)
    assert_all_ended(visit)
    assert [text.strip() for text in visit.page.locator(".column .md").all_text_contents() if text.strip()] == ["Six of them"] * 6


def test_the_same_numbers_stand_on_the_same_lines(visit: Visit) -> None:
    compare(visit, FAST, "demo/fault-402", "demo/tour")
    expect(column(visit, 2).locator(".reply-live")).to_contain_text("first word after", timeout=15_000)
    for part in (".reply-name", ".column-numbers", ".column-pick", ".column-pane"):
        tops = visit.page.locator(f".column {part}").evaluate_all("all => all.map(el => el.getBoundingClientRect().top)")
        assert len(tops) == 3 and max(tops) - min(tops) < 1, f"{part}: {tops}"
    live = column(visit, 2).locator(".column-value").all_text_contents()
    assert live[0].endswith(" s") and all(value.startswith("≈") for value in live[1:]), live
    visit.page.keyboard.press("Escape")


def test_one_of_three_is_stopped_and_the_others_end(visit: Visit) -> None:
    slow = {"words": 400, "rate": 60, "seed": 5}
    compare(visit, "demo/numbers", "demo/numbers", "demo/numbers", text=json.dumps(slow))
    expect(column(visit, 1).locator(".md").last).to_contain_text(" ")
    column(visit, 1).get_by_role("button", name="Stop").click()
    expect(column(visit, 1)).to_have_attribute("data-status", "stopped")
    expect(column(visit, 1).get_by_role("button", name="Continue")).to_be_visible()
    assert_all_ended(visit)
    assert columns(visit).evaluate_all("all => all.map(el => el.dataset.status)") == ["completed", "stopped", "completed"]


def test_stop_all_stops_all(visit: Visit) -> None:
    compare(visit, "demo/numbers", "demo/numbers", text='{"words": 2000, "rate": 40}')
    visit.button("Stop all").click()
    assert_all_ended(visit)
    assert columns(visit).evaluate_all("all => all.map(el => el.dataset.status)") == ["stopped"] * 2
    expect(visit.button("Stop all")).to_have_count(0)


def test_a_failing_column_stands_among_good_ones_and_its_next_try_takes_its_place(visit: Visit, rill: Rill) -> None:
    compare(visit, FAST, "demo/fault-500", ECHO)
    trouble = column(visit, 1).locator(".trouble")
    expect(trouble).to_be_visible()
    expect(column(visit, 1)).to_contain_text("broke off")
    assert_all_ended(visit)
    assert columns(visit).evaluate_all("all => all.map(el => el.dataset.status)") == ["completed", "failed", "completed"]
    before = column(visit, 1).get_attribute("data-id")
    trouble.get_by_role("button", name="Try again").click()
    visit.page.wait_for_function("id => document.querySelectorAll('.column')[1].dataset.id !== id", arg=before)
    expect(columns(visit)).to_have_count(3)
    expect(visit.page.get_by_text("The next message follows Demo: fast.")).to_be_visible()
    assert len(messages(rill, visit)) == 5


def test_a_model_added_to_an_old_question_does_not_move_the_conversation(visit: Visit) -> None:
    visit.choose(FAST).say("First")
    expect(visit.numbers).to_be_visible()
    visit.say("Second")
    expect(visit.replies).to_have_count(2)
    expect(visit.numbers).to_be_visible()
    visit.replies.first.hover()
    visit.replies.first.get_by_role("button", name="Compare with another model").click()
    visit.page.get_by_role("combobox").fill(ECHO)
    visit.page.keyboard.press("Enter")
    expect(columns(visit)).to_have_count(2)
    expect(column(visit, 1)).to_have_attribute("data-status", "completed")
    expect(visit.page.get_by_text("The conversation went on with Demo: fast.")).to_be_visible()
    expect(visit.page.locator(".utterance")).to_have_count(2)
    visit.button("Add a model").click()
    visit.page.get_by_role("combobox").fill(ECHO)
    visit.page.keyboard.press("Enter")
    expect(columns(visit)).to_have_count(3)
    visit.button("Show one").click()
    expect(columns(visit)).to_have_count(0)
    expect(visit.page.get_by_label("Version 1 of 3")).to_be_visible()


def test_replies_asked_for_one_after_the_other_are_opened_side_by_side_and_stay_so_over_a_reload(visit: Visit) -> None:
    visit.choose(ECHO).say("Twice")
    expect(visit.numbers).to_be_visible()
    visit.button("Ask again").click()
    expect(visit.page.get_by_label("Version 2 of 2")).to_be_visible()
    expect(columns(visit)).to_have_count(0)
    visit.button("Side by side").click()
    expect(columns(visit)).to_have_count(2)
    visit.page.reload()
    expect(columns(visit)).to_have_count(2)
    visit.button("Show one").click()
    expect(columns(visit)).to_have_count(0)


def test_a_reload_in_the_middle_finds_all_columns_growing(visit: Visit) -> None:
    compare(visit, "demo/numbers", "demo/numbers", text='{"words": 400, "rate": 60}')
    expect(column(visit, 1).locator(".md").last).to_contain_text(" ")
    visit.page.reload()
    expect(columns(visit)).to_have_count(2)
    assert_all_ended(visit)
    texts = visit.page.locator(".column .md").all_text_contents()
    full = [text for text in texts if text.strip()]
    assert len(full) == 2 and full[0] == full[1] and len(full[0].split()) == 400


def test_a_reader_who_scrolled_up_in_a_column_is_left_there(visit: Visit) -> None:
    compare(visit, "demo/long", FAST, text="chars=60000 rate=900")
    pane = column(visit, 0).locator(".column-pane")
    visit.page.wait_for_function("() => document.querySelector('.column-pane').scrollHeight > document.querySelector('.column-pane').clientHeight + 800")
    pane.hover()
    visit.page.mouse.wheel(0, -300)
    visit.page.wait_for_function("""() => { const pane = document.querySelector('.column-pane'), at = pane.scrollTop, isStill = at === window.wasAt; window.wasAt = at; return isStill; }""")
    top, height = pane.evaluate("el => [el.scrollTop, el.scrollHeight]")
    visit.page.wait_for_function("h => document.querySelector('.column-pane').scrollHeight > h + 500", arg=height)
    assert abs(pane.evaluate("el => el.scrollTop") - top) < 4
    visit.page.keyboard.press("Escape")
    assert_all_ended(visit)


def test_many_models_leave_the_rest_of_a_phones_composer_in_sight_and_the_keyboard_goes_the_way_of_the_eye(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=PHONE, has_touch=True, is_mobile=True, **WITHOUT_MOTION)
    for model in (ECHO, "demo/think", "demo/numbers", "demo/slow"):
        ask_too(visit, model)
    for name in (".chip.is-also[title='demo/slow']", ".chip.is-add", "#params-chip"):
        expect(visit.page.locator(name)).to_be_in_viewport(ratio=0.99)
    assert visit.page.locator(".say-models").evaluate("el => el.scrollLeft > 0 && el.scrollLeft + el.clientWidth >= el.scrollWidth - 1")
    visit.field.focus()
    tops = []
    for _ in range(8):
        visit.page.keyboard.press("Tab")
        tops.append(visit.page.evaluate("document.activeElement.getBoundingClientRect().top"))
    assert tops == sorted(tops) and tops[0] < tops[-1], "all chips, then the buttons below them"


def test_columns_that_grow_make_the_page_no_wider(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=PHONE, has_touch=True, is_mobile=True, **WITHOUT_MOTION)
    compare(visit, "demo/numbers", "demo/numbers", "demo/numbers", text='{"words": 2000, "rate": 60}')
    expect(column(visit, 2).locator(".md").last).to_contain_text(re.compile(r"\w \w"))
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    visit.button("Stop all").click()
    assert_all_ended(visit)


def test_the_narrowest_column_holds_its_numbers_and_the_longest_name(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport={"width": 320, "height": 640})
    compare(visit, FAST, "demo/a-name-that-is-much-longer-than-any-column-is-wide")
    assert_all_ended(visit)
    inside = visit.page.evaluate("""() => [...document.querySelectorAll('.column')].every(column => {
        const {left, right} = column.getBoundingClientRect();
        return [...column.querySelectorAll('.column-cell-name, .column-value, .column-acts, .reply-name')].every(part => {
            const range = document.createRange(), box = part.getBoundingClientRect();
            range.selectNodeContents(part);
            const words = part.matches('.reply-name') ? box : range.getBoundingClientRect();
            const edge = part.matches('.column-acts') ? right : box.right + 1; // its last button stands out a little
            return words.left >= left && words.right <= Math.min(right, edge); }); })""")
    assert inside


def test_columns_that_have_ended_are_read_from_their_beginning(visit: Visit) -> None:
    compare(visit, "demo/numbers", "demo/numbers", text='{"words": 900, "rate": 2000}')
    assert_all_ended(visit)
    visit.page.reload()
    expect(columns(visit)).to_have_count(2)
    visit.page.wait_for_function("() => [...document.querySelectorAll('.column-pane')].every(el => el.scrollHeight > el.clientHeight + 50)")
    assert visit.page.locator(".column-pane").evaluate_all("all => all.map(el => el.scrollTop)") == [0, 0]


def test_a_phone_swipes_and_the_arrow_keys_move_through_the_columns(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport=PHONE, has_touch=True, is_mobile=True, **WITHOUT_MOTION)
    compare(visit, FAST, ECHO, FAST)
    assert_all_ended(visit)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    dots = visit.page.locator(".sides-dot")
    expect(dots).to_have_count(3)
    expect(column(visit, 0)).to_be_in_viewport(ratio=0.5)
    strip = visit.page.locator(".sides-strip")
    strip.evaluate("el => el.scrollBy(el.clientWidth * .7, 0)")  # as far as a swipe leads; the snap does the rest
    expect(dots.nth(1)).to_have_attribute("aria-current", "true")
    expect(visit.page.locator(".sides-at")).to_contain_text("2 / 3")
    strip.focus()
    visit.page.keyboard.press("ArrowRight")
    expect(dots.nth(2)).to_have_attribute("aria-current", "true")
    expect(column(visit, 2)).to_be_focused()
    expect(column(visit, 2)).to_be_in_viewport(ratio=0.5)
    visit.page.keyboard.press("Home")
    expect(column(visit, 0)).to_be_focused()
    dots.nth(1).click()
    expect(column(visit, 1)).to_be_in_viewport(ratio=0.5)
    small = visit.page.evaluate("""() => [...document.querySelectorAll('.sides button, .composer button')].filter(e => e.checkVisibility()).map(e => {
        const r = e.getBoundingClientRect(), after = getComputedStyle(e, '::after'), grown = after.content === 'none' ? 0 : -2 * (parseFloat(after.top) || 0);
        return [e.getAttribute('aria-label') ?? e.textContent.trim(), Math.min(r.width, r.height) + Math.max(0, grown)]; }).filter(([, size]) => size < 44)""")
    assert small == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_side_by_side(open_page: Callable[..., Visit], axe_source: str, scheme: str) -> None:
    visit = open_page(color_scheme=scheme, **WITHOUT_MOTION)
    compare(visit, "demo/tour", "demo/fault-cut", "demo/slow")
    expect(column(visit, 1).locator(".trouble")).to_be_visible()
    assert_accessible(visit, axe_source, f"columns that grow, {scheme}")
    visit.page.keyboard.press("Escape")
    assert_all_ended(visit)
    assert_accessible(visit, axe_source, f"columns that have ended, {scheme}")


def test_side_by_side_speaks_chinese_too(open_page: Callable[..., Visit]) -> None:
    visit = open_page(locale="en-GB")
    visit.page.evaluate("localStorage.setItem('rill.language', '\"zh\"')")
    visit.page.reload()
    visit.page.get_by_role("button", name="同时再问一个模型").click()
    visit.page.get_by_role("combobox").fill(ECHO)
    visit.page.keyboard.press("Enter")
    visit.page.get_by_role("textbox", name="消息").fill("比较")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("button", name="接着这个说")).to_have_count(2)
    assert_all_ended(visit)
