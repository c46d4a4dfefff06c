"""How a server's processes come and go: shutdown under load, reload, recycling, a killed worker, what systemd is told,
what the log says. Crashes of the whole server are in test_crash_and_shutdown.py.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from rill.standin.numbers import verify
from tests.feed_reader import Feed, FeedEnded, Held
from tests.integration.conftest import KEY
from tests.servers import PROJECT, Rill, bare_environment, free_port, running_rill
from tests.standin_process import StandIn, wait_until

STREAMS = 50
GRACE_SECONDS = 3
OVER_GRACE_SECONDS = 3  # how much longer an end may take
SEED = 8
ENDED = re.compile(r" ended status=(\w+) error=\S+ request_id=\S+ content=(\d+) reasoning=\d+ total_ms=\d+")


def numbers(words: int, rate: int, seed: int = SEED) -> str:
    return json.dumps({"words": words, "rate": rate, "seed": seed, "wide": True})


@pytest.fixture
def rill(upstream: StandIn, data_dir: Path) -> Iterator[Rill]:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo", RILL_GRACE_SECONDS=GRACE_SECONDS) as running:
        yield running


class Sender:
    """A person who sends message after message, each with its key, and again until it is accepted."""

    def __init__(self, rill: Rill) -> None:
        self._api, self._stop, self.accepted, self.refusals = rill.api(), threading.Event(), [], 0
        self.conversation_id = self._api.new_conversation()["id"]
        self._thread = threading.Thread(target=self._send_all, daemon=True)

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)

    def _send_all(self) -> None:
        number = 0
        while not self._stop.wait(0.1):
            number += 1
            while not (made := self._send(number)):
                self.refusals += 1
                time.sleep(0.1)
            self.accepted.append(made)

    def _send(self, number: int) -> dict[str, Any] | None:
        body = {"content": f"message {number}", "parent_id": None}
        try:
            answer = self._api.request("POST", f"/api/conversations/{self.conversation_id}/messages", body, key=f"key-{number}")
        except requests.ConnectionError:
            return None
        assert answer.status_code in (202, 503), answer.text
        return answer.json() if answer.status_code == 202 else None


# ---- the end under load

def test_a_shutdown_under_fifty_streams_keeps_every_one(rill: Rill) -> None:
    api, feed = rill.api(), rill.feed(is_slow=True).until_ready()
    conversation = api.new_conversation()["id"]
    short = [api.send(conversation, numbers(60, 40, seed), "demo/numbers", parent_id=None)["replies"][0]["id"] for seed in range(STREAMS // 2)]
    long = [api.send(conversation, numbers(9000, 40, seed), "demo/numbers", parent_id=None)["replies"][0]["id"] for seed in range(STREAMS // 2)]
    feed.until(lambda feed: all(feed.held.text(one) for one in long), "not all are streaming")
    asked_at = rill.terminate()
    feed.until_end(2)
    assert feed.bye == "shutdown" and time.monotonic() - asked_at < 1.5, "feeds are told at once"
    try:
        assert api.request("POST", f"/api/conversations/{conversation}/messages", {"content": "late"}).status_code == 503
    except requests.ConnectionError:
        pass
    assert rill.wait() == 0
    assert time.monotonic() - asked_at <= GRACE_SECONDS + OVER_GRACE_SECONDS, rill.log()
    rill.start()
    after = {one["id"]: one for one in rill.api().get(f"/api/conversations/{conversation}")["messages"]}
    for seed, (quick, slow) in enumerate(zip(short, long)):
        assert after[quick]["status"] == "completed" and len(after[quick]["content"].split()) == 60
        assert after[slow]["status"] == "interrupted" and after[slow]["content"].startswith(feed.held.text(slow))
        assert verify(after[quick]["content"], seed, wide=True) is verify(after[slow]["content"], seed, wide=True) is None


# ---- one process after another

def replaced_in_order(rill: Rill, begin: Any) -> None:
    """`begin` has the process replaced; nothing that was sent or shown may be lost."""
    api, held = rill.api(), Held()
    feed, worker = rill.feed(held).until_ready(), rill.worker_pid()
    reply = api.ask(numbers(60, 40), "demo/numbers")
    with Sender(rill) as sender:
        wait_until(lambda: len(sender.accepted) > 2, "the sender to send")
        begin()
        feed.until_end()
        assert feed.bye == "shutdown"
        feed.close()
        fresh = rill.next_life(held, feed.boot).until_final(reply["id"])
        count = len(sender.accepted)
        wait_until(lambda: len(sender.accepted) > count + 2, "the sender to go on")
    assert rill.worker_pid() != worker and held.messages[reply["id"]]["status"] == "completed"
    assert verify(held.text(reply["id"]), SEED, wide=True) is None and len(held.text(reply["id"]).split()) == 60
    for made in sender.accepted:
        api.finished(made["replies"][0]["id"])
    kept = rill.api().get(f"/api/conversations/{sender.conversation_id}")["messages"]
    questions = [one["content"] for one in kept if one["role"] == "user"]
    assert questions == [f"message {number + 1}" for number in range(len(sender.accepted))]
    assert all(one["status"] == "completed" for one in kept), {one["status"] for one in kept}
    fresh.close()


def test_a_reload_loses_no_message_and_pages_follow_to_the_new_process(rill: Rill) -> None:
    replaced_in_order(rill, lambda: rill.process.send_signal(signal.SIGHUP))


def test_a_reload_with_a_wrong_setting_changes_nothing_and_names_it(upstream: StandIn, data_dir: Path, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text(KEY)
    with running_rill(data_dir, upstream.base_url, ZENMUX_API_KEY_FILE=secret, ZENMUX_BASE_URL=upstream.base_url, RILL_GRACE_SECONDS=1) as rill:
        reply, worker = rill.api().ask(numbers(60, 40), "demo/numbers"), rill.worker_pid()
        secret.unlink()
        rill.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "ZENMUX_API_KEY_FILE" in rill.log() and "Not reloaded" in rill.log(), "the log to say so")
        assert rill.api().finished(reply["id"])["status"] == "completed" and rill.worker_pid() == worker
        secret.write_text(KEY)
        rill.process.send_signal(signal.SIGHUP)
        wait_until(lambda: worker not in rill.worker_pids() and rill.answers(), "the next reload to be one")


def test_a_worker_that_has_had_its_requests_ends_in_order_too(upstream: StandIn, data_dir: Path) -> None:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo", RILL_GRACE_SECONDS=GRACE_SECONDS,
                      GUNICORN_CMD_ARGS="--max-requests 60") as rill:
        with requests.Session() as session:
            replaced_in_order(rill, lambda: [session.get(f"{rill.url}/healthz", timeout=10) for _ in range(60)])


def test_a_killed_worker_is_replaced_and_its_answers_are_interrupted(rill: Rill) -> None:
    api, held = rill.api(), Held()
    reply = api.ask(numbers(9000, 40), "demo/numbers")
    feed = rill.feed(held).until(lambda feed: len(feed.held.text(reply["id"])) > 200, "no text")
    worker = rill.worker_pid()
    os.kill(worker, signal.SIGKILL)  # what the kernel does to a process that takes all memory
    with pytest.raises(FeedEnded):
        while True:
            feed.read()
    again = rill.next_life(held, feed.boot)
    after = rill.api().message(reply["id"])
    assert again.until_final(reply["id"]).held.text(reply["id"]) == after["content"]
    assert after["status"] == "interrupted" and verify(after["content"], SEED, wide=True) is None
    assert rill.worker_pid() != worker and api.answered("still here")["content"] == "still here"


# ---- what systemd sees

def test_the_service_manager_is_told_when_it_is_ready_and_when_it_stops(upstream: StandIn, tmp_path: Path) -> None:
    port = free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(60)
        env = {**bare_environment(), "RILL_PORT": str(port), "RILL_DATA_DIR": str(tmp_path / "data"), "ZENMUX_API_KEY": KEY,
               "ZENMUX_BASE_URL": upstream.base_url, "NOTIFY_SOCKET": str(tmp_path / "notify")}
        serve = subprocess.Popen([sys.executable, "bin/serve"], cwd=PROJECT, env=env, start_new_session=True, stdout=subprocess.DEVNULL)
        try:
            assert manager.recv(1000) == b"READY=1"
            assert requests.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200, "ready means that it answers"
            serve.terminate()
            assert manager.recv(1000) == b"STOPPING=1"
            assert serve.wait(20) == 0
        finally:
            if serve.poll() is None:
                os.killpg(serve.pid, signal.SIGKILL)
                serve.wait()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_finds_no_fault_in_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / "rill.service"
    unit.write_text((PROJECT / "deploy" / "rill.service").read_text().replace("/opt/rill", str(PROJECT)))
    found = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, timeout=60)
    about_us = [line for line in found.stderr.splitlines() if unit.name in line]
    assert found.returncode == 0 and not about_us, found.stderr


# ---- the log

def test_the_log_tells_each_run_by_its_id_and_never_what_was_said(upstream: StandIn, data_dir: Path) -> None:
    leak = {"error": {"code": 500, "type": "provider_error", "message": f"secret-of-the-provider {KEY}"}}
    refused = {"chunks": [json.dumps({"error": {"code": 503, "message": "over"}})], "http": {"status": 503, "framing": "length"}}
    model = upstream.script("once-refused", times=[refused, {"model": "demo/echo"}])
    leaking = upstream.script("leaking", chunks=[f"data: {json.dumps(leak)}\n\n"], http={"headers": {"Content-Type": "text/event-stream"}})
    with running_rill(data_dir, upstream.base_url, key=KEY) as rill:
        api = rill.api()
        done, failed = api.answered("Quetzalcoatl sings", model), api.answered("unheard words", leaking)
        broken = api.answered("x", "demo/fault-cut")
        stopped = api.ask(numbers(9000, 40), "demo/numbers")
        api.with_text(stopped["id"])
        stopped = api.stop(stopped["id"])
        rill.terminate()
        rill.wait()
        log = rill.log_path.read_text()
    for message, retries in ((done, 1), (failed, 0), (broken, 0), (stopped, 0)):
        lines = [line.partition(f"run={message['id']}")[2] for line in log.splitlines() if f"run={message['id']}" in line]
        assert lines[0].startswith(f" started model={message['model']}") and sum(" retry=" in line for line in lines) == retries
        assert ENDED.match(lines[-1]).groups() == (message["status"], str(len(message["content"]))), lines
    for word in ("Quetzalcoatl", "unheard", "secret-of-the-provider", KEY, "beginning of an answer", stopped["content"][:11]):
        assert word not in log, f"{word} is in the log"
