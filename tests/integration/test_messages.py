"""Sending, regenerating, editing (PROTOCOL section 4): the tree of messages, its rules, and what is asked upstream."""
from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from rill.standin.numbers import verify
from tests.api_client import Api
from tests.feed_reader import Feed, check_state
from tests.servers import Rill
from tests.standin_process import StandIn

UNKNOWN = "0" * 22
ROUND_TRIPS = 5
LONG = json.dumps({"words": 4000, "rate": 100})
MESSAGE_FIELDS = {"id", "conversation_id", "parent_id", "role", "content", "reasoning", "status", "model", "params", "finish_reason",
                  "error", "usage", "cost", "timings", "citations", "attachments", "generation_id", "request_id", "created_at", "finished_at"}


def numbers(words: int, **settings: Any) -> str:
    return json.dumps({"words": words, "rate": 0, **settings})


def call_of(upstream: StandIn, message: dict[str, Any]) -> dict[str, Any]:
    """The ledger's newest entry for the call that made this message grow."""
    return [call for call in upstream.ledger() if call["request_id"] == message["request_id"]][-1]


# ---- send

def test_an_answer_is_complete_to_the_character_and_has_every_field(api: Api, upstream: StandIn) -> None:
    api.get("/api/models")  # prices are known from here on
    accepted = api.ask(numbers(300, reasoning_words=40, wide=True, seed=7), "demo/numbers")
    assert accepted.keys() >= MESSAGE_FIELDS and accepted["status"] in ("queued", "connecting", "streaming")
    reply = api.finished(accepted["id"])
    check_state(reply)
    call = call_of(upstream, reply)
    assert (reply["content"], reply["reasoning"]) == (call["content"], call["reasoning"])
    assert verify(reply["content"], 7, wide=True) is verify(reply["reasoning"], 7, "reasoning", wide=True) is None
    assert (reply["status"], reply["finish_reason"], reply["error"]) == ("completed", "stop", None)
    assert reply["generation_id"] == call["generation_id"] and reply["model"] == "demo/numbers"
    told = call["usage"]
    assert reply["usage"] == {"input_tokens": told["prompt_tokens"], "output_tokens": told["completion_tokens"], "reasoning_tokens": 40,
                              "cached_tokens": told["prompt_tokens_details"]["cached_tokens"]}
    assert reply["cost"]["kind"] == "estimate" and reply["cost"]["currency"] == "USD"
    assert reply["cost"]["amount"] == pytest.approx((0.2 * told["prompt_tokens"] + 0.8 * told["completion_tokens"]) / 1e6)
    question = api.message(reply["parent_id"])
    assert question["role"] == "user" and question["status"] == "completed" and question["parent_id"] is None


def test_six_models_answer_at_once_and_the_first_is_the_head(api: Api) -> None:
    conversation = api.new_conversation()["id"]
    models = ["demo/echo", "demo/echo", "demo/numbers", "demo/fault-402", "any/unlisted-model", "demo/fault-empty"]
    sent = api.send(conversation, numbers(5), *models)
    assert [reply["model"] for reply in sent["replies"]] == models
    done = [api.finished(reply["id"]) for reply in sent["replies"]]
    assert len({reply["id"] for reply in done}) == 6 and {reply["parent_id"] for reply in done} == {sent["user_message"]["id"]}
    assert done[0]["content"] == done[1]["content"] == numbers(5)
    assert [reply["status"] for reply in done] == ["completed"] * 3 + ["failed"] + ["completed"] * 2
    assert done[5]["content"] == "" and done[4]["content"]
    after = api.get(f"/api/conversations/{conversation}")
    assert after["conversation"]["head_id"] == done[0]["id"] and after["conversation"]["message_count"] == 7
    assert [one["id"] for one in after["messages"]] == [sent["user_message"]["id"], *(reply["id"] for reply in done)]
    assert after["messages"][1:] == done


@pytest.mark.parametrize("body", [
    {}, {"content": ""}, {"content": 1}, {"content": None}, {"content": "x", "models": []}, {"content": "x", "models": ["a"] * 7},
    {"content": "x", "models": "demo/echo"}, {"content": "x", "models": [""]}, {"content": "x", "models": ["/x"]}, {"content": "x", "models": [1]},
    {"content": "x", "stream": "no"}, {"content": "x", "record": 1}, {"content": "x", "parent_id": ""}, {"content": "x", "parent_id": 1},
    {"content": "x", "parent_id": "../../x"}, {"content": "x", "unknown": 1}, {"content": "x", "params": {"n": 2}}, {"content": "x\u0000"},
    {"content": "x", "attachments": "x"}, {"content": "x", "attachments": [1]},
])
def test_a_message_that_is_not_right_makes_nothing(api: Api, body: dict[str, Any]) -> None:
    conversation = api.new_conversation()
    answer = api.request("POST", f"/api/conversations/{conversation['id']}/messages", body)
    assert answer.status_code == 400 and answer.json()["error"]["type"] == "invalid_request", answer.text
    assert api.conversation(conversation["id"]) == conversation


@pytest.mark.parametrize("slug", ["a", "A9", "x" * 200, "openai/gpt-5:azure", "a.b_c-d/e/f:g"])
def test_any_well_formed_model_is_asked_and_the_upstream_judges(api: Api, slug: str) -> None:
    assert api.answered("x", slug)["model"] == slug


def test_the_conversation_decides_who_answers_when_nobody_is_named(api: Api) -> None:
    assert api.answered("x")["model"] == "demo/echo", "the default model"
    conversation = api.new_conversation(model="demo/fast")["id"]
    assert api.send(conversation, "x", "demo/numbers")["replies"][0]["model"] == "demo/numbers"
    assert api.conversation(conversation)["model"] == "demo/fast", "sending does not change it"
    assert api.send(conversation, "x", parent_id=None)["replies"][0]["model"] == "demo/fast"


def test_one_post_makes_a_revision_for_each_of_its_events(api: Api, open_feed: Callable[..., Feed]) -> None:
    conversation = api.new_conversation()["id"]
    feed = open_feed().until_ready()
    sent = api.send(conversation, "x", "demo/echo", "demo/echo")
    feed.until_final(*(reply["id"] for reply in sent["replies"]))
    live = feed.events[[event.name for event in feed.events].index("ready"):]
    counted = [event for event in live if "revision" in event.data]
    assert feed.held.revision == feed.hello_revision + len(counted) == api.revision()
    assert [event.name for event in counted[:4]] == ["message", "message", "message", "conversation"]


def test_the_first_message_names_the_conversation(api: Api) -> None:
    reply = api.ask("Why is the sky blue? " + "And much more of it. " * 20)
    title = api.conversation(reply["conversation_id"])["title"]
    assert title.startswith("Why is the sky blue?") and len(title) <= 61
    named = api.new_conversation(title="mine")["id"]
    api.send(named, "x")
    assert api.conversation(named)["title"] == "mine"


# ---- where a message goes

def test_a_message_goes_under_the_head_unless_it_says_where(api: Api) -> None:
    conversation = api.new_conversation()["id"]
    first = api.finished(api.send(conversation, "one")["replies"][0]["id"])
    second = api.finished(api.send(conversation, "two")["replies"][0]["id"])
    assert api.message(second["parent_id"])["parent_id"] == first["id"]
    branch = api.send(conversation, "branch", parent_id=first["id"])
    assert branch["user_message"]["parent_id"] == first["id"]
    api.finished(branch["replies"][0]["id"])
    assert api.conversation(conversation)["head_id"] == branch["replies"][0]["id"]
    root = api.send(conversation, "root", parent_id=None)
    assert root["user_message"]["parent_id"] is None
    api.finished(root["replies"][0]["id"])
    api.patch(f"/api/conversations/{conversation}", {"head_id": second["id"]})
    assert api.send(conversation, "back")["user_message"]["parent_id"] == second["id"]


def test_a_parent_must_be_a_finished_answer_of_this_conversation(api: Api) -> None:
    conversation = api.new_conversation()["id"]
    running = api.send(conversation, LONG, "demo/numbers")["replies"][0]
    for fields in ({}, {"parent_id": running["id"]}, {"parent_id": running["parent_id"]}):
        assert api.send(conversation, "x", expect=409, **fields)["error"]["type"] == "conflict"
    api.stop(running["id"])
    api.send(conversation, "x", parent_id=api.ask("elsewhere")["id"], expect=404)
    api.send(conversation, "x", parent_id=UNKNOWN, expect=404)
    assert api.send(conversation, "x")["user_message"]["parent_id"] == running["id"]


# ---- regenerate and edit

def test_regenerating_makes_siblings_and_moves_the_head(api: Api) -> None:
    old = api.answered(numbers(5))
    replies = api.post(f"/api/messages/{old['parent_id']}/replies", {"models": ["demo/echo", "demo/numbers"]})["replies"]
    assert [reply["parent_id"] for reply in replies] == [old["parent_id"]] * 2
    assert [api.finished(reply["id"])["status"] for reply in replies] == ["completed"] * 2
    assert api.conversation(old["conversation_id"])["head_id"] == replies[0]["id"] and api.message(old["id"]) == old


def test_a_reply_added_beside_the_others_does_not_move_the_conversation(api: Api) -> None:
    old = api.answered(numbers(5))
    [reply] = api.post(f"/api/messages/{old['parent_id']}/replies", {"models": ["demo/echo"], "keep_head": True})["replies"]
    assert reply["parent_id"] == old["parent_id"] and api.finished(reply["id"])["status"] == "completed"
    assert api.conversation(old["conversation_id"])["head_id"] == old["id"]


def test_editing_makes_a_sibling_and_keeps_the_old_branch(api: Api) -> None:
    conversation = api.new_conversation()["id"]
    first = api.finished(api.send(conversation, "one")["replies"][0]["id"])
    second = api.finished(api.send(conversation, "two")["replies"][0]["id"])
    edited = api.post(f"/api/messages/{second['parent_id']}/edit", {"content": "zwei", "models": ["demo/echo"]})
    assert edited["user_message"]["parent_id"] == first["id"] and edited["user_message"]["content"] == "zwei"
    assert api.finished(edited["replies"][0]["id"])["content"] == "zwei" and api.message(second["id"]) == second
    root = api.post(f"/api/messages/{first['parent_id']}/edit", {"content": "eins"})
    assert root["user_message"]["parent_id"] is None


def test_wrong_roles_are_409_and_unknown_ids_404(api: Api) -> None:
    reply = api.answered("x")
    for path, body in [("replies", {}), ("edit", {"content": "x"})]:
        assert api.post(f"/api/messages/{reply['id']}/{path}", body, expect=409)["error"]["type"] == "conflict"
        api.post(f"/api/messages/{UNKNOWN}/{path}", body, expect=404)
    for path in ("continue", "stop"):
        api.post(f"/api/messages/{reply['parent_id']}/{path}", expect=409)
        api.post(f"/api/messages/{UNKNOWN}/{path}", expect=404)
    for path in ("", "/timeline", "/wire"):
        api.get(f"/api/messages/{UNKNOWN}{path}", expect=404)


def test_a_conversation_deleted_while_a_message_is_being_sent_is_a_404(rill: Rill, api: Api) -> None:
    conversation = api.new_conversation()["id"]
    with half_sent(rill, api, f"/api/conversations/{conversation}/messages", b'{"content": "x", "parent_id": null}') as finish:
        api.delete(f"/api/conversations/{conversation}")
        assert finish() == 404


class half_sent:  # noqa: N801 - read as a verb
    """A POST whose last byte is held back: it has passed the first checks when the world changes under it."""

    def __init__(self, rill: Rill, api: Api, path: str, body: bytes) -> None:
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in api.http.cookies)
        head = (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-CSRF-Token: {api.token}\r\n"
                f"Cookie: {cookies}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n")
        self._api, self._last = api, body[-1:]
        self._sock = socket.create_connection(("127.0.0.1", rill.port), timeout=10)
        self._sock.sendall(head.encode() + body[:-1])

    def __enter__(self) -> Callable[[], int]:
        for _ in range(ROUND_TRIPS):  # by then the server has read the head of what was sent before
            self._api.revision()
        return self._finish

    def _finish(self) -> int:
        self._sock.sendall(self._last)
        return int(self._sock.recv(65536).split(b" ", 2)[1])

    def __exit__(self, *_: object) -> None:
        self._sock.close()


def test_two_continues_at_the_same_moment_are_one_run(rill: Rill, api: Api, upstream: StandIn) -> None:
    reply = api.answered(LONG, "demo/numbers", params={"max_completion_tokens": 5})
    path, calls = f"/api/messages/{reply['id']}/continue", len(upstream.ledger())
    with half_sent(rill, api, path, b"{}") as finish:
        api.post(path, {})
        assert finish() == 409
    api.stop(reply["id"])
    assert len(upstream.ledger()) <= calls + 1


# ---- what is asked upstream

def test_the_upstream_gets_the_branch_as_role_and_content_and_nothing_else(api: Api, upstream: StandIn) -> None:
    conversation = api.new_conversation(system_prompt="Be brief.", params={"temperature": 0.5, "top_p": 0.9})["id"]
    first = api.finished(api.send(conversation, numbers(3, reasoning_words=3), "demo/numbers")["replies"][0]["id"])
    api.finished(api.send(conversation, "unanswered", "demo/fault-empty", parent_id=first["id"])["replies"][0]["id"])
    api.finished(api.send(conversation, "another branch", "demo/echo", parent_id=None)["replies"][0]["id"])
    empty = api.get(f"/api/conversations/{conversation}")["messages"][3]
    assert empty["content"] == "" and empty["status"] == "completed"
    last = api.send(conversation, "third", "demo/echo", parent_id=empty["id"], params={"temperature": 1, "max_completion_tokens": 77,
                                                                                    "reasoning_effort": "low", "web_search": True})
    body = call_of(upstream, api.finished(last["replies"][0]["id"]))["body"]
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": numbers(3, reasoning_words=3)},
        {"role": "assistant", "content": first["content"]}, {"role": "user", "content": "unanswered"}, {"role": "user", "content": "third"}]
    assert (body["temperature"], body["top_p"], body["max_completion_tokens"], body["reasoning_effort"]) == (1, 0.9, 77, "low")
    assert body["stream"] is True and body["stream_options"] == {"include_usage": True} and "web_search_options" in body
    assert body["model"] == "demo/echo" and "params" not in body


def test_without_streaming_the_text_comes_at_once(api: Api, upstream: StandIn) -> None:
    reply = api.answered(numbers(50, seed=3), "demo/numbers", stream=False)
    call = call_of(upstream, reply)
    assert call["body"]["stream"] is False and reply["content"] == call["content"] and reply["status"] == "completed"
    assert reply["usage"]["output_tokens"] == 50 and reply["timings"]["first_content_ms"] is not None


# ---- timings, timeline, wire

def test_timings_and_timeline_tell_the_same_story(api: Api) -> None:
    reply = api.answered(json.dumps({"words": 60, "rate": 100, "reasoning_words": 20, "wide": True}), "demo/numbers")
    timings, events = reply["timings"], api.get(f"/api/messages/{reply['id']}/timeline")["events"]
    order = [timings[name] for name in ("connect_ms", "first_byte_ms", "first_reasoning_ms", "first_content_ms", "total_ms")]
    assert order == sorted(order) and timings["output_tokens_per_second"] > 0
    at = [event["at_ms"] for event in events]
    assert at == sorted(at) and events[0]["kind"] == "queued" and events[-1]["kind"] == "finish" and at[-1] >= timings["total_ms"] - 1
    for channel in ("content", "reasoning"):
        mine = [event for event in events if event["kind"] == channel]
        assert sum(event["chars"] for event in mine) == len(reply[channel])
        assert abs(mine[0]["at_ms"] - timings[f"first_{channel}_ms"]) < 100


def test_a_timeline_stays_small_however_long_the_answer(api: Api) -> None:
    reply = api.answered(json.dumps({"words": 1500, "rate": 600}), "demo/numbers")
    events = api.get(f"/api/messages/{reply['id']}/timeline")["events"]
    assert 50 < len(events) <= 420 and sum(event.get("chars", 0) for event in events) == len(reply["content"])


def test_a_recorded_wire_is_the_body_to_the_byte(api: Api, upstream: StandIn) -> None:
    script = upstream.script("wire", chunks=[": a comment\n\n", 'data: {"choices":[{"delta":{"content":"é🌊"}}]}\r\n\r\n', "b64:/w==", "\n\n",
                                             'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n', "data: [DONE]\n\n"],
                             http={"headers": {"Content-Type": "text/event-stream"}, "framing": "gzip+chunked", "delays_ms": 5})
    reply = api.answered("x", script, record=True)
    entries = api.get(f"/api/messages/{reply['id']}/wire")
    assert "".join(entry["raw"] for entry in entries) == (
        ': a comment\n\ndata: {"choices":[{"delta":{"content":"é🌊"}}]}\r\n\r\n\ufffd\n\ndata: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
        "data: [DONE]\n\n")
    at = [entry["at_ms"] for entry in entries]
    assert at == sorted(at) and (reply["content"], reply["status"]) == ("é🌊", "completed")
    api.get(f"/api/messages/{api.answered('not recorded')['id']}/wire", expect=404)


def test_what_a_model_says_that_is_no_text_becomes_replacement_characters_one_for_one(api: Api, upstream: StandIn,
                                                                                    open_feed: Callable[..., Feed]) -> None:
    said = 'data: {"choices":[{"delta":{"content":"a\\u0000b\\ud800c\\ud83c\\udf0ad\\udc00"}}]}\n\n'
    script = upstream.script("odd-text", chunks=[said, 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'],
                             http={"headers": {"Content-Type": "text/event-stream"}, "delays_ms": 5})
    feed = open_feed().until_ready()
    reply = api.answered("x", script)
    assert reply["content"] == "a\ufffdb\ufffdc🌊d\ufffd"
    assert feed.until_final(reply["id"]).held.text(reply["id"]) == reply["content"]
