"""Many tabs of one browser: one feed on the server, the same text in all; and what holds when the worker they share is no more."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
import requests
from playwright.sync_api import expect

from rill.standin.numbers import verify
from tests.browser.conftest import SETTINGS, Visit
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn, wait_until

SEED, WORDS, TABS = 8, 400, 10
NUMBERS = {"words": WORDS, "rate": 60, "seed": SEED}


@pytest.fixture(scope="module")
def rill(upstream: StandIn, built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rill]:
    """Pings come every second, so that feeds that were let go of are noticed soon."""
    with running_rill(tmp_path_factory.mktemp("rill") / "data", upstream.base_url, **SETTINGS, RILL_FEED_PING_SECONDS=1) as running:
        yield running


def open_feeds(rill: Rill) -> float:
    lines = requests.get(f"{rill.url}/metrics", timeout=10).text.splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("rill_open_feeds ")))


def assert_whole(visit: Visit) -> None:
    expect(visit.replies.last).to_have_attribute("data-status", "completed", timeout=30_000)
    assert verify(visit.words(), SEED) is None and len(visit.words().split()) == WORDS


def kill_shared_worker(visit: Visit) -> None:
    """As a crash does: it is told nothing and tells nobody."""
    session = visit.page.context.browser.new_browser_cdp_session()
    found = [target for target in session.send("Target.getTargets")["targetInfos"] if target["type"] == "shared_worker"]
    assert len(found) == 1, found
    attached = session.send("Target.attachToTarget", {"targetId": found[0]["targetId"], "flatten": False})["sessionId"]
    end = json.dumps({"id": 1, "method": "Runtime.evaluate", "params": {"expression": "self.close()"}})
    session.send("Target.sendMessageToTarget", {"sessionId": attached, "message": end})
    session.detach()


def test_ten_tabs_hold_one_feed_show_one_text_and_leave_room_to_go_on(visit: Visit, open_page: Callable[..., Visit], rill: Rill) -> None:
    wait_until(lambda: open_feeds(rill) == 1, "the feeds of earlier tests to be let go of")
    visit.ask_numbers(**NUMBERS)
    visit.wait_for_words(10)
    path = visit.page.url.removeprefix(visit.base)
    tabs = [visit, *(open_page(path, beside=visit) for _ in range(TABS - 1))]
    assert open_feeds(rill) == 1
    for tab in tabs:
        assert_whole(tab)
    tabs[3].go("/")
    tabs[3].choose("demo/echo").say("There is room")
    expect(tabs[3].answer).to_contain_text("There is room")
    expect(visit.page.get_by_role("link", name="There is room")).to_be_visible()
    assert open_feeds(rill) == 1


def test_the_feed_is_let_go_of_with_the_last_tab(visit: Visit, open_page: Callable[..., Visit], rill: Rill) -> None:
    second = open_page("/", beside=visit)
    wait_until(lambda: open_feeds(rill) == 1, "one feed for both")
    visit.page.goto(rill.url + "/healthz")
    second.say("Still here")
    expect(second.numbers).to_be_visible()
    second.page.evaluate("location.assign('/healthz')")
    wait_until(lambda: open_feeds(rill) == 0, "the feed to be let go of")
    second.page.go_back()
    expect(second.field).to_be_visible()
    wait_until(lambda: open_feeds(rill) == 1, "the feed of a page that came back")
    second.say("And again")
    expect(second.page.locator(".reply")).to_have_count(2)
    expect(second.numbers).to_be_visible()


def test_two_tabs_that_send_at_once_mix_no_text(visit: Visit, open_page: Callable[..., Visit], rill: Rill) -> None:
    visit.choose("demo/echo").say("Start")
    expect(visit.numbers).to_be_visible()
    path = visit.page.url.removeprefix(visit.base)
    other = open_page(path, beside=visit)
    expect(other.numbers).to_be_visible()
    for tab, text in ((visit, "from the one"), (other, "from the other")):
        tab.field.fill(text)
    for tab in (visit, other):
        tab.page.evaluate("setTimeout(() => document.querySelector('.round').click(), 300)")
    api, conversation = rill.api(), path.rpartition("/")[2]

    def messages() -> list[dict]:
        return api.get(f"/api/conversations/{conversation}")["messages"]
    wait_until(lambda: len([m for m in messages() if m["role"] == "assistant" and m["finished_at"]]) == 3 or not other.field.input_value() == "", "both to be answered or one refused")
    asked = {m["id"]: m["content"] for m in messages() if m["role"] == "user"}
    assert set(asked.values()) <= {"Start", "from the one", "from the other"}
    assert all(asked[m["parent_id"]] == m["content"] for m in messages() if m["role"] == "assistant" and m["finished_at"])
    for tab in (visit, other):
        kept = tab.field.input_value()
        assert kept in ("", "from the one", "from the other")
        assert kept == "" or kept not in asked.values()


def test_a_worker_that_dies_mid_answer_costs_no_text(visit: Visit, open_page: Callable[..., Visit]) -> None:
    visit.ask_numbers(**NUMBERS)
    visit.wait_for_words(10)
    second = open_page(visit.page.url.removeprefix(visit.base), beside=visit)
    kill_shared_worker(visit)
    assert_whole(visit)
    assert_whole(second)


def test_a_browser_without_shared_workers_has_a_feed_a_tab(open_page: Callable[..., Visit], rill: Rill) -> None:
    visit = open_page()
    visit.context.add_init_script("delete window.SharedWorker;")
    visit.page.reload()
    visit.ask_numbers(**NUMBERS)
    visit.wait_for_words(10)
    second = open_page(visit.page.url.removeprefix(visit.base), beside=visit)
    wait_until(lambda: open_feeds(rill) == 2, "a feed for each")
    assert_whole(visit)
    assert_whole(second)
