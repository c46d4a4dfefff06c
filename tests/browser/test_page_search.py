"""Searching all conversations and finding in the open one: the hit leads to its message, on its branch, lit; built or not."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.test_page_looks import assert_accessible
from tests.servers import Rill

LIT = "name => [...(CSS.highlights.get(name) ?? [])].map(range => range.toString())"


def message(number: int, content: str, parent: int | None) -> dict[str, Any]:
    return {"id": f"message-{number:016}", "parent_id": None if parent is None else f"message-{parent:016}", "role": "assistant" if number % 2 else "user",
            "content": content, "model": "demo/echo" if number % 2 else None, "status": "completed", "created_at": f"2026-01-02T03:{number // 60 % 60:02}:{number % 60:02}.000Z"}


def bring(rill: Rill, title: str, messages: list[dict[str, Any]]) -> str:
    document = {"format": "rill", "version": 1, "conversations": [{
        "conversation": {"title": title, "head_id": messages[-1]["id"], "created_at": messages[0]["created_at"]}, "messages": messages}]}
    taken = rill.api().post("/api/import", document, expect=200)
    assert taken["imported"] == 1, taken
    return taken["conversation_ids"][0]


@pytest.fixture
def long_one(rill: Rill) -> str:
    """200 messages; the third says something that no other does, two more say "the **same** thing"."""
    said = {2: "An early word: porphyry", 40: "the **same** thing, once", 41: "the same\nthing, twice"}
    return bring(rill, "A long talk", [message(n, said.get(n, f"Line {n}. " + "Some words to fill the space. " * 12), n - 1 if n else None) for n in range(200)])


def search(visit: Visit, words: str) -> Locator:
    visit.page.keyboard.press("Control+Shift+F")
    palette = visit.page.get_by_role("dialog", name="Palette")
    expect(palette.get_by_role("combobox")).to_be_focused()
    visit.page.keyboard.type(words)
    return palette


def test_a_hit_leads_to_its_message_on_another_branch_and_lights_the_words(open_page: Callable[..., Visit], rill: Rill) -> None:
    bring(rill, "Two ways", [
        message(0, "Which stone?", None), message(1, "Perhaps **serpentinite**, which is green", 0), message(2, "And then?", 1), message(3, "That was all", 2),
        {**message(4, "Or granite", 0), "role": "assistant", "model": "demo/echo"}])
    visit = open_page()
    palette = search(visit, "serpentinite green")
    hit = palette.get_by_role("group", name="In messages").get_by_role("option")
    expect(hit).to_have_count(1)
    expect(hit.locator("mark")).to_have_text(["serpentinite", "green"])
    visit.page.keyboard.press("Enter")
    expect(palette).to_be_hidden()
    found = visit.replies.filter(has_text="serpentinite")
    expect(found).to_be_in_viewport()
    expect(found).to_be_focused()
    expect(visit.replies).to_have_count(2)  # the whole branch below it
    assert visit.page.evaluate(LIT, "found") == ["serpentinite", "green"]


def test_a_hit_far_up_in_a_long_conversation_is_built_and_brought_into_view(open_page: Callable[..., Visit], long_one: str) -> None:
    visit = open_page()
    expect(search(visit, "porphyry").locator(".is-hit").first).to_be_visible()
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator(".utterance", has_text="porphyry")).to_be_in_viewport()
    assert long_one in visit.page.url


def test_more_hits_come_when_the_end_of_the_list_is_reached(open_page: Callable[..., Visit], rill: Rill) -> None:
    bring(rill, "Many", [message(n, f"tanzanite {n}", n - 1 if n else None) for n in range(55)])
    visit = open_page()
    palette = search(visit, "tanzanite")
    hits = palette.get_by_role("group", name="In messages").get_by_role("option")
    expect(hits.first).to_contain_text("tanzanite 54")
    for count in (20, 40):
        expect(hits).to_have_count(count)
        hits.last.scroll_into_view_if_needed()
    expect(hits).to_have_count(55)
    expect(hits.last).to_contain_text("tanzanite 0")


def test_nothing_found_is_said_and_a_search_in_chinese_finds(open_page: Callable[..., Visit], rill: Rill) -> None:
    bring(rill, "诗", [message(0, "床前明月光，疑是地上霜。", None)])
    visit = open_page()
    visit.page.evaluate("localStorage.setItem('rill.language', '\"zh\"')")
    visit.page.reload()
    expect(visit.page.locator("#say")).to_be_visible()
    visit.page.keyboard.press("Control+Shift+F")
    palette = visit.page.get_by_role("dialog", name="命令面板")
    expect(palette.get_by_role("combobox")).to_be_focused()
    visit.page.keyboard.type("明月")
    expect(palette.locator(".is-hit mark")).to_have_text("明月")
    palette.get_by_role("combobox").fill("日月")
    expect(palette.get_by_text("没有找到“日月”。").first).to_be_visible()


# ---- in the open conversation

def find(visit: Visit, words: str) -> Locator:
    visit.page.keyboard.press("Control+f")
    bar = visit.page.get_by_role("search")
    expect(bar.get_by_role("textbox")).to_be_focused()
    visit.page.keyboard.type(words)
    return bar


def test_find_reaches_messages_that_are_not_built_yet(open_page: Callable[..., Visit], long_one: str) -> None:
    visit = open_page(f"/c/{long_one}")
    expect(visit.replies.last).to_be_visible()
    assert visit.page.get_by_text("porphyry").count() == 0, "what this test is about: it is not built"
    bar = find(visit, "Porphyry")
    expect(bar.get_by_role("status")).to_have_text("1 of 1")
    expect(visit.page.locator(".utterance", has_text="porphyry")).to_be_in_viewport()
    visit.page.wait_for_function(f"name => JSON.stringify(({LIT})(name)) === '[\"porphyry\"]'", arg="found-now")
    visit.page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    assert visit.page.evaluate("CSS.highlights.size") == 0


def test_next_and_previous_go_round_over_marks_and_line_ends(open_page: Callable[..., Visit], long_one: str) -> None:
    visit = open_page(f"/c/{long_one}")
    expect(visit.replies.last).to_be_visible()
    bar = find(visit, "same thing")
    expect(bar.get_by_role("status")).to_have_text("2 of 2")  # the last one is nearest to where the reader is
    visit.page.keyboard.press("Enter")
    expect(bar.get_by_role("status")).to_have_text("1 of 2")
    visit.page.wait_for_function(f"() => ({LIT})('found-now').length === 1 && ({LIT})('found').length === 1")
    visit.page.keyboard.press("Shift+Enter")
    expect(bar.get_by_role("status")).to_have_text("2 of 2")
    bar.get_by_role("textbox").fill("nowhere at all")
    expect(bar.get_by_role("status")).to_have_text("Not found")
    expect(bar.get_by_role("button", name="Next place")).to_be_disabled()


def test_a_second_press_and_a_short_conversation_leave_the_keys_to_the_browser(open_page: Callable[..., Visit], long_one: str, rill: Rill) -> None:
    short = bring(rill, "Short", [message(0, "One line", None)])
    visit = open_page(f"/c/{short}")
    expect(visit.page.locator(".utterance")).to_be_visible()
    visit.page.evaluate("addEventListener('keydown', e => { if (e.key === 'f') window.taken = e.defaultPrevented; })")
    visit.page.keyboard.press("Control+f")
    assert visit.page.evaluate("window.taken") is False
    visit.page.keyboard.press("Control+k")
    expect(visit.page.get_by_role("combobox")).to_be_focused()
    visit.page.keyboard.type("find in")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("search").get_by_role("textbox")).to_be_focused()
    visit.page.keyboard.press("Control+f")
    assert visit.page.evaluate("window.taken") is False


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_the_search_and_the_find_bar(open_page: Callable[..., Visit], axe_source: str, long_one: str, scheme: str) -> None:
    visit = open_page(f"/c/{long_one}", color_scheme=scheme, reduced_motion="reduce")
    expect(visit.replies.last).to_be_visible()
    palette = search(visit, "same thing")
    expect(palette.locator(".is-hit").first).to_be_visible()
    assert_accessible(visit, axe_source, f"the search, {scheme}")
    visit.page.keyboard.press("Escape")
    bar = find(visit, "same thing")
    expect(bar.get_by_role("status")).to_have_text("2 of 2")
    assert_accessible(visit, axe_source, f"the find bar, {scheme}")


def test_on_a_phone_a_hit_opens_and_the_find_bar_has_targets_for_fingers(open_page: Callable[..., Visit], long_one: str) -> None:
    visit = open_page(f"/c/{long_one}", viewport=PHONE, has_touch=True, is_mobile=True)
    visit.button("Open the sidebar").tap()
    visit.button("Search").tap()
    visit.page.get_by_role("combobox").fill("porphyry")
    visit.page.locator(".is-hit").first.tap()
    expect(visit.page.locator(".utterance", has_text="porphyry")).to_be_in_viewport()
    visit.page.evaluate("document.body.dispatchEvent(new CustomEvent('findInConversation', {bubbles: true, detail: {}}))")
    bar = visit.page.get_by_role("search")
    expect(bar).to_be_visible()
    small = bar.evaluate("b => [...b.querySelectorAll('button')].filter(e => Math.min(e.offsetWidth, e.offsetHeight) < 44).length")
    assert small == 0
