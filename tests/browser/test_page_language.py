"""In Chinese the page speaks Chinese: no view shows or names anything in English, but what a person or a model wrote."""
from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.test_page_looks import assert_accessible
from tests.servers import Rill

# What people and models wrote, names of models, keys, code, and the page's other language.
NOT_OURS = ".md, .utterance-text, .topbar-title, .side-title, .brand, .reply-name, .numbers-model, .model-name bdi, .model-id, .picker-heading, .chip, code, pre, kbd, [lang]:not(html), script, style, noscript, title"
NAMES_NOT_OURS = re.compile(r"^(demo|local)/|Show everything|^Demo: ")
OURS = re.compile(r"^(≈?\s?[\d.,\s/]+|tokens?(/s)?|tokens?/s|[\d.,]+ ?(tokens(/s)?|s|ms|K|M)|.*\d s|\d+ min \d+ s|Rill|✓|[·/|–—…●]|\$[\d.]+|[0-9a-f-]{16,}|stop|length)$")
WORDS = """notOurs => {
  const found = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    if (!node.parentElement.closest(notOurs) && node.parentElement.checkVisibility()) found.push(node.data.trim());
  }
  for (const el of document.querySelectorAll('[aria-label], [title], [placeholder]')) {
    if (el.closest(notOurs) && !el.matches('button, input, textarea')) continue;
    for (const name of ['aria-label', 'title', 'placeholder']) if (el.hasAttribute(name)) found.push(el.getAttribute(name).trim());
  }
  return found;
}"""


def english(page: Page) -> list[str]:
    """What has Latin letters and not one Chinese character."""
    return sorted({words for words in page.evaluate(WORDS, NOT_OURS)
                   if re.search(r"[A-Za-z]{2}", words) and not re.search(r"[\u4e00-\u9fff]", words)
                   and not OURS.match(words) and not NAMES_NOT_OURS.search(words)})


def test_no_view_speaks_english_in_chinese(open_page: Callable[..., Visit], axe_source: str) -> None:
    visit = open_chinese(open_page)
    page = visit.page
    expect(page.get_by_role("heading", name="想知道些什么？")).to_be_visible()
    assert english(page) == [], "the empty page"
    page.locator("#model-chip").click()
    expect(page.locator(".model").first).to_be_visible()
    assert english(page) == [], "the picker"
    page.get_by_role("combobox").fill("demo/tour")
    page.keyboard.press("Enter")
    page.locator("#say").fill("Show everything")
    page.keyboard.press("Enter")
    expect(page.locator(".numbers")).to_be_visible(timeout=60_000)
    assert english(page) == [], "an answer"
    assert_accessible(visit, axe_source, "an answer in Chinese")
    assert page.locator("figure.code").first.get_by_role("button", name="复制").is_visible()
    page.locator(".numbers").click()
    assert english(page) == [], "the timing"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="设置", exact=True).click()
    expect(page.get_by_role("dialog", name="设置")).to_be_visible()
    assert english(page) == [], "the settings"
    page.keyboard.press("Escape")
    page.locator(".side-item").first.hover()
    page.locator(".side-more").first.click()
    expect(page.get_by_role("menu")).to_be_visible()
    assert english(page) == [], "a menu"


def test_the_check_finds_english_words(visit: Visit) -> None:
    """Else the test above proves nothing."""
    assert {"What would you like to know?", "New conversation", "Ask anything", "Send"} <= set(english(visit.page))


def open_chinese(open_page: Callable[..., Visit], **options: object) -> Visit:
    """`Visit.go` looks for the field by its English name, so the language is chosen after it."""
    visit = open_page(**options)
    visit.page.evaluate("localStorage.setItem('rill.language', '\"zh\"')")
    visit.page.reload()
    expect(visit.page.locator("#say")).to_be_visible()
    return visit


def test_a_phone_in_chinese_fits(open_page: Callable[..., Visit]) -> None:
    visit = open_chinese(open_page, viewport=PHONE, has_touch=True, is_mobile=True)
    assert visit.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_the_server_says_is_chinese_too(open_page: Callable[..., Visit]) -> None:
    visit = open_chinese(open_page)
    page = visit.page
    page.get_by_label("添加文件").set_input_files([{"name": "fake.png", "mimeType": "image/png", "buffer": b"<html>"}])
    expect(page.locator(".tray")).to_contain_text("“fake.png”的名字像图片，内容却不是。")
    page.locator(".tray .file button").last.click()
    page.locator("#model-chip").click()
    page.get_by_role("combobox").fill("demo/fault-cut")
    page.keyboard.press("Enter")
    page.locator("#say").fill("断开")
    page.keyboard.press("Enter")
    expect(page.locator(".trouble")).to_contain_text("回答还没写完，与模型服务的连接就断了。")
    assert english(page) == [], "a failed answer"


@pytest.mark.parametrize("path", ["/nowhere", "/s/gone"])
def test_a_page_of_the_server_is_in_the_language_that_the_browser_asks_for(browser: Browser, rill: Rill, path: str) -> None:
    with browser.new_context(locale="zh-CN") as context:
        page = context.new_page()
        page.goto(rill.url + path)
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        expect(page.get_by_role("heading")).to_be_visible()
        assert english(page) == []


def test_the_language_that_was_chosen_is_known_to_the_server(visit: Visit) -> None:
    visit.button("Settings").click()
    visit.page.get_by_role("radio", name="简体中文").click()
    expect(visit.page.locator("html")).to_have_attribute("lang", "zh-CN")
    visit.page.goto(visit.base + "/nowhere")
    expect(visit.page.get_by_role("heading")).to_have_text("这个地址下什么也没有。")
