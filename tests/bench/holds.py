"""How long one person's large wish keeps another's answer waiting: the longest gap between the tokens of a stream, by wish.

Method: a server of its own whose database has 10,000 conversations of 100,000 messages, indexed, as many charges, and one
conversation of 5,000 messages; an answer of 50 tokens a second runs all the time, and a process of its own notes when each
of its deltas comes. Each wish is asked --rounds times; of each the longest gap is taken, and printed are the least and the
largest of these: what is the server's own comes every time, what is the machine's does not. At rest a gap is 20 ms and
what the machine adds. The last line is JSON, in milliseconds.

    .venv/bin/python -m tests.bench.holds [--rounds 3] [--only word]
"""
from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import random
import sqlite3
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image
from pypdf import PdfWriter

from rill.db import Database
from rill.models import utc_now
from tests.api_client import Api
from tests.bench import search_bench
from tests.long_conversations import fill
from tests.servers import Rill, running_rill
from tests.standin_process import running_standin

LONG, CHARGES, WORDS, RATE = 5000, 100_000, 1_000_000, 50
AROUND_SECONDS = 0.3  # a gap that began in the wish may end after it


def note_deltas(port: int, path: Path) -> None:
    """For ever, in a process of its own: the moment of each delta, as a double of the monotonic clock."""
    import http.client
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/api/feed?have=-", headers={"Accept": "text/event-stream"})
    response = connection.getresponse()
    with path.open("ab", buffering=0) as file:
        while line := response.readline():
            if line.startswith(b"event: delta"):
                file.write(struct.pack("d", time.monotonic()))


def longest_gap(path: Path, since: float, until: float) -> float:
    data = path.read_bytes()
    moments = [at for at, in struct.iter_unpack("d", data[:len(data) // 8 * 8]) if since - 1 < at < until]
    inside = [after - before for before, after in zip(moments, moments[1:]) if after > since]
    return max([*inside, until - moments[-1]]) * 1000 if moments else float("inf")


def chatgpt(conversations: int, messages: int, chars: int) -> bytes:
    """`conversations.json`, each of its conversations one branch."""
    made = []
    for number in range(conversations):
        mapping = {"n0": {"id": "n0", "parent": None, "children": ["n1"], "message": None}}
        for at in range(1, messages + 1):
            mapping[f"n{at}"] = {"id": f"n{at}", "parent": f"n{at - 1}", "children": [f"n{at + 1}"] if at < messages else [], "message": {
                "author": {"role": "user" if at % 2 else "assistant"}, "create_time": 1.7e9 + at, "status": "finished_successfully",
                "content": {"content_type": "text", "parts": [(f"{number} {at} a rill is \"small\"\n" * (chars // 20))[:chars]]},
                "metadata": {"model_slug": "gpt-4o"} if at % 2 == 0 else {}}}
        made.append({"title": f"Brought {number}", "create_time": 1.7e9, "update_time": 1.7e9, "mapping": mapping, "current_node": f"n{messages}"})
    return json.dumps(made).encode()


def picture(megabytes: int) -> bytes:
    """A PNG of noise, about so large."""
    edge = int((megabytes * 1e6 / 3) ** 0.5)
    file = io.BytesIO()
    Image.frombytes("RGB", (edge, edge), random.Random(1).randbytes(edge * edge * 3)).save(file, "PNG")
    return file.getvalue()


def largest_picture() -> bytes:
    """As many pixels as are taken, with alpha: the most that a child has to hold."""
    file = io.BytesIO()
    Image.effect_noise((6320, 6320), 90).convert("RGBA").resize((6320, 6320)).save(file, "PNG", compress_level=1)
    small = file.getvalue()
    if len(small) < 20_000_000:
        return small
    file = io.BytesIO()
    Image.new("RGBA", (6320, 6320), (20, 120, 200, 128)).save(file, "PNG")
    return file.getvalue()


def pdf(pages: int) -> bytes:
    from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject
    writer = PdfWriter()
    for number in range(pages):
        page = writer.add_blank_page(595, 842)
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): DictionaryObject({NameObject("/F1"): DictionaryObject({
            NameObject("/Type"): NameObject("/Font"), NameObject("/Subtype"): NameObject("/Type1"), NameObject("/BaseFont"): NameObject("/Helvetica")})})})
        stream = DecodedStreamObject()
        lines = "".join(f"({number} {line} A rill is a small stream, clear and quiet, over stone.) Tj T* " for line in range(45))
        stream.set_data(f"BT /F1 11 Tf 14 TL 50 800 Td {lines} ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


class ChildMemory(threading.Thread):
    """The most that children of the worker held at once (PSS; Linux only), while it runs."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid, self._is_over, self.most_kb = pid, threading.Event(), 0

    def run(self) -> None:
        while not self._is_over.wait(0.02):
            total = 0
            for task in Path(f"/proc/{self._pid}/task").iterdir():
                try:
                    children = (task / "children").read_text().split()
                    for child in children:
                        lines = Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
                        total += next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
                except OSError:
                    continue
            self.most_kb = max(self.most_kb, total)

    def end(self) -> int:
        self._is_over.set()
        self.join()
        return self.most_kb


def prepare(path: Path) -> None:
    db = Database(path)
    db.upgrade()
    owner = search_bench.make(db)
    search_bench.index(db)
    db.close()
    with sqlite3.connect(path) as tx:
        rng = random.Random(2)
        tx.executemany("INSERT INTO charges (user_id, purpose, conversation_id, model, at, input_tokens, output_tokens, amount, kind, tries) "
                       "VALUES (?, 'reply', 'c', ?, ?, 900, 300, 0.001, 'actual', 1)",
                       [(owner, f"demo/{rng.randint(0, 20)}", utc_now(-rng.random() * 365 * 86400)) for _ in range(CHARGES)])


def wishes(api: Api, long: str, newest: str, share: dict[str, Any]) -> dict[str, Callable[[], Any]]:
    def ask(method: str, path: str, *ok: int, **options: Any) -> Callable[[], None]:
        def act() -> None:
            found = api.request(method, path, **options)
            assert found.status_code in (ok or (200,)), f"{method} {path}: {found.status_code} {found.text[:200]}"
        return act

    def import_(raw: bytes) -> Callable[[], None]:
        return ask("POST", "/api/import", data=raw, headers={"Content-Type": "application/json"})

    def upload(name: str, data: bytes) -> Callable[[], None]:
        return ask("POST", "/api/attachments", 201, files={"file": (name, data)})

    return {
        "at rest": lambda: time.sleep(2),
        "open": ask("GET", f"/api/conversations/{long}"),
        "delete": ask("DELETE", f"/api/conversations/{long}", 204),
        "undo": ask("POST", f"/api/conversations/{long}/restore"),
        "fork": ask("POST", f"/api/messages/{newest}/fork", 201, json={}),
        "share": ask("POST", f"/api/conversations/{long}/shares", 201, json={}),
        "shared page": ask("GET", share["url"]),
        "shared words": ask("GET", f"/api/shares/{share['token']}"),
        "export markdown": ask("GET", f"/api/conversations/{long}/export?format=markdown"),
        "export json": ask("GET", f"/api/conversations/{long}/export?format=json"),
        "search two letters": ask("GET", "/api/search?q=th"),
        "search two rare letters": ask("GET", "/api/search?q=qz"),
        "search rare": ask("GET", f"/api/search?q={search_bench.RARE_WORD}"),
        "list two letters": ask("GET", "/api/conversations?q=th"),
        "list two rare letters": ask("GET", "/api/conversations?q=qz"),
        "list one rare letter": ask("GET", "/api/conversations?q=龘"),
        "list rare": ask("GET", f"/api/conversations?q={search_bench.RARE_WORD}"),
        "usage": ask("GET", "/api/usage?days=366"),
        "upload image": upload("noise.png", picture(10)),
        "upload largest image": upload("large.png", largest_picture()),
        "upload pdf": upload("long.pdf", pdf(200)),
        "import many": import_(chatgpt(400, 50, 900)),
        "import one long": import_(chatgpt(1, LONG, 3900)),
        "export everything": ask("GET", "/api/export"),
    }


def measure(rill: Rill, moments: Path, rounds: int, only: str) -> dict[str, Any]:
    api = rill.api()
    long = api.new_conversation(title="A long one")["id"]
    newest = fill(rill.data_dir / "rill.db", long, LONG, 600)
    share = api.post(f"/api/conversations/{long}/shares", {}, expect=201)
    found = {}
    for name, act in wishes(api, long, newest, share).items():
        if only not in name:
            continue
        gaps, took, memory = [], [], ChildMemory(rill.worker_pid())
        memory.start()
        for _ in range(rounds):
            began = time.monotonic()
            act()
            ended = time.monotonic()
            time.sleep(AROUND_SECONDS)
            took.append((ended - began) * 1000)
            gaps.append(longest_gap(moments, began, ended + AROUND_SECONDS))
            if name == "delete":
                api.post(f"/api/conversations/{long}/restore", expect=200)
            if name == "undo":
                api.delete(f"/api/conversations/{long}")
        if name == "undo":
            api.post(f"/api/conversations/{long}/restore", expect=200)
        child_kb = memory.end()
        found[name] = {"gap": [round(min(gaps)), round(max(gaps))], "took": [round(min(took)), round(max(took))],
                       **({"child_mb": round(child_kb / 1024)} if child_kb else {})}
        print(name, found[name], flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="wishes whose name has this word")
    args = parser.parse_args()
    with running_standin() as upstream, tempfile.TemporaryDirectory() as folder:
        data, moments = Path(folder) / "data", Path(folder) / "moments"
        data.mkdir()
        prepare(data / "rill.db")
        with running_rill(data, upstream.base_url, RILL_DEFAULT_MODEL="demo/numbers") as rill:
            reader = multiprocessing.get_context("fork").Process(target=note_deltas, args=(rill.port, moments), daemon=True)
            reader.start()
            reply = rill.api().ask(json.dumps({"words": WORDS, "rate": RATE, "seed": 1}), "demo/numbers")
            rill.api().with_text(reply["id"], 100)
            found = measure(rill, moments, args.rounds, args.only)
            reader.terminate()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
