"""What answers really cost, on a whole server beside a gateway that tells it late, never, or not to this key; titles; `/api/usage`."""
from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rill.standin.costs import DISCOUNT
from tests.api_client import Api
from tests.feed_reader import Held
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn, running_standin, wait_until

KEY = "sk-ai-v1-7dd1a0f3c5e94b62b8f0RECOGNISABLE"
WAIT_SECONDS = 0.2
NUMBERS = json.dumps({"words": 30, "rate": 0})
BILLED = pytest.approx(1 - DISCOUNT, rel=1e-6)


@pytest.fixture(scope="module")
def gateway() -> Iterator[StandIn]:
    with running_standin("--cost-seconds", "0") as running:
        yield running


@pytest.fixture(autouse=True)
def told_at_once(gateway: StandIn) -> None:
    gateway.control("POST", "costs", {"mode": "told", "late_seconds": 0})


@pytest.fixture
def rill(gateway: StandIn, data_dir: Path) -> Iterator[Rill]:
    with running_rill(data_dir, gateway.base_url, key=KEY, RILL_DEFAULT_MODEL="demo/numbers", RILL_COST_WAIT=WAIT_SECONDS, RILL_GRACE_SECONDS=1) as running:
        yield running


@pytest.fixture
def start(gateway: StandIn, tmp_path: Path) -> Iterator[Callable[..., Rill]]:
    """Servers of a test's own, ended with it."""
    made: list[Rill] = []

    def start_(**settings: Any) -> Rill:
        settings = {"key": KEY, "RILL_DEFAULT_MODEL": "demo/numbers", "RILL_COST_WAIT": WAIT_SECONDS, **settings}
        made.append(Rill(tmp_path / f"data{len(made)}", gateway.base_url, **settings))
        return made[-1].start()

    yield start_
    for one in made:
        one.kill()


def settled(api: Api, message_id: str) -> dict[str, Any]:
    return api.wait_for(message_id, lambda message: message["cost"] and message["cost"]["kind"] == "actual", "no actual cost came")


def questions(gateway: StandIn) -> int:
    return gateway.control("GET", "costs")["questions"]


def quiet(gateway: StandIn, seconds: float = 4 * WAIT_SECONDS) -> bool:
    """Nothing is asked for so long: what is due is asked for within one wait."""
    before, until = questions(gateway), time.monotonic() + seconds
    while time.monotonic() < until and questions(gateway) == before:
        time.sleep(0.05)
    return questions(gateway) == before


# ---- the true cost

def test_the_actual_cost_replaces_the_estimate_some_time_after_the_answer(rill: Rill) -> None:
    api, held = rill.api(), Held()
    feed = rill.feed(held).until_ready()
    before = api.answered(NUMBERS)
    assert before["cost"]["kind"] == "estimate" and before["cost"]["amount"] > 0
    after = settled(api, before["id"])
    assert after["cost"]["amount"] / before["cost"]["amount"] == BILLED
    assert {**after, "cost": None} == {**before, "cost": None}, "and nothing else changes"
    feed.until(lambda feed: held.revision == api.revision(), "the feed does not tell of it")
    conversation = api.conversation(before["conversation_id"])
    assert conversation["cost"] == after["cost"]


def test_a_cost_that_comes_late_is_asked_for_again(rill: Rill, gateway: StandIn) -> None:
    gateway.control("POST", "costs", {"late_seconds": 2 * WAIT_SECONDS})
    asked = questions(gateway)
    settled(rill.api(), rill.api().answered(NUMBERS)["id"])
    assert questions(gateway) >= asked + 2


def test_an_answer_that_was_stopped_gets_the_cost_of_all_that_was_billed(rill: Rill) -> None:
    api = rill.api()
    reply = api.ask(json.dumps({"words": 5000, "rate": 100}), "demo/numbers")
    api.with_text(reply["id"], 20)
    assert api.stop(reply["id"])["cost"] is None, "the stream that would have told the tokens was cut"
    assert settled(api, reply["id"])["cost"]["amount"] > 0


def test_a_continued_answer_costs_both_its_runs(rill: Rill) -> None:
    api = rill.api()
    first = api.answered(NUMBERS, params={"max_completion_tokens": 5})
    assert first["finish_reason"] == "length"
    one = settled(api, first["id"])["cost"]["amount"]
    api.post(f"/api/messages/{first['id']}/continue", {"params": {}})
    both = api.finished(first["id"])
    assert both["cost"]["kind"] == "estimate", "of which a part is not known yet"
    after = settled(api, first["id"])["cost"]["amount"]
    assert after == pytest.approx(one + (both["cost"]["amount"] - one) * (1 - DISCOUNT), rel=1e-6)
    with rill.database() as database:
        kinds = database.execute("SELECT kind, count(*) FROM charges GROUP BY kind").fetchall()
    assert kinds == [("actual", 2)]


def test_a_key_that_may_not_ask_asks_once_and_keeps_the_estimates(rill: Rill, gateway: StandIn) -> None:
    gateway.control("POST", "costs", {"mode": "denied"})
    asked, api = questions(gateway), rill.api()
    reply = api.answered(NUMBERS)
    wait_until(lambda: questions(gateway) == asked + 1, "it is asked once")
    api.answered(NUMBERS)
    assert quiet(gateway)
    assert api.message(reply["id"])["cost"] == reply["cost"]


def test_a_gateway_that_never_tells_is_left_alone_in_the_end(rill: Rill, gateway: StandIn) -> None:
    gateway.control("POST", "costs", {"mode": "untold"})
    asked = questions(gateway)
    reply = rill.api().answered(NUMBERS)
    with rill.database(write=True) as database:
        database.execute("UPDATE charges SET tries = 5")
    wait_until(lambda: questions(gateway) > asked, "it is asked")
    wait_until(lambda: "names none to this key" in rill.log(), "it says so in the log")
    assert rill.api().message(reply["id"])["cost"] == reply["cost"]


def test_a_subscriptions_key_is_never_asked_with(start: Callable[..., Rill], gateway: StandIn) -> None:
    asked, rill = questions(gateway), start(key="sk-ss-v1-0123456789abcdef")
    rill.api().answered(NUMBERS)
    assert quiet(gateway) and questions(gateway) == asked


def test_after_kill_and_start_it_goes_on_asking(rill: Rill, gateway: StandIn) -> None:
    gateway.control("POST", "costs", {"late_seconds": 3600})
    reply = rill.api().answered(NUMBERS)
    rill.kill()
    gateway.control("POST", "costs", {"late_seconds": 0})
    rill.start()
    settled(rill.api(), reply["id"])


def test_asking_does_not_hold_up_a_shutdown(rill: Rill, gateway: StandIn) -> None:
    gateway.control("POST", "scripts", {"name": "mute", "path": "/api/v1/management/generation", "chunks": [], "http": {"end": "silent"}})
    try:
        rill.api().answered(NUMBERS)
        scripts = lambda: gateway.control("GET", "scripts")["scripts"]  # noqa: E731
        wait_until(lambda: scripts()[0]["calls"], "it asks, and gets no answer")
        began = rill.terminate()
        assert rill.wait() == 0 and time.monotonic() - began < 4
    finally:
        gateway.control("DELETE", "scripts/mute")


# ---- what was spent

def test_what_was_spent_stays_when_the_conversation_is_deleted(rill: Rill) -> None:
    api = rill.api()
    reply = api.answered(NUMBERS)
    spent = settled(api, reply["id"])["cost"]["amount"]
    api.delete(f"/api/conversations/{reply['conversation_id']}")
    told = api.get("/api/usage")
    assert told["totals"]["amount"] == pytest.approx(spent) and told["totals"]["estimated"] == 0
    assert [(one["model"], one["purpose"], one["calls"]) for one in told["models"]] == [("demo/numbers", "reply", 1)]
    assert told["days"][-1]["amount"] == pytest.approx(spent) or told["days"][-2]["amount"] == pytest.approx(spent), "midnight may have passed"
    assert len(told["days"]) == 30 and told["currency"] == "USD"


@pytest.mark.parametrize("query", ["days=0", "days=367", "days=x", "days=-1", "days=1.5", "tz_offset=841", "tz_offset=-841", "tz_offset=", "days=٣"])
def test_a_span_that_is_none_is_refused(rill: Rill, query: str) -> None:
    assert rill.api().get(f"/api/usage?{query}", expect=400)["error"]["type"] == "invalid_request"


# ---- titles

def named(api: Api, conversation_id: str, title: str) -> None:
    wait_until(lambda: api.conversation(conversation_id)["title"] == title, f"the title {title!r}")


def completion(text: str) -> dict[str, Any]:
    body = {"id": "t", "object": "chat.completion", "created": 1, "model": "test/namer", "usage": {"prompt_tokens": 20, "completion_tokens": 3},
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]}
    return {"chunks": [json.dumps(body)], "http": {"status": 200, "headers": {"Content-Type": "application/json"}, "framing": "length"}}


def test_a_model_names_the_conversation_after_its_first_answer(start: Callable[..., Rill], gateway: StandIn) -> None:
    gateway.script("namer", **completion('"Counting to thirty."'))
    api = start(RILL_TITLES="test/namer").api()
    reply = api.answered(NUMBERS)
    named(api, reply["conversation_id"], "Counting to thirty")
    call = next(call for call in gateway.ledger() if call["model"] == "test/namer")
    assert call["body"]["stream"] is False and "stream_options" not in call["body"]
    told = api.get("/api/usage?days=2")
    assert {(one["model"], one["purpose"]) for one in told["models"]} == {("demo/numbers", "reply"), ("test/namer", "title")}


def test_a_conversation_that_was_renamed_meanwhile_keeps_its_name(start: Callable[..., Rill], gateway: StandIn) -> None:
    slow = completion("Theirs")
    gateway.script("namer", **{**slow, "http": {**slow["http"], "delays_ms": 300}})
    api = start(RILL_TITLES="test/namer").api()
    reply = api.answered(NUMBERS)
    api.patch(f"/api/conversations/{reply['conversation_id']}", {"title": "Mine"})
    wait_until(lambda: any(one["purpose"] == "title" for one in api.get("/api/usage?days=2")["models"]), "the title was made, and is owed")
    assert api.conversation(reply["conversation_id"])["title"] == "Mine"


def test_a_title_that_fails_leaves_the_first_words_and_the_conversation_in_peace(start: Callable[..., Rill], gateway: StandIn) -> None:
    rill = start(RILL_TITLES="demo/fault-402")
    api = rill.api()
    reply = api.answered(NUMBERS)
    wait_until(lambda: "status=402" in rill.log(), "the log tells of it")
    assert api.conversation(reply["conversation_id"])["title"] == NUMBERS
    assert api.answered(NUMBERS)["status"] == "completed"


def test_a_title_on_its_way_does_not_hold_up_a_shutdown(start: Callable[..., Rill], gateway: StandIn) -> None:
    gateway.script("namer", chunks=[], http={"end": "silent"})
    rill = start(RILL_TITLES="test/namer", RILL_GRACE_SECONDS=1)
    rill.api().answered(NUMBERS)
    wait_until(lambda: any(call["model"] == "test/namer" and call["outcome"] == "running" for call in gateway.ledger()), "it is asked for")
    began = rill.terminate()
    assert rill.wait() == 0 and time.monotonic() - began < 4
