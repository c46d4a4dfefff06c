"""What the stand-in's validation refuses, in which words, and that nothing else ever comes out of it."""
from __future__ import annotations

import json
import random
from typing import Any

import pytest

from rill.standin.dialect import ApiError
from rill.standin.scripted import MODELS, perform
from rill.standin.validate import Chat, parse_chat, parse_json

SEED = 4711
GOOD: dict[str, Any] = {"model": "demo/fast", "messages": [{"role": "user", "content": "hi"}]}
REFUSED = [
    ({"model": None}, 400, "Parameter model is required"),
    ({"model": 5}, 400, "Parameter model must be a string"),
    ({"model": "bad model"}, 404, "Model bad model is not valid"),
    ({"model": "/x"}, 404, "Model /x is not valid"),
    ({"model": "x" * 201}, 404, None),
    ({"messages": None}, 400, "Parameter messages is required"),
    ({"messages": []}, 400, "Parameter messages must be a non-empty array"),
    ({"messages": {}}, 400, "Parameter messages must be a non-empty array"),
    ({"messages": ["hi"]}, 400, None),
    ({"messages": [{"role": "user", "content": ""}]}, 400, "Parameter messages can not contain elements without content"),
    ({"messages": [{"role": "user"}]}, 400, "Parameter messages can not contain elements without content"),
    ({"messages": [{"role": "assistant", "content": None}]}, 400, "Parameter messages can not contain elements without content"),
    ({"messages": [{"role": "robot", "content": "x"}]}, 400, None),
    ({"messages": [{"role": "user", "content": 5}]}, 400, None),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]}, 400, None),
    *[({"messages": [{"role": "user", "content": [part]}]}, 400, None) for part in (
        {"type": "video"}, {"type": "image_url"}, {"type": "image_url", "image_url": {"url": "ftp://x"}},
        {"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,AAAA"}}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,A!"}},
        {"type": "file", "file": {"filename": "x"}}, {"type": "file", "file": {"file_data": 5}})],
    ({"stream_options": {"include_usage": True}}, 400, "Parameter stream_options is not supported while stream is false"),
    ({"stream": True, "stream_options": {"include_usage": True}, "usage": {"include": True}}, 400,
     "Parameter stream_options.include_usage conflict with usage.include"),
    ({"include_reasoning": True, "reasoning": {"exclude": True}}, 400, "Parameter include_reasoning conflict with reasoning.exclude"),
    ({"n": 2}, 400, "Parameter n grater than 1 is not supported"),
    ({"model": "zenmux/auto"}, 400, "Parameter model_routing_config is required when model is zenmux/auto"),
    ({"stream": "yes"}, 400, "Parameter stream must be a boolean"),
    ({"temperature": "hot"}, 400, None), ({"temperature": -1}, 400, None), ({"temperature": True}, 400, None),
    ({"top_p": 1.5}, 400, None), ({"max_completion_tokens": 0}, 400, None), ({"max_completion_tokens": 1.5}, 400, None),
    ({"stop": ["a", "b", "c", "d", "e"]}, 400, None), ({"stop": 5}, 400, None), ({"reasoning_effort": "huge"}, 400, None),
    ({"reasoning": []}, 400, "Parameter reasoning must be an object"), ({"stream_options": 1}, 400, None),
]


@pytest.mark.parametrize(("change", "status", "message"), REFUSED, ids=[json.dumps(change)[:60] for change, _, _ in REFUSED])
def test_a_wrong_body_is_refused_in_the_gateways_words(change: dict[str, Any], status: int, message: str | None) -> None:
    with pytest.raises(ApiError) as caught:
        parse_chat({**GOOD, **change})
    assert (caught.value.status, caught.value.type) == (status, "invalid_params" if status == 400 else "invalid_model")
    assert message is None or caught.value.message == message
    assert caught.value.body()["error"]["code"] == str(status)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"a": NaN}', b"[" * 100_000, b'{"model": "\\ud800"}'])
def test_what_is_not_a_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        parse_json(body)
    assert caught.value.status == 400


def test_a_full_body_is_understood() -> None:
    chat = parse_chat({**GOOD, "stream": True, "stream_options": {"include_usage": True}, "max_completion_tokens": 9, "n": 1,
                       "stop": "x", "reasoning": {"enabled": False}, "temperature": 0.5, "user": "ignored",
                       "messages": [{"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
                                                                   {"type": "text", "text": "b"}]}, {"role": "user", "content": "q"},
                                    {"role": "assistant", "content": "part"}]})
    assert chat == Chat("demo/fast", [("system", "a\nb"), ("user", "q"), ("assistant", "part")], True, True, 9, False, ("x",), 0.5,
                        needs=frozenset({"image"}))
    assert (chat.last_user, chat.prefix) == ("q", "part")


def test_random_bodies_are_either_answered_or_refused() -> None:
    rng = random.Random(SEED)
    print(f"seed={SEED}")
    outcomes = {"answered": 0, "refused": 0}
    for _ in range(4000):
        body = {**GOOD, **{name: junk(rng) for name in rng.sample(FIELDS, rng.randint(0, 3))}}
        if rng.random() < 0.3:
            body["messages"] = [{"role": "user", "content": json.dumps({name: junk(rng) for name in NUMBER_SETTINGS})}]
            body["model"] = "demo/numbers"
        try:
            chat = parse_chat(body)
            model = chat.model if chat.model in MODELS else "demo/fast"
            next(perform(MODELS[model](chat), chat))
            outcomes["answered"] += 1
        except ApiError:
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 300, f"the dice must reach both: {outcomes}"


FIELDS = ["model", "messages", "stream", "stream_options", "n", "temperature", "top_p", "stop", "reasoning", "reasoning_effort", "usage",
          "max_completion_tokens", "max_tokens", "seed", "include_reasoning", "metadata", "model_routing_config", "tools"]
NUMBER_SETTINGS = ["words", "rate", "seed", "chunk", "reasoning_words", "first_seconds", "wide"]


def junk(rng: random.Random, depth: int = 0) -> Any:
    simple = [None, True, False, 0, 1, -1, 2, 0.5, 10**12, "", "x", "user", "demo/echo", "medium", "é🌊", [], {}]
    if depth < 3 and rng.random() < 0.4:
        keys = ["role", "content", "type", "text", "include_usage", "include", "effort", "exclude", "enabled"]
        return ([junk(rng, depth + 1) for _ in range(rng.randint(0, 3))] if rng.random() < 0.5 else
                {rng.choice(keys): junk(rng, depth + 1) for _ in range(rng.randint(0, 3))})
    return rng.choice(simple)
