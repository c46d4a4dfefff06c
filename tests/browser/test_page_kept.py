"""Without the server: what this browser has kept can be read, the page says so, and all heals by itself. And what is never kept."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SETTINGS, Visit
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn, wait_until

KEPT = 60  # as in entry-sw.js
IN_CHARGE = """() => navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller
  || new Promise(done => navigator.serviceWorker.addEventListener('controllerchange', done, {once: true}))).then(() => true)"""
NAMES = "async () => (await (await caches.open('data')).keys()).map(one => new URL(one.url).pathname)"
TEXT_OF = "async path => (await (await caches.match(path, {cacheName: 'data'}))?.text()) ?? ''"


@pytest.fixture
def rill(upstream: StandIn, built_page: None, tmp_path: Path) -> Iterator[Rill]:
    """One that a test may kill."""
    with running_rill(tmp_path / "data", upstream.base_url, **SETTINGS) as running:
        yield running


@pytest.fixture
def kept(open_page: Callable[..., Visit]) -> Visit:
    """A page whose service worker is in charge, with one answer that it has kept."""
    visit = open_page()
    visit.page.evaluate(IN_CHARGE)
    visit.choose("demo/echo").say("A sentence that is kept.")
    expect(visit.numbers).to_be_visible()
    wait_until(lambda: "completed" in visit.page.evaluate(TEXT_OF, api_path(visit)), "the answer to be kept")
    return visit


def api_path(visit: Visit) -> str:
    return "/api/conversations/" + visit.page.url.rpartition("/")[2]


def test_a_kept_conversation_is_read_without_the_server_and_all_heals_when_it_is_back(kept: Visit, rill: Rill) -> None:
    unknown = rill.api().post("/api/conversations", {"title": "Never opened here"}, expect=201)
    expect(kept.page.get_by_role("link", name="Never opened here")).to_be_visible()
    kept.page.evaluate("fetch('/api/conversations?limit=50')")
    wait_until(lambda: "Never opened here" in kept.page.evaluate(TEXT_OF, "/api/conversations"), "the list to be kept")
    rill.kill()
    kept.page.reload()
    expect(kept.answer).to_contain_text("A sentence that is kept.")
    expect(kept.page.get_by_text("Reconnecting")).to_be_visible()
    expect(kept.page.get_by_text("You can read what this browser has kept")).to_be_visible()
    kept.field.fill("A draft for later")
    expect(kept.button("Send")).to_be_disabled()
    kept.page.keyboard.press("Enter")
    expect(kept.field).to_have_value("A draft for later")
    kept.page.get_by_role("link", name="Never opened here").click()
    expect(kept.page.get_by_text("The conversation could not be loaded.")).to_be_visible()
    rill.start()
    expect(kept.page.get_by_text("The conversation could not be loaded.")).to_be_hidden()
    assert kept.page.url.endswith(unknown["id"])
    expect(kept.page.get_by_text("You can read what this browser has kept")).to_be_hidden()
    kept.page.go_back()
    expect(kept.field).to_have_value("A draft for later")
    expect(kept.button("Send")).to_be_enabled()


def test_the_usage_page_says_that_it_needs_the_server(kept: Visit, rill: Rill) -> None:
    rill.kill()
    kept.page.goto(f"{kept.base}/usage")
    told = kept.page.get_by_text("Usage is counted by the server, and it cannot be reached now.")
    expect(told).to_be_visible()
    rill.start()
    expect(kept.page.get_by_text("Reconnecting")).to_be_hidden(timeout=30_000)
    kept.button("Try again").click()
    expect(kept.page.locator(".usage-totals")).to_be_visible()
    expect(told).to_be_hidden()


def test_the_frame_comes_from_the_server_whenever_it_answers(kept: Visit, rill: Rill) -> None:
    kept.page.evaluate("""async () => { for (const name of await caches.keys()) if (name.startsWith('shell-'))
        await (await caches.open(name)).put('/', new Response('<h1>An old frame</h1>', {headers: {'Content-Type': 'text/html'}})); }""")
    kept.page.reload()
    expect(kept.field).to_be_visible()
    rill.kill()
    kept.page.reload()
    expect(kept.page.get_by_role("heading", name="An old frame")).to_be_visible()
    rill.start()
    kept.page.reload()
    expect(kept.field).to_be_visible()


def test_neither_session_nor_feed_nor_searches_nor_single_messages_are_kept(kept: Visit) -> None:
    kept.page.evaluate("""async () => { for (const path of ['/api/session', '/api/conversations?q=kept', '/api/conversations?archived=true', '/api/openapi.json',
        location.pathname.replace('/c/', '/api/conversations/') + '?x=1']) await (await fetch(path)).text(); }""")
    kept.page.reload()
    expect(kept.answer).to_be_visible()
    assert set(kept.page.evaluate(NAMES)) <= {"/api/conversations", "/api/models", api_path(kept)}
    assert "q=kept" not in kept.page.evaluate("async () => (await (await caches.open('data')).keys()).map(one => one.url).join()")


def test_what_is_kept_goes_with_its_conversation_and_with_a_sign_out(kept: Visit) -> None:
    path = api_path(kept)
    token = "(await (await fetch('/api/session')).json()).csrf_token"
    kept.page.evaluate(f"async path => fetch(path, {{method: 'DELETE', headers: {{'X-CSRF-Token': {token}}}}})", path)
    wait_until(lambda: path not in kept.page.evaluate(NAMES), "the deleted conversation to go")
    assert kept.page.evaluate("caches.has('data')")
    kept.page.evaluate("fetch('/api/logout', {method: 'POST'})")
    wait_until(lambda: not kept.page.evaluate("caches.has('data')"), "everything to go")


def test_no_more_is_kept_than_a_fixed_number(kept: Visit, rill: Rill) -> None:
    api = rill.api()
    made = [api.post("/api/conversations", {"title": str(n)}, expect=201)["id"] for n in range(KEPT + 3)]
    kept.page.evaluate("async ids => { for (const id of ids) await (await fetch(`/api/conversations/${id}`)).text(); }", made)
    last = f"/api/conversations/{made[-1]}"
    wait_until(lambda: last in kept.page.evaluate(NAMES), "the last one to be kept")
    names = kept.page.evaluate(NAMES)
    assert len(names) <= KEPT and f"/api/conversations/{made[0]}" not in names


def test_a_long_answer_that_ends_in_no_view_is_told_once_if_that_was_asked_for(kept: Visit, open_page: Callable[..., Visit]) -> None:
    context = kept.context
    context.grant_permissions(["notifications"])
    kept.button("Settings").click()
    kept.page.get_by_role("switch", name="Tell me when a long answer ends").check()
    kept.page.keyboard.press("Escape")
    beside = open_page(kept.page.url.removeprefix(kept.base), beside=kept)
    beside.page.evaluate(IN_CHARGE)
    kept.ask_numbers(words=55, rate=5, seed=1)  # eleven seconds
    kept.wait_for_words(5)
    # The browser's part, which a browser without windows cannot play: no tab is in view.
    context.service_workers[0].evaluate("() => { self.clients.matchAll = async () => []; }")
    for visit in (kept, beside):
        visit.page.evaluate("() => Object.defineProperty(document, 'hidden', {get: () => window.isAway ?? true, configurable: true})")
    wait_until(lambda: kept.page.title().startswith("● "), "the mark in the title", seconds=30)
    shown = "async () => (await (await navigator.serviceWorker.ready).getNotifications()).map(n => [n.title, n.body, n.tag, n.data.conversation])"
    wait_until(lambda: kept.page.evaluate(shown), "the notification")
    wait_until(lambda: beside.page.title().startswith("● "), "the mark in the other tab")
    newest = kept.replies.last.get_attribute("data-id")
    assert kept.page.evaluate(shown) == [["A sentence that is kept.", "The answer has ended.", newest, kept.page.url.rpartition('/')[2]]]
    kept.page.evaluate("() => { window.isAway = false; document.dispatchEvent(new Event('visibilitychange')); }")
    wait_until(lambda: not kept.page.title().startswith("● "), "the mark to go")


def test_nobody_is_asked_for_notifications_before_turning_them_on(visit: Visit) -> None:
    assert visit.page.evaluate("Notification.permission") != "granted"
    visit.button("Settings").click()
    switch = visit.page.get_by_role("switch", name="Tell me when a long answer ends")
    expect(switch).not_to_be_checked()
    assert visit.page.evaluate("localStorage.getItem('rill.notify')") is None
