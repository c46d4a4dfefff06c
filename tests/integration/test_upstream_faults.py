"""Every way in which the upstream can fail, through the whole server: what the message says, what is kept, that a new try works."""
from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from rill.standin.faults import FAULTS, OPENING
from tests.api_client import Api
from tests.feed_reader import check_state
from tests.integration.conftest import KEY
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn

STREAM = {"headers": {"Content-Type": "text/event-stream"}, "delays_ms": 2}
RETRIES_SECONDS = 40
# model: status, error.type, error.status, error.upstream_type, has text
EXPECTED = {
    "demo/fault-402": ("failed", "http", 402, "insufficient_credit", False), "demo/fault-403": ("failed", "http", 403, "access_denied", False),
    "demo/fault-safety": ("failed", "http", 403, "safety_check_failed", False), "demo/fault-404": ("failed", "http", 404, "model_not_available", False),
    "demo/fault-413": ("failed", "http", 413, "invalid_params", False),
    "demo/fault-422": ("failed", "http", 422, "provider_unprocessable_entity_error", False),
    "demo/fault-429": ("failed", "http", 429, "rate_limit", False), "demo/fault-500": ("failed", "http", 500, "internal_server_error", False),
    "demo/fault-502": ("failed", "http", 502, "no_provider_available", False), "demo/fault-503": ("failed", "http", 503, "provider_error", False),
    "demo/fault-520": ("failed", "http", 520, "provider_internal_server_error", False), "demo/fault-524": ("failed", "http", 524, None, False),
    "demo/fault-html": ("failed", "not_stream", None, None, False), "demo/fault-cut": ("failed", "cut", None, None, True),
    "demo/fault-reset": ("failed", "cut", None, None, True), "demo/fault-eof": ("failed", "cut", None, None, True),
    "demo/fault-stall": ("failed", "timeout", None, None, True), "demo/fault-error": ("failed", "upstream", None, "provider_error", True),
    "demo/fault-json": ("failed", "protocol", None, None, True), "demo/fault-filter": ("completed", None, None, None, True),
    "demo/fault-length": ("completed", None, None, None, True), "demo/fault-empty": ("completed", None, None, None, False),
    "demo/fault-comments": ("failed", "timeout", None, None, False), "demo/fault-silent": ("failed", "timeout", None, None, False),
    "demo/fault-closed": ("failed", "connect", None, None, False),
}


@pytest.fixture(scope="module")
def api(strict_rill: Rill) -> Api:
    return strict_rill.api()


@pytest.fixture(scope="module")
def faulted(api: Api) -> dict[str, dict[str, Any]]:
    """One reply of each faulty model, asked at once: together they take as long as the slowest."""
    asked = {name: api.ask("x", name)["id"] for name in FAULTS}
    return {name: api.finished(reply, RETRIES_SECONDS) for name, reply in asked.items()}


def test_every_faulty_model_is_expected_here() -> None:
    assert FAULTS.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", EXPECTED)
def test_a_fault_becomes_its_own_error_with_a_sentence_and_the_text_is_kept(faulted: dict[str, dict[str, Any]], name: str) -> None:
    status, kind, http_status, upstream_type, has_text = EXPECTED[name]
    message = faulted[name]
    check_state(message)
    error = message["error"] or {}
    found = (message["status"], error.get("type"), error.get("status"), error.get("upstream_type"))
    assert found == (status, kind, http_status, upstream_type), error
    assert message["content"] == (OPENING if has_text else "")
    if error:
        assert ("The text so far is kept." if has_text else "Your message is kept.") in error["message"]
        assert (error.get("request_id") == message["request_id"] is not None) or kind in ("connect", "timeout", "not_stream", "cut") or name == "demo/fault-524"
        assert error["retryable"] == (http_status not in (402, 403, 404, 413, 422)), error


def test_every_sentence_is_its_own(faulted: dict[str, dict[str, Any]]) -> None:
    sentences = {name: message["error"]["message"] for name, message in faulted.items() if message["error"]}
    # Nobody can tell a cut from a reset, and keep-alives without text are a silence.
    alike = [{"demo/fault-cut", "demo/fault-reset"}, {"demo/fault-comments", "demo/fault-silent"}]
    for one, two in itertools.combinations(sentences, 2):
        assert sentences[one] != sentences[two] or {one, two} in alike, (one, two, sentences[one])


def test_after_every_fault_a_new_try_works(api: Api, faulted: dict[str, dict[str, Any]]) -> None:
    tries = [api.post(f"/api/messages/{message['parent_id']}/replies", {"models": ["demo/echo"]})["replies"][0] for message in faulted.values()]
    assert {(done["status"], done["content"]) for done in (api.finished(reply["id"]) for reply in tries)} == {("completed", "x")}


def test_a_failed_message_can_be_answered_to(api: Api, faulted: dict[str, dict[str, Any]]) -> None:
    failed = faulted["demo/fault-402"]
    sent = api.send(failed["conversation_id"], "and now?", "demo/echo", parent_id=failed["id"])
    assert api.finished(sent["replies"][0]["id"])["content"] == "and now?"


def text_frame(text: str) -> str:
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': text}}]})}\n\n"


END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
SCRIPTS = {  # chunks, http: status, error.type, content
    "half-utf8": ([text_frame("ok"), "b64:ZGF0YTogeyJjaG9pY2VzIjpb8J+M"], {"end": "cut"}, "failed", "cut", "ok"),
    "error-then-done": ([text_frame("ok"), 'data: {"error":{"message":"Broken.","code":"500"}}\n\n', "data: [DONE]\n\n"], {}, "failed", "upstream", "ok"),
    "finish-error": ([text_frame("ok"), 'data: {"choices":[{"delta":{},"finish_reason":"error"}]}\n\n'], {}, "failed", "upstream", "ok"),
    "frame-too-large": ([text_frame("ok"), {"repeat": 40, "of": "x" * 4096}], {}, "failed", "too_large", "ok"),
    "json-for-a-stream": (['{"choices":[{"message":{"role":"assistant","content":"whole"},"finish_reason":"stop"}]}'],
                          {"headers": {"Content-Type": "application/json"}, "framing": "length"}, "completed", None, "whole"),
    "redirect": ([""], {"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}, "framing": "length"}, "failed", "http", ""),
    "no-done": ([text_frame("ok"), END.partition("data: [DONE]")[0]], {}, "completed", None, "ok"),
    "done-alone": ([text_frame("ok"), "data: [DONE]\n\n"], {}, "completed", None, "ok"),
    "big-error-body": ([{"repeat": 400, "of": "x" * 4096}], {"status": 500, "framing": "close", "headers": {"Content-Type": "text/plain"}}, "failed", "http", ""),
    "endless": ([{"repeat": 100_000, "of": text_frame("more ")}], {"delays_ms": 20}, "failed", "timeout", None),
}


@pytest.fixture(scope="module")
def scripted(api: Api, upstream: StandIn) -> dict[str, dict[str, Any]]:
    asked = {}
    for name, (chunks, http, *_) in SCRIPTS.items():
        asked[name] = api.ask("x", upstream.script(name, chunks=chunks, http={**STREAM, **http}))["id"]
    return {name: api.finished(reply, RETRIES_SECONDS) for name, reply in asked.items()}


@pytest.mark.parametrize("name", SCRIPTS)
def test_odd_answers_end_as_what_they_are(scripted: dict[str, dict[str, Any]], name: str) -> None:
    _, _, status, kind, content = SCRIPTS[name]
    message = scripted[name]
    check_state(message)
    assert (message["status"], (message["error"] or {}).get("type")) == (status, kind), message["error"]
    assert message["content"] == content or content is None and message["content"].startswith("more more ")


def test_a_gzip_bomb_costs_little(strict_rill: Rill, api: Api, upstream: StandIn) -> None:
    before = strict_rill.memory_bytes()
    bomb = upstream.script("bomb", chunks=[{"repeat": 3000, "of": "x" * 16_384}], http={**STREAM, "framing": "gzip+close", "delays_ms": 0})
    message = api.finished(api.ask("x", bomb)["id"], RETRIES_SECONDS)
    assert (message["status"], message["error"]["type"]) == ("failed", "too_large")
    assert strict_rill.memory_bytes() - before < 100 * 1024 * 1024


def test_an_upstream_that_is_not_there_is_said_to_be_so(data_dir: Path) -> None:
    with running_rill(data_dir, "http://127.0.0.1:9/api/v1", key=KEY, RILL_DEFAULT_MODEL="demo/echo") as rill:
        message = rill.api().finished(rill.api().ask("x")["id"], RETRIES_SECONDS)
        assert (message["status"], message["error"]["type"], message["error"]["retryable"]) == ("failed", "connect", True)
        assert rill.api().get("/api/models")["stale"] is True


# ---- the key

def test_the_key_is_nowhere_even_when_the_upstream_echoes_it(strict_rill: Rill, api: Api, upstream: StandIn) -> None:
    halves = [text_frame(f"your key is {KEY[:20]}"), text_frame(KEY[20:] + ", thank you")]
    error = json.dumps({"error": {"message": f"Bad key {KEY}", "type": KEY, "code": KEY}})
    scripts = [
        upstream.script("key-in-text", chunks=[*halves, END], http=STREAM),
        upstream.script("key-in-frame", chunks=[text_frame(KEY), f"data: {error}\n\n"], http=STREAM),
        upstream.script("key-in-body", chunks=[error], http={"status": 403, "headers": {"X-ZenMux-RequestId": KEY, "Content-Type": "application/json"}, "framing": "length"}),
        upstream.script("key-in-json", chunks=[text_frame("x")[6:-2] + KEY], http={"headers": {"Content-Type": "application/json"}, "framing": "length"}),
        upstream.script("key-in-comment", chunks=[f": {KEY}\n\n", 'data: {"id":"' + KEY + '","choices":[{"delta":{"reasoning":"' + KEY + '"}}]}\n\n', END], http=STREAM),
    ]
    feed = strict_rill.feed().until_ready()
    seen = [json.dumps(api.session)]
    for model in scripts:
        # What comes in two frames can be masked in the text only: no run of the wire's own bytes is the key.
        reply = api.answered("x", model, record=model != scripts[0])
        feed.until_final(reply["id"])
        seen += [api.request("GET", f"/api/messages/{reply['id']}{path}").text for path in ("", "/timeline", "/wire")]
        seen.append(api.request("GET", f"/api/conversations/{reply['conversation_id']}").text)
    assert upstream.last_call()["headers"]["authorization"].endswith(KEY[-4:]), "the key was really used"
    seen += [api.request("GET", path).text for path in ("/", "/api/models", "/metrics", "/readyz", "/api/openapi.json", "/api/conversations")]
    seen += [json.dumps([event.data for event in feed.events]), strict_rill.log_path.read_text(errors="replace")]
    seen += [path.read_bytes().decode("utf-8", "replace") for path in strict_rill.data_dir.iterdir() if path.is_file()]
    for text in seen:
        at = text.find(KEY[:12])
        assert at < 0, f"the key is in: ...{text[max(0, at - 200):at + 60]}"
