"""What a person has on the page is kept: over reloads, while the upstream is busy, and when the server cannot store."""
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from rill.standin.numbers import verify
from tests.browser.conftest import SETTINGS, Visit
from tests.disks import MIB, SmallDisk, can_mount
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn

SEED, WORDS = 6, 400
DISK_BYTES = 48 * MIB
BLOCK_AT_TOP = """() => { const top = document.querySelector('#scroller').getBoundingClientRect().top;
    return document.elementFromPoint(innerWidth / 2, top + 60)?.closest('p, li, pre, tr, h1, h2, h3, blockquote')?.textContent ?? ""; }"""
KEPT_PLACE = "() => JSON.parse(localStorage.getItem('rill.places') ?? '{}')[location.pathname.split('/').at(-1)]"


def test_five_reloads_in_the_middle_leave_text_and_draft_exact(visit: Visit) -> None:
    visit.ask_numbers(words=WORDS, rate=60, seed=SEED)
    visit.wait_for_words(10)
    visit.field.fill("what I was about to say")
    for _ in range(5):
        shown = len(visit.words().split())
        visit.page.reload()
        expect(visit.field).to_have_value("what I was about to say")
        assert verify(visit.wait_for_words(shown - 1), SEED) is None
    expect(visit.replies.last).to_have_attribute("data-status", "completed")
    assert verify(visit.words(), SEED) is None and len(visit.words().split()) == WORDS


def test_place_and_open_folds_survive_five_reloads(visit: Visit) -> None:
    visit.ask_numbers(words=30, reasoning_words=60, rate=200, seed=SEED)
    expect(visit.numbers).to_be_visible()
    fold = visit.replies.first.locator(".thinking details")
    expect(fold).not_to_have_attribute("open", "")
    fold.locator("summary").click()
    visit.choose("demo/long").say("chars=12000 rate=60000")
    expect(visit.replies).to_have_count(2)  # else the numbers below are those of the first
    expect(visit.numbers).to_be_visible(timeout=30_000)
    visit.page.locator("#scroller").hover()
    visit.page.mouse.wheel(0, -1200)
    visit.page.wait_for_function(KEPT_PLACE)
    visit.page.wait_for_function("() => { const at = scroller.scrollTop, isStill = at === window.wasAt; window.wasAt = at; return isStill; }")
    before = visit.page.evaluate(BLOCK_AT_TOP)
    for _ in range(5):
        visit.page.reload()
        visit.page.wait_for_function(f"text => ({BLOCK_AT_TOP})() === text", arg=before)
        expect(fold).to_have_attribute("open", "")


def test_while_the_upstream_is_busy_the_line_counts_down_and_stop_works(visit: Visit, upstream: StandIn) -> None:
    busy = upstream.script("busy", http={"status": 429, "headers": {"Retry-After": "25"}}, chunks=['{"error": {"message": "Slow down", "type": "rate_limit"}}'])
    visit.choose(busy).say("Hello")
    line = visit.page.locator(".reply-live")
    expect(line).to_have_text(re.compile(r"too many requests.*Asking again in 2\d\ss, 1 of 2\."))
    first = line.text_content()
    visit.page.wait_for_function("text => document.querySelector('.reply-live').textContent !== text", arg=first)
    visit.button("Stop the answer").click()
    expect(visit.replies.last).to_have_attribute("data-status", "stopped")


@pytest.fixture
def small_disk(upstream: StandIn, tmp_path: Path) -> Iterator[tuple[Rill, SmallDisk]]:
    if not can_mount():
        pytest.skip("a disk of its own needs root or user namespaces")
    disk = SmallDisk(tmp_path / "data", DISK_BYTES)
    with running_rill(tmp_path / "data", upstream.base_url, wrapper=disk.wrapper, **SETTINGS) as rill:
        yield rill, disk


def test_a_full_disk_is_said_while_it_stands_the_text_stays_in_the_field_and_the_answer_ends_whole(
        open_page: Callable[..., Visit], small_disk: tuple[Rill, SmallDisk]) -> None:
    rill, disk = small_disk
    visit = open_page(base=rill.url)
    visit.ask_numbers(words=WORDS, rate=50, seed=SEED)
    visit.wait_for_words(5)
    disk.fill(rill.process.pid)
    notice = visit.page.get_by_text("kept in memory")
    expect(notice).to_be_visible()
    late = open_page("/", beside=visit)
    expect(late.page.get_by_text("kept in memory")).to_be_visible()
    late.say("no room for this")
    expect(late.page.get_by_role("alert")).to_contain_text(re.compile("disk|store|room"))
    expect(late.field).to_have_value("no room for this")
    disk.make_room(rill.process.pid)
    expect(notice).to_be_hidden()
    expect(visit.replies.last).to_have_attribute("data-status", "completed", timeout=30_000)
    assert verify(visit.words(), SEED) is None and len(visit.words().split()) == WORDS
    late.button("Send").click()
    expect(late.field).to_have_value("")
