"""What a person sees and can do: contrast, keyboard, Copy, the caret, selections, late libraries.

Draws tests/fixtures/markdown_tour.md with the product's stylesheets. axe-core checks both themes.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.markdown_site import ROOT, markdown_page, open_page  # noqa: F401

TOUR = (ROOT / "tests/fixtures/markdown_tour.md").read_text(encoding="utf-8")
LATE = "```js\nlet a\n```\n\n$x$ &HilbertSpace;\n"
DRAW = """([text, isEnded]) => {
  const host = document.getElementById('host');
  window.markdown = createMarkdown(host);
  host.classList.toggle('streaming', !isEnded);
  markdown.push(text);
  if (isEnded) markdown.end();
}"""
CARETS = """() => [...document.querySelectorAll('#host *')]
  .filter(node => getComputedStyle(node, '::after').content === '""').map(node => node.localName + ':' + node.textContent.trim().slice(0, 20))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_tour(markdown_page: Page, theme: str) -> None:  # noqa: F811
    page = markdown_page
    page.emulate_media(color_scheme=theme)
    page.evaluate(DRAW, [TOUR, True])
    page.evaluate((ROOT / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8") + "\n;0")
    result = page.evaluate("axe.run('#host', {resultTypes: ['violations', 'passes']})")
    assert [(found["id"], found["nodes"][0]["html"], found["nodes"][0]["failureSummary"]) for found in result["violations"]] == []
    contrast = next(found for found in result["passes"] if found["id"] == "color-contrast")
    assert sum("hljs" in node["html"] for node in contrast["nodes"]) > 20  # colours of code were looked at


def test_long_code_and_tables_scroll_by_keyboard(markdown_page: Page) -> None:  # noqa: F811
    markdown_page.set_viewport_size({"width": 390, "height": 844})
    markdown_page.evaluate(DRAW, ["```\n" + "x" * 500 + "\n```\n", True])
    pre = markdown_page.locator("#host pre")
    pre.focus()
    markdown_page.keyboard.press("ArrowRight")
    markdown_page.evaluate("new Promise(seen => { const pre = document.querySelector('#host pre'); if (pre.scrollLeft) seen(); pre.onscroll = seen; })")
    assert markdown_page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    markdown_page.set_viewport_size({"width": 1280, "height": 720})


def test_copy_gives_the_code_as_written_and_says_so(markdown_page: Page) -> None:  # noqa: F811
    page = markdown_page
    page.evaluate("""() => { window.copied = []; window.markdown = createMarkdown(document.getElementById('host'), {
      onCopy: text => { copied.push(text); }, labels: {copy: 'Kopieren', copied: 'Kopiert'}}); }""")
    page.evaluate("markdown.end('```js\\nlet a = \"<b>\";\\n\\tx\\n```\\n')")
    button = page.get_by_role("button", name="Kopieren")
    button.click()
    page.get_by_role("button", name="Kopiert").wait_for(timeout=5000)
    assert page.evaluate("copied") == ['let a = "<b>";\n\tx\n']


def test_wrapped_lines_and_the_focus_stay_while_the_code_grows_and_when_it_ends(markdown_page: Page) -> None:  # noqa: F811
    page = markdown_page
    page.evaluate(DRAW, ["```python\n" + "x" * 400, False])
    pre, wrap, download = page.locator("#host pre"), page.get_by_role("checkbox", name="Wrap"), page.get_by_role("button", name="Download")
    scrolls = "pre => pre.scrollWidth > pre.clientWidth"
    assert pre.evaluate(scrolls)
    wrap.focus()
    page.keyboard.press("Space")
    assert not pre.evaluate(scrolls)
    page.evaluate("markdown.push('y\\nmore\\n')")
    page.evaluate("markdown.push('```\\n\\nand a paragraph behind it\\n')")
    page.evaluate("markdown.end()")
    assert wrap.is_checked() and not pre.evaluate(scrolls)
    assert wrap.evaluate("box => box === document.activeElement")
    with page.expect_download() as expected:
        download.click()
    assert expected.value.suggested_filename == "code.py"
    assert expected.value.path().read_text(encoding="utf-8") == "x" * 400 + "y\nmore\n"


def test_code_is_copied_and_saved_while_it_is_being_written(markdown_page: Page) -> None:  # noqa: F811
    page = markdown_page
    page.evaluate("() => { window.copied = []; window.markdown = createMarkdown(document.getElementById('host'), {onCopy: text => { copied.push(text); }}); }")
    page.evaluate("markdown.push('```js\\nlet a = 1;\\n' + 'a();\\n'.repeat(2000) + 'half a li')")
    copy = page.get_by_role("button", name="Copy")
    copy.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Copied").wait_for(timeout=5000)
    page.evaluate("markdown.push('ne;\\n```\\n')")
    page.evaluate("markdown.end()")
    assert page.evaluate("document.activeElement.textContent") == "Copied"  # the end of the block took neither the word nor the focus
    assert page.evaluate("copied")[0].endswith("a();\nhalf a li")
    with page.expect_download() as expected:
        page.get_by_role("button", name="Download").click()
    assert expected.value.suggested_filename == "code.js"


def test_drawing_an_element_anew_copies_once(markdown_page: Page) -> None:  # noqa: F811
    page = markdown_page
    page.evaluate("""() => { window.copied = []; for (const i of [1, 2]) createMarkdown(document.getElementById('host'), {onCopy: () => { copied.push(i); }}).end('```\\na\\n```'); }""")
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for(timeout=5000)
    assert page.evaluate("copied") == [2]


@pytest.mark.parametrize(("text", "at"), [
    ("one\n\ntwo", "p:two"),
    ("# head", "h1:head"),
    ("- a\n- b", "li:b"),
    ("- a\n  - c\n- b\n  - d", "li:d"),
    ("1. a\n\n   b\n\n2. c", "p:c"),
    ("> q\n>\n> r", "p:r"),
    ("```\nab", "code:ab"),
    ("| a |\n|---|\n| b |\n| c", "td:c"),
    ("x **y**", "p:x y"),
])
def test_one_caret_stands_behind_the_last_text(markdown_page: Page, text: str, at: str) -> None:  # noqa: F811
    markdown_page.evaluate(DRAW, [text, False])
    assert markdown_page.evaluate(CARETS) == [at]


def test_the_caret_moves_no_text(markdown_page: Page) -> None:  # noqa: F811
    markdown_page.evaluate(DRAW, [TOUR, False])
    heights = markdown_page.evaluate("""() => { const host = document.getElementById('host'); const measure = () => host.getBoundingClientRect().height;
      const on = measure(); host.classList.remove('streaming'); return [on, measure()]; }""")
    assert heights[0] == heights[1]
    assert markdown_page.evaluate(CARETS) == []


def test_a_selection_in_finished_text_survives_what_follows(markdown_page: Page) -> None:  # noqa: F811
    page = markdown_page
    page.evaluate(DRAW, ["chosen words\n\nopen para", False])
    page.evaluate("getSelection().setBaseAndExtent(document.querySelector('#host p').firstChild, 0, document.querySelectorAll('#host p')[1].firstChild, 4)")
    page.evaluate("text => { for (const char of text) markdown.push(char); markdown.end(); }", "graph goes on\n\n" + TOUR)
    assert page.evaluate("getSelection().toString()") == "chosen words\n\nopen"


def test_numbers_of_blocks_in_a_section_stay_small(markdown_page: Page) -> None:  # noqa: F811
    markdown_page.evaluate(DRAW, ["p\n\n" * 100, True])
    assert markdown_page.evaluate("[...document.querySelectorAll('#host > section')].map(section => section.children.length)") == [32, 32, 32, 4]


@pytest.fixture
def new_page(markdown_page: Page) -> Iterator[Page]:  # noqa: F811
    """A page to which no library has come yet."""
    page = open_page(markdown_page.context.browser, markdown_page.url)
    yield page
    page.close()


def test_code_maths_and_names_are_plain_until_their_library_comes(new_page: Page) -> None:
    drawn = new_page.evaluate("text => { const host = document.getElementById('host'); createMarkdown(host).end(text); return host.innerHTML; }", LATE)
    assert "hljs" not in drawn and "<math" not in drawn and "HilbertSpace" in drawn
    new_page.locator("#host .hljs-keyword").wait_for(timeout=10_000)
    new_page.locator("#host .math math").wait_for(state="attached", timeout=10_000)
    new_page.get_by_text("ℋ").wait_for(timeout=10_000)


def test_a_library_that_cannot_be_fetched_leaves_plain_text(new_page: Page) -> None:
    new_page.route("**/*", lambda route: route.abort())
    new_page.evaluate(DRAW, [LATE, True])
    assert new_page.evaluate("libraries()")[:2] == [False, False]
    assert new_page.locator("#host code").text_content() == "let a\n"
    assert new_page.locator("#host .math").text_content() == "x"
    assert "&HilbertSpace;" in new_page.locator("#host").text_content()
