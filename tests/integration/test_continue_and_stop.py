"""Continue and Stop (PROTOCOL section 4): the same reply grows on; a reply ends when a person says so."""
from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rill.standin.numbers import verify
from tests.api_client import Api
from tests.feed_reader import Feed, check_state
from tests.servers import Rill
from tests.standin_process import StandIn, wait_until

CLOSED_SECONDS = 3
SEED = 5


def numbers(words: int, **settings: Any) -> str:
    return json.dumps({"words": words, "rate": 200, "seed": SEED, "wide": True, **settings})


def closed_in_time(upstream: StandIn, since: int, model: str) -> None:
    """The newest call's connection, as the upstream itself saw it."""
    def newest() -> Any:
        calls = [call for call in upstream.ledger() if call["call"] > since and call["model"] == model]
        return calls and calls[-1]["peer_closed_at"]
    wait_until(newest, "the upstream connection was not closed", CLOSED_SECONDS)


def last_number(upstream: StandIn) -> int:
    return max((call["call"] for call in upstream.ledger()), default=0)


# ---- continue

def test_a_reply_cut_at_its_length_grows_on_to_its_end(api: Api, upstream: StandIn, open_feed: Callable[..., Feed]) -> None:
    api.get("/api/models")
    feed = open_feed().until_ready()
    cut = api.answered(numbers(200, reasoning_words=10), "demo/numbers", params={"max_completion_tokens": 60})
    assert (cut["status"], cut["finish_reason"]) == ("completed", "length") and verify(cut["content"], SEED, wide=True) is None
    feed.until_final(cut["id"])
    accepted = api.post(f"/api/messages/{cut['id']}/continue", {"params": {"max_completion_tokens": 1000}})["reply"]
    assert accepted["id"] == cut["id"] and accepted["finished_at"] is None
    whole = api.finished(cut["id"])
    assert whole["content"].startswith(cut["content"]) and verify(whole["content"], SEED, wide=True) is None
    assert whole["content"].startswith("00000:") and "00199:" in whole["content"] and whole["reasoning"] == cut["reasoning"]
    feed.until(lambda feed: feed.held.messages[cut["id"]]["finish_reason"] == "stop", "the second end was not told")
    assert feed.held.text(cut["id"]) == whole["content"], "the reader went on where it was"
    states = [event.data["message"]["status"] for event in feed.events if event.name == "message" and event.data["message"]["id"] == cut["id"]]
    assert states.count("queued") == 2 and states.count("completed") == 2
    first, second = upstream.ledger()[-2:]
    for ours, theirs in [("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens")]:
        assert whole["usage"][ours] == first["usage"][theirs] + second["usage"][theirs]
    assert whole["cost"]["amount"] > cut["cost"]["amount"] > 0
    assert second["body"]["messages"][-1] == {"role": "assistant", "content": cut["content"]}
    assert second["body"]["max_completion_tokens"] == 1000
    timeline = api.get(f"/api/messages/{cut['id']}/timeline")["events"]
    for channel in ("content", "reasoning"):
        assert sum(event.get("chars", 0) for event in timeline if event["kind"] == channel) == len(whole[channel])


@pytest.mark.parametrize("model, status", [("demo/fault-length", "completed"), ("demo/fault-cut", "failed"), ("demo/fault-error", "failed")])
def test_what_did_not_end_well_can_be_continued(api: Api, model: str, status: str) -> None:
    broken = api.answered("x", model)
    assert broken["status"] == status and broken["content"]
    again = api.post(f"/api/messages/{broken['id']}/continue", {})["reply"]
    assert (again["finish_reason"], again["error"], again["finished_at"]) == (None, None, None)
    assert api.finished(broken["id"])["content"].startswith(broken["content"])


def test_a_stopped_reply_can_be_continued_and_a_complete_one_cannot(api: Api) -> None:
    reply = api.ask(numbers(300, rate=100), "demo/numbers")
    api.with_text(reply["id"], 50)
    stopped = api.stop(reply["id"])
    api.post(f"/api/messages/{reply['id']}/continue", {})
    api.post(f"/api/messages/{reply['id']}/continue", {}, expect=409)
    whole = api.finished(reply["id"])
    assert whole["content"].startswith(stopped["content"]) and verify(whole["content"], SEED, wide=True) is None and "00299:" in whole["content"]
    assert api.post(f"/api/messages/{reply['id']}/continue", {}, expect=409)["error"]["type"] == "conflict"


def test_a_reader_that_comes_later_gets_a_continued_reply_from_the_beginning(api: Api, open_feed: Callable[..., Feed]) -> None:
    cut = api.answered(numbers(50), "demo/numbers", params={"max_completion_tokens": 20})
    fresh = open_feed().until_ready()
    assert cut["id"] not in fresh.held.texts
    named = open_feed(cursor=f"{cut['id']}:4:0")
    named.held.texts[cut["id"]] = {"content": cut["content"][:4], "reasoning": ""}
    named.until_final(cut["id"])
    api.post(f"/api/messages/{cut['id']}/continue", {"params": {"max_completion_tokens": 999}})
    whole = api.finished(cut["id"])["content"]
    for feed in (fresh, named):
        feed.until(lambda feed: feed.held.is_final(cut["id"]) and feed.held.messages[cut["id"]]["finish_reason"] == "stop", "no end")
        assert feed.held.text(cut["id"]) == whole


# ---- stop

def stopped_well(message: dict[str, Any]) -> dict[str, Any]:
    check_state(message)
    assert (message["status"], message["error"]) == ("stopped", None), message
    return message


def test_stop_before_the_first_byte(strict_rill: Rill, upstream: StandIn) -> None:
    api, since = strict_rill.api(), last_number(upstream)
    reply = api.ask("x", "demo/fault-silent")
    wait_until(lambda: last_number(upstream) > since, "the upstream was not asked")
    assert stopped_well(api.stop(reply["id"]))["content"] == ""
    closed_in_time(upstream, since, "demo/fault-silent")


def test_stop_at_once(api: Api) -> None:
    for _ in range(5):
        stopped_well(api.stop(api.ask(numbers(1000), "demo/numbers")["id"]))


@pytest.mark.parametrize("model", ["demo/fault-stall", "demo/fault-comments", "demo/slow"])
def test_stop_in_a_silence(api: Api, upstream: StandIn, model: str) -> None:
    since = last_number(upstream)
    reply = api.ask("x", model)
    if model == "demo/fault-stall":
        api.with_text(reply["id"], 90)
    else:
        api.wait_for(reply["id"], lambda message: message["status"] != "queued", "it was not asked")
        wait_until(lambda: last_number(upstream) > since, "the upstream was not asked")
    stopped_well(api.stop(reply["id"]))
    closed_in_time(upstream, since, model)


def test_stop_in_the_middle_keeps_what_came_and_tells_every_reader(api: Api, upstream: StandIn, open_feed: Callable[..., Feed]) -> None:
    feeds, since = [open_feed().until_ready() for _ in range(2)], last_number(upstream)
    reply = api.ask(numbers(3000), "demo/numbers")
    feeds[0].until(lambda feed: len(feed.held.text(reply["id"])) > 200, "no text")
    stopped = stopped_well(api.stop(reply["id"]))
    assert stopped["content"].startswith(feeds[0].held.text(reply["id"])) and verify(stopped["content"], SEED, wide=True) is None
    for feed in feeds:
        assert feed.until_final(reply["id"]).held.text(reply["id"]) == stopped["content"]
    closed_in_time(upstream, since, "demo/numbers")
    call = next(call for call in upstream.ledger() if call["call"] > since)
    assert call["content"].startswith(stopped["content"]) and call["outcome"] == "peer_gone"


def test_stop_twice_from_eight_tabs_at_once(rill: Rill, api: Api) -> None:
    reply = api.ask(numbers(3000), "demo/numbers")
    api.with_text(reply["id"])
    tabs = [rill.api() for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        ends = list(pool.map(lambda tab: tab.stop(reply["id"]), tabs))
    assert all(end == ends[0] for end in ends)
    assert stopped_well(api.stop(reply["id"])) == ends[0]


def test_stop_leaves_a_finished_reply_as_it_is(api: Api) -> None:
    for model in ("demo/echo", "demo/fault-error", "demo/fault-length"):
        done, start = api.answered("x", model), api.revision()
        assert api.stop(done["id"]) == done and api.revision() == start


def test_stop_at_the_end_is_stopped_or_completed_and_never_torn(api: Api) -> None:
    for words in range(1, 40, 4):
        reply = api.ask(numbers(words, rate=0, first_seconds=0.03), "demo/numbers")
        api.with_text(reply["id"])
        api.stop(reply["id"])
        done = api.finished(reply["id"])
        check_state(done)
        assert done["status"] in ("completed", "stopped") and verify(done["content"], SEED, wide=True) is None
        assert done["status"] == "stopped" or f"{words - 1:05d}:" in done["content"]
