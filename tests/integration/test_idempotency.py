"""`Idempotency-Key` (PROTOCOL section 1): a request that comes twice happens once, on every POST it is promised for."""
from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.api_client import Api
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn

Post = tuple[str, dict[str, Any], int]


def a_key(name: str) -> str:
    return f"key of {name}"


def create(api: Api) -> Post:
    return "/api/conversations", {"title": "once"}, 201


def send(api: Api) -> Post:
    return f"/api/conversations/{api.new_conversation()['id']}/messages", {"content": "once", "models": ["demo/echo", "demo/echo"]}, 202


def regenerate(api: Api) -> Post:
    return f"/api/messages/{api.answered('question')['parent_id']}/replies", {"models": ["demo/echo"]}, 202


def edit(api: Api) -> Post:
    return f"/api/messages/{api.answered('question')['parent_id']}/edit", {"content": "edited"}, 202


def continue_(api: Api) -> Post:
    return f"/api/messages/{api.answered('question', 'demo/fault-length')['id']}/continue", {"params": {"temperature": 1}}, 202


POSTS: list[Callable[[Api], Post]] = [create, send, regenerate, edit, continue_]


def ids(value: Any) -> Any:
    """The ids in an answer, in its own shape; states may be newer."""
    if isinstance(value, list):
        return [ids(one) for one in value]
    return value["id"] if "id" in value else {name: ids(one) for name, one in value.items()}


@pytest.mark.parametrize("make", POSTS)
def test_the_same_key_again_gives_the_same_ids_and_creates_nothing(api: Api, make: Callable[[Api], Post]) -> None:
    path, body, status = make(api)
    first = api.post(path, body, expect=status, key=a_key("twice"))
    for reply in first.get("replies", [first["reply"]] if "reply" in first else []):
        api.finished(reply["id"])
    start = api.revision()
    again = api.post(path, body, expect=status, key=a_key("twice"))
    assert ids(again) == ids(first) and api.revision() == start


@pytest.mark.parametrize("make", POSTS)
def test_the_same_key_with_another_body_is_a_409(api: Api, make: Callable[[Api], Post]) -> None:
    path, body, status = make(api)
    api.post(path, body, expect=status, key=a_key("other body"))
    start = api.revision()
    error = api.post(path, {**body, "params": {"top_p": 0.5}}, expect=409, key=a_key("other body"))["error"]
    assert error["type"] == "conflict" and api.revision() >= start


@pytest.mark.parametrize("make", POSTS)
def test_eight_at_once_are_one(rill: Rill, api: Api, make: Callable[[Api], Post]) -> None:
    path, body, status = make(api)
    clients = [rill.api() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda client: client.post(path, body, expect=status, key=a_key("at once")), clients))
    assert len({json.dumps(ids(answer)) for answer in answers}) == 1


def test_other_keys_and_other_routes_are_other_requests(api: Api) -> None:
    made = {api.post("/api/conversations", {}, expect=201, key=key)["id"] for key in ("a", "b", "A", "a ", "x" * 255)}
    assert len(made) == 4  # "a " is "a": HTTP drops the blank around a field's value
    first, second = (api.new_conversation()["id"] for _ in range(2))
    assert ids(api.send(first, "x", key="same")) != ids(api.send(second, "x", key="same"))


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
def test_a_key_that_is_none_is_a_400(api: Api, key: str) -> None:
    answer = api.request("POST", "/api/conversations", {}, headers={"Idempotency-Key": key.encode("latin-1")})
    assert answer.status_code == 400, answer.text


def test_only_successes_are_kept(api: Api) -> None:
    conversation = api.new_conversation()["id"]
    running = api.send(conversation, json.dumps({"words": 3000, "rate": 100}), "demo/numbers")["replies"][0]
    api.send(conversation, "too early", expect=409, key=a_key("a conflict"))
    api.stop(running["id"])
    sent = api.send(conversation, "too early", key=a_key("a conflict"))
    assert sent["user_message"]["parent_id"] == running["id"]
    api.post("/api/conversations", {"title": 1}, expect=400, key=a_key("a 400"))
    api.post("/api/conversations", {"title": "right"}, expect=201, key=a_key("a 400"))


def test_keys_survive_a_crash_and_end_after_a_day(upstream: StandIn, data_dir: Path) -> None:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
        api = rill.api()
        path, body, _ = send(api)
        first = api.post(path, body, key="kept")
        rill.kill()
        rill.start()
        # The token and the cookie of before the crash are still good, too.
        assert ids(api.post(path, body, key="kept")) == ids(first)
        with rill.database(write=True) as database:
            database.execute("UPDATE idempotency_keys SET created_at = '2020-01-01T00:00:00.000Z'")
        for reply in first["replies"]:
            api.finished(reply["id"])
        assert ids(api.post(path, body, key="kept")) != ids(first), "a key is good for 24 hours, not for ever"
