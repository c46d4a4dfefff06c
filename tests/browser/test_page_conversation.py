"""What a person does in a conversation: ask, stop, go on, ask again, edit, choose, keep order; and what is kept for them."""
from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from rill.standin.numbers import verify
from tests.browser.conftest import Visit
from tests.servers import Rill

NUMBERS = {"words": 480, "rate": 60, "seed": 7}  # 8 s: what is done meanwhile may wait for a busy machine


def conversations(rill: Rill) -> list[dict]:
    return rill.api().get("/api/conversations")["conversations"]


def messages(rill: Rill, visit: Visit) -> list[dict]:
    return rill.api().get("/api/conversations/" + visit.page.url.rpartition("/")[2])["messages"]


def test_words_are_shown_before_the_answer_ends(visit: Visit) -> None:
    visit.ask_numbers(**NUMBERS)
    early = visit.wait_for_words(10)
    expect(visit.button("Stop the answer")).to_be_visible()
    assert verify(early, 7) is None and len(early.split()) < NUMBERS["words"]
    expect(visit.numbers).to_be_visible(timeout=60_000)
    assert verify(visit.words(), 7) is None and len(visit.words().split()) == NUMBERS["words"]


def test_the_numbers_of_an_answer_open_with_its_timing(visit: Visit) -> None:
    visit.choose("demo/tour").say("Show me")
    expect(visit.numbers).to_be_visible(timeout=60_000)
    expect(visit.numbers).to_contain_text("first word")
    expect(visit.numbers).to_contain_text("tokens/s")
    expect(visit.numbers).to_contain_text("≈ $")
    expect(visit.numbers.locator("polyline")).to_have_count(1)
    visit.numbers.click()
    timing = visit.page.get_by_role("dialog", name="How this answer came")
    expect(timing.get_by_role("row", name="Model")).to_contain_text("demo/tour")
    visit.page.keyboard.press("Escape")
    expect(timing).to_be_hidden()


def test_stop_keeps_the_words_says_what_it_may_cost_and_continue_ends_the_same_text(visit: Visit) -> None:
    visit.ask_numbers(**NUMBERS)
    visit.wait_for_words(20)
    visit.button("Stop the answer").click()
    expect(visit.replies.last).to_have_attribute("data-status", "stopped")
    expect(visit.replies.last).to_contain_text("may still bill")
    stopped = visit.words()
    assert verify(stopped, 7) is None and len(stopped.split()) >= 20
    visit.button("Continue").click()
    expect(visit.replies.last).to_have_attribute("data-status", "completed", timeout=60_000)
    assert visit.words().startswith(stopped.strip())
    assert verify(visit.words(), 7) is None and len(visit.words().split()) == NUMBERS["words"]


def test_escape_stops_the_answer(visit: Visit) -> None:
    visit.ask_numbers(words=2000, rate=50, seed=3)
    visit.wait_for_words(5)
    visit.page.keyboard.press("Escape")
    expect(visit.replies.last).to_have_attribute("data-status", "stopped")


def test_a_double_click_sends_one_message(visit: Visit, rill: Rill) -> None:
    before = len(conversations(rill))
    visit.field.fill("Only once")
    visit.button("Send").dblclick()
    expect(visit.numbers).to_be_visible()
    assert [m["content"] for m in messages(rill, visit) if m["role"] == "user"] == ["Only once"]
    assert len(conversations(rill)) == before + 1


@pytest.mark.parametrize("what", ["session", "conversations/*"])
def test_what_is_sent_before_the_page_is_ready_goes_once_it_is(open_page: Callable[..., Visit], rill: Rill, what: str) -> None:
    visit = open_page(service_workers="block")  # which would fetch beside the route
    visit.say("First")
    expect(visit.numbers).to_be_visible()
    held: list[Route] = []
    is_slow = True
    visit.page.route(f"**/api/{what}", lambda route: held.append(route) if is_slow else route.continue_())
    visit.page.reload()
    expect(visit.field).to_be_visible()
    visit.say("Quicker than the line")
    visit.page.keyboard.press("Enter")
    expect(visit.field).to_have_value("Quicker than the line")
    is_slow = False
    for route in held:
        route.continue_()
    expect(visit.replies).to_have_count(2)
    expect(visit.numbers).to_be_visible()
    assert [m["content"] for m in messages(rill, visit) if m["role"] == "user"] == ["First", "Quicker than the line"]


def test_a_message_that_could_not_be_sent_stays_and_is_sent_once_when_tried_again(visit: Visit, rill: Rill) -> None:
    visit.say("First")
    expect(visit.numbers).to_be_visible()

    def deliver_but_lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    visit.page.route("**/messages", deliver_but_lose_the_answer, times=1)
    visit.say("Is it there?")
    expect(visit.page.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(visit.field).to_have_value("Is it there?")
    visit.button("Send").click()
    expect(visit.field).to_have_value("")
    assert [m["content"] for m in messages(rill, visit) if m["role"] == "user"] == ["First", "Is it there?"]


def test_asking_again_makes_a_sibling_that_arrows_lead_to_and_a_reload_keeps(visit: Visit) -> None:
    visit.choose("demo/echo").say("Twice")
    expect(visit.numbers).to_be_visible()
    visit.button("Ask again").click()
    expect(visit.page.get_by_label("Version 2 of 2")).to_be_visible()
    expect(visit.numbers).to_be_visible()
    visit.button("Previous version").click()
    expect(visit.page.get_by_label("Version 1 of 2")).to_be_visible()
    visit.page.reload()
    expect(visit.page.get_by_label("Version 1 of 2")).to_be_visible()


def test_an_edited_message_starts_a_branch_and_the_old_one_stays(visit: Visit) -> None:
    visit.choose("demo/echo").say("Old words")
    expect(visit.answer).to_contain_text("Old words")
    expect(visit.numbers).to_be_visible()
    visit.page.locator(".utterance").hover()
    visit.button("Edit").click()
    visit.page.get_by_role("textbox", name="Edit").fill("New words")
    visit.page.keyboard.press("Enter")
    expect(visit.answer).to_contain_text("New words")
    visit.button("Previous version").click()
    expect(visit.answer).to_contain_text("Old words")


def test_a_failure_is_a_sentence_with_a_way_on_and_its_details_under_a_fold(visit: Visit) -> None:
    visit.choose("demo/fault-cut").say("Break")
    trouble = visit.replies.last.locator(".trouble")
    expect(trouble).to_contain_text("kept")
    expect(trouble.get_by_role("button", name="Continue")).to_be_visible()
    expect(trouble.get_by_role("button", name="Try again")).to_be_visible()
    expect(trouble.get_by_text("request_id")).to_be_hidden()
    trouble.get_by_text("Details").click()
    expect(trouble.get_by_text("request_id")).to_be_visible()


def test_thoughts_are_open_until_the_answer_starts(visit: Visit) -> None:
    visit.choose("demo/tour").say("Think")
    fold = visit.replies.last.locator(".thinking details")
    expect(fold).to_have_attribute("open", "")
    expect(visit.page.locator(".reply-live")).to_contain_text("thinking")
    expect(visit.answer).not_to_be_empty()
    expect(fold).not_to_have_attribute("open", "")
    expect(fold.locator("summary")).to_contain_text("Thought for")


def test_thoughts_that_a_person_opened_stay_open(visit: Visit) -> None:
    visit.choose("demo/tour").say("Think")
    fold = visit.replies.last.locator(".thinking details")
    fold.locator("summary").click()
    expect(fold).not_to_have_attribute("open", "")
    fold.locator("summary").click()
    expect(visit.answer).not_to_be_empty()
    expect(fold).to_have_attribute("open", "")


def test_drafts_are_kept_for_each_conversation(visit: Visit) -> None:
    visit.say("One")
    expect(visit.numbers).to_be_visible()
    visit.field.fill("draft of one")
    visit.page.get_by_role("link", name="New conversation").first.click()
    expect(visit.field).to_have_value("")
    visit.field.fill("draft of a new one")
    visit.page.go_back()
    expect(visit.field).to_have_value("draft of one")
    visit.page.go_forward()
    expect(visit.field).to_have_value("draft of a new one")
    visit.page.reload()
    expect(visit.field).to_have_value("draft of a new one")


@pytest.mark.parametrize("path", ["/c/unknown-000000000000000000", "/c/x"])
def test_an_unknown_conversation_is_answered_kindly(open_page: Callable[..., Visit], path: str, rill: Rill) -> None:
    visit = open_page()
    visit.page.goto(rill.url + path)
    expect(visit.page.get_by_role("heading", name="There is no conversation here")).to_be_visible()
    visit.page.get_by_role("link", name="Start a new one").click()
    expect(visit.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
    expect(visit.field).to_be_visible()


def test_a_conversation_is_renamed_in_place_and_deleted(visit: Visit, rill: Rill) -> None:
    visit.say("Rename me")
    expect(visit.numbers).to_be_visible()
    item = visit.page.locator(".side-item", has=visit.page.locator("[aria-current]"))
    item.hover()
    item.get_by_role("button").click()
    visit.page.get_by_role("menuitem", name="Rename").click()
    visit.page.get_by_role("textbox", name="Title").fill("A better name")
    visit.page.keyboard.press("Enter")
    expect(visit.page).to_have_title("A better name · Rill")
    count = len(conversations(rill))
    item.hover()
    item.get_by_role("button").click()
    visit.page.get_by_role("menuitem", name="Delete").click()
    expect(visit.page).to_have_url(re.compile(r"/$"))
    expect(visit.page.get_by_role("link", name="A better name")).to_have_count(0)
    expect(visit.button("Undo")).to_be_visible()
    assert len(conversations(rill)) == count - 1


def test_a_conversation_in_the_list_is_renamed_and_deleted_by_keys(visit: Visit, rill: Rill) -> None:
    for title in ("The lower one", "The upper one"):
        visit.button("New conversation").or_(visit.page.get_by_role("link", name="New conversation")).first.click()
        visit.say(title)
        expect(visit.numbers).to_be_visible()
    count = len(conversations(rill))
    item = visit.page.get_by_role("link", name="The upper one")
    item.focus()
    visit.page.keyboard.press("F2")
    expect(visit.page.get_by_role("textbox", name="Title")).to_be_focused()
    visit.page.keyboard.type("Renamed by hand")
    visit.page.keyboard.press("Enter")
    expect(visit.page).to_have_title("Renamed by hand · Rill")
    expect(visit.page.get_by_role("link", name="Renamed by hand")).to_be_focused()
    visit.page.keyboard.press("Delete")
    expect(visit.page.get_by_role("link", name="Renamed by hand")).to_have_count(0)
    expect(visit.page.get_by_role("link", name="The lower one")).to_be_focused()
    assert len(conversations(rill)) == count - 1
    visit.page.keyboard.press("Control+z")
    expect(visit.page.get_by_role("link", name="Renamed by hand")).to_be_visible()
    assert len(conversations(rill)) == count


def test_the_conversation_on_the_page_is_renamed_from_the_palette(open_page: Callable[..., Visit]) -> None:
    visit = open_page(viewport={"width": 390, "height": 844})
    visit.say("On a phone")
    expect(visit.numbers).to_be_visible()
    visit.page.keyboard.press("Control+k")
    visit.page.get_by_role("combobox").fill("Rename this")
    visit.page.keyboard.press("Enter")
    title = visit.page.get_by_role("textbox", name="Title")
    expect(title).to_be_focused()
    title.fill("A name of two thumbs")
    visit.page.keyboard.press("Enter")
    expect(visit.page).to_have_title("A name of two thumbs · Rill")


def test_a_prompt_is_sent_with_one_click(visit: Visit) -> None:
    visit.page.get_by_role("button", name="Thinking A puzzle").click()
    expect(visit.page.locator(".utterance")).to_contain_text("Three people")
    expect(visit.replies).to_have_count(1)
    visit.page.keyboard.press("Escape")


def test_an_id_that_is_in_no_list_can_be_typed(visit: Visit) -> None:
    visit.choose("somebody/new-model").say("Hello")
    expect(visit.numbers).to_contain_text("somebody/new-model")
