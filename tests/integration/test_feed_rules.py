"""The feed's rules (PROTOCOL section 5), one by one. The reader in tests/feed_reader.py checks the rest of them on every event."""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rill.standin.numbers import verify
from tests.api_client import Api
from tests.feed_reader import Feed, FeedRefused, Held
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn, wait_until

SEED = 9
UNKNOWN = "A" * 22
CURSOR_BYTES = 16 * 1024


def numbers(words: int, **settings: Any) -> str:
    return json.dumps({"words": words, "rate": 200, "seed": SEED, "wide": True, **settings})


def names(feed: Feed) -> list[str]:
    return [event.name for event in feed.events]


@pytest.fixture(scope="module")
def quick_rill(upstream: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rill]:
    """Its feeds ping and age within a second or two, and few may be open."""
    with running_rill(tmp_path_factory.mktemp("quick") / "data", upstream.base_url, RILL_FEED_PING_SECONDS=0.2, RILL_FEED_MAX_AGE=1.5,
                      RILL_FEEDS_PER_USER=3, RILL_DEFAULT_MODEL="demo/echo") as running:
        yield running


# ---- what a feed is

def test_the_answer_is_an_event_stream_that_nobody_may_hold_back(open_feed: Callable[..., Feed]) -> None:
    headers = open_feed().response.headers
    assert headers["Content-Type"].lower() == "text/event-stream; charset=utf-8"
    assert headers["Cache-Control"] == "no-store, no-transform" and headers["X-Accel-Buffering"] == "no"
    assert headers.get("Content-Encoding", "identity") == "identity"


def test_a_quiet_feed_says_hello_and_ready(api: Api, open_feed: Callable[..., Feed]) -> None:
    feed, other = open_feed(cursor="").until_ready(), open_feed(cursor="-").until_ready()
    assert feed.events[0].data["revision"] == api.revision() and feed.events[0].data["server_time"].endswith("Z")
    assert feed.boot == other.boot and names(other)[-1] == "ready"


def test_a_head_request_opens_no_feed(rill: Rill, api: Api) -> None:
    answer = api.request("HEAD", "/api/feed")
    assert answer.status_code == 200 and answer.headers["Content-Type"].lower() == "text/event-stream; charset=utf-8" and not answer.content


# ---- the cursor

@pytest.mark.parametrize("cursor", [
    "x", ",", "--", f"{UNKNOWN}", f"{UNKNOWN}:1", f"{UNKNOWN}:1:", f"{UNKNOWN}:1:2:3", f"{UNKNOWN}:-1:0", f"{UNKNOWN}:+1:0", f"{UNKNOWN}:1.0:0",
    f"{UNKNOWN}:12345678901:0", f"{'A' * 21}:0:0", f"{'A' * 65}:0:0", f"{UNKNOWN}:0:0,", f",{UNKNOWN}:0:0", f"{UNKNOWN}:0:0;{UNKNOWN}:0:0",
    "%00", "%0A", f"{UNKNOWN}:%D9%A3:0", f"{UNKNOWN}:0:0%20", "%FF",
])
@pytest.mark.parametrize("by_header", [False, True])
def test_a_cursor_that_is_none_is_a_400(rill: Rill, cursor: str, by_header: bool) -> None:
    with pytest.raises(FeedRefused) as refused:
        rill.feed(cursor=cursor, by_header=by_header)
    assert refused.value.status == 400 and json.loads(refused.value.body)["error"]["type"] == "invalid_request"


def test_sixteen_kilobytes_of_cursor_are_read_and_more_is_a_400(rill: Rill, open_feed: Callable[..., Feed]) -> None:
    entry = f"{'A' * 60}:0:0"
    fits = ",".join([entry] * (CURSOR_BYTES // (len(entry) + 1)))
    for by_header in (False, True):
        open_feed(cursor=fits, by_header=by_header).until_ready()
        with pytest.raises(FeedRefused) as refused:
            rill.feed(cursor=fits + "," + entry * 5, by_header=by_header)
        assert refused.value.status == 400


def test_unknown_deleted_and_user_messages_in_a_cursor_are_ignored(api: Api, open_feed: Callable[..., Feed]) -> None:
    gone = api.answered("x")
    api.delete(f"/api/conversations/{gone['conversation_id']}")
    asked = api.answered("y")["parent_id"]
    feed = open_feed(cursor=f"{UNKNOWN}:5:5,{gone['id']}:0:0,{asked}:0:0").until_ready()
    assert [name for name in names(feed) if name not in ("hello", "ready")] == []


def test_a_named_finished_message_comes_once_with_what_is_missing(api: Api, open_feed: Callable[..., Feed]) -> None:
    done = api.answered(numbers(300, rate=0, reasoning_words=30), "demo/numbers")
    for content, reasoning in [(0, 0), (100, 0), (len(done["content"]), 7), (len(done["content"]), len(done["reasoning"])), (10**9, 10**9)]:
        held = Held({done["id"]: {"content": done["content"][:content], "reasoning": done["reasoning"][:reasoning]}})
        feed = open_feed(held, cursor=f"{done['id']}:{content}:{reasoning}")
        if content > len(done["content"]):  # beyond the end is as if at the end
            feed._following[done["id"]] = [len(done["content"]), len(done["reasoning"])]
        feed.until_ready()
        assert (held.text(done["id"]), held.text(done["id"], "reasoning")) == (done["content"], done["reasoning"])
        assert names(feed).count("message") == 1 and names(feed)[-2:] == ["message", "ready"] and names(feed)[0] == "hello"
        assert "delta" in names(feed) or content >= len(done["content"])


def test_a_message_named_twice_counts_from_the_smaller_place(api: Api, open_feed: Callable[..., Feed]) -> None:
    done = api.answered("0123456789")
    feed = open_feed(Held({done["id"]: {"content": "012345678", "reasoning": ""}}), cursor=f"{done['id']}:9:0,{done['id']}:3:0,{done['id']}:5:0")
    feed._following[done["id"]] = [3, 0]
    feed.until_ready()
    assert [event.data["offset"] for event in feed.events if event.name == "delta"] == [3] and feed.held.text(done["id"]) == "0123456789"


def test_the_header_wins_over_the_query(rill: Rill, api: Api, open_feed: Callable[..., Feed]) -> None:
    done = api.answered("0123456789")
    answer = api.request("GET", f"/api/feed?have={done['id']}:1:0", headers={"Last-Event-ID": "-"}, stream=True)
    first = next(answer.iter_content(4096))
    answer.close()
    assert b"event: hello" in first and b"delta" not in first
    assert api.request("GET", "/api/feed?have=-", headers={"Last-Event-ID": "nonsense"}).status_code == 400
    assert api.request("GET", "/api/feed?have=nonsense", headers={"Last-Event-ID": "-"}, stream=True).status_code == 200


# ---- catching up and being live

def test_the_catch_up_has_every_unfinished_message_from_where_the_reader_is(api: Api, open_feed: Callable[..., Feed]) -> None:
    running = [api.ask(numbers(2000, seed=seed, rate=100), "demo/numbers") for seed in (1, 2)]
    for reply in running:
        api.with_text(reply["id"], 200)
    first = open_feed().until_ready()
    assert all(verify(first.held.text(reply["id"]), seed, wide=True) is None and len(first.held.text(reply["id"])) >= 200
               for seed, reply in zip((1, 2), running))
    again = first.reconnect()
    again.until(lambda feed: len(feed.held.text(running[0]["id"])) > 600, "no more text")
    assert all(event.data["offset"] > 0 for event in again.events if event.name == "delta")
    for seed, reply in zip((1, 2), running):
        api.stop(reply["id"])
        again.until_final(reply["id"])
        assert verify(again.held.text(reply["id"]), seed, wide=True) is None
    again.close()


def test_a_long_text_comes_in_pieces_of_at_most_4096_and_each_has_its_id(api: Api, open_feed: Callable[..., Feed]) -> None:
    done = api.answered(numbers(1500, rate=0), "demo/numbers")
    feed = open_feed(cursor=f"{done['id']}:0:0").until_ready()
    deltas = [event for event in feed.events if event.name == "delta"]
    assert feed.held.text(done["id"]) == done["content"] and len(done["content"]) > 3 * 4096
    assert [len(event.data["text"]) for event in deltas[:-1]] == [4096] * (len(deltas) - 1) and all(event.id for event in deltas)


def test_while_text_flows_an_id_comes_at_least_once_a_second(api: Api, open_feed: Callable[..., Feed]) -> None:
    feed = open_feed().until_ready()
    reply = api.ask(numbers(250, rate=100), "demo/numbers")
    feed.until_final(reply["id"])  # the reader fails on a longer pause
    deltas = [event for event in feed.events if event.name == "delta"]
    with_id = [event for event in deltas if event.id]
    assert 3 <= len(with_id) < len(deltas) / 4, "not on every delta either: it costs bytes"


def test_events_of_catch_up_carry_the_revision_of_hello_and_live_ones_count_on(api: Api, open_feed: Callable[..., Feed]) -> None:
    reply = api.ask(numbers(2000, rate=50), "demo/numbers")
    api.with_text(reply["id"])
    feed = open_feed().until_ready()
    caught_up = [event.data["revision"] for event in feed.events if event.name == "message"]
    assert caught_up and set(caught_up) == {feed.hello_revision}
    made = api.new_conversation()
    feed.until(lambda feed: any(event.name == "conversation" for event in feed.events), "not told")
    assert next(event for event in feed.events if event.name == "conversation").data["conversation"]["id"] == made["id"]
    assert feed.held.revision > feed.hello_revision
    api.stop(reply["id"])


def test_get_is_never_behind_the_feed(api: Api, open_feed: Callable[..., Feed]) -> None:
    feed = open_feed().until_ready()
    reply = api.ask(numbers(200, rate=100), "demo/numbers")
    while not feed.held.is_final(reply["id"]):
        feed.read()
        assert api.message(reply["id"])["content"].startswith(feed.held.text(reply["id"])), "shown before it was kept"


# ---- pings, age, limits

def test_pings_come_as_named_events(quick_rill: Rill) -> None:
    with quick_rill.feed() as feed:
        feed.until(lambda feed: names(feed).count("ping") >= 3, "no pings", 3)


def test_an_old_feed_gets_a_bye_and_the_next_one_goes_on(quick_rill: Rill) -> None:
    api, held = quick_rill.api(), Held()
    reply = api.ask(numbers(500, rate=100), "demo/numbers")
    connections = 0
    while not held.is_final(reply["id"]):
        with quick_rill.feed(held) as feed:
            opened = time.monotonic()
            feed.until_end()
            assert feed.bye == "age" and 1 < time.monotonic() - opened < 4
            connections += 1
    assert connections >= 3 and held.text(reply["id"]) == api.message(reply["id"])["content"]
    assert verify(held.text(reply["id"]), SEED, wide=True) is None


def test_too_many_feeds_are_refused_and_closed_ones_do_not_count(quick_rill: Rill) -> None:
    feeds = [quick_rill.feed().until_ready() for _ in range(3)]
    with pytest.raises(FeedRefused) as refused:
        quick_rill.feed()
    assert refused.value.status == 429 and int(refused.value.headers["Retry-After"]) > 0
    assert json.loads(refused.value.body)["error"]["type"] == "rate_limited"
    for feed in feeds:
        feed.close()
    # Whoever reloads a page closes one feed and opens another at once: nobody has noticed the first one's end by ping yet.
    quick_rill.feed().until_ready().close()


def test_a_reader_that_is_gone_is_freed(quick_rill: Rill) -> None:
    def open_feeds() -> float:
        lines = quick_rill.api().http.get(f"{quick_rill.url}/metrics", timeout=5).text.splitlines()
        return float(next(line.split()[1] for line in lines if line.startswith("rill_open_feeds ")))

    wait_until(lambda: open_feeds() == 0, "feeds of earlier tests are still counted", 5)
    feed = quick_rill.feed().until_ready()
    assert open_feeds() == 1
    feed.close()
    wait_until(lambda: open_feeds() == 0, "the feed of a reader that left is still open", 5)


def test_feeds_are_limited_by_address_too(upstream: StandIn, data_dir: Path) -> None:
    with running_rill(data_dir, upstream.base_url, RILL_FEEDS_PER_USER=0, RILL_FEEDS_PER_ADDRESS=2) as rill:
        feeds = [rill.feed().until_ready() for _ in range(2)]
        with pytest.raises(FeedRefused) as refused:
            rill.feed()
        assert refused.value.status == 429
        feeds[0].close()
        rill.feed().until_ready().close()
        feeds[1].close()
