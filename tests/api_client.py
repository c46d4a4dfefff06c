"""A client of Rill's API as a program would write one: a cookie, the CSRF token, JSON. For tests; asserts only what it
is told to expect, and hands out plain answers.
"""
from __future__ import annotations

import time
from typing import Any

import requests

TIMEOUT_SECONDS = 20
FINISHED = ("completed", "stopped", "failed", "interrupted")


class Api:
    """One browser's worth of cookies. Not for two threads at once: take one each."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False
        self.session = self.http.get(f"{url}/api/session", timeout=TIMEOUT_SECONDS).json()
        self.token = self.session["csrf_token"]

    # -- requests

    def request(self, method: str, path: str, body: Any = None, *, key: str | None = None, **options: Any) -> requests.Response:
        """Any request, with the token; `body` is sent as JSON, `key` is its Idempotency-Key."""
        headers = {"X-CSRF-Token": self.token, **({"Idempotency-Key": key} if key is not None else {}), **options.pop("headers", {})}
        headers = {name: value for name, value in headers.items() if value is not None}
        if body is not None:
            options["json"] = body
        return self.http.request(method, self.url + path, headers=headers, timeout=TIMEOUT_SECONDS, **options)

    def get(self, path: str, *, expect: int = 200, **options: Any) -> Any:
        return self._checked("GET", path, expect, **options)

    def post(self, path: str, body: Any = None, *, expect: int = 202, **options: Any) -> Any:
        return self._checked("POST", path, expect, body, **options)

    def patch(self, path: str, body: Any, *, expect: int = 200) -> Any:
        return self._checked("PATCH", path, expect, body)

    def delete(self, path: str, *, expect: int = 204) -> Any:
        return self._checked("DELETE", path, expect)

    def _checked(self, method: str, path: str, expect: int, body: Any = None, **options: Any) -> Any:
        answer = self.request(method, path, body, **options)
        assert answer.status_code == expect, f"{method} {path}: {answer.status_code} instead of {expect}: {answer.text[:500]}"
        return answer.json() if answer.content else None

    # -- what tests do all the time

    def new_conversation(self, **fields: Any) -> dict[str, Any]:
        return self.post("/api/conversations", fields, expect=201)

    def conversation(self, conversation_id: str) -> dict[str, Any]:
        return self.get(f"/api/conversations/{conversation_id}")["conversation"]

    def revision(self) -> int:
        return self.get("/api/conversations?limit=1")["revision"]

    def send(self, conversation_id: str, content: str, *models: str, expect: int = 202, key: str | None = None, **fields: Any) -> Any:
        body = {"content": content, **({"models": list(models)} if models else {}), **fields}
        return self.post(f"/api/conversations/{conversation_id}/messages", body, expect=expect, key=key)

    def ask(self, content: str, *models: str, **fields: Any) -> dict[str, Any]:
        """The first reply, as it was accepted, to a first message in a new conversation."""
        return self.send(self.new_conversation()["id"], content, *models, **fields)["replies"][0]

    def upload(self, name: str, data: bytes, *, expect: int = 201, key: str | None = None) -> Any:
        """The attachment, or with another `expect` the refusal."""
        return self._checked("POST", "/api/attachments", expect, files={"file": (name, data)}, key=key)

    def message(self, message_id: str) -> dict[str, Any]:
        return self.get(f"/api/messages/{message_id}")

    def stop(self, message_id: str) -> dict[str, Any]:
        return self.post(f"/api/messages/{message_id}/stop")["message"]

    def finished(self, message_id: str, seconds: float = 15) -> dict[str, Any]:
        """The message once it has ended."""
        return self.wait_for(message_id, lambda message: message["status"] in FINISHED, "it did not end", seconds)

    def answered(self, content: str, *models: str, **fields: Any) -> dict[str, Any]:
        return self.finished(self.ask(content, *models, **fields)["id"])

    def with_text(self, message_id: str, chars: int = 1, seconds: float = 10) -> dict[str, Any]:
        """The message once it has so many characters of content."""
        return self.wait_for(message_id, lambda message: len(message["content"]) >= chars, f"no {chars} characters came", seconds)

    def wait_for(self, message_id: str, is_so: Any, why: str, seconds: float = 10) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while not is_so(message := self.message(message_id)):
            assert time.monotonic() < deadline, f"waited {seconds} s, {why}: {message}"
            time.sleep(0.03)
        return message
