"""Deleting conversations and branches, taking it back, forking: over HTTP, while answers stream, over a kill -9."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api_client import Api
from tests.feed_reader import Feed
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn, wait_until

LONG = json.dumps({"words": 4000, "rate": 100})
LATER = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-2 hours')"


def tree(api: Api, conversation_id: str) -> list[dict[str, Any]]:
    return api.get(f"/api/conversations/{conversation_id}")["messages"]


def exchange(api: Api, words: str, conversation_id: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """A question and its finished answer."""
    sent = api.send(conversation_id or api.new_conversation()["id"], words)
    return sent["user_message"], api.finished(sent["replies"][0]["id"])


@pytest.fixture
def own_rill(upstream: StandIn, data_dir: Path) -> Iterator[Rill]:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo", RILL_FEEDS_PER_USER=0) as running:
        yield running


# ---- deleted is unknown

def routes_with(api: Api, name: str) -> list[tuple[str, str]]:
    """(method, path) of every route that takes such an id."""
    found = [(method.upper(), path) for path, methods in api.get("/api/openapi.json")["paths"].items() for method in methods if f"{{{name}}}" in path]
    assert len(found) >= 5
    return found


@pytest.mark.parametrize("what", ["conversation", "branch"])
def test_what_is_deleted_is_a_404_like_the_unknown_on_every_route(api: Api, what: str) -> None:
    asked, reply = exchange(api, "secret words", api.new_conversation(title="plain")["id"])
    home = reply["conversation_id"]
    api.delete(f"/api/conversations/{home}") if what == "conversation" else api.request("DELETE", f"/api/messages/{asked['id']}").raise_for_status()
    tried = 0
    for name, gone in [("message_id", asked["id"]), ("message_id", reply["id"]), *([("conversation_id", home)] if what == "conversation" else [])]:
        for method, path in routes_with(api, name):
            if path.endswith("/restore") and (what, name) in (("conversation", "conversation_id"), ("branch", "message_id")):
                continue
            body = {"content": "x"} if path.endswith(("/messages", "/edit")) else None
            answers = [api.request(method, re.sub(r"{\w+}", one, path), body) for one in (gone, "0" * 22)]
            assert [one.status_code for one in answers] == [404, 404], (method, path, answers[0].text)
            assert answers[0].json() == answers[1].json(), (method, path)
            tried += 1
    assert tried > 10
    if what == "branch":
        assert tree(api, home) == [] and api.conversation(home)["message_count"] == 0
        api.send(home, "x", parent_id=reply["id"], expect=404)
        api.patch(f"/api/conversations/{home}", {"head_id": reply["id"]}, expect=404)
    assert "secret words" not in api.request("GET", "/api/conversations", params={"q": "secret words"}).text


def test_a_cursor_that_names_what_is_deleted_is_answered_without_it(api: Api, open_feed: Callable[..., Feed]) -> None:
    _, reply = exchange(api, "Hello")
    api.request("DELETE", f"/api/messages/{reply['id']}").raise_for_status()
    with open_feed(cursor=f"{reply['id']}:1:0") as feed:
        assert [event.name for event in feed.until_ready().events] == ["hello", "ready"]


# ---- and back

def test_a_conversation_deleted_while_it_streams_comes_back_stopped_with_its_text(api: Api, open_feed: Callable[..., Feed], upstream: StandIn) -> None:
    feed = open_feed().until_ready()
    reply = api.ask(LONG, "demo/numbers")
    home = reply["conversation_id"]
    feed.until(lambda feed: len(feed.held.text(reply["id"])) > 50, "no text came")
    call = upstream.last_call()["call"]
    before = api.conversation(home)
    api.delete(f"/api/conversations/{home}")
    feed.until(lambda feed: home in feed.held.deleted, "the deletion was not told")
    wait_until(lambda: next(one for one in upstream.ledger() if one["call"] == call)["peer_closed_at"], "the upstream call goes on", 3)
    feed.held.deleted.discard(home)  # we take it back: it may be named again
    back = api.post(f"/api/conversations/{home}/restore", expect=200)
    assert back == before and api.conversation(home) == before
    kept = api.message(reply["id"])
    assert kept["status"] == "stopped" and kept["content"].startswith(feed.held.text(reply["id"])) and kept["finished_at"] and not kept["error"]
    feed.until(lambda feed: feed.events[-1].name == "conversation" and feed.events[-1].data["conversation"] == before, "not told that it is back")
    again = api.post(f"/api/conversations/{home}/restore", expect=200)
    assert again == before and api.revision() == feed.held.revision, "taking back what is there changes nothing"
    api.post(f"/api/messages/{reply['id']}/continue")
    feed.until(lambda feed: len(feed.held.text(reply["id"])) > len(kept["content"]) + 20, "it does not grow on")
    api.stop(reply["id"])


def test_a_branch_deleted_while_it_streams_ends_for_every_page_and_the_rest_goes_on(api: Api, open_feed: Callable[..., Feed]) -> None:
    feed = open_feed().until_ready()
    sent = api.send(api.new_conversation()["id"], LONG, "demo/numbers", "demo/numbers")
    kept, gone = [one["id"] for one in sent["replies"]]
    feed.until(lambda feed: feed.held.text(kept) and feed.held.text(gone), "no text came")
    api.patch(f"/api/conversations/{sent['user_message']['conversation_id']}", {"head_id": gone})
    after = api.request("DELETE", f"/api/messages/{gone}").json()
    assert after["head_id"] == kept and after["message_count"] == 2
    feed.until(lambda feed: feed.events[-1].name == "conversation" and feed.events[-1].data["conversation"] == after, "not told")
    assert feed.held.messages[gone]["status"] == "stopped", "no page waits for it any more"
    length = len(feed.held.text(kept))
    feed.until(lambda feed: len(feed.held.text(kept)) > length, "its sibling stands still")
    back = api.post(f"/api/messages/{gone}/restore", expect=200)
    assert back["head_id"] == gone and back["message_count"] == 3
    assert api.message(gone)["content"].startswith(feed.held.text(gone))
    api.stop(kept)


def test_what_was_deleted_comes_back_after_a_kill_and_a_restart(own_rill: Rill) -> None:
    api = own_rill.api()
    reply = api.ask(LONG, "demo/numbers")
    shown = api.with_text(reply["id"], 50)["content"]
    asked, answer = exchange(api, "kept")
    api.delete(f"/api/conversations/{reply['conversation_id']}")
    api.request("DELETE", f"/api/messages/{answer['id']}").raise_for_status()
    own_rill.kill()
    own_rill.start()
    api = own_rill.api()
    api.get(f"/api/messages/{reply['id']}", expect=404)
    assert [one["id"] for one in tree(api, asked["conversation_id"])] == [asked["id"]]
    api.post(f"/api/conversations/{reply['conversation_id']}/restore", expect=200)
    kept = api.message(reply["id"])
    assert kept["status"] == "stopped" and kept["content"].startswith(shown)
    api.post(f"/api/messages/{answer['id']}/restore", expect=200)
    assert api.message(answer["id"]) == answer


def test_a_start_removes_what_was_deleted_long_ago_and_only_that(own_rill: Rill) -> None:
    api = own_rill.api()
    (old_asked, _), (_, late) = exchange(api, "old"), exchange(api, "late")
    _, kept = exchange(api, "kept")
    for one in (old_asked, late):
        api.delete(f"/api/conversations/{one['conversation_id']}")
    with own_rill.database(write=True) as database:
        for table, column in (("messages", "conversation_id"), ("conversations", "id")):
            database.execute(f"UPDATE {table} SET deleted_at = {LATER} WHERE {column} = ?", (old_asked["conversation_id"],))
    own_rill.terminate()
    own_rill.wait()
    own_rill.start()

    def left() -> set[str]:
        with own_rill.database() as database:
            return {one for one, in database.execute("SELECT content FROM messages WHERE role = 'user'")}
    wait_until(lambda: left() == {"late", "kept"}, "not removed", 5)
    api = own_rill.api()
    api.post(f"/api/conversations/{old_asked['conversation_id']}/restore", expect=404)
    api.post(f"/api/conversations/{late['conversation_id']}/restore", expect=200)
    assert api.message(kept["id"]) == kept and api.message(late["id"]) == late


def test_a_branch_under_a_deleted_one_waits_for_it(api: Api) -> None:
    _, first = exchange(api, "1")
    asked, second = exchange(api, "2", first["conversation_id"])
    for one in (second, first):
        api.request("DELETE", f"/api/messages/{one['id']}").raise_for_status()
    refused = api.post(f"/api/messages/{second['id']}/restore", expect=409)
    assert "Bring that one back first" in refused["error"]["message"]
    assert api.post(f"/api/messages/{first['id']}/restore", expect=200)["head_id"] == asked["id"]
    assert api.post(f"/api/messages/{second['id']}/restore", expect=200)["head_id"] == second["id"]


# ---- forks

def test_a_fork_is_a_conversation_of_its_own_and_comes_once_for_each_key(api: Api, open_feed: Callable[..., Feed]) -> None:
    asked, reply = exchange(api, "The beginning")
    exchange(api, "more", reply["conversation_id"])
    feed = open_feed().until_ready()
    made = api.post(f"/api/messages/{reply['id']}/fork", {"title": "Beginning（分支）"}, expect=201, key="fork-1")
    feed.until(lambda feed: feed.events[-1].name == "conversation", "not told")
    assert feed.events[-1].data["conversation"] == made == api.conversation(made["id"])
    assert api.post(f"/api/messages/{reply['id']}/fork", {"title": "Beginning（分支）"}, expect=201, key="fork-1") == made
    copies = tree(api, made["id"])
    assert [(one["role"], one["content"]) for one in copies] == [("user", "The beginning"), ("assistant", "The beginning")]
    assert made["head_id"] == copies[-1]["id"] and made["message_count"] == 2 and made["title"] == "Beginning（分支）"
    assert api.get(f"/api/messages/{copies[1]['id']}/timeline") == api.get(f"/api/messages/{reply['id']}/timeline")
    _, answer = exchange(api, "and on", made["id"])
    assert len(tree(api, made["id"])) == 4 and answer["conversation_id"] == made["id"]
    api.delete(f"/api/conversations/{asked['conversation_id']}")
    assert len(tree(api, made["id"])) == 4


def test_an_answer_that_grows_cannot_be_forked(api: Api) -> None:
    reply = api.ask(LONG, "demo/numbers")
    refused = api.post(f"/api/messages/{reply['id']}/fork", expect=409)
    assert "still being written" in refused["error"]["message"]
    api.stop(reply["id"])
    made = api.post(f"/api/messages/{reply['id']}/fork", expect=201)
    assert [one["status"] for one in tree(api, made["id"])] == ["completed", "stopped"]
