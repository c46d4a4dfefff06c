"""Seeded garbage on every route: never a 500, never a traceback, always an answer, and a server that is well afterwards."""
from __future__ import annotations

import json
import os
import random
import re
import socket
from typing import Any

from tests.api_client import Api
from tests.servers import Rill

REQUESTS = 400
RAW_REQUESTS = 60
STATUSES = {200, 201, 202, 204, 304, 308, 400, 403, 404, 405, 409, 413, 414, 415, 429, 431}
METHODS = ("GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS", "PROPFIND")
WORDS = ["", " ", "x", "é漢🌊", "\x7f", "null", "-1", "9" * 30, "..%2F..", "%00", "%FF%FE", "a" * 3000, "<script>", "' OR 1=1 --", "\\", "demo/echo", "0:0", ","]
FIELDS = ["content", "title", "model", "models", "params", "parent_id", "head_id", "stream", "record", "attachments", "pinned", "archived",
          "system_prompt", "temperature", "max_completion_tokens", "name", "password"]
HEADERS = ["Idempotency-Key", "Last-Event-ID", "Accept", "Accept-Encoding", "Origin", "Sec-Fetch-Site", "Range", "If-None-Match", "If-Modified-Since",
           "Cookie", "X-CSRF-Token", "Content-Type", "Authorization", "X-Forwarded-For", "Referer"]


def seeded() -> random.Random:
    seed = int(os.environ.get("RILL_TEST_SEED") or random.randrange(10**6))
    print(f"seed={seed} (RILL_TEST_SEED={seed} repeats it)")
    return random.Random(seed)


def value(rng: random.Random, depth: int = 0) -> Any:
    """Any JSON, with a liking for what is nearly right."""
    kind = rng.randrange(9 if depth < 3 else 6)
    if kind < 3:
        return rng.choice(WORDS)
    if kind < 6:
        return rng.choice([None, True, False, 0, -1, 1, 0.5, 1e300, 2**63, 2**64, 10**40])
    if kind == 6:
        return [value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {rng.choice([*FIELDS, rng.choice(WORDS)]): value(rng, depth + 1) for _ in range(rng.randrange(4))}


def body(rng: random.Random) -> bytes:
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randbytes(rng.randrange(200))
    if kind == 1:
        return json.dumps(value(rng)).encode()[:-1]
    document = {rng.choice(FIELDS): value(rng) for _ in range(rng.randrange(5))}
    if rng.random() < 0.5:
        document["content"] = rng.choice(["hello", "é漢🌊"])
    return json.dumps(document, ensure_ascii=rng.random() < 0.5).encode()


def paths(api: Api) -> list[str]:
    """The address of every route, with ids that are there."""
    reply = api.answered("to be fuzzed")
    ids = {"conversation_id": [reply["conversation_id"]], "message_id": [reply["id"], reply["parent_id"]]}
    found = ["/", "/static/x", "/c/x", "/favicon.ico", "/nothing"]
    for path in api.get("/api/openapi.json")["paths"]:
        names = re.findall(r"{(\w+)}", path)
        found += [re.sub(r"{\w+}", one, path) for one in ids.get(names[0], ["x"])] if names else [path]
    return found


def test_no_garbage_is_a_500(rill: Rill, api: Api) -> None:
    rng, routes = seeded(), paths(api)
    for number in range(REQUESTS):
        method, path = rng.choice(METHODS), rng.choice(routes)
        if rng.random() < 0.2:
            path += "/" + rng.choice(WORDS)
        if path == "/api/feed" and method == "GET":
            path += "?have=x"  # a feed that opens never ends
        elif rng.random() < 0.5:
            path += f"?{rng.choice(['q', 'limit', 'before', 'archived', 'have', 'x'])}={rng.choice(WORDS)}"
        headers: dict[str, Any] = {"Content-Type": "application/json"}
        for _ in range(rng.randrange(3)):
            headers[rng.choice(HEADERS)] = rng.choice(WORDS).strip("\x7f ").encode()  # with it, it is no HTTP
        answer = api.request(method, path, data=body(rng) if method != "GET" or rng.random() < 0.2 else None, headers=headers)
        assert answer.status_code in STATUSES, f"request {number}: {method} {path} {headers}: {answer.status_code} {answer.text[:300]}"
        assert "Traceback" not in answer.text
        assert answer.headers.get("X-Content-Type-Options") == "nosniff", f"{method} {path} {headers}: {answer.status_code} {answer.text[:300]}"
        if not answer.ok and method != "HEAD" and path.startswith("/api/"):
            assert answer.json()["error"].keys() >= {"type", "message"}
        if "Set-Cookie" in answer.headers:
            api.token = api.get("/api/session")["csrf_token"]
    assert rill.answers() and api.answered("still well")["content"] == "still well"
    assert "Traceback" not in rill.log_path.read_text(errors="replace")


def test_what_is_no_http_is_closed_and_hurts_nobody(rill: Rill, api: Api) -> None:
    rng = seeded()
    good = b"POST /api/conversations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
    for number in range(RAW_REQUESTS):
        data = bytearray(good if number % 3 else rng.randbytes(rng.randrange(1, 300)))
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data) + 1)  # all of it may be gone by now
            data[at:at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        with socket.create_connection(("127.0.0.1", rill.port), timeout=10) as sock:
            sock.sendall(bytes(data))
            sock.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while part := sock.recv(65536):
                    answer += part
            except ConnectionResetError:
                pass
            assert b"Traceback" not in answer and b" 500 " not in answer.split(b"\r\n")[0], (bytes(data), answer[:300])
    assert api.answered("still well")["content"] == "still well"
