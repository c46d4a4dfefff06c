"""What is written while an answer runs: sent in its order, once, at the end; kept over a reload; held when the answer broke off."""
from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Route, expect

from tests.browser.conftest import Visit
from tests.browser.test_page_attachments import NOTES, pick, ready, tray
from tests.browser.test_page_looks import WITHOUT_MOTION, assert_accessible
from tests.servers import Rill
from tests.standin_process import StandIn

RUNNING = {"words": 300, "rate": 30, "seed": 3}  # 10 s: what is done meanwhile may wait for a busy machine
SHORT = '{"words": 5}'


def queue(visit: Visit) -> Locator:
    return visit.page.get_by_role("region", name="Waiting to be sent")


def asked(rill: Rill, visit: Visit) -> list[str]:
    told = rill.api().get("/api/conversations/" + visit.page.url.rpartition("/")[2])["messages"]
    return [m["content"] for m in told if m["role"] == "user"]


def begin(visit: Visit, **numbers: int) -> Visit:
    visit.ask_numbers(**{**RUNNING, **numbers})
    visit.wait_for_words(3)
    return visit


def queue_up(visit: Visit, words: str) -> None:
    visit.say(words)
    expect(visit.field).to_have_value("")


def test_messages_written_meanwhile_are_sent_in_their_order(visit: Visit, rill: Rill) -> None:
    begin(visit)
    queue_up(visit, "second")
    expect(queue(visit)).to_contain_text("Sent when the answer is complete")
    queue_up(visit, "third")
    expect(queue(visit).get_by_role("listitem")).to_have_count(2)
    expect(visit.button("Stop the answer")).to_be_visible()
    expect(visit.page.locator(".utterance")).to_have_count(3, timeout=30_000)
    expect(queue(visit)).to_be_hidden()
    assert asked(rill, visit)[1:] == ["second", "third"]


def test_a_queued_message_is_changed_and_another_taken_back(visit: Visit, rill: Rill) -> None:
    begin(visit)
    queue_up(visit, "wrong")
    queue_up(visit, "never")
    rows = queue(visit).get_by_role("listitem")
    rows.nth(1).get_by_role("button", name="Take this message back").click()
    expect(rows).to_have_count(1)
    rows.first.get_by_role("button", name="Change this message").click()
    visit.page.get_by_role("textbox", name="Change this message").fill("right")
    visit.page.keyboard.press("Enter")
    expect(rows.first).to_contain_text("right")
    expect(visit.page.locator(".utterance")).to_have_count(2, timeout=30_000)
    assert asked(rill, visit)[1:] == ["right"]


def test_the_queue_is_kept_over_a_reload(visit: Visit, rill: Rill) -> None:
    begin(visit)
    queue_up(visit, "after the reload")
    expect(queue(visit)).to_be_visible()
    visit.page.reload()
    expect(queue(visit)).to_contain_text("after the reload")
    expect(visit.page.locator(".utterance")).to_have_count(2, timeout=30_000)
    assert asked(rill, visit)[1:] == ["after the reload"]


def test_files_wait_with_their_message_also_over_a_reload_and_go_along(visit: Visit, rill: Rill, upstream: StandIn) -> None:
    begin(visit)
    pick(visit, NOTES, {**NOTES, "name": "other.py"})
    ready(visit, 2)
    queue_up(visit, SHORT)
    expect(tray(visit)).to_have_count(0)
    expect(queue(visit)).to_contain_text(f"{SHORT}2 files")
    pick(visit, NOTES)
    ready(visit, 1)
    visit.button("Send after this answer").click()  # no words, only a file
    visit.page.reload()
    expect(queue(visit).get_by_role("listitem")).to_have_text([f"{SHORT}2 files", "1 file"])
    expect(tray(visit)).to_have_count(0)
    expect(visit.page.locator(".utterance")).to_have_count(3, timeout=30_000)
    expect(visit.page.locator(".utterance").nth(1).locator("li")).to_have_count(2)
    expect(visit.page.locator(".utterance").nth(2).locator("li")).to_have_count(1)
    expect(queue(visit)).to_be_hidden()
    assert asked(rill, visit)[1:] == [SHORT, ""]
    assert [part["type"] for part in upstream.ledger()[-1]["body"]["messages"][-1]["content"]] == ["text"]


def test_what_is_added_while_a_message_goes_into_the_queue_stays_and_nothing_is_queued_twice(open_page: Callable[..., Visit]) -> None:
    visit = begin(open_page(service_workers="block"), words=2000)  # a worker would fetch beside the route
    pick(visit, NOTES)
    ready(visit, 1)
    held: list[Route] = []
    is_slow = True
    visit.page.route("**/static/dist/*.js", lambda route: held.append(route) if is_slow else route.continue_())  # the queue's code comes late
    visit.say(SHORT)
    visit.page.keyboard.press("Enter")
    pick(visit, {**NOTES, "name": "other.py"})
    ready(visit, 2)
    is_slow = False
    assert held
    for route in held:
        route.continue_()
    expect(queue(visit).get_by_role("listitem")).to_have_text([f"{SHORT}1 file"])
    ready(visit, 1)
    expect(tray(visit)).to_contain_text("other.py")


def test_words_of_a_waiting_message_with_a_file_can_be_changed_and_taken_out(visit: Visit, rill: Rill) -> None:
    begin(visit, words=2000)
    pick(visit, NOTES)
    ready(visit, 1)
    queue_up(visit, "needless")
    queue(visit).get_by_role("button", name="Change this message").click()
    visit.page.get_by_role("textbox", name="Change this message").fill("")
    visit.page.keyboard.press("Enter")
    expect(queue(visit).get_by_role("listitem")).to_have_text(["1 file"])
    visit.button("Stop the answer").click()
    visit.button("Send now").click()
    expect(visit.page.locator(".utterance").nth(1).locator(".file")).to_contain_text("notes.py")
    assert asked(rill, visit)[1:] == [""]


def test_a_message_whose_files_are_gone_can_be_sent_without_them(visit: Visit, rill: Rill) -> None:
    begin(visit, words=2000)
    pick(visit, NOTES)
    ready(visit, 1)
    queue_up(visit, SHORT)
    pick(visit, NOTES)
    ready(visit, 1)
    visit.button("Send after this answer").click()
    queue_up(visit, "last")
    with rill.database(write=True) as database:
        database.execute("DELETE FROM attachments")  # as when it waited for longer than files are kept
    visit.button("Stop the answer").click()
    visit.button("Send now").click()
    expect(queue(visit)).to_contain_text("The server no longer has its files.")
    expect(visit.button("Send now")).to_have_count(0)
    visit.button("Send without its files").click()
    expect(visit.page.locator(".utterance")).to_have_count(2)
    expect(queue(visit)).to_contain_text("attach them again.")  # of the next one, which has no words
    expect(visit.button("Send without its files")).to_have_count(0)
    queue(visit).get_by_role("button", name="Take this message back").first.click()
    expect(visit.page.locator(".utterance")).to_have_count(3)  # and the one behind it goes by itself
    assert asked(rill, visit)[1:] == [SHORT, "last"]


def test_a_message_that_was_taken_back_by_mistake_comes_back_to_its_place(visit: Visit) -> None:
    begin(visit, words=2000)
    rows = queue(visit).get_by_role("listitem")
    for words in ("first", "second"):
        queue_up(visit, words)
    for left in (["second"], []):
        rows.first.get_by_role("button", name="Take this message back").click()
        expect(rows).to_have_text(left)
        visit.button("Undo").click()
        expect(rows).to_have_text(["first", "second"] if left else ["second"])
        expect(visit.field).to_be_focused()
        if left:
            rows.first.get_by_role("button", name="Take this message back").click()
            expect(rows).to_have_text(["second"])


def test_two_tabs_send_it_once(visit: Visit, open_page: Callable[..., Visit], rill: Rill) -> None:
    begin(visit)
    other = open_page(visit.page.url.removeprefix(visit.base), beside=visit)
    queue_up(visit, "only once")
    expect(queue(other)).to_contain_text("only once")
    for tab in (visit, other):
        expect(tab.page.locator(".utterance")).to_have_count(2, timeout=30_000)
        expect(queue(tab)).to_be_hidden()
    assert asked(rill, visit)[1:] == ["only once"]


def test_a_stopped_answer_holds_the_queue_until_it_is_sent_by_hand(visit: Visit, rill: Rill, axe_source: str) -> None:
    begin(visit, words=2000)
    queue_up(visit, "held")
    visit.button("Stop the answer").click()
    expect(queue(visit)).to_contain_text("Held, because the answer was stopped.")
    assert asked(rill, visit)[1:] == []
    visit.button("Send now").click()
    expect(visit.page.locator(".utterance")).to_have_count(2)
    expect(queue(visit)).to_be_hidden()
    assert asked(rill, visit)[1:] == ["held"]


def test_a_held_queue_goes_on_when_the_answer_is_continued_to_its_end(visit: Visit, rill: Rill) -> None:
    begin(visit)
    queue_up(visit, "afterwards")
    visit.button("Stop the answer").click()
    expect(queue(visit)).to_contain_text("Held")
    visit.button("Continue").click()
    expect(visit.page.locator(".utterance")).to_have_count(2, timeout=30_000)
    assert asked(rill, visit)[1:] == ["afterwards"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_queue(open_page: Callable[..., Visit], axe_source: str, scheme: str) -> None:
    visit = begin(open_page(color_scheme=scheme, **WITHOUT_MOTION), words=2000)
    queue_up(visit, "waits")
    expect(queue(visit)).to_be_visible()
    assert_accessible(visit, axe_source, f"a queue that waits, {scheme}")
    visit.page.keyboard.press("Escape")
    expect(queue(visit)).to_contain_text("Held")
    assert_accessible(visit, axe_source, f"a held queue, {scheme}")
