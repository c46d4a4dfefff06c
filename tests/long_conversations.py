"""Conversations of thousands of messages, written straight into a database: sent one by one they would take minutes."""
from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from rill.models import new_id, utc_now

SENTENCE = "A rill is a small stream: clear, *quiet*, always `moving` over stone. "


def fill(database: Path, conversation_id: str, count: int, chars: int) -> str:
    """Questions and answers of about so many characters, all on one branch; returns the id of the newest message. The server
    must be down or idle."""
    with sqlite3.connect(database, timeout=10, isolation_level=None) as tx:
        tx.execute("BEGIN IMMEDIATE")
        user_id, = tx.execute("SELECT user_id FROM conversations WHERE id = ?", (conversation_id,)).fetchone()
        parent, now = None, utc_now()
        text = (SENTENCE * (chars // len(SENTENCE) + 1))[:chars]
        timings = json.dumps({"connect_ms": 3.0, "first_byte_ms": 9.0, "first_content_ms": 12.0, "total_ms": 900.0, "output_tokens_per_second": 80.0})
        for n in range(count):
            is_reply = n % 2 == 1
            row = {"id": new_id(), "conversation_id": conversation_id, "user_id": user_id, "parent_id": parent, "role": "assistant" if is_reply else "user",
                   "content": f"{n}. {text}" if is_reply else f"Question {n}", "reasoning": "", "status": "completed", "model": "demo/fast" if is_reply else None,
                   "params": "{}", "finish_reason": "stop" if is_reply else None, "timings": timings if is_reply else "{}", "citations": "[]", "timeline": "[]",
                   "output_tokens": chars // 4 if is_reply else None, "created_at": now, "finished_at": now}
            tx.execute(f"INSERT INTO messages ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", tuple(row.values()))
            parent = row["id"]
        tx.execute("UPDATE conversations SET head_id = ? WHERE id = ?", (parent, conversation_id))
        tx.execute("COMMIT")
    return parent
