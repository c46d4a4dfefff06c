"""Takes the README's pictures: a real server, the stand-in, real Chromium; nothing is staged but the question.

`bin/pictures` runs it after the page's looks have changed. Small WebP files into docs/; it judges nothing.
"""
from __future__ import annotations

import base64
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.markdown_site import chromium
from tests.servers import PROJECT, running_rill
from tests.standin_process import running_standin

WEBP_QUALITY = 0.82
# name -> viewport, theme, model, question, text to wait for
PICTURES = {
    "streaming": ((1280, 800), "light", "demo/tour", "Why does it matter that an answer streams?", "What travels over the wire"),
    "streaming-phone-dark": ((390, 780), "dark", "demo/tour", "Why does it matter that an answer streams?", "If the first token takes"),
}
TO_WEBP = """async ([png, quality]) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext('2d').drawImage(image, 0, 0);
  const blob = await canvas.convertToBlob({type: 'image/webp', quality});
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
}"""


def ask(page: Page, question: str, until: str) -> None:
    page.get_by_role("textbox").fill(question)
    page.keyboard.press("Enter")
    page.get_by_text(until).first.wait_for(timeout=60_000)
    page.wait_for_timeout(900)  # some words into what was waited for: the picture shows a stream, not a heading


def main() -> None:
    with running_standin() as upstream, tempfile.TemporaryDirectory() as folder, chromium() as browser:
        encoder = browser.new_page()
        for name, (size, theme, model, question, until) in PICTURES.items():
            settings = {"RILL_DEFAULT_MODEL": model}
            with running_rill(Path(folder) / name, upstream.base_url, **settings) as rill:
                page = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme=theme, device_scale_factor=1.5)
                page.add_init_script("try { localStorage.setItem('rill.standin-hidden', 'true') } catch {}")
                page.goto(rill.url)
                ask(page, question, until)
                png = base64.b64encode(page.screenshot()).decode()
                webp = base64.b64decode(encoder.evaluate(TO_WEBP, [png, WEBP_QUALITY]))
                target = PROJECT / "docs" / f"{name}.webp"
                target.write_bytes(webp)
                print(f"{target.relative_to(PROJECT)}  {len(webp) // 1024} KiB")
                page.close()


if __name__ == "__main__":
    main()
