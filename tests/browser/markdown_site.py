"""A page with the Markdown view alone, under the product's Content-Security-Policy.

Bundles tests/browser/markdown_page.js with esbuild into a folder of the caller's, and serves it on
a loopback port. Asserts nothing; the Markdown tests import its fixture, the Markdown bench its functions.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
BUILD_SECONDS = 60
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Markdown</title>'
    '<link rel="stylesheet" href="vars.css"><link rel="stylesheet" href="page.css"><link rel="stylesheet" href="markdown.css"><script type="module" src="markdown_page.js"></script>'
    '<main><div id="host"></div></main></html>'
)
PAGE_CSS = "html { background: var(--page); color: var(--text); font: 16px/1.6 var(--font); } main { max-width: var(--column); margin: 2rem auto; }"
CHROMIUM_ARGS = [
    "--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-quic",
]


def chromium_path() -> str | None:
    return os.environ.get("RILL_TEST_CHROMIUM") or shutil.which("chromium")


def build_site(folder: Path) -> None:
    """One page, the bundle with its lazy chunks, the stylesheet, and KaTeX's stylesheet with its fonts."""
    aliases = json.loads((ROOT / "static/js/markdown/lean/aliases.json").read_text(encoding="utf-8"))
    entries = ["../tests/browser/markdown_page.js", "css/vars.css", "css/markdown.css", "css/katex.css"]
    subprocess.run(
        [
            str(ROOT / "node_modules/.bin/esbuild"), *entries, "--bundle", "--splitting", "--format=esm", "--minify",
            "--log-level=warning", "--loader:.woff2=file", "--loader:.woff=file", "--loader:.ttf=file",
            "--entry-names=[name]",
            *(f"--alias:{name}={target}" for name, target in aliases.items()), f"--outdir={folder}", "--metafile=" + str(folder / "meta.json"),
        ],
        cwd=ROOT / "static", check=True, timeout=BUILD_SECONDS,
    )
    (folder / "page.css").write_text(PAGE_CSS, encoding="utf-8")
    (folder / "index.html").write_text(PAGE, encoding="utf-8")


class _Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Yield the address of the page while the folder is served."""
    handler = functools.partial(_Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGS)
        yield browser
        browser.close()


def open_page(browser: Browser, url: str) -> Page:
    """A page whose script has run (a module does before `load`). What the policy refused is in `page.refused`."""
    page = browser.new_page()
    page.refused = []  # type: ignore[attr-defined]
    page.on("console", lambda message: page.refused.append(message.text) if "Security Policy" in message.text else None)
    page.goto(url)
    return page


@pytest.fixture(scope="module")
def markdown_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """The page with KaTeX, highlight.js and all names of characters already there."""
    folder = tmp_path_factory.mktemp("markdown")
    build_site(folder)
    with serve(folder) as url, chromium() as browser:
        page = open_page(browser, url)
        page.evaluate("setMathsStylesheet('katex.css')")
        page.evaluate("libraries()")
        yield page


def spec_examples() -> list[dict[str, str | int]]:
    """The examples of the CommonMark specification: markdown, html, section, number."""
    script = 'console.log(JSON.stringify(require("commonmark-spec").tests))'
    found = subprocess.check_output(["node", "-e", script], cwd=ROOT, timeout=BUILD_SECONDS, text=True, encoding="utf-8")
    return json.loads(found.replace("→", "\\t"))  # the specification writes tabs as arrows
