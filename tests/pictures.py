"""Takes the README's pictures: a real server, the stand-in, real Chromium; nothing is staged but the questions, and for
the usage page the days that have passed.

`bin/pictures` runs it after the page's looks have changed; `bin/pictures palette usage` takes these only. Small WebP files
into docs/; it judges nothing.
"""
from __future__ import annotations

import base64
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page

from tests.browser.markdown_site import chromium
from tests.servers import PROJECT, Rill, running_rill
from tests.standin_process import StandIn, running_standin

WEBP_QUALITY = 0.8
SOME_WORDS_MS = 900  # into what was waited for: the picture shows a stream, not a heading
DESK, PHONE = (1280, 800), (390, 780)
QUESTION = "Why does it matter that an answer streams?"
ASKED_BEFORE = ("Three ways to read a large file", "正态分布里为什么有 π", "A name for a small brook", "Packing list for four days of rain",
                "What the tide tables leave out", "Explain CRDTs to a gardener")
SPENT_ON = (("openai/gpt-5-mini", 0.011), ("anthropic/claude-sonnet-4.5", 0.034), ("deepseek/deepseek-chat", 0.004))
TO_WEBP = """async ([png, quality]) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext('2d').drawImage(image, 0, 0);
  const blob = await canvas.convertToBlob({type: 'image/webp', quality});
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
}"""


def ask(page: Page, until: str, question: str = QUESTION) -> None:
    page.get_by_role("textbox").last.fill(question)
    page.keyboard.press("Enter")
    page.get_by_text(until).first.wait_for(timeout=60_000)
    page.wait_for_timeout(SOME_WORDS_MS)


def streaming(page: Page, rill: Rill) -> None:
    ask(page, "What travels over the wire")


def on_a_phone(page: Page, rill: Rill) -> None:
    ask(page, "If the first token takes")


def ended(page: Page, rill: Rill) -> None:
    ask(page, "What travels over the wire")
    page.locator(".reply .numbers").wait_for(timeout=90_000)
    page.get_by_role("heading", name="What travels over the wire").evaluate(
        "el => { scroller.scrollTop += el.getBoundingClientRect().top - scroller.getBoundingClientRect().top - 16; }")
    page.wait_for_timeout(SOME_WORDS_MS)


def comparing(page: Page, rill: Rill) -> None:
    for model in ("demo/think", "demo/numbers"):
        page.get_by_role("button", name="Ask another model, too", exact=True).click()
        page.get_by_role("combobox").fill(model)
        page.keyboard.press("Enter")
    ask(page, "What travels over the wire")


def palette(page: Page, rill: Rill) -> None:
    api = rill.api()
    for title in ASKED_BEFORE:
        conversation = api.new_conversation()
        api.send(conversation["id"], title, "demo/echo")
    page.reload()
    ask(page, "If the first token takes")
    page.keyboard.press("Control+k")
    page.get_by_role("dialog", name="Palette").get_by_role("combobox").wait_for()
    page.wait_for_timeout(SOME_WORDS_MS)


def usage(page: Page, rill: Rill) -> None:
    rng = random.Random(7)
    with rill.database(write=True) as database:
        for days_ago in range(30):
            at = (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
            for model, price in SPENT_ON:
                for _ in range(rng.randint(0, 9)):
                    tokens = rng.randint(200, 2500)
                    database.execute("INSERT INTO charges (user_id, purpose, conversation_id, model, at, input_tokens, output_tokens, amount, kind, tries) "
                                     "SELECT id, 'reply', 'c', ?, ?, ?, ?, ?, ?, 0 FROM users",
                                     (model, at, tokens * 3, tokens, price * tokens / 1000, "actual" if days_ago else "estimate"))
    page.goto(f"{rill.url}/usage")
    page.get_by_role("heading", name="Usage", exact=True).wait_for()
    page.wait_for_timeout(SOME_WORDS_MS)


@dataclass(frozen=True)
class Picture:
    act: Callable[[Page, Rill], None]
    size: tuple[int, int] = DESK
    theme: str = "light"


PICTURES = {
    "streaming": Picture(streaming), "streaming-phone-dark": Picture(on_a_phone, PHONE, "dark"), "dark": Picture(ended, theme="dark"),
    "compare": Picture(comparing), "palette": Picture(palette), "usage": Picture(usage),
}


def take(browser: Browser, encoder: Page, upstream: StandIn, name: str, folder: Path) -> None:
    picture = PICTURES[name]
    with running_rill(folder, upstream.base_url, RILL_DEFAULT_MODEL="demo/tour") as rill:
        width, height = picture.size
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=picture.theme, device_scale_factor=1.5, locale="en-GB")
        page.add_init_script("try { localStorage.setItem('rill.standin-hidden', 'true') } catch {}")
        page.goto(rill.url)
        picture.act(page, rill)
        png = base64.b64encode(page.screenshot()).decode()
        webp = base64.b64decode(encoder.evaluate(TO_WEBP, [png, WEBP_QUALITY]))
        target = PROJECT / "docs" / f"{name}.webp"
        target.write_bytes(webp)
        print(f"{target.relative_to(PROJECT)}  {len(webp) // 1024} KiB", flush=True)
        page.close()


def main() -> None:
    with running_standin() as upstream, tempfile.TemporaryDirectory() as folder, chromium() as browser:
        encoder = browser.new_page()
        for name in sys.argv[1:] or PICTURES:
            take(browser, encoder, upstream, name, Path(folder) / name)


if __name__ == "__main__":
    main()
