"""A person at the page: a real stand-in, a real server, a real Chromium; and what no page may do, checked after every test.

`open_page(...)` gives a `Visit`: the page with the few things people do on it. When the test is over each visit must have
been without console errors and without a report of the Content-Security-Policy.
"""
from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.markdown_site import chromium
from tests.servers import PROJECT, Rill, running_rill
from tests.standin_process import StandIn, running_standin

BUILD_SECONDS = 60
WAIT_MS = 15_000
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
WATCH_POLICY = """window.violations = [];
document.addEventListener('securitypolicyviolation', e => violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));"""
expect.set_options(timeout=WAIT_MS)  # on a busy machine a page may get no frame for seconds
# What the network itself says when a test takes the server or the network away; never a fault of the page.
NETWORK_NOISE = ("Failed to load resource", "net::ERR_", "blocked by Playwright")


@pytest.fixture(scope="session", autouse=True)
def built_page() -> None:
    """The bundle of these very sources."""
    manifest = PROJECT / "static" / "dist" / "manifest.json"
    sources = [*PROJECT.glob("static/js/**/*.js"), *PROJECT.glob("static/css/*.css"), PROJECT / "static" / "build.mjs"]
    if not manifest.exists() or manifest.stat().st_mtime < max(path.stat().st_mtime for path in sources):
        subprocess.run(["node", "static/build.mjs"], cwd=PROJECT, check=True, timeout=BUILD_SECONDS)


@pytest.fixture(scope="session")
def upstream() -> Iterator[StandIn]:
    with running_standin() as running:
        yield running


@pytest.fixture(scope="module")
def rill(upstream: StandIn, built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rill]:
    with running_rill(tmp_path_factory.mktemp("rill") / "data", upstream.base_url, **SETTINGS) as running:
        yield running


# No limit on feeds: those of tests that just ended may not have been noticed as gone yet.
SETTINGS = {"RILL_DEFAULT_MODEL": "demo/fast", "RILL_FEEDS_PER_USER": 0, "RILL_FEEDS_PER_ADDRESS": 0}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


class Visit:
    """One tab. `context` is the browser profile, for a second tab beside it."""

    def __init__(self, context: BrowserContext, base: str) -> None:
        self.context, self.base, self.complaints = context, base, []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning") and not any(noise in message.text for noise in NETWORK_NOISE):
            self.complaints.append(message.text)

    def go(self, path: str = "/") -> Visit:
        self.page.goto(self.base + path)
        expect(self.field).to_be_visible()
        return self

    def check(self) -> None:
        assert not self.complaints, f"the page complained: {self.complaints}"
        assert self.page.evaluate("window.violations ?? []") == [], "the page met its own policy"

    # -- what there is

    @property
    def field(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def replies(self) -> Locator:
        return self.page.locator(".reply")

    @property
    def answer(self) -> Locator:
        """The text of the newest reply."""
        return self.replies.last.locator("> .md")

    @property
    def numbers(self) -> Locator:
        """The thin line below the newest reply: it has ended."""
        return self.replies.last.locator(".numbers")

    def words(self) -> str:
        """What is shown of the newest reply, as demo/numbers said it: a space after each word."""
        shown = self.answer.evaluate("el => el.textContent").split()
        return "".join(f"{word} " for word in shown)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    # -- what people do

    def choose(self, model: str) -> Visit:
        self.page.locator("#model-chip").click()
        self.page.get_by_role("combobox").fill(model)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#model-chip")).to_have_attribute("title", model)
        return self

    def say(self, text: str) -> Visit:
        self.field.fill(text)
        self.page.keyboard.press("Enter")
        return self

    def ask_numbers(self, **wanted: int) -> Visit:
        return self.choose("demo/numbers").say(json.dumps(wanted))

    def wait_for_words(self, count: int) -> str:
        """Returns what is shown once so many words are."""
        self.page.wait_for_function(
            "n => (document.querySelector('.reply:last-of-type > .md')?.textContent.split(' ').length ?? 0) > n", arg=count)
        return self.words()


@pytest.fixture
def open_page(browser: Browser, rill: Rill) -> Iterator[Callable[..., Visit]]:
    """Opens a tab of a new profile, or with `beside=visit` of the same one. Playwright's context options go through."""
    visits: list[Visit] = []

    def open_(path: str = "/", *, beside: Visit | None = None, base: str | None = None, **options: Any) -> Visit:
        context = beside.context if beside else browser.new_context(viewport=options.pop("viewport", DESK), locale=options.pop("locale", "en-GB"), **options)
        if not beside:
            context.add_init_script(WATCH_POLICY)
        visits.append(Visit(context, base or (beside.base if beside else rill.url)))
        return visits[-1].go(path)

    yield open_
    try:
        for visit in visits:
            visit.check()
    finally:
        for context in {visit.context for visit in visits}:
            context.close()


@pytest.fixture
def visit(open_page: Callable[..., Visit]) -> Visit:
    return open_page()


@pytest.fixture(scope="session")
def axe_source() -> str:
    return Path(PROJECT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
