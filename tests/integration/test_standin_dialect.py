"""The stand-in's bytes: streams, bodies, headers, errors, connections. A real process, asked over raw sockets and HTTP."""
from __future__ import annotations

import http.client
import json
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests

from rill.standin import numbers
from tests.standin_process import KEY, PROJECT, StandIn, chat_request, running_standin, stream_events, texts, wait_until

SEED = 88
QUICK = '{"words": 5, "rate": 0, "reasoning_words": 3}'


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with running_standin("--keepalive-seconds", "0.25") as running:
        yield running


def read_answer(sock: socket.socket) -> tuple[http.client.HTTPResponse, bytes]:
    response = http.client.HTTPResponse(sock)
    response.begin()
    return response, response.read()


def test_a_stream_is_role_thoughts_text_finish_usage_done(standin: StandIn) -> None:
    response = standin.ask("demo/numbers", QUICK, stream=True, stream_options={"include_usage": True})
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert response.headers["Transfer-Encoding"] == "chunked" and re.fullmatch("[0-9a-f]{32}", response.headers["X-ZenMux-RequestId"])
    *chunks, done = stream_events(response.content)
    assert done == "[DONE]" and response.content.endswith(b"data: [DONE]\n\n")
    assert {(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks} == {
        (chunks[0]["id"], chunks[0]["created"], "demo/numbers", "chat.completion.chunk")}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas[0] == {"role": "assistant", "content": "", "refusal": None}
    assert [set(delta) for delta in deltas[1:4]] == [{"content", "reasoning_content"}] * 3
    assert all(delta["content"] == "" for delta in deltas[1:5]), "content is empty, not absent, while the model thinks"
    assert deltas[4] == {"content": ""} and deltas[-1] == {}
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"] == {
        "prompt_tokens": chunks[-1]["usage"]["prompt_tokens"], "completion_tokens": 8,
        "total_tokens": chunks[-1]["usage"]["prompt_tokens"] + 8, "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3}}
    said = texts(chunks)
    assert numbers.verify(said["content"], 1) is None and numbers.verify(said["reasoning"], 1, "reasoning") is None
    assert (len(said["content"]), len(said["reasoning"])) == (55, 33)


def test_without_include_usage_no_chunk_has_usage(standin: StandIn) -> None:
    events = stream_events(standin.ask("demo/numbers", QUICK, stream=True).content)
    assert not any("usage" in event for event in events[:-1]) and all(event["choices"] for event in events[:-1])


@pytest.mark.parametrize(("model", "fields"), [("demo/tour", {"reasoning", "reasoning_content", "reasoning_details"}),
                                               ("demo/think", {"reasoning"}), ("demo/numbers", {"reasoning_content"})])
def test_models_differ_in_the_fields_of_their_thoughts(standin: StandIn, model: str, fields: set[str]) -> None:
    events = stream_events(standin.ask(model, '{"reasoning_words": 9}', stream=True, max_completion_tokens=3).content)
    assert set(events[1]["choices"][0]["delta"]) - {"content"} == fields


def test_an_answer_that_is_not_streamed_is_one_body_with_the_same_text(standin: StandIn) -> None:
    response = standin.ask("demo/numbers", QUICK)
    body = response.json()
    streamed = texts(stream_events(standin.ask("demo/numbers", QUICK, stream=True).content))
    assert int(response.headers["Content-Length"]) == len(response.content) and "Transfer-Encoding" not in response.headers
    assert body["object"] == "chat.completion" and body["usage"]["completion_tokens"] == 8
    [choice] = body["choices"]
    assert choice["finish_reason"] == "stop" and choice["message"]["role"] == "assistant"
    assert {"content": choice["message"]["content"], "reasoning": choice["message"]["reasoning_content"]} == streamed


def test_silence_is_filled_with_comments(standin: StandIn) -> None:
    response = standin.ask("demo/numbers", '{"words": 4, "rate": 1.6, "first_seconds": 0.8}', stream=True)
    comments = response.content.count(b": ZENMUX PROCESSING\n\n")
    assert 5 <= comments <= 12, comments
    assert re.match(rb"(: ZENMUX PROCESSING\n\n){2,3}data: \{", response.content)
    assert numbers.verify(texts(stream_events(response.content))["content"], 1) is None


def test_comments_never_land_inside_a_frame_however_busy_the_stream(standin: StandIn) -> None:
    response = standin.ask("demo/numbers", '{"words": 3000, "rate": 2000}', stream=True)
    assert re.fullmatch(rb"(: ZENMUX PROCESSING\n\n|data: [^\n]+\n\n)+", response.content)


def test_pieces_arrive_when_they_are_due_and_drift_does_not_add_up(standin: StandIn) -> None:
    started = time.monotonic()
    response = standin.ask("demo/numbers", '{"words": 150, "rate": 100, "first_seconds": 0}', stream=True)
    took = time.monotonic() - started
    assert len(texts(stream_events(response.content))["content"]) == 1650
    assert 1.45 < took < 2.2, took


@pytest.mark.parametrize(("model", "answered_by"), [("openai/gpt-5", "demo/fast"), ("anthropic/claude-3.7-sonnet:amazon-bedrock", "demo/fast"),
                                                    ("claude-sonnet-4-6", "demo/fast"), ("demo/nothing", "demo/fast"), ("demo/echo", "demo/echo")])
def test_any_well_formed_id_is_answered(standin: StandIn, model: str, answered_by: str) -> None:
    assert standin.ask(model, "hi", max_completion_tokens=2).json()["model"] == answered_by


def test_the_models_list_has_the_gateways_shape(standin: StandIn) -> None:
    listed = requests.get(f"{standin.base_url}/models", timeout=10).json()
    assert listed["object"] == "list"
    by_id = {entry["id"]: entry for entry in listed["data"]}
    assert {"demo/tour", "demo/echo", "demo/fast", "demo/slow", "demo/flaky", "demo/think", "demo/long", "demo/numbers",
            "local/smollm2-135m-instruct", "demo/fault-429", "demo/fault-cut"} <= by_id.keys()
    for entry in listed["data"]:
        assert entry["display_name"] and entry["owned_by"] and entry["object"] == "model" and entry["context_length"] > 0
        assert isinstance(entry["input_modalities"], list) and isinstance(entry["capabilities"]["reasoning"], bool)
        assert all(tier["unit"] == ("perCount" if item == "web_search" else "perMTokens") and tier["currency"] == "USD"
                   for item, tiers in entry["pricings"].items() for tier in tiers)
    assert by_id["demo/tour"]["pricings"]["completion"][0]["value"] > 0
    assert {tier["value"] for tiers in by_id["local/smollm2-135m-instruct"]["pricings"].values() for tier in tiers} == {0}
    assert len(by_id["demo/think"]["pricings"]["prompt"]) == 2 and "lt" in by_id["demo/think"]["pricings"]["prompt"][0]["conditions"]["prompt_tokens"]


def test_a_model_that_cannot_chat_says_so(standin: StandIn) -> None:
    response = standin.ask("demo/embed", "hi")
    assert (response.status_code, response.json()["error"]["type"]) == (404, "model_not_supported")


@pytest.mark.parametrize("key", [None, "sk-mg-v1-" + "0" * 24])
def test_a_missing_or_management_key_is_a_403(standin: StandIn, key: str | None) -> None:
    response = standin.chat({"model": "demo/fast", "messages": [{"role": "user", "content": "hi"}]}, key=key)
    assert response.status_code == 403 and response.json() == {
        "error": {"code": "403", "type": "access_denied", "message": "You have no permission to access this resource"}}
    assert response.headers["X-ZenMux-RequestId"]


@pytest.mark.parametrize("header", ["x-api-key", "x-goog-api-key"])
def test_the_other_key_headers_count(standin: StandIn, header: str) -> None:
    body = {"model": "demo/fast", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 1}
    assert requests.post(f"{standin.base_url}/chat/completions", json=body, headers={header: KEY}, timeout=10).status_code == 200


def test_errors_have_the_gateways_form(standin: StandIn) -> None:
    refused = standin.chat(b"{not json")
    assert refused.status_code == 400 and refused.headers["Content-Type"] == "application/json; charset=utf-8"
    assert refused.json() == {"error": {"code": "400", "type": "invalid_params", "message": "Request body is not valid JSON"}}
    assert standin.ask("no such model!", "hi").json()["error"] == {
        "code": "404", "type": "invalid_model", "message": "Model no such model! is not valid"}
    assert requests.get(f"{standin.base_url}/nothing", timeout=10).status_code == 404
    wrong = requests.get(f"{standin.base_url}/chat/completions", timeout=10)
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")
    long = standin.ask("demo/echo", "x" * 4_000_001)
    assert (long.status_code, long.json()["error"]["message"]) == (413, "Prompt is too long")


def test_a_connection_carries_many_requests_and_pipelined_ones_in_order(standin: StandIn) -> None:
    with socket.create_connection(("127.0.0.1", standin.port), timeout=10) as sock:
        asked = ["one", "two", "three"]
        sock.sendall(b"".join(chat_request({"model": "demo/echo", "messages": [{"role": "user", "content": text}]}) for text in asked))
        stream = sock.makefile("rb")
        for text in asked:
            head = b"".join(iter(stream.readline, b"\r\n")).decode()
            assert head.startswith("HTTP/1.1 200 OK\r\n") and "Connection: keep-alive" in head
            body = json.loads(stream.read(int(re.search(r"Content-Length: (\d+)", head)[1])))
            assert body["choices"][0]["message"]["content"] == text
        sock.sendall(chat_request({"model": "demo/fast", "stream": True, "max_completion_tokens": 2,
                                   "messages": [{"role": "user", "content": "x"}]}, "Connection: close"))
        assert stream.read().endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"), "closed by the stand-in, after a whole answer"
    calls = standin.ledger()[-4:]
    assert len({call["connection"] for call in calls}) == 1


def test_pooled_clients_reuse_a_connection_after_a_stream(standin: StandIn) -> None:
    with requests.Session() as session:
        for _ in range(4):
            body = {"model": "demo/numbers", "stream": True, "messages": [{"role": "user", "content": QUICK}]}
            assert session.post(f"{standin.base_url}/chat/completions", json=body, headers={"x-api-key": KEY}, timeout=10).ok
    assert len({call["connection"] for call in standin.ledger()[-4:]}) == 1


def test_an_old_client_gets_a_stream_that_ends_with_the_connection(standin: StandIn) -> None:
    request = chat_request({"model": "demo/numbers", "stream": True, "messages": [{"role": "user", "content": QUICK}]})
    with socket.create_connection(("127.0.0.1", standin.port), timeout=10) as sock:
        sock.sendall(request.replace(b"HTTP/1.1", b"HTTP/1.0"))
        response, body = read_answer(sock)
    assert response.getheader("Transfer-Encoding") is None and body.startswith(b"data: {") and body.endswith(b"data: [DONE]\n\n")


def test_a_large_upload_is_told_to_continue(standin: StandIn) -> None:
    body = json.dumps({"model": "demo/echo", "max_completion_tokens": 2, "messages": [{"role": "user", "content": "y" * 1000}]}).encode()
    with socket.create_connection(("127.0.0.1", standin.port), timeout=10) as sock:
        sock.sendall(b"POST /api/v1/chat/completions HTTP/1.1\r\nHost: h\r\nx-api-key: k\r\nExpect: 100-continue\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(body))
        assert sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert json.loads(read_answer(sock)[1])["usage"]["prompt_tokens"] > 100


def test_garbage_gets_an_answer_and_a_closed_connection(standin: StandIn) -> None:
    with socket.create_connection(("127.0.0.1", standin.port), timeout=10) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01\r\n\r\n" + b"more" * 1000)
        response, body = read_answer(sock)
        assert response.status == 400 and json.loads(body)["error"]["type"] == "invalid_params"
        assert response.getheader("Connection") == "close"


def test_damaged_bodies_never_break_the_server(standin: StandIn) -> None:
    rng = random.Random(SEED)
    print(f"seed={SEED}")
    good = json.dumps({"model": "demo/echo", "stream": True, "max_completion_tokens": 3, "stream_options": {"include_usage": True},
                       "messages": [{"role": "user", "content": "a short echo"}]}).encode()
    statuses = set()
    with requests.Session() as session:
        for _ in range(150):
            data = bytearray(good)
            for _ in range(rng.randint(1, 3)):
                at = rng.randrange(len(data))
                data[at:at + rng.randint(0, 3)] = rng.choice((b"", b'"', b"{", b"]", b"null", b"-1", b"\xff", b"1e999", rng.randbytes(3)))
            response = session.post(f"{standin.base_url}/chat/completions", data=bytes(data), headers={"x-api-key": KEY}, timeout=10)
            statuses.add(response.status_code)
    assert {200, 400} <= statuses <= {200, 400, 404, 413}, statuses


def test_it_ends_promptly_on_sigterm_with_streams_open() -> None:
    with running_standin() as running, running.open_chat("demo/slow", "hi") as sock:
        sock.recv(100)
        started = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(5) == 0 and time.monotonic() - started < 1


def test_a_taken_port_is_said_in_a_sentence(standin: StandIn) -> None:
    ended = subprocess.run([sys.executable, "-m", "rill.standin", "--port", str(standin.port)], cwd=PROJECT, timeout=20,
                           capture_output=True, text=True)
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr == f"The stand-in cannot listen on port {standin.port}: Address already in use.\n"


def test_it_ends_with_its_parent_when_asked_to() -> None:
    script = ("import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', 'rill.standin', '--with-parent'], "
              "stdout=subprocess.PIPE, text=True); print(p.stdout.readline(), end='')")
    started = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, timeout=20, capture_output=True, text=True)
    port = int(started.stdout.rpartition(":")[2])

    def is_gone() -> bool:
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", port)) != 0

    wait_until(is_gone, "the stand-in outlived its parent")
