"""A conversation of thousands of messages: how long it takes to open, and to type in.

Method: a server of its own on a fresh data directory, whose database gets one conversation of --messages messages, questions
and answers of about --chars characters each, all on one branch; real Chromium. Opening is counted from the navigation until
the newest answer is drawn, the median of --rounds visits with a warm HTTP cache, and once from the sidebar within the page.
Typing is what the Event Timing API says of each key press (from the key until the next frame is painted) for 60 keys while
nothing else happens, and again while an answer streams into the conversation. The server's share is asked for alone, with
requests. The last line is JSON; times are in milliseconds.

    .venv/bin/python -m tests.bench.long_conversation [--messages 5000] [--chars 600] [--rounds 5]
"""
from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import requests
from playwright.sync_api import Page

from tests.browser.markdown_site import chromium
from tests.long_conversations import fill
from tests.servers import Rill, running_rill
from tests.standin_process import running_standin

KEYS = 60
WATCH_KEYS = """() => { window.keys = []; new PerformanceObserver(list => { for (const e of list.getEntries()) if (e.name === 'keydown') keys.push(e.duration); })
  .observe({type: 'event', durationThreshold: 16, buffered: false});
  window.beats = []; document.addEventListener('keydown', () => { const at = performance.now(); requestAnimationFrame(() => { const c = new MessageChannel();
    c.port1.onmessage = () => beats.push(performance.now() - at); c.port2.postMessage(0); }); }, true); }"""
DRAWN = "id => document.querySelector(`[data-id=\"${id}\"] .numbers`) && performance.now()"


def ask(url: str, rounds: int) -> tuple[float, int]:
    """Median milliseconds, and bytes."""
    took, size = [], 0
    for _ in range(rounds):
        began = time.perf_counter()
        size = len(requests.get(url, timeout=60).content)
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took), size


def type_in(page: Page) -> dict[str, float]:
    """Of each key: from its event until the frame that shows it was handed over, and the slowest that Event Timing names."""
    page.evaluate(WATCH_KEYS)
    page.locator("#say").press_sequentially("the quick brown fox jumps over it "[:KEYS] * 2, delay=30)
    page.wait_for_timeout(300)
    beats, keys = page.evaluate("[beats, keys]")
    return {"median": round(statistics.median(beats), 1), "p95": round(sorted(beats)[int(len(beats) * 0.95)], 1),
            "worst": round(max(beats), 1), "worst_event_timing": max(keys, default=0)}


def measure(rill: Rill, conversation_id: str, newest: str, rounds: int) -> dict[str, object]:
    server_ms, size = ask(f"{rill.url}/api/conversations/{conversation_id}", rounds)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        opened = []
        for _ in range(rounds + 1):
            page.goto(f"{rill.url}/c/{conversation_id}", wait_until="commit")
            opened.append(page.wait_for_function(DRAWN, arg=newest, timeout=120_000).json_value())
        idle = type_in(page)
        page.goto(rill.url)
        link = page.locator(f'a[href="/c/{conversation_id}"]')
        link.wait_for()
        began = page.evaluate("performance.now()")
        link.click()
        within = page.wait_for_function(DRAWN, arg=newest, timeout=120_000).json_value() - began
        page.locator("#say").fill(json.dumps({"words": 600, "rate": 60, "seed": 1}))
        page.keyboard.press("Enter")
        page.locator(".reply.is-running > .md:not(:empty)").wait_for(timeout=60_000)
        streaming = type_in(page)
    return {"server_ms": round(server_ms), "bytes": size, "open_ms": round(statistics.median(opened[1:])), "open_within_ms": round(within),
            "typing_ms": idle, "typing_while_streaming_ms": streaming}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=5000)
    parser.add_argument("--chars", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with running_standin() as upstream, tempfile.TemporaryDirectory() as folder:
        with running_rill(Path(folder) / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/numbers") as rill:
            conversation_id = rill.api().post("/api/conversations", {"title": "A long one"}, expect=201)["id"]
            newest = fill(rill.data_dir / "rill.db", conversation_id, args.messages, args.chars)
            found = measure(rill, conversation_id, newest, args.rounds)
    print(f"{args.messages} messages, {found['bytes'] / 1e6:.1f} MB; opened in {found['open_ms']} ms, of which the server {found['server_ms']} ms")
    print(json.dumps({"messages": args.messages, **found}))


if __name__ == "__main__":
    main()
