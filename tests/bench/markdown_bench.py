"""What a few characters more cost the page, after how many are there already.

Method: one message of mixed Markdown (paragraphs, lists, code, tables, quotes, links) is filled up
to N characters; then 400 deltas of 4 characters follow, one an animation frame, each with its
layout. Measured is the CPU time of the main thread by the browser's own accounts (TaskDuration of
Performance.getMetrics, in thread ticks) less that of as many frames in which nothing arrives. Maths is left out:
its first formula would measure KaTeX's arrival. `--code` measures inside one open block of code.
Ends with one line of JSON: milliseconds a delta by N.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from playwright.sync_api import Browser, CDPSession, Page  # noqa: E402

from tests.browser.markdown_site import build_site, chromium, open_page, serve  # noqa: E402

SIZES = [0, 20_000, 100_000, 400_000]
DELTAS = 400
DELTA_CHARS = 4
ROUNDS = 2

UNIT = """## Part {n}

The quick brown stream runs over **stone** and *moss*, past `code` and a [link](https://example.org/{n}). It keeps its pace
however long it is, and what has passed is left alone. A second line follows, and a third to make a paragraph of it.

- first thing to say, with `inline` code
- second thing, somewhat longer than the first one was
  - a nested thought
- third

```python
def part_{n}(x: int) -> int:
    return x * {n}
```

| name | value |
|------|-------|
| a{n} | {n} |
| b{n} | 2 |

> A quoted line of part {n}.

1. one
2. two
3. three

"""

RUN = """async ([deltas]) => {
  const frame = () => new Promise(requestAnimationFrame);
  for (const delta of deltas) { await frame(); if (delta) window.markdown.push(delta); }
  await frame();
}"""


def _text(size: int, code: bool) -> str:
    body = "".join(UNIT.format(n=n) for n in range(1 + size // 500))
    if code:
        body = "```text\n" + "".join(f"line {n} of a long block of code, with some words in it\n" for n in range(1 + size // 50))
    return body[:size]


def _cpu_ms(session: CDPSession) -> float:
    metrics = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
    return metrics["TaskDuration"] * 1000


def _measure(page: Page, session: CDPSession, deltas: list[str]) -> float:
    before = _cpu_ms(session)
    page.evaluate(RUN, [deltas])
    return (_cpu_ms(session) - before) / len(deltas)


def cost(browser: Browser, url: str, size: int, code: bool) -> float:
    page = open_page(browser, url)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.evaluate("libraries()")
    page.evaluate("text => { window.markdown = createMarkdown(document.getElementById('host')); markdown.push(text); }", _text(size, code))
    fresh = (_text(DELTAS * DELTA_CHARS * 2, code) if size or not code else _text(DELTAS * DELTA_CHARS, code))[: DELTAS * DELTA_CHARS]
    if code and size:
        fresh = fresh.removeprefix("```text\n")
    deltas = [fresh[start : start + DELTA_CHARS] for start in range(0, len(fresh), DELTA_CHARS)]
    idle = _measure(page, session, [""] * DELTAS)
    busy = _measure(page, session, deltas)
    page.close()
    return busy - idle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--code", action="store_true", help="inside one open block of code")
    code = parser.parse_args().code
    with tempfile.TemporaryDirectory() as folder:
        build_site(Path(folder))
        with serve(Path(folder)) as url, chromium() as browser:
            costs = {}
            for size in SIZES:
                costs[size] = round(min(cost(browser, url, size, code) for _ in range(ROUNDS)), 3)
                print(f"{size:>8} characters: {costs[size]:.3f} ms a delta", flush=True)
    print(json.dumps({"bench": "markdown", "code": code, "ms_per_delta": costs}))


if __name__ == "__main__":
    main()
