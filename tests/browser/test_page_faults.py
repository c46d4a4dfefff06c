"""What happens to the line between page and server happens to no text: cut, silence, slowness, a killed server, a collecting proxy.

Each answer is of numbered words and must be a growing prefix on the page at every frame, and in the end what the API has.
"""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from rill.standin.numbers import verify
from tests.browser.conftest import SETTINGS, Visit
from tests.browser.line import Line
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn, wait_until

SEED, WORDS = 5, 400
NUMBERS = {"words": WORDS, "rate": 60, "seed": SEED}
BANNER_SECONDS, BACK_SECONDS = 20, 5
SLACK_SECONDS = 1.5  # of the machine, which runs the server and other tests too
# Looks at every frame whether a reply's text has lost or changed anything that was shown.
WATCH_TEXT = """window.lost = []; const shown = {};
const look = () => { for (const el of document.querySelectorAll('.reply')) {
    const text = el.querySelector(':scope > .md').textContent.trim(), before = shown[el.dataset.id] ?? '';
    if (!text.startsWith(before)) lost.push([before.slice(-60), text.slice(-60)]);
    shown[el.dataset.id] = text; }
  requestAnimationFrame(look); };
requestAnimationFrame(look);"""


@pytest.fixture(scope="module")
def rill(upstream: StandIn, built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rill]:
    """Pings come every second here, so that a lump holds some; what the page waits for is its own."""
    with running_rill(tmp_path_factory.mktemp("rill") / "data", upstream.base_url, **SETTINGS, RILL_FEED_PING_SECONDS=1) as running:
        yield running


@pytest.fixture
def line(rill: Rill) -> Iterator[Line]:
    made = Line(rill.port)
    yield made
    made.close()


@pytest.fixture
def watched(open_page: Callable[..., Visit], line: Line) -> Visit:
    visit = open_page(base=line.url)
    visit.page.evaluate(WATCH_TEXT)
    return visit


def banner(visit: Visit):  # noqa: ANN201
    return visit.page.get_by_text("Reconnecting")


def assert_exact(visit: Visit, rill: Rill, status: str = "completed") -> None:
    expect(visit.replies.last).to_have_attribute("data-status", status, timeout=30_000)
    stored = rill.api().get("/api/messages/" + visit.replies.last.get_attribute("data-id"))
    assert visit.words() == stored["content"] and verify(visit.words(), SEED) is None
    if status == "completed":
        assert len(visit.words().split()) == WORDS
    assert visit.page.evaluate("window.lost ?? []") == [], "what was shown was taken back"


def begin(visit: Visit, words: int = 15) -> Visit:
    visit.ask_numbers(**NUMBERS)
    visit.wait_for_words(words)
    return visit


def seconds_until(what: Callable[[], object]) -> float:
    began = time.monotonic()
    what()
    return time.monotonic() - began


def test_a_cut_line_is_named_and_comes_back_within_five_seconds(watched: Visit, line: Line, rill: Rill) -> None:
    begin(watched)
    line.is_cut = True
    expect(banner(watched)).to_be_visible()
    shown = len(watched.words().split())
    line.is_cut = False
    assert seconds_until(lambda: watched.wait_for_words(shown + 5)) < BACK_SECONDS
    expect(banner(watched)).to_be_hidden()
    assert_exact(watched, rill)


def test_a_silent_line_is_named_within_20_seconds_and_comes_back_within_five(watched: Visit, line: Line, rill: Rill) -> None:
    begin(watched)
    line.is_silent = True
    took = seconds_until(lambda: expect(banner(watched)).to_be_visible(timeout=30_000))
    assert took < BANNER_SECONDS + SLACK_SECONDS
    line.is_silent = False
    assert seconds_until(lambda: expect(banner(watched)).to_be_hidden()) < BACK_SECONDS + SLACK_SECONDS
    assert_exact(watched, rill)


@pytest.mark.parametrize("harm", ["inside an event", "idle", "slow"])
def test_the_text_is_exact_over_a_line_with(harm: str, watched: Visit, line: Line, rill: Rill) -> None:
    begin(watched)
    before = line.feeds
    if harm == "inside an event":
        line.cut_inside_next_event()
    elif harm == "idle":
        line.idle_seconds = 0.4  # less than between two pings
    elif harm == "slow":
        line.bytes_per_second = 4000  # a token is 150 bytes on the line
    assert_exact(watched, rill)
    if harm in ("inside an event", "idle"):
        wait_until(lambda: line.feeds > before, "the harm to be done, and the feed asked for again")


def test_a_proxy_that_collects_the_stream_is_named_with_its_cure_once_a_visit(watched: Visit, line: Line, rill: Rill) -> None:
    begin(watched)
    line.hold_seconds = 5.5
    cure = watched.page.get_by_text("proxy_buffering off;")
    expect(cure).to_be_visible(timeout=30_000)
    expect(watched.page.get_by_text("flush_interval -1")).to_be_visible()
    watched.button("Hide this notice").last.click()
    expect(cure).to_be_hidden()
    assert_exact(watched, rill)
    expect(cure).to_be_hidden()


def test_an_answer_is_seen_and_the_proxy_named_when_no_feed_comes_through_at_all(open_page: Callable[..., Visit], line: Line, rill: Rill) -> None:
    line.is_feed_mute = True
    visit = open_page(base=line.url)
    visit.ask_numbers(**NUMBERS)
    expect(visit.page.get_by_text("proxy_buffering off;")).to_be_visible(timeout=40_000)
    assert_exact(visit, rill)
    expect(visit.page.get_by_text("Reconnecting")).to_be_visible()


def test_a_killed_server_keeps_the_draft_and_the_page_comes_back_by_itself(open_page: Callable[..., Visit], upstream: StandIn, tmp_path: Path) -> None:
    with running_rill(tmp_path / "data", upstream.base_url, **SETTINGS) as rill:
        visit = begin(open_page(base=rill.url))
        visit.page.evaluate(WATCH_TEXT)
        visit.field.press_sequentially("half a th")
        rill.kill()
        visit.field.press_sequentially("ought")
        expect(banner(visit)).to_be_visible()
        rill.start()
        assert seconds_until(lambda: expect(banner(visit)).to_be_hidden()) < BACK_SECONDS + SLACK_SECONDS
        expect(visit.field).to_have_value("half a thought")
        assert_exact(visit, rill, "interrupted")
        how = visit.button("Continue").get_attribute("title") or ""
        assert "goes back to the model" in how and "Both calls are billed" in how
        visit.page.reload()
        expect(visit.field).to_have_value("half a thought")
        visit.button("Continue").click()
        assert_exact(visit, rill)


def test_a_double_click_over_a_slow_line_sends_one_message(watched: Visit, line: Line, rill: Rill) -> None:
    watched.choose("demo/echo")
    line.delay_seconds = 0.5
    watched.field.fill("Only once")
    watched.button("Send").dblclick()
    expect(watched.numbers).to_be_visible()
    messages = rill.api().get("/api/conversations/" + watched.page.url.rpartition("/")[2])["messages"]
    assert [m["content"] for m in messages if m["role"] == "user"] == ["Only once"]


def test_a_send_that_hangs_on_a_dead_line_keeps_its_text_and_is_sent_once(watched: Visit, line: Line, rill: Rill) -> None:
    watched.choose("demo/echo").say("First")
    expect(watched.numbers).to_be_visible()
    line.is_cut = True
    watched.say("Second")
    expect(watched.page.get_by_role("alert")).to_contain_text("cannot be reached")
    expect(watched.field).to_have_value("Second")
    line.is_cut = False
    watched.button("Send").click()
    expect(watched.replies).to_have_count(2)
    expect(watched.numbers).to_be_visible()
    messages = rill.api().get("/api/conversations/" + watched.page.url.rpartition("/")[2])["messages"]
    assert [m["content"] for m in messages if m["role"] == "user"] == ["First", "Second"]
