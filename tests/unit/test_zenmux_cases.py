"""Every wire case, as it stands and cut into single bytes: what the client tells must be what the case expects."""
from __future__ import annotations

import base64
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from rill import errors
from rill.chunks import Citation, Connected, Delta, Finish, Meta
from rill.standin.wire import expand
from rill.zenmux import ChatRequest, Limits, ZenMux
from tests.wire_server import WireServer

CASES = json.loads((Path(__file__).parents[1] / "fixtures" / "wire_cases.json").read_text())["cases"]
KEY = "sk-ai-v1-0123456789abcdef"
LIVE_SECONDS = 0.06
BYTEWISE_LIMIT = 20_000  # bytes; longer bodies are cut into pieces of a prime length instead
PIECE_BYTES = 997
KINDS = {
    "http": errors.HttpRefused, "upstream": errors.UpstreamFailed, "timeout": errors.TimedOut, "eof": errors.CutOff,
    "not_sse": errors.NotAStream, "transport": (errors.CutOff, errors.ConnectFailed),
}
PROTOCOL_KINDS = {"frame_too_big": errors.FrameTooLarge, "bad_json": errors.ProtocolBroken}


def run(chunks: list[Any], http: dict[str, Any], given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask once; all that was told, in the words of the cases, with the time of each delta."""
    given = given or {}
    idle = given.get("idle_s", 5)
    limits = Limits(first_data_seconds=idle, content_seconds=idle, max_frame_bytes=given.get("max_frame", 4 << 20))
    told: dict[str, Any] = {"deltas": [], "times": [], "annotations": [], "id": None, "model": None, "error": None,
                            "finish_reason": None, "usage": None, "extras": {}, "record": b""}
    order = []
    with WireServer((chunks, http)) as server:
        request = ChatRequest("openai/gpt-5", [{"role": "user", "content": "Hi"}], {})

        def record(data: bytes) -> None:
            told["record"] += data
        try:
            for event in ZenMux(server.base_url, KEY, limits).stream_chat(request, record=record):
                order.append(type(event))
                if isinstance(event, Delta):
                    told["times"].append(time.monotonic())
                    told["deltas"].append([event.channel, event.text])
                elif isinstance(event, Citation):
                    told["annotations"].append({"type": "url_citation", "title": event.title, "url": event.url})
                elif isinstance(event, Meta):
                    told["id"], told["model"] = event.generation_id, event.model
                elif isinstance(event, Finish):
                    told |= {"finish_reason": event.finish_reason, "usage": event.usage, "extras": event.extras}
        except errors.UpstreamError as error:
            told |= {"error": error, "finish_reason": error.finish_reason, "usage": error.usage}
        told["sent"] = dict(server.sent)
    assert order.count(Meta) <= 1 and order.count(Connected) <= 1
    assert (Finish in order) == (told["error"] is None), "Finish is told exactly when nothing failed"
    assert Finish not in order or order[-1] is Finish
    return told


def compare(told: dict[str, Any], expect: dict[str, Any], *, is_whole: bool) -> None:
    text = {channel: "".join(text for kind, text in told["deltas"] if kind == channel) for channel in ("content", "reasoning")}
    error = told["error"]
    for name, wanted in expect.items():
        if name in ("content", "reasoning"):
            assert text[name] == (b"".join(expand([wanted])).decode() if isinstance(wanted, dict) else wanted)
        elif name == "deltas":
            assert told["deltas"] == wanted
        elif name == "outcome":
            assert (error is None) == (wanted == "complete")
            assert (type(error) is errors.CutOff) == (wanted == "truncated")
        elif name == "empty":
            assert (text["content"] == "") is wanted
        elif name == "error":
            if wanted:
                compare_error(error, wanted)
        elif name in ("refusal", "tool_calls", "reasoning_details"):
            assert told["extras"][name] == wanted
        elif name == "live_entries":
            if is_whole:
                for place, entry in enumerate(wanted):
                    assert told["times"][place] - told["sent"][entry] < LIVE_SECONDS
        else:
            assert told[name] == wanted, name


def compare_error(error: errors.UpstreamError, wanted: dict[str, Any]) -> None:
    sentence = error.as_dict()["message"]
    assert sentence.endswith(".") and "!" not in sentence and "kept" in sentence
    for name, value in wanted.items():
        if name == "kind":
            assert isinstance(error, KINDS.get(value) or PROTOCOL_KINDS[wanted["code"]])
        elif name == "code" and wanted["kind"] == "protocol":
            assert type(error) is PROTOCOL_KINDS[value]
        elif name in ("message", "message_contains"):
            assert value.rstrip(".") in sentence
        elif name == "message_excludes":
            assert value not in sentence
        else:
            ours = {"http_status": "status", "code": "upstream_code", "type": "upstream_type",
                    "retry_after_s": "retry_after"}.get(name, name)
            assert getattr(error, ours) == value, name


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_case_becomes_what_it_expects(case: dict[str, Any]) -> None:
    told = run(case["chunks"], case["http"], case.get("client"))
    compare(told, case["expect"], is_whole=True)
    if not told["error"] or case["http"]["end"] == "clean" and told["error"].type == "cut":
        assert told["record"] == b"".join(expand(case["chunks"]))
    if request_id := case["http"].get("headers", {}).get("X-ZenMux-RequestId"):
        assert told["error"].request_id == request_id


@pytest.mark.parametrize("case", [case for case in CASES if case["chunks"]], ids=lambda case: case["name"])
def test_a_case_cut_into_bytes_becomes_the_same(case: dict[str, Any]) -> None:
    body = b"".join(expand(case["chunks"]))
    size = 1 if len(body) < BYTEWISE_LIMIT else PIECE_BYTES
    told = run(as_chunks(body[at:at + size] for at in range(0, len(body), size)), case["http"] | {"delays_ms": 0},
               case.get("client"))
    compare(told, case["expect"], is_whole=False)


def test_random_cuts_change_nothing() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    rng = random.Random(seed)
    for case in rng.sample([case for case in CASES if len(case["chunks"]) > 1 and not case.get("client")], 25):
        body = b"".join(expand(case["chunks"]))
        cuts = sorted({0, len(body), *(rng.randrange(len(body)) for _ in range(rng.randrange(1, 12)))})
        told = run(as_chunks(body[a:b] for a, b in zip(cuts, cuts[1:])), case["http"] | {"delays_ms": 0})
        print(case["name"], cuts)
        compare(told, case["expect"], is_whole=False)


def as_chunks(pieces: Any) -> list[str]:
    return ["b64:" + base64.b64encode(piece).decode() for piece in pieces]
