"""The end of the process, wanted or not (PROTOCOL section 7): what is kept, what is said, and how soon."""
from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from rill.standin.faults import OPENING
from rill.standin.numbers import verify
from tests.api_client import Api
from tests.feed_reader import Feed, FeedEnded, Held, check_state
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn, wait_until

SEED = 3
GRACE_SECONDS = 2
OVER_GRACE_SECONDS = 3  # how much longer an end may take
CRASHES = 3


def numbers(words: int, **settings: Any) -> str:
    return json.dumps({"words": words, "rate": 100, "seed": SEED, "wide": True, **settings})


@pytest.fixture
def rill(upstream: StandIn, data_dir: Path) -> Iterator[Rill]:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo", RILL_GRACE_SECONDS=GRACE_SECONDS) as running:
        yield running


def read_to_the_break(feed: Feed) -> None:
    """All that had reached this reader."""
    try:
        while True:
            feed.read(5)
    except FeedEnded:
        feed.close()


def test_a_killed_server_takes_nothing_back_that_was_shown(rill: Rill) -> None:
    api, held = rill.api(), Held()
    reply = api.ask(numbers(6000, reasoning_words=30), "demo/numbers")
    for _ in range(CRASHES):
        feed = rill.feed(held)
        goal = len(held.text(reply["id"])) + 400
        feed.until(lambda feed: len(feed.held.text(reply["id"])) > goal, "no text")
        rill.kill()
        read_to_the_break(feed)
        shown = held.text(reply["id"])
        rill.start()
        after = rill.api().message(reply["id"])
        check_state(after)
        assert (after["status"], after["error"]["type"], after["error"]["retryable"]) == ("interrupted", "interrupted", True)
        assert after["content"].startswith(shown), "text that was shown is gone"
        assert verify(after["content"], SEED, wide=True) is verify(after["reasoning"], SEED, "reasoning", wide=True) is None
        again = rill.feed(held).until_final(reply["id"])
        assert held.text(reply["id"]) == after["content"]
        again.close()
        api.post(f"/api/messages/{reply['id']}/continue", {})  # with the cookie and the token of before the crash
    api.with_text(reply["id"], len(after["content"]) + 50)
    stopped = api.stop(reply["id"])
    assert stopped["content"].startswith(after["content"]) and verify(stopped["content"], SEED, wide=True) is None


def test_all_that_arrived_before_a_silence_is_kept(rill: Rill) -> None:
    reply = rill.api().ask("x", "demo/fault-stall")
    rill.api().with_text(reply["id"], len(OPENING))  # then the model falls silent
    rill.kill()
    rill.start()
    assert rill.api().message(reply["id"])["content"] == OPENING


def test_no_answer_of_the_server_shows_an_unfinished_message_after_a_crash(rill: Rill) -> None:
    api = rill.api()
    conversation = api.new_conversation()["id"]
    sent = api.send(conversation, numbers(6000), *["demo/numbers"] * 6)
    api.with_text(sent["replies"][5]["id"])
    rill.kill()
    with rill.database() as database:
        assert database.execute("SELECT count(*) FROM messages WHERE finished_at IS NULL").fetchone()[0] == 6
    rill.start()  # returns with the first answer of /healthz
    with rill.database() as database:
        assert database.execute("SELECT count(*) FROM messages WHERE finished_at IS NULL").fetchone()[0] == 0
        assert database.execute("SELECT count(*) FROM journal").fetchone()[0] == 0
    assert [one["status"] for one in rill.api().get(f"/api/conversations/{conversation}")["messages"]] == ["completed"] + ["interrupted"] * 6


def test_a_message_sent_before_a_crash_is_there_once_it_was_accepted(rill: Rill) -> None:
    sent = rill.api().ask("漢字 🌊", "demo/slow")
    rill.kill()
    rill.start()
    assert rill.api().message(sent["parent_id"])["content"] == "漢字 🌊"


# ---- SIGTERM

def test_a_shutdown_lets_short_answers_end_and_interrupts_long_ones(rill: Rill) -> None:
    api = rill.api()
    short = api.ask(numbers(80, rate=80), "demo/numbers")
    long = api.ask(numbers(6000), "demo/numbers")
    feeds = [rill.feed().until(lambda feed: feed.held.text(long["id"]), "no text") for _ in range(2)]
    asked_at = rill.terminate()
    for feed in feeds:
        feed.until_end(2)
        assert feed.bye == "shutdown", "feeds end at once"
    assert time.monotonic() - asked_at < GRACE_SECONDS
    refused = try_to_send(api, short["conversation_id"])
    assert refused is None or (refused.status_code == 503 and refused.json()["error"]["type"] == "busy" and refused.headers["Retry-After"])
    assert rill.wait() == 0
    assert time.monotonic() - asked_at <= GRACE_SECONDS + OVER_GRACE_SECONDS, rill.log()
    rill.start()
    api = rill.api()
    done, cut = api.message(short["id"]), api.message(long["id"])
    assert done["status"] == "completed" and "00079:" in done["content"]
    assert (cut["status"], cut["error"]["type"]) == ("interrupted", "interrupted") and verify(cut["content"], SEED, wide=True) is None
    assert cut["content"].startswith(feeds[0].held.text(long["id"])) and len(cut["content"]) > len(feeds[0].held.text(long["id"]))


def try_to_send(api: Api, conversation: str) -> requests.Response | None:
    """None for a refused connection."""
    try:
        return api.request("POST", f"/api/conversations/{conversation}/messages", {"content": "too late", "parent_id": None})
    except requests.ConnectionError:
        return None


def test_a_shutdown_with_nothing_to_do_is_quick_and_one_with_idle_connections_in_time(rill: Rill) -> None:
    asked_at = rill.terminate()
    assert rill.wait() == 0 and time.monotonic() - asked_at < GRACE_SECONDS + OVER_GRACE_SECONDS
    rill.start()
    with socket.create_connection(("127.0.0.1", rill.port)) as idle, socket.create_connection(("127.0.0.1", rill.port)):
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" in idle.recv(1000)
        rill.api().ask(numbers(6000), "demo/numbers")
        asked_at = rill.terminate()
        assert rill.wait() == 0
        assert time.monotonic() - asked_at <= GRACE_SECONDS + OVER_GRACE_SECONDS, rill.log()


def test_an_upstream_call_ends_with_the_server(rill: Rill, upstream: StandIn) -> None:
    api = rill.api()
    api.with_text(api.ask(numbers(6000), "demo/numbers")["id"])
    call = upstream.last_call()["call"]
    rill.terminate()
    assert rill.wait() == 0
    wait_until(lambda: next(one for one in upstream.ledger() if one["call"] == call)["peer_closed_at"], "the call goes on", 3)
