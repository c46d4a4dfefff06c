"""Starts the stand-in as the process it is and talks to it as anybody would: for tests, not a test itself."""
from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

PROJECT = Path(__file__).resolve().parents[1]
KEY = "sk-ai-v1-0123456789abcdefWXYZ"
READY = "stand-in listening on "


class StandIn:
    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url, self.process = url, process
        self.base_url = f"{url}/api/v1"
        self.port = int(url.rpartition(":")[2])
        self.exit_code = 0  # what the process must end with

    def chat(self, body: Any, *, key: str | None = KEY, timeout: float = 60, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        with requests.Session() as session:
            session.trust_env = False
            data = body if isinstance(body, bytes) else json.dumps(body)
            return session.post(f"{self.base_url}/chat/completions", data=data, headers=headers, timeout=timeout, **options)

    def ask(self, model: str, text: str, **fields: Any) -> requests.Response:
        return self.chat({"model": model, "messages": [{"role": "user", "content": text}], **fields})

    def control(self, method: str, path: str, body: Any = None) -> Any:
        response = requests.request(method, f"{self.url}/standin/{path}", json=body, timeout=10)
        response.raise_for_status()
        return response.json()

    def script(self, name: str, **fields: Any) -> str:
        return self.control("POST", "scripts", {"name": name, **fields})["model"]

    def ledger(self) -> list[dict[str, Any]]:
        return self.control("GET", "ledger")

    def last_call(self) -> dict[str, Any]:
        return self.ledger()[-1]

    def open_chat(self, model: str, text: str, **fields: Any) -> socket.socket:
        """A raw socket on which a streaming chat has just been asked."""
        sock = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        sock.sendall(chat_request({"model": model, "stream": True, "messages": [{"role": "user", "content": text}], **fields}))
        return sock


def chat_request(body: Any, *headers: str, key: str = KEY) -> bytes:
    data = json.dumps(body).encode()
    lines = ["POST /api/v1/chat/completions HTTP/1.1", "Host: standin", f"Authorization: Bearer {key}",
             f"Content-Length: {len(data)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + data


@contextmanager
def running_standin(*arguments: str) -> Iterator[StandIn]:
    process = subprocess.Popen([sys.executable, "-m", "rill.standin", "--port", "0", "--with-parent", *arguments], cwd=PROJECT,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as output:
        line = output.readline()
        assert line.startswith(READY), f"the stand-in did not start: {line!r}"
        standin = StandIn(line.removeprefix(READY).strip(), process)
        try:
            yield standin
        finally:
            process.terminate()
            assert process.wait(10) == standin.exit_code


def wait_until(condition: Callable[[], Any], why: str, seconds: float = 10) -> Any:
    """The first true value of the condition; fails with the sentence when the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain: {why}")


def stream_events(body: bytes) -> list[Any]:
    """The data of each frame; `[DONE]` stays a string."""
    data = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [item.decode() if item == b"[DONE]" else json.loads(item) for item in data]


def texts(events: list[Any]) -> dict[str, str]:
    """Content and reasoning of a stream, each thought taken once."""
    found = {"content": "", "reasoning": ""}
    for event in events:
        for choice in event.get("choices", []) if isinstance(event, dict) else []:
            delta = choice["delta"]
            found["content"] += delta.get("content") or ""
            found["reasoning"] += delta.get("reasoning_content") or delta.get("reasoning") or ""
    return found
