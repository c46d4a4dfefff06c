"""Conversations (PROTOCOL section 3): their rows, their list, their revisions, their end."""
from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.api_client import Api
from tests.feed_reader import Feed
from tests.standin_process import StandIn, wait_until

UNKNOWN = "0" * 22
FIELDS = {"id", "title", "model", "system_prompt", "params", "pinned", "archived", "head_id", "created_at", "updated_at",
          "message_count", "usage", "cost"}
LONG = json.dumps({"words": 4000, "rate": 100})


def listed(api: Api, **query: str | int) -> list[str]:
    path = "/api/conversations?" + "&".join(f"{name}={value}" for name, value in query.items())
    return [one["id"] for one in api.get(path)["conversations"]]


def test_a_new_conversation_is_empty_and_has_every_field(api: Api) -> None:
    made = api.new_conversation()
    assert made.keys() >= FIELDS and made == api.conversation(made["id"])
    assert (made["title"], made["model"], made["system_prompt"], made["params"]) == ("", None, "", {})
    assert (made["pinned"], made["archived"], made["head_id"], made["message_count"]) == (False, False, None, 0)
    assert made["created_at"].endswith("Z") and len(made["created_at"]) == len("2026-01-01T00:00:00.000Z")


def test_every_field_that_is_given_is_kept_and_null_puts_it_back(api: Api) -> None:
    given = {"title": "Ein Titel 漢字", "model": "openai/gpt-5:openai", "system_prompt": "Be short.",
             "params": {"temperature": 0.5, "top_p": 1, "max_completion_tokens": 9, "reasoning_effort": "low", "web_search": True}}
    made = api.new_conversation(**given)
    assert {name: made[name] for name in given} == given
    changed = api.patch(f"/api/conversations/{made['id']}", {"pinned": True, "archived": True})
    assert changed["pinned"] is changed["archived"] is True and {name: changed[name] for name in given} == given
    back = api.patch(f"/api/conversations/{made['id']}", dict.fromkeys([*given, "pinned", "archived", "head_id"]))
    assert {name: back[name] for name in FIELDS - {"updated_at"}} == {name: value for name, value in api.new_conversation().items()
                                                                     if name in FIELDS - {"updated_at"}} | {
        "id": made["id"], "created_at": made["created_at"]}


def test_unknown_ids_are_404_on_every_door(api: Api) -> None:
    for method, path in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/messages")]:
        for unknown in (UNKNOWN, "x", "%00", "%F0%9F%8C%8A", "x" * 500):
            answer = api.request(method, f"/api/conversations/{unknown}{path}", {"content": "x"} if path else None)
            assert answer.status_code == 404 and answer.json()["error"]["type"] == "not_found", (method, unknown, answer.text)
    mine = api.new_conversation()["id"]
    other = api.answered("in another conversation")
    for head in (UNKNOWN, other["id"]):
        api.patch(f"/api/conversations/{mine}", {"head_id": head}, expect=404)
        api.send(mine, "x", parent_id=head, expect=404)


def test_the_list_has_the_newest_activity_first(api: Api) -> None:
    old, new = api.new_conversation()["id"], api.new_conversation()["id"]
    assert listed(api)[:2] == [new, old]
    api.finished(api.send(old, "hello")["replies"][0]["id"])
    assert listed(api)[:2] == [old, new]


def test_pages_follow_one_another_without_hole_or_repeat(api: Api) -> None:
    made = [api.new_conversation()["id"] for _ in range(7)]
    found, before = [], ""
    while len(found) < len(made):
        page = api.get(f"/api/conversations?limit=3{before}")
        found += [one["id"] for one in page["conversations"]]
        assert len(page["conversations"]) == 3 and page["next"] and page["revision"] == api.revision()
        before = f"&before={page['next']}"
    assert found[:7] == made[::-1] and len(set(found)) == len(found)


def test_the_last_page_has_no_next(api: Api) -> None:
    assert api.get("/api/conversations?q=no-such-words-anywhere")["next"] is None


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=x", "limit=", "limit=1e3", "limit=%D9%A3", "archived=maybe", "before=x",
                                   "before=_1", "before=2026_x", "before=2026_99999999999999999999999999", "before=2026_%C2%B2",
                                   "before=" + "9" * 5000, "before=2026_-1"])
def test_a_query_that_is_not_right_is_a_400(api: Api, query: str) -> None:
    answer = api.request("GET", f"/api/conversations?{query}")
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request", answer.text


@pytest.mark.parametrize("said, searched", [("我想知道天空为什么是蓝色的", "天空为什么"), ("Straße nach Köln", "straße nach"), ("100% of_it \\ here", "100% of_it \\"),
                                            ("a 'quoted\" thing; DROP", "'quoted\""), ("🌊🌊 waves", "🌊🌊")])
def test_the_search_finds_text_and_titles_in_any_language(api: Api, said: str, searched: str) -> None:
    by_text, by_title = api.answered(said)["conversation_id"], api.new_conversation(title=f"about {said}")["id"]
    api.new_conversation(title="something else")
    answer = api.request("GET", "/api/conversations", params={"q": searched}).json()
    assert {one["id"] for one in answer["conversations"]} == {by_text, by_title}


@pytest.mark.parametrize("wild", ["%zzz%", "_____", "*", "\x00", "zz\x00top", "'", '"', "(", "\\"])
def test_no_sign_in_a_search_means_anything(api: Api, wild: str) -> None:
    plain = api.new_conversation(title="plain words")["id"]
    answer = api.request("GET", "/api/conversations", params={"q": wild})
    assert answer.status_code == 200
    assert wild == "\x00" or plain not in [one["id"] for one in answer.json()["conversations"]]


def test_archived_ones_are_listed_apart(api: Api) -> None:
    made = api.new_conversation()["id"]
    api.patch(f"/api/conversations/{made}", {"archived": True})
    assert made not in listed(api) and made in listed(api, archived="true") and made not in listed(api, archived="false")


# ---- revisions

def test_each_change_is_one_revision_and_one_event(api: Api, open_feed: Callable[..., Feed]) -> None:
    feed = open_feed().until_ready()
    start = api.revision()
    made = api.new_conversation()["id"]
    api.patch(f"/api/conversations/{made}", {"title": "x"})
    api.patch(f"/api/conversations/{made}", {})
    api.delete(f"/api/conversations/{made}")
    assert api.revision() == start + 3
    feed.until(lambda feed: made in feed.held.deleted, "the deletion was not told")
    assert [event.name for event in feed.events if event.name not in ("hello", "ready", "ping")] == ["conversation"] * 2 + ["conversation_deleted"]
    assert feed.held.revision == start + 3


def test_what_is_refused_costs_no_revision(api: Api) -> None:
    start = api.revision()
    api.post("/api/conversations", {"unknown": 1}, expect=400)
    api.delete(f"/api/conversations/{UNKNOWN}", expect=404)
    assert api.revision() == start


# ---- deletion

def test_after_a_deletion_nothing_is_left_and_no_event_names_it(api: Api, open_feed: Callable[..., Feed]) -> None:
    feed = open_feed().until_ready()
    conversation = api.new_conversation()["id"]
    sent = api.send(conversation, LONG, "demo/numbers", "demo/numbers")
    reply = sent["replies"][0]
    feed.until(lambda feed: all(feed.held.text(one["id"]) for one in sent["replies"]), "no text came")
    api.delete(f"/api/conversations/{conversation}")
    after = api.answered("something after it")
    feed.until_final(after["id"])  # the reader itself fails on any event that names the deleted one
    assert conversation in feed.held.deleted
    for path in (f"/api/conversations/{conversation}", f"/api/messages/{reply['id']}", f"/api/messages/{reply['id']}/timeline"):
        api.get(path, expect=404)
    api.delete(f"/api/conversations/{conversation}", expect=404)
    api.post(f"/api/messages/{reply['id']}/stop", expect=404)
    with open_feed(cursor=f"{reply['id']}:1:0") as late:
        assert [event.name for event in late.until_ready().events] == ["hello", "ready"]


def test_a_deletion_ends_the_upstream_calls(api: Api, upstream: StandIn) -> None:
    reply = api.ask(LONG, "demo/numbers")
    api.with_text(reply["id"])
    call = upstream.last_call()["call"]
    api.delete(f"/api/conversations/{reply['conversation_id']}")
    wait_until(lambda: next(one for one in upstream.ledger() if one["call"] == call)["peer_closed_at"], "the upstream call goes on", 3)
