"""The usage page: what was spent, over which days, by which model; and what one answer cost, before and after the bill."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, SETTINGS, Visit
from tests.browser.test_page_access import SIDEWAYS
from tests.browser.test_page_looks import assert_accessible
from tests.servers import Rill, running_rill
from tests.standin_process import running_standin

NUMBERS = {"words": 40, "rate": 200}


@pytest.fixture(scope="module")
def rill(built_page: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rill]:
    """A server whose gateway knows at once what a call cost, and that asks a second after it."""
    data_dir: Path = tmp_path_factory.mktemp("rill") / "data"
    with running_standin("--cost-seconds", "0") as gateway, running_rill(data_dir, gateway.base_url, **SETTINGS, RILL_COST_WAIT=1) as running:
        yield running


@pytest.fixture
def spend(rill: Rill) -> Iterator[Callable[..., None]]:
    """Charges so many days ago; the ledger is emptied before and after."""
    def spend_(days_ago: int, amount: float | None = 0.5, *, model: str = "demo/dear", kind: str = "actual", purpose: str = "reply") -> None:
        at = (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        with rill.database(write=True) as database:
            database.execute("INSERT INTO charges (user_id, purpose, conversation_id, model, at, input_tokens, output_tokens, amount, kind, tries) "
                             "SELECT id, ?, 'c', ?, ?, 1000, 200, ?, ?, 0 FROM users", (purpose, model, at, amount, kind))

    def forget() -> None:
        with rill.database(write=True) as database:
            database.execute("DELETE FROM charges")

    forget()
    yield spend_
    forget()


def open_usage(open_page: Callable[..., Visit], **options: Any) -> Visit:
    visit = open_page(**options)
    visit.page.goto(f"{visit.base}/usage")
    expect(visit.page.get_by_role("heading", name="Usage", exact=True)).to_be_visible()
    return visit


def figure(visit: Visit, name: str) -> Locator:
    return visit.page.locator(".usage-totals div").filter(has_text=name).locator("dd").first


def test_who_asked_nothing_is_told_so_and_shown_where_to_begin(open_page: Callable[..., Visit], spend: Callable[..., None]) -> None:
    visit = open_usage(open_page)
    expect(visit.page.get_by_text("Nothing was asked in the last 30 days.")).to_be_visible()
    visit.page.get_by_role("link", name="Start a conversation").click()
    expect(visit.field).to_be_visible()
    visit.page.go_back()
    expect(visit.page.get_by_text("Nothing was asked in the last 30 days.")).to_be_visible()
    expect(visit.page).to_have_title("Usage · Rill")


def test_it_opens_from_the_settings_and_back_leads_to_the_conversation(visit: Visit, spend: Callable[..., None]) -> None:
    visit.choose("demo/echo").say("Hello")
    expect(visit.numbers).to_be_visible()
    address = visit.page.url
    visit.button("Settings").click()
    visit.page.get_by_role("link", name="Usage").click()
    expect(figure(visit, "Answers")).to_have_text("1")
    expect(visit.field).to_be_hidden()
    expect(visit.page.locator(".sidebar [aria-current=page]")).to_have_count(0)
    visit.page.go_back()
    expect(visit.answer).to_have_text("Hello")
    assert visit.page.url == address


def test_the_numbers_are_sums_and_say_how_sure_they_are(open_page: Callable[..., Visit], spend: Callable[..., None]) -> None:
    spend(1, 1.5)
    spend(2, 0.25, model="demo/cheap", kind="estimate")
    spend(2, None, model="demo/unknown", kind="estimate")
    spend(3, 0.01, model="demo/cheap", purpose="title")
    visit = open_usage(open_page)
    expect(figure(visit, "Cost")).to_have_text("$1.76")
    expect(visit.page.locator(".usage-totals")).to_contain_text("$0.25 of it estimated · 1 answer of unknown cost")
    rows = visit.page.get_by_role("table", name="By model").locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.nth(0)).to_contain_text("demo/dear")
    expect(rows.nth(1)).to_contain_text("≈ $0.25")
    expect(rows.nth(2)).to_contain_text("titles")
    expect(rows.nth(3)).to_contain_text("not known")
    expect(visit.page.get_by_role("img", name="Cost by day, at most $1.50.")).to_be_visible()
    expect(visit.page.locator(".usage-chart").first.locator(".bar")).to_have_count(3)
    visit.page.get_by_text("Every day as a table").click()
    expect(visit.page.get_by_role("table", name="Every day as a table").locator("tbody tr")).to_have_count(3)


def test_another_span_is_asked_for_and_remembered(open_page: Callable[..., Visit], spend: Callable[..., None]) -> None:
    for days_ago in (1, 20, 60, 300):
        spend(days_ago, 1.0)
    visit = open_usage(open_page)
    expect(figure(visit, "Cost")).to_have_text("$2.00")
    for span, sum_ in (("7 days", "$1.00"), ("90 days", "$3.00"), ("1 year", "$4.00")):
        visit.page.get_by_role("radio", name=span).check()
        expect(figure(visit, "Cost")).to_have_text(sum_)
    expect(visit.page.get_by_role("heading", name="Cost by week")).to_be_visible()
    expect(visit.page.locator(".usage-chart").first.locator(".bar")).to_have_count(4)
    visit.page.reload()
    expect(visit.page.get_by_role("radio", name="1 year")).to_be_checked()
    expect(figure(visit, "Cost")).to_have_text("$4.00")


def test_what_an_answer_really_cost_takes_the_estimates_place_while_one_looks(visit: Visit, spend: Callable[..., None]) -> None:
    visit.ask_numbers(**NUMBERS)
    expect(visit.numbers).to_contain_text("≈ $")
    expect(visit.numbers).not_to_contain_text("≈", timeout=15_000)
    expect(visit.numbers).to_contain_text("$")
    visit.ask_numbers(**NUMBERS)
    expect(visit.replies).to_have_count(2)
    expect(visit.numbers).to_be_visible()
    visit.numbers.click()
    sheet = visit.page.get_by_role("dialog", name="How this answer came")
    expect(sheet).to_contain_text("The whole conversation")
    expect(sheet.locator("table").last).to_contain_text("Answers2")
    visit.page.keyboard.press("Escape")
    expect(visit.numbers).not_to_contain_text("≈", timeout=15_000)
    visit.numbers.click()
    expect(sheet).to_contain_text("as billed")
    sheet.get_by_role("link", name="All usage").click()
    expect(figure(visit, "Answers")).to_have_text("2")


def test_a_server_that_cannot_be_reached_is_told_of_and_asked_again(open_page: Callable[..., Visit], spend: Callable[..., None]) -> None:
    spend(1, 1.0)
    visit = open_usage(open_page)
    expect(figure(visit, "Cost")).to_have_text("$1.00")
    visit.page.route("**/api/usage*", lambda route: route.abort())
    visit.page.get_by_role("radio", name="7 days").check()
    expect(visit.page.locator("#page").get_by_role("alert")).to_be_visible()
    visit.page.unroute("**/api/usage*")
    visit.page.locator("#page").get_by_role("button", name="Try again").click()
    expect(figure(visit, "Cost")).to_have_text("$1.00")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_usage_page(open_page: Callable[..., Visit], axe_source: str, spend: Callable[..., None], scheme: str) -> None:
    visit = open_usage(open_page, color_scheme=scheme, reduced_motion="reduce")
    assert_accessible(visit, axe_source, f"no usage, {scheme}")
    spend(1, 1.0)
    spend(3, 0.2, kind="estimate", purpose="title")
    visit.page.reload()
    visit.page.get_by_text("Every day as a table").click()
    assert_accessible(visit, axe_source, f"some usage, {scheme}")


@pytest.mark.parametrize(("width", "text"), [(390, "100%"), (320, "100%"), (390, "200%")])
def test_a_phone_shows_it_whole_and_fingers_find_it(open_page: Callable[..., Visit], spend: Callable[..., None], width: int, text: str) -> None:
    for days_ago in range(25):
        spend(days_ago, 12345.678, model="some-quite-long-owner/a-model-with-a-very-long-name-indeed-2026", kind="estimate")
    visit = open_usage(open_page, viewport={**PHONE, "width": width}, has_touch=True, is_mobile=True)
    visit.page.evaluate("text => { document.documentElement.style.fontSize = text; }", text)
    visit.page.get_by_text("Every day as a table").click()
    expect(visit.page.locator(".usage-totals")).to_be_visible()
    page = visit.page.locator("#page")
    assert page.evaluate("el => el.scrollWidth - el.clientWidth") <= 0
    assert visit.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate(SIDEWAYS) == []
    expect(visit.page.get_by_role("table", name="By model").locator("tbody")).to_contain_text("25 answers", use_inner_text=True)
    small = page.evaluate("el => [...el.querySelectorAll('label, summary, button')].filter(e => e.getBoundingClientRect().height < 44).map(e => e.textContent)")
    assert small == []
