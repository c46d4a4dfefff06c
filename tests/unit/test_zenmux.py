"""The client over a real socket: what it sends, what it keeps from leaking, and what it tells beside the text."""
from __future__ import annotations

import json
import os
import random
import re
import time
from pathlib import Path
from typing import Any

import pytest

from rill import errors
from rill.chunks import Citation, Connected, Delta, Event, Finish, Meta
from rill.masking import HOLD_FROM
from rill.zenmux import DEFAULT_COMPLETION_TOKENS, ChatRequest, ZenMux
from tests.wire_server import JSON, STREAM, WireServer

KEY = "sk-ai-v1-0123456789abcdef0123456789abcdef"
HELLO = [{"role": "user", "content": "Hi"}]
USAGE = {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14, "completion_tokens_details": None}
DONE = "data: [DONE]\n\n"
FINISH = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'


def text(content: str, **fields: Any) -> str:
    return frame({"id": "gen-1", "model": "openai/gpt-5", "choices": [{"index": 0, "delta": {"content": content}}]} | fields)


def frame(chunk: dict[str, Any]) -> str:
    return f"data: {json.dumps(chunk)}\n\n"


def ask(chunks: list[Any], http: dict[str, Any] = STREAM, *, stream: bool = True, key: str = KEY) -> list[Event]:
    with WireServer((chunks, http)) as server:
        return list(ZenMux(server.base_url, key).stream_chat(ChatRequest("openai/gpt-5", HELLO, {}, stream)))


def failure(chunks: list[Any], http: dict[str, Any] = STREAM, key: str = KEY) -> errors.UpstreamError:
    with pytest.raises(errors.UpstreamError) as caught:
        ask(chunks, http, key=key)
    return caught.value


def sent(messages: list[dict[str, Any]], params: dict[str, Any], *, stream: bool = True, key: str = KEY) -> tuple[str, dict[str, str], dict[str, Any]]:
    """The request line, headers and body of one call, from the bytes that reached the far end."""
    with WireServer(([DONE], STREAM)) as server:
        list(ZenMux(server.base_url + "/", key).stream_chat(ChatRequest("openai/gpt-5", messages, params, stream)))
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    line, *headers = head.decode().split("\r\n")
    return line, {name.lower(): value for name, value in (header.split(": ", 1) for header in headers)}, json.loads(body)


def test_a_streamed_request_has_this_shape_and_nothing_more() -> None:
    line, headers, body = sent([{"role": "system", "content": "Be brief.", "id": 7}, *HELLO,
                                {"role": "assistant", "content": "", "reasoning": "hm"},
                                {"role": "user", "content": [{"type": "text", "text": "Look"}]}],
                               {"temperature": 0, "top_p": 0.9, "reasoning_effort": "low", "web_search": True,
                                "max_completion_tokens": 100, "seed": 1, "max_tokens": 5, "user": "Alice"})
    assert line == "POST /api/v1/chat/completions HTTP/1.1"
    assert headers.pop("host").startswith("127.0.0.1:")
    assert headers == {
        "authorization": f"Bearer {KEY}", "accept": "text/event-stream", "accept-encoding": "identity",
        "content-type": "application/json", "user-agent": "rill", "content-length": headers["content-length"],
    }
    assert body == {
        "model": "openai/gpt-5", "stream": True, "stream_options": {"include_usage": True}, "temperature": 0, "top_p": 0.9,
        "reasoning_effort": "low", "max_completion_tokens": 100, "web_search_options": {},
        "messages": [{"role": "system", "content": "Be brief."}, *HELLO,
                     {"role": "user", "content": [{"type": "text", "text": "Look"}]}],
    }


def test_a_request_without_params_still_names_the_largest_answer() -> None:
    _, headers, body = sent(HELLO, {"temperature": None, "web_search": False}, stream=False)
    assert headers["accept"] == "application/json"
    assert body == {"model": "openai/gpt-5", "messages": HELLO, "stream": False,
                    "max_completion_tokens": DEFAULT_COMPLETION_TOKENS}


def test_the_environment_adds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("default login eve password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert sent(HELLO, {})[1]["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in sent(HELLO, {}, key="")[1]


@pytest.mark.parametrize("key", ["sk-ai-v1-\u200babc", "sk-ai-v1-abc\n", "sk-ai v1"])
def test_a_key_with_foreign_characters_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(errors.ConfigError) as caught:
        ZenMux("http://127.0.0.1:9", key)
    assert key.strip() not in str(caught.value)


def test_the_events_of_an_answer_come_in_order() -> None:
    cited = {"type": "url_citation", "url_citation": {"url": "https://a.example/", "title": "A"}}
    events = ask([": ZENMUX PROCESSING\n\n", frame({"id": "gen-1", "model": "m/used", "choices": []}),
                  text("Hel"), text("lo", choices=[{"index": 0, "delta": {"content": "lo", "annotations": [cited, cited]}}]),
                  FINISH, frame({"choices": [], "usage": USAGE}), DONE],
                 STREAM | {"headers": STREAM["headers"] | {"x-zenmux-requestid": "req-1"}})
    assert events == [Connected("req-1"), Meta("gen-1", "m/used"), Delta("content", "Hel"), Delta("content", "lo"),
                      Citation("https://a.example/", "A"), Finish("stop", USAGE)]


def test_an_answer_without_streaming_gives_the_same_events() -> None:
    whole = {"id": "gen-1", "model": "m", "usage": USAGE, "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello", "reasoning": "why"}}]}
    assert ask([json.dumps(whole)], JSON, stream=False) == [
        Connected(None), Meta("gen-1", "m"), Delta("reasoning", "why"), Delta("content", "Hello"), Finish("stop", USAGE)]


def test_half_characters_are_joined_over_deltas_and_lone_ones_replaced() -> None:
    pieces = ["a\ud83d", "\ude42b", "\ud83d", "x\x00", "\ude42", "\ud83d"]
    events = ask([*map(text, pieces), DONE])
    content = "".join(event.text for event in events if isinstance(event, Delta))
    assert content == "a\U0001f642b\ufffdx\ufffd\ufffd\ufffd"
    assert all(event.text for event in events if isinstance(event, Delta))


@pytest.mark.parametrize("broken", ["[" * 100_000, '{"a": ' * 50_000, "{", "nonsense", '{"a":1}}', "1" * 5000 + "x"])
def test_a_frame_that_is_no_json_breaks_the_answer_and_keeps_the_text(broken: str) -> None:
    error = failure([text("Hel"), f"data: {broken}\n\n", FINISH, DONE])
    assert isinstance(error, errors.ProtocolBroken) and "The text so far is kept." in error.message


@pytest.mark.parametrize("odd", ["null", "[]", "5", '"x"', "true", "{}", '{"choices":null}', '{"choices":[null]}',
                                 '{"choices":[{"index":1,"delta":{"content":"no"}}]}', '{"choices":[{"delta":5}]}',
                                 '{"choices":[{"delta":{"content":5,"reasoning":{},"tool_calls":[7],"annotations":{}}}]}',
                                 '{"id":7,"model":[],"usage":"x","choices":{},"logprobs":NaN}'])
def test_odd_frames_are_passed_over(odd: str) -> None:
    events = ask([text("Hello"), f"data: {odd}\n\n", FINISH, DONE])
    assert [event for event in events if isinstance(event, (Delta, Finish))] == [Delta("content", "Hello"), Finish("stop", None)]


@pytest.mark.parametrize(("chunks", "wanted"), [
    (['event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'],
     ("overloaded_error", None, "Overloaded", True)),
    (['data: {"object":"error","message":"too long","type":"BadRequestError","code":400}\n\n'],
     ("BadRequestError", "400", "too long", False)),
    (['data: {"error":"just words"}\n\n'], (None, None, "just words", True)),
    (['data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error","error":{"code":502,"message":"gone"}}]}\n\n'],
     (None, "502", "gone", True)),
    (['data: {"id":"x","error":{"code":"402","type":"reject_no_credit","message":"no"},"choices":[]}\n\n'],
     ("reject_no_credit", "402", "no", False)),
    (['{\n"error": {\n"message": "bare, in lines"}}\n\n'], (None, None, "bare, in lines", True)),
])
def test_an_error_in_the_stream_is_understood_in_every_shape(chunks: list[str], wanted: tuple[Any, ...]) -> None:
    error = failure([text("Hel"), *chunks, DONE])
    kind, code, words, retryable = wanted
    assert isinstance(error, errors.UpstreamFailed)
    assert (error.upstream_type, error.upstream_code, error.retryable) == (kind, code, retryable)
    assert words in error.message and "The text so far is kept." in error.message


def test_what_was_said_of_cost_before_an_error_is_not_lost() -> None:
    error = failure([text("Hel", usage=USAGE), 'data: {"error":{"message":"boom"}}\n\n'],
                    STREAM | {"headers": STREAM["headers"] | {"X-ZenMux-RequestId": "req-9"}})
    assert error.usage == USAGE and error.request_id == "req-9" and error.finish_reason is None


def test_an_error_after_the_finish_reason_is_not_hidden() -> None:
    error = failure([text("Hel"), FINISH, 'data: {"error":{"message":"boom"}}\n\n', DONE])
    assert isinstance(error, errors.UpstreamFailed) and error.finish_reason == "stop"


def test_a_stall_after_the_finish_reason_completes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rill.exchange.TAIL_SECONDS", 0.2)
    assert ask([text("Hello"), FINISH], STREAM | {"end": "hang"})[-1] == Finish("stop", None)


def test_connections_are_used_again_after_a_complete_answer() -> None:
    with WireServer(([text("Hello"), FINISH, DONE], STREAM)) as server:
        client = ZenMux(server.base_url, KEY)
        for _ in range(3):
            assert isinstance(list(client.stream_chat(ChatRequest("m/m", HELLO, {})))[-1], Finish)
        assert len(server.requests) == 3 and server.connections == 1


@pytest.mark.parametrize("http", [STREAM | {"end": "hang"}, STREAM | {"framing": "close", "end": "hang"}])
def test_an_upstream_that_stays_after_done_costs_no_time_and_no_connection(http: dict[str, Any]) -> None:
    start = time.monotonic()
    with WireServer(([text("Hello"), FINISH, DONE], http)) as server:
        list(ZenMux(server.base_url, KEY).stream_chat(ChatRequest("m/m", HELLO, {})))
        assert time.monotonic() - start < 1 and server.gone.wait(2)


def test_a_dead_pooled_connection_is_replaced() -> None:
    script = [text("Hello"), FINISH, DONE]
    with WireServer((script, STREAM)) as server:
        client = ZenMux(server.base_url, KEY)
        list(client.stream_chat(ChatRequest("m/m", HELLO, {})))
        server.drop_connections()
        assert isinstance(list(client.stream_chat(ChatRequest("m/m", HELLO, {})))[-1], Finish)
        assert server.connections == 2


def test_the_key_leaks_nowhere_however_an_upstream_echoes_it() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    rng = random.Random(seed)
    for _ in range(15):
        cuts = sorted(rng.randrange(len(KEY) + 1) for _ in range(rng.randrange(5)))
        parts = [KEY[a:b] for a, b in zip([0, *cuts], [*cuts, len(KEY)])]
        body = "".join([
            f": your key is {KEY}\n\n", text(f"Your key is {KEY}. "),
            *map(text, ["Again: ", *parts, ". Once more: ", *KEY, "."]),
            frame({"choices": [{"index": 0, "delta": {"reasoning": KEY, "refusal": KEY}}], "usage": {"key": KEY}}), FINISH, DONE])
        raw = [body[at:at + size] for size in [rng.randrange(1, 60)] for at in range(0, len(body), size)]
        recorded: list[bytes] = []
        with WireServer((raw, STREAM | {"headers": STREAM["headers"] | {"X-ZenMux-RequestId": KEY}})) as server:
            events = list(ZenMux(server.base_url, KEY).stream_chat(ChatRequest("m/m", HELLO, {}), record=recorded.append))
        told = "".join(event.text for event in events if isinstance(event, Delta) and event.channel == "content")
        assert re.fullmatch(r"Your key is (.*)\*{3}\. Again: (.*)\*{3}\. Once more: (.*)\*{3}\.", told), told
        assert KEY[HOLD_FROM - 1:] not in told, "more than the kind of the key got out"
        assert KEY not in repr(events) and KEY not in b"".join(recorded).decode()
        assert b"Again" in b"".join(recorded)


def test_the_key_leaks_into_no_error() -> None:
    said = {"error": {"code": "403", "type": KEY, "message": f"Key {KEY} is unknown"}}
    for http in (JSON | {"status": 403, "headers": {"X-ZenMux-RequestId": KEY}}, JSON, STREAM):
        error = failure([frame(said) if http is STREAM else json.dumps(said)], http)
        assert "Key *** is unknown" in error.message
        assert KEY not in repr(vars(error)) + repr(error.as_dict())


def test_a_head_that_is_half_a_head_puts_no_key_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    ask([text("Hi"), DONE], STREAM | {"headers": STREAM["headers"] | {"X-Echo": f"you said\r\nBearer {KEY}"}})
    assert not caplog.records


def test_a_word_that_stands_for_a_key_is_not_masked() -> None:
    assert ask([text("the standin speaks"), DONE], key="standin")[2] == Delta("content", "the standin speaks")


def test_a_stand_in_for_many_is_shared_without_cookies() -> None:
    with WireServer(([DONE], STREAM | {"headers": STREAM["headers"] | {"Set-Cookie": "who=alice"}})) as server:
        client = ZenMux(server.base_url, KEY)
        for _ in range(2):
            list(client.stream_chat(ChatRequest("m/m", HELLO, {})))
        assert b"cookie" not in server.requests[1].lower()


def test_the_models_list_is_fetched_and_bounded() -> None:
    with WireServer((['{"object":"list","data":[{"id":"a/b"},7]}'], JSON), (["[" + " " * (5 << 20)], JSON),
                    (["<html>"], JSON), (['{"data":{}}'], JSON), (['{"error":{"message":"no"}}'], JSON | {"status": 502})) as server:
        client = ZenMux(server.base_url, KEY)
        assert client.fetch_models() == [{"id": "a/b"}]
        for kind in (errors.FrameTooLarge, errors.ProtocolBroken, errors.ProtocolBroken, errors.HttpRefused):
            with pytest.raises(kind):
                client.fetch_models()
        assert server.requests[0].startswith(b"GET /api/v1/models HTTP/1.1\r\n")


def test_no_descriptor_stays_open_after_failures() -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))
    with WireServer(([text("Hel")], STREAM | {"end": "reset"})) as server:
        client = ZenMux(server.base_url, KEY)
        before = descriptors()
        for _ in range(20):
            with pytest.raises(errors.CutOff):
                list(client.stream_chat(ChatRequest("m/m", HELLO, {})))
        deadline = time.monotonic() + 2
        while descriptors() > before + 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert descriptors() <= before + 1
