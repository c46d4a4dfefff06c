"""Keeping order: what is deleted goes without a question and comes back, by mouse, keyboard and finger; archive, forks, many at once."""
from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Visit
from tests.servers import Rill

FINGER = {"viewport": PHONE, "has_touch": True, "is_mobile": True}


def titled(rill: Rill, *titles: str) -> list[str]:
    api = rill.api()
    return [api.new_conversation(title=title)["id"] for title in titles]


def titles(rill: Rill, archived: str = "false") -> set[str]:
    return {one["title"] for one in rill.api().get(f"/api/conversations?limit=200&archived={archived}")["conversations"]}


def item(visit: Visit, title: str) -> Locator:
    return visit.page.locator(".side-item", has_text=title)


def menu(visit: Visit, title: str, name: str) -> None:
    item(visit, title).hover()
    item(visit, title).get_by_role("button").click()
    visit.page.get_by_role("menuitem", name=name, exact=True).click()


def answered(visit: Visit, words: str) -> Visit:
    visit.choose("demo/echo").say(words)
    expect(visit.answer).to_contain_text(words)
    expect(visit.numbers).to_be_visible()
    return visit


def more(visit: Visit, name: str, message: str = ".reply") -> None:
    last = visit.page.locator(message).last
    last.hover()
    last.get_by_role("button", name="More", exact=True).click()
    visit.page.get_by_role("menuitem", name=name, exact=True).click()


# ---- conversations

def test_a_deleted_conversation_goes_at_once_and_comes_back_with_its_page(visit: Visit, rill: Rill) -> None:
    answered(visit, "Bring me back")
    address = visit.page.url
    menu(visit, "Bring me back", "Delete")
    expect(visit.page).to_have_url(re.compile(r"/$"))
    expect(item(visit, "Bring me back")).to_have_count(0)
    assert "Bring me back" not in titles(rill)
    visit.button("Undo").click()
    expect(visit.page).to_have_url(address)
    expect(visit.answer).to_contain_text("Bring me back")
    expect(item(visit, "Bring me back")).to_have_count(1)
    expect(visit.button("Undo")).to_have_count(0)


def test_a_deletion_by_keyboard_goes_on_at_the_next_one_and_is_taken_back_by_its_key(visit: Visit, rill: Rill) -> None:
    titled(rill, "Below", "Doomed")
    item(visit, "Doomed").locator("a").focus()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Enter")
    expect(visit.page.get_by_role("menuitem", name="Rename")).to_be_focused()
    visit.page.keyboard.press("End")
    visit.page.keyboard.press("Enter")
    expect(item(visit, "Doomed")).to_have_count(0)
    expect(item(visit, "Below").locator("a")).to_be_focused()
    visit.page.keyboard.press("Control+z")
    expect(item(visit, "Doomed")).to_have_count(1)
    assert "Doomed" in titles(rill)


def test_an_undo_is_within_reach_of_a_thumb_while_the_drawer_is_open(open_page: Callable[..., Visit], rill: Rill) -> None:
    titled(rill, "On the phone")
    visit = open_page(**FINGER)
    visit.button("Open the sidebar").tap()
    item(visit, "On the phone").get_by_role("button").tap()
    visit.page.get_by_role("menuitem", name="Delete").tap()
    expect(item(visit, "On the phone")).to_have_count(0)
    undo = visit.button("Undo")
    assert round(undo.bounding_box()["height"]) >= 44
    undo.tap()
    expect(item(visit, "On the phone")).to_have_count(1)


def test_what_is_deleted_and_brought_back_in_one_tab_goes_and_comes_in_the_other(visit: Visit, open_page: Callable[..., Visit]) -> None:
    answered(visit, "Two tabs")
    other = open_page(visit.page.url.removeprefix(visit.base), beside=visit)
    expect(other.answer).to_contain_text("Two tabs")
    more(visit, "Delete from here on")
    expect(other.replies).to_have_count(0)
    visit.button("Undo").click()
    expect(other.answer).to_contain_text("Two tabs")


# ---- messages

def test_a_branch_is_deleted_to_the_version_beside_it_and_comes_back(visit: Visit) -> None:
    answered(visit, "Versions")
    visit.button("Ask again").click()
    expect(visit.page.get_by_label("Version 2 of 2")).to_be_visible()
    expect(visit.numbers).to_be_visible()
    more(visit, "Delete from here on")
    expect(visit.page.locator(".branches")).to_have_count(0)
    expect(visit.replies).to_have_count(1)
    visit.button("Undo").click()
    expect(visit.page.get_by_label("Version 2 of 2")).to_be_visible()
    visit.page.wait_for_function("document.activeElement !== document.body")  # the keyboard goes on where it was


def test_an_offer_covers_nothing_of_what_is_being_written(open_page: Callable[..., Visit]) -> None:
    visit = open_page(**FINGER)
    answered(visit, "To go")
    visit.field.fill("one\ntwo\nthree\nfour")
    more(visit, "Delete from here on")
    visit.page.wait_for_function("""() => {
        const [offer, field] = ['.offers .net', '.composer'].map(name => document.querySelector(name)?.getBoundingClientRect());
        return offer?.height > 0 && offer.bottom <= field.top; }""")


def test_a_question_whose_answer_was_deleted_can_be_answered_again_or_followed_by_another(visit: Visit) -> None:
    answered(visit, "Only question")
    more(visit, "Delete from here on")
    expect(visit.replies).to_have_count(0)
    more(visit, "Ask again", ".utterance")
    expect(visit.answer).to_contain_text("Only question")
    expect(visit.numbers).to_be_visible()
    more(visit, "Delete from here on")
    expect(visit.replies).to_have_count(0)
    visit.say("Another question")
    expect(visit.answer).to_contain_text("Another question")


def test_a_fork_opens_as_a_conversation_of_its_own(visit: Visit, rill: Rill) -> None:
    answered(visit, "Fork me")
    old = visit.page.url
    visit.say("And more")
    expect(visit.replies).to_have_count(2)
    expect(visit.numbers).to_be_visible()
    first = visit.replies.first
    first.hover()
    first.get_by_role("button", name="More", exact=True).click()
    visit.page.get_by_role("menuitem", name="Go on from here in a new conversation").click()
    expect(visit.page).to_have_title("Fork me (fork) · Rill")
    assert visit.page.url != old
    expect(visit.replies).to_have_count(1)
    visit.say("Elsewhere")
    expect(visit.replies).to_have_count(2)
    visit.page.goto(old)
    expect(visit.answer).to_contain_text("And more")


@pytest.mark.parametrize("who", [".utterance", ".reply"])
def test_versions_are_walked_through_by_keyboard_without_losing_the_place(visit: Visit, who: str) -> None:
    answered(visit, "First")
    if who == ".reply":
        visit.button("Ask again").click()
    else:
        more(visit, "Edit", who)
        visit.page.get_by_role("textbox", name="Edit").fill("Second")
        visit.page.keyboard.press("Enter")
    expect(visit.page.locator(who).get_by_label("Version 2 of 2")).to_be_visible()
    expect(visit.numbers).to_be_visible()
    back, on = (visit.page.locator(who).get_by_role("button", name=name) for name in ("Previous version", "Next version"))
    back.focus()
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator(who).get_by_label("Version 1 of 2")).to_be_visible()
    expect(on).to_be_focused()
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator(who).get_by_label("Version 2 of 2")).to_be_visible()
    expect(back).to_be_focused()


@pytest.mark.parametrize("name", ["Go on from here in a new conversation", "Delete from here on"])
def test_the_menu_of_a_message_opens_under_a_finger_while_the_sidebar_is_closed(open_page: Callable[..., Visit], name: str) -> None:
    visit = open_page(**FINGER)
    answered(visit, "On a phone")
    button = visit.replies.last.get_by_role("button", name="More", exact=True)
    assert round(button.bounding_box()["height"]) >= 44
    button.tap()
    visit.page.get_by_role("menuitem", name=name).tap()
    expect(visit.replies).to_have_count(0 if name.startswith("Delete") else 1)
    if name.startswith("Go"):
        expect(visit.page).to_have_title("On a phone (fork) · Rill")


# ---- the archive, and many at once

def test_what_is_archived_leaves_the_list_waits_in_the_archive_and_comes_back(visit: Visit, rill: Rill) -> None:
    titled(rill, "Put away")
    menu(visit, "Put away", "Archive")
    expect(item(visit, "Put away")).to_have_count(0)
    assert "Put away" in titles(rill, archived="true")
    visit.button("Archive").click()
    expect(visit.page.get_by_role("heading", name="Archive")).to_be_visible()
    menu(visit, "Put away", "Take out of the archive")
    expect(item(visit, "Put away")).to_have_count(0)
    visit.button("Back to all conversations").click()
    expect(item(visit, "Put away")).to_have_count(1)
    visit.page.keyboard.press("Control+z")
    expect(item(visit, "Put away")).to_have_count(0)
    assert "Put away" in titles(rill, archived="true")


def test_an_open_archive_follows_what_another_device_does(visit: Visit, rill: Rill) -> None:
    [one] = titled(rill, "From elsewhere")
    visit.button("Archive").click()
    expect(visit.page.get_by_role("heading", name="Archive")).to_be_visible()
    rill.api().patch(f"/api/conversations/{one}", {"archived": True})
    expect(item(visit, "From elsewhere")).to_have_count(1)
    rill.api().delete(f"/api/conversations/{one}")
    expect(item(visit, "From elsewhere")).to_have_count(0)


def test_many_are_chosen_by_finger_deleted_together_and_brought_back_by_one_undo(open_page: Callable[..., Visit], rill: Rill) -> None:
    made = [f"Bulk {at}" for at in range(5)]
    titled(rill, *made)
    visit = open_page(**FINGER)
    visit.button("Open the sidebar").tap()
    item(visit, "Bulk 4").get_by_role("button").tap()
    visit.page.get_by_role("menuitem", name="Choose several").tap()
    box = visit.page.get_by_role("checkbox", name="Bulk 3")
    assert round(box.locator("xpath=..").bounding_box()["height"]) >= 44
    box.tap()
    visit.page.get_by_role("checkbox", name="Bulk 1").tap()
    expect(visit.page.get_by_role("heading", name="3 chosen")).to_be_visible()
    visit.button("Delete").tap()
    expect(item(visit, "Bulk")).to_have_count(2)
    assert titles(rill) & set(made) == {"Bulk 0", "Bulk 2"}
    visit.button("Undo").tap()
    expect(item(visit, "Bulk")).to_have_count(5)
    assert titles(rill) >= set(made)


def test_many_are_chosen_by_keyboard_and_shift_and_kept_on_top_or_archived(visit: Visit, rill: Rill) -> None:
    titled(rill, "Row 1", "Row 2", "Row 3", "Row 4")
    menu(visit, "Row 4", "Choose several")
    expect(visit.page.get_by_role("checkbox", name="Row 4")).to_be_focused()
    visit.page.keyboard.press("Tab")
    visit.page.keyboard.press("Space")
    expect(visit.page.get_by_role("heading", name="2 chosen")).to_be_visible()
    visit.button("Keep on top").click()
    expect(visit.page.get_by_role("region", name="Kept on top").locator(".side-item", has_text="Row")).to_have_count(2)
    menu(visit, "Row 4", "Choose several")
    visit.page.get_by_role("checkbox", name="Row 1").click(modifiers=["Shift"])
    visit.button("Archive").first.click()
    expect(item(visit, "Row")).to_have_count(0)
    assert {"Row 1", "Row 2", "Row 3", "Row 4"} <= titles(rill, archived="true")
    visit.page.keyboard.press("Control+z")
    expect(item(visit, "Row")).to_have_count(4)


def test_escape_leaves_the_choosing_and_stops_no_answer(visit: Visit, rill: Rill) -> None:
    titled(rill, "Escape")
    visit.ask_numbers(words=2000, rate=50, seed=3)
    visit.wait_for_words(5)
    menu(visit, "Escape", "Choose several")
    expect(visit.page.get_by_role("checkbox", name="Escape")).to_be_focused()
    visit.page.keyboard.press("Escape")
    expect(visit.page.get_by_role("checkbox")).to_have_count(0)
    expect(visit.button("Stop the answer")).to_be_visible()
    visit.button("Stop the answer").click()


def test_the_archive_and_the_choosing_pass_axe(visit: Visit, rill: Rill, axe_source: str) -> None:
    titled(rill, "Axe")
    menu(visit, "Axe", "Choose several")
    for _ in range(2):
        expect(visit.page.locator(".keep")).to_be_visible()
        visit.page.evaluate(axe_source)
        found = visit.page.evaluate("axe.run(document.getElementById('sidebar')).then(r => r.violations.map(v => `${v.id}: ${v.nodes[0].html}`))")
        assert found == []
        visit.button("Choose no more").click() if visit.button("Choose no more").count() else None
        visit.button("Archive").click()


def test_the_palette_archives_what_is_open_and_opens_the_archive_and_takes_it_back(visit: Visit, rill: Rill) -> None:
    answered(visit, "By palette")
    visit.button("Close the sidebar").click()

    def command(words: str) -> None:
        visit.page.keyboard.press("Control+k")
        visit.page.get_by_role("dialog").get_by_role("combobox").fill(words)
        visit.page.get_by_role("option", name=words).first.click()

    command("Archive this conversation, or bring it back")
    expect(visit.page).to_have_url(re.compile(r"/$"))
    command("Archived conversations")
    expect(item(visit, "By palette")).to_be_visible()
    command("Take back what was deleted")
    expect(visit.page).to_have_url(re.compile(r"/c/"))
    expect(visit.answer).to_contain_text("By palette")
