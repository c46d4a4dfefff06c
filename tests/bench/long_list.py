"""A sidebar of thousands of conversations: how fast it comes when somebody scrolls to its end, and how it scrolls then.

Method: a server of its own on a fresh database with --conversations of them over five years; real Chromium. From the newest
one the list is scrolled down by 600 pixels a frame until nothing more comes, then up and down through all of it by 1,500 pixels a
frame. A frame's time is that between two animation frames. The last line is JSON; times are in milliseconds.

    .venv/bin/python -m tests.bench.long_list [--conversations 10000]
"""
from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from tests.browser.markdown_site import chromium
from tests.servers import Rill, running_rill
from tests.standin_process import running_standin

DOWN = """async count => {
  const list = document.querySelector('.side-list'), began = performance.now(), frame = () => new Promise(done => requestAnimationFrame(done));
  while (document.querySelectorAll('.side-item').length < count && performance.now() - began < 300_000) { list.scrollTop += 600; await frame(); }
  return {load_all_ms: Math.round(performance.now() - began), items: document.querySelectorAll('.side-item').length}; }"""
UP_AND_DOWN = """async () => {
  const list = document.querySelector('.side-list'), times = []; let last = performance.now();
  for (const step of [-1500, 1500]) for (let i = 0; i < 200; i++) {
    list.scrollTop += step; const now = await new Promise(requestAnimationFrame); times.push(now - last); last = now; }
  times.sort((a, b) => a - b);
  return {frame_median_ms: Math.round(times[200] * 10) / 10, frame_p95_ms: Math.round(times[380] * 10) / 10, frame_worst_ms: Math.round(times[399] * 10) / 10}; }"""
CLICK = """async () => { const began = performance.now(); document.querySelectorAll('.side-item a')[3].click();
  await new Promise(done => requestAnimationFrame(() => setTimeout(done))); return Math.round(performance.now() - began); }"""


def fill(rill: Rill, count: int) -> None:
    rill.api().new_conversation()
    with sqlite3.connect(rill.data_dir / "rill.db", timeout=10) as tx:
        one = tx.execute("SELECT * FROM conversations")
        row = dict(zip([column[0] for column in one.description], one.fetchone(), strict=True))
        del row["seq"]
        for n in range(1, count):
            day = f"20{20 + n * 5 // count:02}-{n % 12 + 1:02}-{n % 28 + 1:02}T10:00:{n % 60:02}.{n % 1000:03}Z"
            row |= {"id": f"c{n:021}", "title": f"Conversation number {n} about things", "created_at": day, "updated_at": day}
            tx.execute(f"INSERT INTO conversations ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))


def measure(rill: Rill, count: int) -> dict[str, Any]:
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(rill.url)
        page.locator(".side-item").first.wait_for()
        opened = page.evaluate("Math.round(performance.now())")
        return {"conversations": count, "open_ms": opened, **page.evaluate(DOWN, count), **page.evaluate(UP_AND_DOWN), "click_ms": page.evaluate(CLICK)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=10_000)
    count = parser.parse_args().conversations
    with running_standin() as upstream, tempfile.TemporaryDirectory() as folder:
        with running_rill(Path(folder) / "data", upstream.base_url) as rill:
            fill(rill, count)
            print(json.dumps(measure(rill, count)))


if __name__ == "__main__":
    main()
