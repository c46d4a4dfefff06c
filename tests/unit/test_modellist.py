"""The models list: what is kept of it, what it costs, and when the upstream is asked."""
from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from rill.errors import ConnectFailed, ProtocolBroken, UpstreamAway
from rill.modellist import EMPTY_RETRY_SECONDS, FRESH_SECONDS, REFRESH_SECONDS, RETRY_SECONDS, ModelList, estimate_cost, parse_models
from rill.zenmux import ZenMux
from tests.wire_server import JSON, WireServer


def tier(value: float, unit: str = "perMTokens", **conditions: Any) -> dict[str, Any]:
    return {"value": value, "unit": unit, "currency": "USD", **({"conditions": conditions} if conditions else {})}


SONNET = {
    "id": "anthropic/claude-sonnet-4.5", "object": "model", "display_name": "Anthropic: Claude Sonnet 4.5",
    "created": 1759196009, "owned_by": "anthropic", "input_modalities": ["text", "image", "file"],
    "output_modalities": ["text"], "capabilities": {"reasoning": True}, "context_length": 200000,
    "pricings": {
        "prompt": [tier(3, prompt_tokens={"unit": "kTokens", "gte": 0, "lt": 200}), tier(6, prompt_tokens={"gte": 200})],
        "completion": [tier(15, prompt_tokens={"lt": 200}), tier(22.5, prompt_tokens={"gte": 200})],
        "input_cache_read": [tier(0.3)], "input_cache_write_5_min": [tier(3.75)], "input_cache_write_1_h": [tier(6)],
        "web_search": [tier(0.01, "perCount")],
    },
}


def only(**fields: Any) -> Any:
    models = parse_models({"data": [{"id": "a/b"} | fields]})
    return models[0] if models else None


def test_a_full_entry_becomes_what_the_protocol_says() -> None:
    [model] = parse_models(json.dumps({"object": "list", "data": [SONNET]}).encode())
    assert model.as_dict() == {
        "id": "anthropic/claude-sonnet-4.5", "name": "Anthropic: Claude Sonnet 4.5", "owner": "anthropic",
        "context_length": 200000, "input_modalities": ["text", "image", "file"], "output_modalities": ["text"],
        "takes_pdf": False, "reasoning": True, "free": False,
        "pricing": {"input": 3, "output": 15, "cached_input": 0.3, "cache_write_5m": 3.75, "cache_write_1h": 6},
        "web_search_price": 0.01,
    }


def test_an_entry_with_nothing_but_an_id_is_a_model() -> None:
    assert only().as_dict() == {
        "id": "a/b", "name": "a/b", "owner": "a", "context_length": None, "input_modalities": [], "output_modalities": [],
        "takes_pdf": False, "reasoning": False, "free": False, "pricing": None, "web_search_price": None,
    }


@pytest.mark.parametrize(("slug", "takes", "is_so"), [
    ("openai/gpt-5", ["text", "file"], True), ("google/x", ["text", "pdf"], True), ("openai/gpt-5", ["text", "image"], False), ("a/b", [], False),
    ("anthropic/claude-sonnet-4.5", ["text", "file"], False), ("claude-sonnet-4-6", ["text", "file"], False), ("x/claude-y", ["text", "file"], False),
])
def test_a_pdf_goes_as_a_file_where_files_are_taken_but_not_on_the_way_to_claude(slug: str, takes: list[str], is_so: bool) -> None:
    assert only(id=slug, input_modalities=takes).takes_pdf is is_so


@pytest.mark.parametrize("name", list(SONNET))
@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [None], {"prompt": [None]}, -1, float("inf"), "\ud800"])
def test_no_odd_value_of_any_field_breaks_the_list(name: str, value: Any) -> None:
    good = {"id": "x/good"}
    assert "x/good" in [model.id for model in parse_models({"data": [SONNET | {name: value}, good, value]})]
    for model in parse_models([SONNET | {name: value}]):
        json.dumps(model.as_dict(), allow_nan=False).encode()
        estimate_cost(model, {"prompt_tokens": 1, "completion_tokens": 1})


@pytest.mark.parametrize("fields", [
    {"output_modalities": ["image"]}, {"output_modalities": ["audio", "video"]}, {"input_modalities": ["audio"]},
    {"id": "google/gemini-embedding-2"}, {"id": "x/bge-Rerank-v2"}, {"id": "qwen/qwen3-asr-flash"}, {"id": "openai/gpt-4o-mini-tts"},
    {"id": ""}, {"id": "no spaces"}, {"id": "x" * 201}, {"id": None}, {"id": "<script>"},
])
def test_what_cannot_chat_in_text_is_left_out(fields: dict[str, Any]) -> None:
    assert only(**fields) is None


@pytest.mark.parametrize("slug", ["x/attsmith", "x/quasar", "claude-sonnet-4-6", "anthropic/claude:amazon-bedrock", "zenmux/auto"])
def test_an_id_that_only_looks_like_another_kind_is_kept(slug: str) -> None:
    assert only(id=slug).id == slug


def test_order_is_the_upstreams_and_an_id_stands_once() -> None:
    models = parse_models([{"id": "b"}, {"id": "a", "display_name": "First"}, {"id": "a", "display_name": "Second"}])
    assert [(model.id, model.name) for model in models] == [("b", "b"), ("a", "First")]


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"data":{}}', b"5", {}, {"data": None}])
def test_what_is_no_list_is_refused(body: Any) -> None:
    with pytest.raises(ProtocolBroken):
        parse_models(body)


def test_free_means_that_every_price_is_zero() -> None:
    assert only(pricings={"prompt": [tier(0)], "completion": [tier(0)]}).free
    assert only(id="a/b-free").free
    assert not only(pricings={"prompt": [tier(0), tier(1, prompt_tokens={"gte": 32})], "completion": [tier(0)]}).free
    assert not only(pricings={"prompt": [tier(0)]}).free


@pytest.mark.parametrize(("usage", "cost"), [
    ({"prompt_tokens": 1000, "completion_tokens": 100}, 0.003 + 0.0015),
    ({"prompt_tokens": 199_999, "completion_tokens": 0}, 0.599997),
    ({"prompt_tokens": 200_000, "completion_tokens": 100}, 1.2 + 0.00225),
    ({"prompt_tokens": 1000, "completion_tokens": 0, "prompt_tokens_details": {"cached_tokens": 400}}, 0.0018 + 0.00012),
    ({"prompt_tokens": 1000, "completion_tokens": 0, "prompt_tokens_details": {
        "cached_tokens": 0, "ephemeral_5m_input_tokens": 400, "ephemeral_1h_input_tokens": 200,
        "cache_creation_input_tokens": 600}}, 0.0012 + 0.0015 + 0.0012),
    ({"prompt_tokens": 1000, "completion_tokens": 0, "prompt_tokens_details": {"web_search": 3}}, 0.003 + 0.03),
    ({"prompt_tokens": 302, "completion_tokens": 107, "total_tokens": 1258,
      "completion_tokens_details": {"reasoning_tokens": 849}}, 302 * 3e-6 + 956 * 15e-6),
    ({"prompt_tokens": 302, "completion_tokens": 956, "total_tokens": 1258,
      "completion_tokens_details": {"reasoning_tokens": 849}}, 302 * 3e-6 + 956 * 15e-6),
    ({"prompt_tokens": 10, "completion_tokens": 1, "completion_tokens_details": None,
      "prompt_tokens_details": {"cached_tokens": None}}, 0.000045),
    ({"prompt_tokens": 0, "completion_tokens": 0}, 0.0),
    ({"prompt_tokens": None, "completion_tokens": 5}, None),
    ({"prompt_tokens": "9", "completion_tokens": 5}, None),
    ({}, None),
    (None, None),
])
def test_the_estimate_follows_tiers_caches_and_reasoning(usage: Any, cost: float | None) -> None:
    assert estimate_cost(parse_models([SONNET])[0], usage) == (cost if cost is None else pytest.approx(cost, abs=1e-9))


@pytest.mark.parametrize("pricings", [None, {}, {"prompt": [tier(3)]}, {"prompt": [tier(3)], "completion": [tier(1) | {"currency": "CNY"}]},
                                      {"prompt": [tier(3)], "completion": [tier(1, "perSecond")]}])
def test_an_unknown_price_makes_the_estimate_unknown(pricings: Any) -> None:
    model = only(pricings=pricings)
    assert model.prices.shown() is None
    assert estimate_cost(model, {"prompt_tokens": 1, "completion_tokens": 1}) is None


class Clock:
    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


GOOD = ([json.dumps({"data": [SONNET, {"id": "x/embed-1"}]})], JSON)
AWAY = (['{"error":{"type":"no_provider_available"}}'], JSON | {"status": 502})


def test_a_list_is_fetched_once_an_hour_and_kept_on_disk(tmp_path: Path) -> None:
    now, path = Clock(), tmp_path / "models.json"
    with WireServer(GOOD) as server:
        client = ZenMux(server.base_url, "")
        models = ModelList(client, path, now)
        first = models.get()
        assert [model["id"] for model in first["models"]] == ["anthropic/claude-sonnet-4.5"]
        assert first["fetched_at"] == "2027-01-15T08:00:00.000Z" and first["stale"] is False
        now.at += FRESH_SECONDS - 1
        assert models.get() == first == ModelList(client, path, now).get()
        assert len(server.requests) == 1
        now.at += 1
        assert models.get()["fetched_at"] == "2027-01-15T09:00:00.000Z"
        assert len(server.requests) == 2
    assert [file.name for file in tmp_path.iterdir()] == ["models.json"]


def test_an_old_list_is_served_as_stale_and_a_failing_upstream_is_left_alone(tmp_path: Path) -> None:
    now, path = Clock(), tmp_path / "models.json"
    with WireServer(GOOD, AWAY, AWAY, GOOD) as server:
        models = ModelList(ZenMux(server.base_url, ""), path, now)
        models.get()
        now.at += FRESH_SECONDS
        for _ in range(3):
            answer = models.get()
            assert answer["stale"] and len(answer["models"]) == 1
        assert len(server.requests) == 2
        now.at += RETRY_SECONDS
        assert models.get()["stale"] and len(server.requests) == 3
        now.at += RETRY_SECONDS
        assert not models.get()["stale"] and len(server.requests) == 4


def test_without_any_list_it_is_empty_and_stale_and_soon_asked_again(tmp_path: Path) -> None:
    now = Clock()
    with WireServer(AWAY, GOOD) as server:
        models = ModelList(ZenMux(server.base_url, ""), tmp_path / "models.json", now)
        assert models.get() == models.get() == {"models": [], "fetched_at": None, "stale": True}
        assert len(server.requests) == 1
        now.at += EMPTY_RETRY_SECONDS
        assert len(models.get()["models"]) == 1


def test_a_person_who_wants_the_list_anew_gets_it_and_the_next_within_seconds_gets_the_same(tmp_path: Path) -> None:
    now = Clock()
    with WireServer(GOOD, GOOD, GOOD) as server:
        models = ModelList(ZenMux(server.base_url, ""), tmp_path / "models.json", now)
        models.get()
        now.at += REFRESH_SECONDS
        fresh = models.refresh()
        assert len(server.requests) == 2 and not fresh["stale"]
        now.at += REFRESH_SECONDS - 1
        assert models.refresh() == fresh == models.get() and len(server.requests) == 2
        now.at += 1
        assert models.refresh()["fetched_at"] > fresh["fetched_at"] and len(server.requests) == 3


def test_a_list_that_cannot_be_had_anew_stays_and_the_reason_is_told_without_asking_again(tmp_path: Path) -> None:
    now = Clock()
    with WireServer(GOOD, AWAY, GOOD) as server:
        models = ModelList(ZenMux(server.base_url, ""), tmp_path / "models.json", now)
        before = models.get()
        now.at += REFRESH_SECONDS
        for _ in range(2):
            with pytest.raises(UpstreamAway, match="The last list is kept") as caught:
                models.refresh()
            assert caught.value.retry_after == REFRESH_SECONDS and "message is kept" not in caught.value.message
        assert len(server.requests) == 2 and models.get() == before
        now.at += REFRESH_SECONDS
        assert models.refresh()["fetched_at"] > before["fetched_at"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b'{"data":[]}', b'{"base_url":"BASE","fetched_at":"x","data":[]}',
                                     b'{"base_url":"BASE","fetched_at":1e300,"data":[{"id":"old/one"}]}',
                                     b'{"base_url":"BASE","fetched_at":1799999999,"data":7}',
                                     b'{"base_url":"http://elsewhere/v1","fetched_at":1799999999,"data":[{"id":"old/one"}]}'])
def test_a_copy_that_is_corrupt_or_another_upstreams_is_no_copy(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "models.json"
    with WireServer(GOOD) as server:
        path.write_bytes(content.replace(b"BASE", server.base_url.encode()))
        models = ModelList(ZenMux(server.base_url, ""), path, Clock())
        assert models.find("old/one") is None
        assert [model["id"] for model in models.get()["models"]] == ["anthropic/claude-sonnet-4.5"]
        assert len(server.requests) == 1


def test_a_copy_that_cannot_be_written_costs_nothing_but_the_copy(tmp_path: Path) -> None:
    with WireServer(GOOD) as server:
        models = ModelList(ZenMux(server.base_url, ""), tmp_path / "missing" / "models.json", Clock())
        assert len(models.get()["models"]) == 1 and not models.get()["stale"]


class Slow:
    """An upstream that answers when told to."""
    base_url = "http://slow/v1"

    def __init__(self) -> None:
        self.asked, self.go, self.calls = threading.Event(), threading.Event(), 0

    def fetch_models(self) -> list[dict[str, Any]]:
        self.calls += 1
        self.asked.set()
        assert self.go.wait(10)
        if self.calls == 2:
            raise ConnectFailed("away")
        return [{"id": "a/b"}]


def test_one_caller_asks_and_who_has_an_old_list_does_not_wait(tmp_path: Path) -> None:
    now, slow, answers = Clock(), Slow(), []
    models = ModelList(slow, tmp_path / "models.json", now)

    def start() -> threading.Thread:
        thread = threading.Thread(target=lambda: answers.append(models.get()))
        thread.start()
        return thread
    waiting = [start() for _ in range(5)]  # nobody has a list: all wait for the one who asks
    assert slow.asked.wait(5) and not answers
    slow.go.set()
    for thread in waiting:
        thread.join(5)
    assert slow.calls == 1 and len(answers) == 5 and all(len(answer["models"]) == 1 for answer in answers)
    slow.go.clear()
    slow.asked.clear()
    now.at += FRESH_SECONDS
    asking = start()
    assert slow.asked.wait(5)
    assert models.get()["stale"] and slow.calls == 2, "the old list is at hand; it must not wait"
    slow.go.set()
    asking.join(5)


def test_an_estimate_needs_no_network_and_knows_provider_suffixes(tmp_path: Path) -> None:
    with WireServer(GOOD) as server:
        models = ModelList(ZenMux(server.base_url, ""), tmp_path / "models.json", Clock())
        usage = {"prompt_tokens": 1000, "completion_tokens": 100}
        assert models.estimate("anthropic/claude-sonnet-4.5", usage) is None and not server.requests
        models.get()
    assert models.estimate("anthropic/claude-sonnet-4.5:amazon-bedrock", usage) == pytest.approx(0.0045)
    assert models.estimate("x/unknown", usage) is None
