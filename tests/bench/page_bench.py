"""How smoothly the whole page draws a long answer: frames a second and CPU a delta, at its start and at its end.

Method: a real server and stand-in (`bin/serve` is running at --url), real Chromium. `demo/long` streams 100,000
characters at a fixed rate into an open conversation, pinned to its end. Chromium's own counters (TaskDuration of the
renderer's main thread, frames counted by requestAnimationFrame) are read every second; a delta here is one piece of
the upstream's text, told from the characters on the page. Start and end are the second to fourth tenth of the text
against the last three. A fixed rate keeps flushes a second alike, so the figures compare. Last line: JSON.

    .venv/bin/python tests/bench/page_bench.py --url http://127.0.0.1:8000 [--chars 100000] [--rate 400]
"""
from __future__ import annotations

import argparse
import json
import os
import shutil
import time

from playwright.sync_api import CDPSession, Page, sync_playwright

START = """async ({chars, rate}) => {
  const session = await (await fetch('/api/session')).json();
  const headers = {'X-CSRF-Token': session.csrf_token, 'Content-Type': 'application/json'};
  const post = async (path, body) => (await fetch(path, {method: 'POST', headers, body: JSON.stringify(body)})).json();
  const id = location.pathname.split('/').pop();
  const answer = await post(`/api/conversations/${id}/messages`, {content: `chars=${chars} rate=${rate} seed=3`, models: ['demo/long']});
  window.bench = {frames: 0, reply: answer.replies[0].id};
  const count = () => { window.bench.frames += 1; requestAnimationFrame(count); };
  requestAnimationFrame(count);
}"""
NEW = """async () => {
  const session = await (await fetch('/api/session')).json();
  const headers = {'X-CSRF-Token': session.csrf_token, 'Content-Type': 'application/json'};
  return (await (await fetch('/api/conversations', {method: 'POST', headers, body: '{}'})).json()).id;
}"""
SHOWN = "() => [window.bench.frames, [...document.querySelectorAll('#thread .markdown')].at(-1)?.textContent.length ?? 0]"


def sample(page: Page, cdp: CDPSession) -> tuple[float, float, int, int]:
    """Seconds, main-thread CPU seconds, frames, characters shown."""
    metrics = {one["name"]: one["value"] for one in cdp.send("Performance.getMetrics")["metrics"]}
    frames, shown = page.evaluate(SHOWN)
    return time.perf_counter(), metrics["TaskDuration"], frames, shown


def run(url: str, chars: int, rate: int) -> list[tuple[float, float, int, int]]:
    chromium = os.environ.get("RILL_TEST_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-background-networking"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(url)
        page.goto(f"{url}/c/{page.evaluate(NEW)}")
        cdp = page.context.new_cdp_session(page)
        cdp.send("Performance.enable")
        page.wait_for_selector("textarea")
        page.evaluate(START, {"chars": chars, "rate": rate})
        page.wait_for_function("() => document.querySelector('#thread .markdown')?.textContent.length > 0", timeout=30_000)
        samples, give_up_at = [sample(page, cdp)], time.monotonic() + 600
        # What is drawn lacks the Markdown signs, so the end is told by growth that stops, not by a length.
        while time.monotonic() < give_up_at and (len(samples) < 10 or samples[-1][3] != samples[-4][3]):
            page.wait_for_timeout(1000)
            samples.append(sample(page, cdp))
        browser.close()
    return samples


def figures(samples: list[tuple[float, float, int, int]], low: float, high: float, chars_a_delta: float) -> dict[str, float]:
    """Frames a second and CPU milliseconds a delta while the text grew from `low` to `high` of its end."""
    end = samples[-1][3]
    part = [one for one in samples if low * end <= one[3] <= high * end]
    seconds, cpu, frames, grown = (part[-1][n] - part[0][n] for n in range(4))
    return {"fps": round(frames / seconds, 1), "cpu_ms_per_delta": round(cpu * 1000 / (grown / chars_a_delta), 3),
            "core_percent": round(cpu / seconds * 100, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--chars", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=400, help="pieces of text a second")
    args = parser.parse_args()
    samples = run(args.url, args.chars, args.rate)
    seconds = samples[-4][0] - samples[0][0]
    chars_a_delta = args.chars / (seconds * args.rate)
    start, end = figures(samples, 0.1, 0.4, chars_a_delta), figures(samples, 0.7, 0.995, chars_a_delta)
    print(f"{args.chars} characters in {seconds:.0f} s, about {chars_a_delta:.1f} characters a delta")
    print(json.dumps({"start": start, "end": end, "ratio": round(end["cpu_ms_per_delta"] / start["cpu_ms_per_delta"], 2)}))


if __name__ == "__main__":
    main()
