"""The stand-in as a witness and a trouble-maker: the ledger of every call, registered scripts, the models that break."""
from __future__ import annotations

import hashlib
import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from rill.standin.faults import FAULTS, OPENING
from tests.standin_process import KEY, PROJECT, StandIn, chat_request, running_standin, stream_events, texts, wait_until

CUT_ERRORS = (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError)
GOOD_FRAMES = ['data: {"id":"x","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n',
               'data: {"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n', "data: [DONE]\n\n"]
SSE = {"status": 200, "headers": {"Content-Type": "text/event-stream"}, "delays_ms": 0}


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with running_standin() as running:
        yield running


def read_what_comes(response: requests.Response) -> tuple[bytes, bool]:
    """The body, and whether it came to its end."""
    data = b""
    try:
        for part in response.iter_content(None):
            data += part
    except CUT_ERRORS:
        return data, False
    return data, True


def test_the_ledger_has_what_was_asked_and_what_was_sent(standin: StandIn) -> None:
    body = {"model": "demo/numbers", "stream": True, "stream_options": {"include_usage": True},
            "messages": [{"role": "user", "content": '{"words": 40, "rate": 200, "reasoning_words": 10, "wide": true}'}]}
    response = standin.chat(body)
    events = stream_events(response.content)
    call, said = standin.last_call(), texts(events)
    assert call["body"] == body and call["model"] == call["served_by"] == "demo/numbers"
    assert call["outcome"] == "finished" and call["finished"] is True and call["status"] == 200 and call["finish_reason"] == "stop"
    assert call["usage"] == events[-2]["usage"] and call["generation_id"] == events[0]["id"]
    assert call["request_id"] == response.headers["X-ZenMux-RequestId"]
    for channel, text in said.items():
        assert call[channel] == text and call[f"{channel}_length"] == len(text)
        assert call[f"{channel}_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert call["sent_sha256"] == hashlib.sha256(response.content).hexdigest() and call["sent_bytes"] == len(response.content)
    times = [call[name]["ms"] for name in ("connected_at", "received_at", "first_sent_at", "last_sent_at", "finished_at")]
    assert times == sorted(times) and call["received_at"]["at"].endswith("Z")
    assert call["first_sent_at"]["ms"] < call["last_sent_at"]["ms"] - 100


def test_the_key_is_nowhere_in_the_ledger(standin: StandIn) -> None:
    standin.ask("demo/fast", "hi", max_completion_tokens=1)
    raw = requests.get(f"{standin.url}/standin/ledger", timeout=10).text
    assert KEY not in raw and KEY[:-4] not in raw
    assert standin.last_call()["headers"]["authorization"] == f"Bearer ***{KEY[-4:]}"


def test_a_refused_call_is_in_the_ledger(standin: StandIn) -> None:
    standin.chat({"model": "demo/fast", "messages": []})
    call = standin.last_call()
    assert (call["outcome"], call["status"], call["finished"]) == ("refused", 400, False)


def test_the_ledger_can_be_narrowed_and_cleared(standin: StandIn) -> None:
    standin.control("DELETE", "ledger")
    for model in ("demo/fast", "demo/echo"):
        standin.ask(model, "hi", max_completion_tokens=1)
    first, second = standin.ledger()
    [only] = requests.get(f"{standin.url}/standin/ledger", params={"model": "demo/echo", "text": "0"}, timeout=10).json()
    assert only["call"] == second["call"] and "content" not in only and only["content_length"] == 2
    [newer] = requests.get(f"{standin.url}/standin/ledger", params={"since": first["call"]}, timeout=10).json()
    assert newer["call"] == second["call"]
    assert requests.get(f"{standin.url}/standin/ledger", params={"since": "x"}, timeout=10).status_code == 400


@pytest.mark.parametrize(("model", "reset"), [("demo/slow", False), ("demo/slow", True), ("demo/fault-silent", False),
                                              ("demo/fault-comments", False), ("demo/fault-stall", False), ("demo/tour", True)])
def test_a_peer_that_leaves_is_noticed_at_once_even_in_silence(standin: StandIn, model: str, reset: bool) -> None:
    sock = standin.open_chat(model, "streaming")
    before = wait_until(lambda: [call for call in standin.ledger() if call["model"] == model and call["outcome"] == "running"],
                        "the call must be open")[-1]
    assert before["peer_closed_at"] is None
    if reset:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()

    def closed() -> dict[str, Any] | None:
        call = next(call for call in standin.ledger() if call["call"] == before["call"])
        return call if call["peer_closed_at"] and call["finished_at"] else None

    call = wait_until(closed, "the ledger must note that the peer closed", seconds=1.0)
    assert call["finished"] is False


@pytest.mark.parametrize("model", [model for model in FAULTS if not model.endswith(("silent", "comments", "stall"))])
def test_each_model_that_breaks_does_so_in_its_own_way(standin: StandIn, model: str) -> None:
    name = model.removeprefix("demo/")
    if name == "fault-closed":
        with pytest.raises(CUT_ERRORS):
            standin.ask(model, "hi", stream=True)
        return
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    with requests.post(f"{standin.base_url}/chat/completions", json=body, headers={"x-api-key": KEY}, stream=True, timeout=10) as response:
        data, whole = read_what_comes(response)
    call = standin.last_call()
    assert call["outcome"] == "broken" and call["finished"] is False
    if (status := name.removeprefix("fault-")).isdigit():
        assert response.status_code == int(status) and response.headers["X-ZenMux-RequestId"] == call["request_id"]
        if "json" in response.headers["Content-Type"]:
            assert json.loads(data)["error"].keys() == {"code", "type", "message"} and json.loads(data)["error"]["code"] == status
        return
    expected = {"fault-safety": b"safety_check_failed", "fault-html": b"<!DOCTYPE html>", "fault-error": b'data: {"error":{"code":"500"',
                "fault-json": b'data: {"id": "br\n\n', "fault-filter": b'"finish_reason":"content_filter"',
                "fault-length": b'"finish_reason":"length"', "fault-empty": b'"finish_reason":"stop"', "fault-cut": b" until",
                "fault-reset": b" begin", "fault-eof": b" until"}[name]
    assert expected in data and whole is (name not in ("fault-cut", "fault-reset"))
    if name in ("fault-cut", "fault-eof", "fault-error", "fault-length", "fault-filter"):
        assert texts(stream_events(data))["content"] == call["content"] == OPENING


def test_the_retry_hint_comes_with_the_429(standin: StandIn) -> None:
    assert standin.ask("demo/fault-429", "hi").headers["Retry-After"] == "3"


def test_flaky_breaks_twice_and_works_the_third_time() -> None:
    ends = []
    with running_standin() as standin:
        for _ in range(6):
            body = {"model": "demo/flaky", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
            with requests.post(f"{standin.base_url}/chat/completions", json=body, headers={"x-api-key": KEY}, stream=True,
                               timeout=20) as response:
                data, whole = read_what_comes(response)
            ends.append("cut" if not whole else "error" if b'"error"' in data else "done" if data.endswith(b"[DONE]\n\n") else "?")
        whole_answers = [standin.ask("demo/flaky", "hi").status_code for _ in range(3)]
    assert ends == ["cut", "error", "done"] * 2 and whole_answers == [500, 500, 200]


def test_a_registered_script_is_played_byte_for_byte(standin: StandIn) -> None:
    raw = [b"\xef\xbb\xbfdata: ", b"\xff\xfe\r\n\r\n"]
    model = standin.script("bytes", chunks=["b64:77u/ZGF0YTog", "b64://4NCg0K", {"repeat": 3, "of": ": x\n\n"}], http=SSE)
    response = standin.ask(model, "anything", stream="even a wrong type")
    assert model == "test/bytes" and response.content == b"".join(raw) + b": x\n\n" * 3
    call = standin.last_call()
    assert (call["writes"], call["sent_sha256"]) == (5, hashlib.sha256(response.content).hexdigest())
    assert "test/bytes" in [entry["id"] for entry in requests.get(f"{standin.base_url}/models", timeout=10).json()["data"]]


def test_the_kth_call_gets_the_kth_script(standin: StandIn) -> None:
    busy = {"chunks": ["{}"], "http": {"status": 429, "headers": {"Retry-After": "1"}, "framing": "length"}}
    model = standin.script("recovers", times=[busy, busy, {"model": "demo/echo"}], chunks=GOOD_FRAMES, http=SSE)
    answers = [standin.ask(model, "hello", stream=True) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [429, 429, 200, 200, 200]
    assert [texts(stream_events(answer.content))["content"] for answer in answers[2:]] == ["hello", "Hi", "Hi"]
    [listed] = [script for script in standin.control("GET", "scripts")["scripts"] if script["name"] == "recovers"]
    assert listed["calls"] == 5


def test_a_clean_script_leaves_the_connection_good_for_more(standin: StandIn) -> None:
    model = standin.script("clean", chunks=GOOD_FRAMES, http=SSE)
    with socket.create_connection(("127.0.0.1", standin.port), timeout=10) as sock:
        for _ in range(3):
            sock.sendall(chat_request({"model": model}))
            data = b""
            while not data.endswith(b"0\r\n\r\n"):
                data += sock.recv(65536)
    assert len({call["connection"] for call in standin.ledger()[-3:]}) == 1


def test_the_models_list_can_be_made_to_fail(standin: StandIn) -> None:
    standin.script("list", path="/api/v1/models", chunks=["<html>"], http={"status": 503, "framing": "length"})
    assert requests.get(f"{standin.base_url}/models", timeout=10).status_code == 503
    standin.control("DELETE", "scripts/list")
    assert requests.get(f"{standin.base_url}/models", timeout=10).status_code == 200


@pytest.mark.parametrize("body", [{}, {"name": "a b"}, {"name": "x", "chunks": "no"}, {"name": "x", "chunks": [5]},
                                  {"name": "x", "chunks": ["b64:*"]}, {"name": "x", "chunks": [{"repeat": -1, "of": "x"}]},
                                  {"name": "x", "http": {"framing": "new"}}, {"name": "x", "http": {"end": "bang"}},
                                  {"name": "x", "http": {"status": "200"}}, {"name": "x", "http": {"headers": {"a": 1}}},
                                  {"name": "x", "http": {"delays_ms": -1}}, {"name": "x", "times": [5]}, {"name": "x", "path": 5}])
def test_a_wrong_script_is_refused(standin: StandIn, body: dict[str, Any]) -> None:
    response = requests.post(f"{standin.url}/standin/scripts", json=body, timeout=10)
    assert response.status_code == 400 and response.json()["error"]["type"] == "invalid_params"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "nothing", 404), ("PUT", "ledger", 405), ("DELETE", "scripts/none", 404)])
def test_other_doors_of_the_control_face_are_closed(standin: StandIn, method: str, path: str, status: int) -> None:
    assert requests.request(method, f"{standin.url}/standin/{path}", timeout=10).status_code == status


@pytest.mark.parametrize("headers", [{"Origin": "https://example.org"}, {"Origin": "null"}, {"Host": "rebound.example.org"}])
def test_a_web_page_cannot_use_the_control_face(standin: StandIn, headers: dict[str, str]) -> None:
    response = requests.get(f"{standin.url}/standin/ledger", headers=headers, timeout=10)
    assert (response.status_code, response.json()["error"]["type"]) == (403, "access_denied")


def test_every_known_upstream_behaviour_can_be_registered(standin: StandIn) -> None:
    cases = json.loads((PROJECT / "tests/fixtures/wire_cases.json").read_text(encoding="utf-8"))["cases"]
    assert len(cases) >= 96
    for case in cases:
        assert standin.script(case["name"], chunks=case["chunks"], http=case["http"]) == f"test/{case['name']}"
        standin.control("DELETE", f"scripts/{case['name']}")
