"""Public clients against the stand-in, with only the base URL and the key changed: what they understood is what was sent."""
from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.standin_process import KEY, StandIn, running_standin, stream_events, texts

MODEL = "openai/gpt-5"
PROMPT = "Say something – naïve, 日本語, 🌊."
JS_CLIENTS = Path(__file__).resolve().parents[1] / "js-clients"
MANY = 20  # reads or pieces that a stream of about a hundred must come in at least, or it was not streamed


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with running_standin() as running:
        yield running


@pytest.fixture
def client(standin: StandIn) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=standin.base_url, api_key=KEY, max_retries=0) as made:
        yield made


def body(stream: bool = True) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}],
            **({"stream": True, "stream_options": {"include_usage": True}} if stream else {})}


def run(*command: str) -> subprocess.CompletedProcess[bytes]:
    ended = subprocess.run(command, cwd=JS_CLIENTS, capture_output=True, timeout=60)
    assert ended.returncode == 0, ended.stderr.decode()
    return ended


def assert_is_what_was_sent(standin: StandIn, text: str, usage: dict[str, Any]) -> None:
    call = standin.last_call()
    assert call["outcome"] == "finished" and call["model"] == MODEL and call["body"]["messages"][-1]["content"] == PROMPT
    assert text == call["content"] and len(text) > 200
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        assert usage[name] == call["usage"][name] > 0


def test_openai_for_python_streams_the_exact_text(standin: StandIn, client: openai.OpenAI) -> None:
    with client.chat.completions.create(**body()) as stream:
        chunks = list(stream)
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(pieces) > MANY and chunks[-1].usage is not None
    assert_is_what_was_sent(standin, "".join(pieces), chunks[-1].usage.model_dump())


def test_openai_for_python_reads_a_whole_answer(standin: StandIn, client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(**body(stream=False))
    assert answer.choices[0].finish_reason == "stop" and answer.usage is not None
    assert_is_what_was_sent(standin, answer.choices[0].message.content or "", answer.usage.model_dump())


def test_openai_for_python_lists_the_models_and_knows_the_errors(client: openai.OpenAI) -> None:
    assert {"demo/tour", "demo/echo"} <= {model.id for model in client.models.list()}
    asked = {"messages": [{"role": "user", "content": "hi"}], "stream": True}
    for model, error in (("demo/fault-429", openai.RateLimitError), ("demo/fault-403", openai.PermissionDeniedError),
                         ("demo/fault-502", openai.InternalServerError), ("bad model", openai.NotFoundError)):
        with pytest.raises(error) as caught:
            client.chat.completions.create(model=model, **asked)
        assert caught.value.response.headers["X-ZenMux-RequestId"]
    with pytest.raises(openai.APIError, match="overheated"), client.chat.completions.create(model="demo/fault-error", **asked) as stream:
        list(stream)


def test_httpx_reads_the_exact_bytes_as_they_come(standin: StandIn) -> None:
    async def read() -> list[bytes]:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http, http.stream(
                "POST", f"{standin.base_url}/chat/completions", json=body(), headers={"Authorization": f"Bearer {KEY}"}) as response:
            return [part async for part in response.aiter_bytes()]

    parts = asyncio.run(read())
    events = stream_events(b"".join(parts))
    assert len(parts) > MANY
    assert_is_what_was_sent(standin, texts(events)["content"], events[-2]["usage"])


def test_openai_for_node_streams_the_exact_text(standin: StandIn) -> None:
    understood = json.loads(run("node", "openai_stream.mjs", standin.base_url, KEY, MODEL, PROMPT).stdout)
    assert understood["pieces"] > MANY and understood["finish_reason"] == "stop"
    assert_is_what_was_sent(standin, understood["text"], understood["usage"])


def test_fetch_of_node_reads_the_exact_bytes_as_they_come(standin: StandIn) -> None:
    ended = run("node", "fetch_stream.mjs", standin.base_url, KEY, MODEL, PROMPT)
    events = stream_events(ended.stdout)
    assert int(ended.stderr) > MANY
    assert_is_what_was_sent(standin, texts(events)["content"], events[-2]["usage"])


def test_curl_shows_the_exact_bytes(standin: StandIn) -> None:
    curl = shutil.which("curl")
    assert curl, "curl is part of what this test is about"
    ended = run(curl, "-sS", "-N", "-H", f"Authorization: Bearer {KEY}", "-H", "Content-Type: application/json", "-d", json.dumps(body()),
                f"{standin.base_url}/chat/completions")
    events = stream_events(ended.stdout)
    assert events[-1] == "[DONE]"
    assert_is_what_was_sent(standin, texts(events)["content"], events[-2]["usage"])
