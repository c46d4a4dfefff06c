"""The real small model behind the stand-in: several chats at once, a stop that stops, honest counts, a history that fits."""
from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rill.standin.catalog import LOCAL_CONTEXT, LOCAL_MODEL
from rill.standin.dialect import ApiError
from rill.standin.local import RESERVED_TOKENS, fit
from tests.standin_process import StandIn, running_standin, stream_events, texts, wait_until

STORY = "Write a very long story about the sea, in many chapters."
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with running_standin() as running:
        yield running


def child_of(standin: StandIn) -> int | None:
    """The process that holds the model, found as the stand-in's only child."""
    children = Path(f"/proc/{standin.process.pid}/task/{standin.process.pid}/children").read_text().split()
    return int(children[0]) if children else None


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def test_the_model_is_loaded_by_the_first_chat_and_other_streams_flow_meanwhile() -> None:
    with running_standin() as standin:
        assert child_of(standin) is None, "nothing is loaded before it is asked for"
        first = threading.Thread(target=standin.ask, args=(LOCAL_MODEL, "Say hello."), kwargs={"max_completion_tokens": 3})
        first.start()
        started = time.monotonic()
        standin.ask("demo/numbers", '{"words": 50, "rate": 100, "first_seconds": 0}')
        assert time.monotonic() - started < 1.0, "half a second of numbers, not held up by the loading"
        first.join(60)
        child = child_of(standin)
        assert child is not None
    wait_until(lambda: not Path(f"/proc/{child}").exists(), "the model's process outlived the stand-in")


def test_a_stream_of_the_real_model_is_in_the_dialect_with_real_counts(standin: StandIn) -> None:
    body = {"max_completion_tokens": 12, "temperature": 0, "stream": True, "stream_options": {"include_usage": True}}
    events = stream_events(standin.ask(LOCAL_MODEL, "Count from one to twenty in words.", **body).content)
    said, call = texts(events)["content"], standin.last_call()
    assert said == call["content"] and len(said) > 10 and events[-1] == "[DONE]"
    assert events[0]["choices"][0]["delta"]["role"] == "assistant" and events[0]["model"] == LOCAL_MODEL
    assert events[-3]["choices"][0]["finish_reason"] == "length"
    usage = events[-2]["usage"]
    assert usage["completion_tokens"] == 12 and 20 < usage["prompt_tokens"] < 60
    whole = standin.ask(LOCAL_MODEL, "Count from one to twenty in words.", max_completion_tokens=12, temperature=0).json()
    assert whole["choices"][0]["message"]["content"] == said, "without temperature it says the same again"
    assert whole["usage"]["completion_tokens"] == 12


def test_it_goes_on_after_a_partial_answer(standin: StandIn) -> None:
    body = {"model": LOCAL_MODEL, "max_completion_tokens": 5, "temperature": 0,
            "messages": [{"role": "user", "content": "Repeat: one two three four five"}, {"role": "assistant", "content": "one two three"}]}
    content = standin.chat(body).json()["choices"][0]["message"]["content"]
    assert content.startswith(" four"), content


def test_a_stop_sequence_reaches_the_model(standin: StandIn) -> None:
    body = {"model": LOCAL_MODEL, "max_completion_tokens": 30, "temperature": 0, "stop": [" five"],
            "messages": [{"role": "user", "content": "Repeat: one two three four five"}, {"role": "assistant", "content": "one two three"}]}
    [choice] = standin.chat(body).json()["choices"]
    assert choice["message"]["content"].strip() == "four" and choice["finish_reason"] == "stop"


def test_three_chats_stream_at_once_and_all_finish(standin: StandIn) -> None:
    answers: list[bytes] = []

    def ask(number: int) -> None:
        answers.append(standin.ask(LOCAL_MODEL, f"Tell a story about {number} ships.", stream=True, max_completion_tokens=60).content)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert len(answers) == 3 and all(answer.endswith(b"data: [DONE]\n\n") for answer in answers)
    calls = standin.ledger()[-3:]
    assert max(call["first_sent_at"]["ms"] for call in calls) < min(call["finished_at"]["ms"] for call in calls), "side by side, not in turn"
    assert sorted(texts(stream_events(answer))["content"] for answer in answers) == sorted(call["content"] for call in calls)


@pytest.mark.parametrize("when", ["while it reads the prompt", "while it speaks"])
def test_a_stopped_generation_stops_computing(standin: StandIn, when: str) -> None:
    standin.ask(LOCAL_MODEL, "hi", max_completion_tokens=1)
    child = child_of(standin)
    assert child is not None
    idle = cpu_seconds(child)
    text = STORY if when == "while it speaks" else "the sea and the wind " * 250 + str(time.time())
    with standin.open_chat(LOCAL_MODEL, text) as sock:
        if when == "while it speaks":
            wait_until(lambda: b'"content":" ' in sock.recv(65536), "the model must have begun to speak", 30)
        else:
            wait_until(lambda: cpu_seconds(child) > idle + 0.2, "the model must have begun to read", 30)
    wait_until(lambda: standin.last_call()["outcome"] == "peer_gone", "the ledger must see the stop", 1)

    def is_idle() -> bool:
        before = cpu_seconds(child)
        time.sleep(0.3)  # the measure itself: processor time over a span
        return cpu_seconds(child) - before <= 0.02

    wait_until(is_idle, "the model goes on computing for nobody", 2)
    assert standin.ask(LOCAL_MODEL, "Say hello.", max_completion_tokens=3).ok, "and it still answers"


def test_a_long_history_is_cut_from_the_front(standin: StandIn) -> None:
    turns = [{"role": role, "content": f"{role} says {number}: " + "something about boats " * 20}
             for number in range(60) for role in ("user", "assistant")]
    response = standin.chat({"model": LOCAL_MODEL, "messages": [*turns, {"role": "user", "content": "Say hello."}],
                             "max_completion_tokens": 5})
    assert response.status_code == 200, response.text
    assert 1000 < response.json()["usage"]["prompt_tokens"] <= LOCAL_CONTEXT - RESERVED_TOKENS


def test_a_message_that_fits_nowhere_is_refused(standin: StandIn) -> None:
    response = standin.ask(LOCAL_MODEL, "word " * 5000, stream=True)
    assert (response.status_code, response.json()["error"]["message"]) == (413, "Prompt is too long")


def test_a_dead_child_is_an_error_now_and_alive_again_after(standin: StandIn) -> None:
    standin.ask(LOCAL_MODEL, "hi", max_completion_tokens=1)
    with standin.open_chat(LOCAL_MODEL, STORY) as sock:
        wait_until(lambda: b'"content":" ' in sock.recv(65536), "the model must have begun to speak", 30)
        os.kill(child_of(standin) or 0, 9)
        rest = read_to_end(sock)
    error = json.loads(rest.rpartition(b"data: ")[2].partition(b"\n")[0])["error"]
    assert error["type"] == "provider_error" and b"[DONE]" not in rest
    assert standin.ask(LOCAL_MODEL, "hi", max_completion_tokens=1).status_code == 200


def test_the_model_does_not_outlive_a_killed_standin() -> None:
    with running_standin() as standin:
        standin.ask(LOCAL_MODEL, "hi", max_completion_tokens=1)
        child = child_of(standin)
        standin.process.kill()
        standin.exit_code = -9
        wait_until(lambda: not Path(f"/proc/{child}").exists(), "the model's process goes on alone")


def read_to_end(sock: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"0\r\n\r\n"):
        part = sock.recv(65536)
        assert part, "the stream must end well although the model died"
        data += part
    return data


def test_fitting_keeps_the_system_message_and_the_newest_turns() -> None:
    def message(role: str, text: str) -> dict[str, str]:
        return {"role": role, "content": text}

    def count(text: str) -> int:
        return len(text)

    system, old, answer, new = (message("system", "s" * 100), message("user", "a" * 900), message("assistant", "b" * 300),
                                message("user", "c" * 400))
    assert fit([system, old, answer, new], count) == [system, new], "an answer without its question goes as well"
    assert fit([system, message("user", "a"), answer, new], count) == [system, message("user", "a"), answer, new]
    assert fit([message("assistant", "only")], count) == [message("assistant", "only")]
    with pytest.raises(ApiError):
        fit([system, message("user", "x" * LOCAL_CONTEXT)], count)
    with pytest.raises(ApiError):
        fit([message("system", "x" * LOCAL_CONTEXT), new], count)
