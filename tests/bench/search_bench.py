"""What the list of conversations and a search cost on a large database: 10,000 conversations, 100,000 messages, 100 MB.

Method: a database is made in a temporary directory (words by Zipf's law, three in ten texts Chinese), indexed in batches as
the server does, and each question is asked TIMES times on an open file, warm. It prints the median and the worst in milliseconds,
the longest batch of the indexing, and the sizes, as one line of JSON. Run it as `.venv/bin/python -m tests.bench.search_bench`.
"""
from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import insert

from rill import search, searching, store
from rill.db import Database
from rill.indexing import BATCH_CHARS
from rill.schema import conversations, messages

CONVERSATIONS, MESSAGES_EACH, TIMES, SEED = 10_000, 10, 7, 1
RARE_WORD, RARE_CHINESE = "quokkaberg", "龘靐"


def make(db: Database) -> str:
    rng = random.Random(SEED)
    words = ["".join(rng.choices("etaoinshrdlucmfwypvbgkjqxz", k=rng.randint(2, 9))) for _ in range(20_000)]
    signs = [chr(0x4E00 + n) for n in range(3000)]
    zipf = [1 / (n + 3) for n in range(20_000)]

    def said() -> str:
        if rng.random() < 0.3:
            return "".join(rng.choices(signs, zipf[:3000], k=rng.randint(20, 700)))
        return " ".join(rng.choices(words, zipf, k=rng.randint(20, 300)))

    texts = [said() for _ in range(10_000)]
    with db.write() as tx:
        owner = store.local_owner(tx).id
        for at in range(CONVERSATIONS):
            day = f"20{20 + at // 2000:02}-{at % 12 + 1:02}-{at % 28 + 1:02}T10:00:00.{at % 1000:03}Z"
            conversation = f"c{at:021}"
            tx.execute(insert(conversations).values(
                id=conversation, user_id=owner, title=" ".join(rng.choices(words, zipf, k=5)), model=None, system_prompt="", params={},
                pinned=False, archived=False, head_id=None, created_at=day, updated_at=day))
            tx.execute(insert(messages), [{
                "id": f"m{at:015}{n:06}", "conversation_id": conversation, "user_id": owner, "parent_id": None, "role": "assistant" if n % 2 else "user",
                "content": rng.choice(texts) + (f" {RARE_WORD} {RARE_CHINESE}" if n == 3 and at % 1000 == 500 else f" {n}"),
                "reasoning": "", "status": "completed", "params": {}, "timings": {}, "citations": [], "created_at": day, "finished_at": day,
                "timeline": [], "input_tokens": 10, "output_tokens": 20, "cost_amount": 0.001, "cost_kind": "estimate",
            } for n in range(MESSAGES_EACH)])
    return owner


def index(db: Database) -> dict[str, float]:
    begun = time.perf_counter()
    with db.write() as tx:
        search.prepare(tx)
    prepared, longest, count = time.perf_counter(), 0.0, 1
    while count:
        start = time.perf_counter()
        with db.write() as tx:
            count = search.index_some(tx, BATCH_CHARS)
        longest = max(longest, time.perf_counter() - start)
    return {"prepare_ms": (prepared - begun) * 1000, "index_seconds": time.perf_counter() - prepared, "longest_batch_ms": longest * 1000}


def timed(ask: Callable[[], Any]) -> dict[str, float]:
    took = []
    for _ in range(TIMES):
        start = time.perf_counter()
        ask()
        took.append((time.perf_counter() - start) * 1000)
    return {"median_ms": round(median(took), 1), "worst_ms": round(max(took), 1)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rill.db"
        db = Database(path)
        db.upgrade()
        owner = make(db)

        def listed(**how: Any) -> Any:
            with db.read() as tx:
                found, following = store.list_conversations(tx, owner, **how)
                return [one.as_dict() for one in found], following

        middle = "2022-06-15T10:00:00.000Z_1"
        queries = {"common word": "the", "rare word": RARE_WORD, "nothing": "zzqxzzqx", "two letters": "qz", "chinese": RARE_CHINESE,
                   "one chinese letter": "龘", "three chinese letters": f"{RARE_WORD} 龘靐", "a letter": "e", "nothing in two letters": "ψξ"}

        def ask_all() -> dict[str, Any]:
            return {name: {"search": timed(lambda q=query: searching.find(db, owner, q, limit=30)),
                           "list": timed(lambda q=query: listed(search=q))} for name, query in queries.items()}

        read = ask_all()
        size = path.stat().st_size
        figures = {
            "conversations": CONVERSATIONS, "messages": CONVERSATIONS * MESSAGES_EACH, "list": timed(listed), "list of 200": timed(lambda: listed(limit=200)),
            "list from the middle": timed(lambda: listed(before=middle)), "without an index": read, "indexing": index(db), "indexed": ask_all(),
        }
        db.close()
        figures["file_mb"] = {"before": round(size / 1e6), "indexed": round(path.stat().st_size / 1e6)}
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
