"""Readers under the conditions that readers live in: several, reconnecting at random, slow, silent for ever; and many runs at once."""
from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rill.standin.numbers import verify
from tests.api_client import Api
from tests.feed_reader import Feed, Held
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn

SLOW_BYTES_PER_SECOND = 1000
SMALL_BUFFER_BYTES = 4096
MEGABYTE = 1024 * 1024
IDLE_LIMIT_BYTES = 120 * MEGABYTE
RUNS, TOKENS_PER_SECOND, WORDS = 50, 50, 200
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def numbers(words: int, seed: int, **settings: Any) -> str:
    return json.dumps({"words": words, "rate": 200, "seed": seed, "wide": True, **settings})


@pytest.fixture(scope="module")
def own_rill(upstream: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rill]:
    """A server whose memory no other test has used."""
    with running_rill(tmp_path_factory.mktemp("readers") / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo",
                      RILL_FEEDS_PER_USER=0, RILL_FEEDS_PER_ADDRESS=0) as running:
        yield running


def exact(held: Held, message: dict[str, Any], seed: int) -> None:
    for channel in ("content", "reasoning"):
        assert held.text(message["id"], channel) == message[channel], f"{channel} differs from what is kept"
        assert verify(message[channel], seed, channel, wide=True) is None, f"{channel} is not what the model said"


@on_linux
def test_an_idle_server_is_small(own_rill: Rill) -> None:
    own_rill.api().get("/api/models")
    assert own_rill.memory_bytes() < IDLE_LIMIT_BYTES, f"{own_rill.memory_bytes() / MEGABYTE:.0f} MB"


def test_fifty_runs_at_once_arrive_exact_and_in_time(own_rill: Rill) -> None:
    api, feed = own_rill.api(), own_rill.feed().until_ready()
    conversation = api.new_conversation()["id"]
    replies: dict[str, int] = {}
    for seed in range(RUNS):
        sent = api.send(conversation, numbers(WORDS, seed, rate=TOKENS_PER_SECOND), "demo/numbers", parent_id=None)
        replies[sent["replies"][0]["id"]] = seed
    started = time.monotonic()
    feed.until_final(*replies, seconds=30)
    seconds = time.monotonic() - started
    for message in api.get(f"/api/conversations/{conversation}")["messages"]:
        if message["role"] == "assistant":
            exact(feed.held, message, replies[message["id"]])
            assert f"{WORDS - 1:05d}:" in message["content"] and message["status"] == "completed"
    feed.close()
    assert seconds < 3 * WORDS / TOKENS_PER_SECOND, f"{RUNS} runs of {WORDS / TOKENS_PER_SECOND:.0f} s took {seconds:.1f} s"


def test_readers_who_reconnect_at_random_and_readers_who_stay_have_the_same_text(rill: Rill, api: Api, open_feed: Callable[..., Feed]) -> None:
    seed = random.randrange(10**6)
    print(f"seed={seed}")
    rng = random.Random(seed)
    steady = [open_feed().until_ready() for _ in range(2)]
    conversation, replies = api.new_conversation()["id"], {}
    for number in range(4):
        asked = numbers(rng.randint(50, 200), number, rate=rng.choice([150, 400, 0]), reasoning_words=rng.randint(0, 60), chunk=[1, rng.randint(8, 40)])
        replies[api.send(conversation, asked, "demo/numbers", parent_id=None)["replies"][0]["id"]] = number
    restless = open_feed()
    for _ in range(40):
        for _ in range(rng.randint(0, 12)):
            restless.read()
            if all(map(restless.held.is_final, replies)):
                break
        has_all = all(map(restless.held.is_final, replies))
        restless = restless.reconnect(by_header=rng.random() < 0.5).until_ready()
        if has_all:
            break
    for feed in (*steady, restless):
        feed.until_final(*replies, seconds=20)
        for reply, number in replies.items():
            exact(feed.held, api.message(reply), number)
    restless.close()


def test_a_reader_with_an_id_of_the_past_gets_the_rest(api: Api, open_feed: Callable[..., Feed]) -> None:
    """Last-Event-ID as a browser keeps it: of the last event that had one, so it may name less than the page has."""
    feed = open_feed().until_ready()
    reply = api.ask(numbers(300, 4), "demo/numbers")
    feed.until(lambda feed: len(feed.held.text(reply["id"])) > 1000, "no text")
    last_id = [event.id for event in feed.events if event.id][-1]
    again = feed.reconnect(cursor=last_id, by_header=True)
    again.until_final(reply["id"])
    exact(again.held, api.message(reply["id"]), 4)
    again.close()


def test_a_reader_of_a_kilobyte_a_second_is_exact(own_rill: Rill) -> None:
    api = own_rill.api()
    feed = own_rill.feed(receive_buffer=SMALL_BUFFER_BYTES, is_slow=True).until_ready()
    reply = api.ask(numbers(30_000, 6, rate=0), "demo/numbers")  # some 350 kB: more than any buffer between us holds
    api.finished(reply["id"], 30)
    give_up_at = time.monotonic() + 4
    while time.monotonic() < give_up_at:
        feed.receive(SLOW_BYTES_PER_SECOND // 10)
        time.sleep(0.1)  # the pace of the reader, not a wait for something
    feed.until_final(reply["id"], seconds=30)
    exact(feed.held, api.message(reply["id"]), 6)
    feed.close()


@on_linux
def test_readers_that_never_read_cost_no_memory(own_rill: Rill) -> None:
    api = own_rill.api()
    much = {"max_completion_tokens": 100_000}
    api.answered(numbers(60_000, 7, rate=0), "demo/numbers", params=much)  # what one long answer costs is not the readers' doing
    before = own_rill.memory_bytes()
    feeds = [own_rill.feed(receive_buffer=SMALL_BUFFER_BYTES) for _ in range(40)]
    reply = api.answered(numbers(60_000, 8, rate=0), "demo/numbers", params=much)
    grown = own_rill.memory_bytes() - before
    for feed in feeds:
        feed.close()
    assert len(reply["content"]) > 600_000
    assert grown < 25 * MEGABYTE, f"40 readers who take nothing of {len(reply['content'])} characters cost {grown / MEGABYTE:.1f} MB"
