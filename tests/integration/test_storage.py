"""The disk and the database in every trouble of docs/what-happens-when.md, against a whole server."""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.api_client import Api
from tests.disks import MIB, SmallDisk, as_somebody_else, can_mount, open_folder
from tests.feed_reader import Feed
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn, wait_until

DISK_BYTES = 48 * MIB
TOO_LITTLE_BYTES = 8 * MIB  # below what the server wants to have free before it asks the upstream
QUICK_SECONDS = 0.5  # another page's request while somebody else waits for the database
WAITING = 40
SEED = 4


def numbers(words: int, rate: int) -> str:
    return json.dumps({"words": words, "rate": rate, "seed": SEED, "wide": True})


def upstream_text(upstream: StandIn, message: dict[str, Any]) -> str:
    return [call for call in upstream.ledger() if call["request_id"] == message["request_id"]][-1]["content"]


def readiness(rill: Rill) -> tuple[int, dict[str, Any]]:
    answer = requests.get(f"{rill.url}/readyz", timeout=20)
    return answer.status_code, answer.json()["checks"]["database"]


def troubles(feed: Feed) -> list[bool]:
    return [event.data["ok"] for event in feed.events if event.name == "storage"]


def contents(folder: Path) -> dict[str, str]:
    """Every file by its name, as its hash; but for SQLite's index of the log, which is made anew whenever it is needed."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file() and not path.name.endswith("-shm")}


def refusal(rill: Rill, seconds: float = 25) -> str:
    """What a start that must fail says."""
    rill.log_path.unlink(missing_ok=True)
    rill.launch()
    try:
        wait_until(lambda: rill.process.poll() is not None, f"the start to be refused: {rill.log()}", seconds)
        assert rill.wait() != 0, "the server ended as if all were well"
    finally:
        rill.kill()
    assert "Traceback" not in rill.log(), rill.log()
    return rill.log()


# ---- a full disk

@pytest.fixture
def disk(data_dir: Path) -> SmallDisk:
    if not can_mount():
        pytest.skip("a disk of its own needs root or user namespaces")
    return SmallDisk(data_dir, DISK_BYTES)


@pytest.fixture
def small(disk: SmallDisk, upstream: StandIn, data_dir: Path) -> Iterator[Rill]:
    with running_rill(data_dir, upstream.base_url, wrapper=disk.wrapper, RILL_DEFAULT_MODEL="demo/echo") as running:
        yield running


def test_on_a_nearly_full_disk_a_message_is_refused_before_the_upstream_is_asked(small: Rill, disk: SmallDisk, upstream: StandIn) -> None:
    api = small.api()
    before = api.answered("before")
    asked = len(upstream.ledger())
    disk.fill(small.process.pid, TOO_LITTLE_BYTES)
    refused = api.request("POST", f"/api/conversations/{before['conversation_id']}/messages", {"content": "no room"})
    assert (refused.status_code, refused.json()["error"]["type"]) == (507, "disk_full")
    api.post(f"/api/messages/{before['parent_id']}/replies", expect=507)
    api.post(f"/api/messages/{before['parent_id']}/edit", {"content": "y"}, expect=507)
    assert len(upstream.ledger()) == asked and len(api.get(f"/api/conversations/{before['conversation_id']}")["messages"]) == 2
    status, database = readiness(small)
    assert status == 503 and "full" in database["detail"]
    assert requests.get(f"{small.url}/healthz", timeout=5).status_code == 200 and api.message(before["id"]) == before
    disk.make_room(small.process.pid)
    assert readiness(small)[0] == 200
    assert api.finished(api.send(before["conversation_id"], "room")["replies"][0]["id"])["content"] == "room"


def test_an_answer_outlives_a_full_disk_and_every_reader_is_told(small: Rill, disk: SmallDisk, upstream: StandIn) -> None:
    api = small.api()
    feed = small.feed(is_slow=True).until_ready()
    reply = api.ask(numbers(400, 200), "demo/numbers")
    feed.until(lambda feed: len(feed.held.text(reply["id"])) > 300, "no text")
    disk.fill(small.process.pid)
    feed.until(lambda feed: troubles(feed) == [False], "the readers were not told")
    late = small.feed().until(lambda feed: troubles(feed) == [False], "a later reader was not told")
    wait_until(lambda: upstream.ledger()[-1]["outcome"] == "finished", "the upstream to end")
    shown = api.message(reply["id"])
    assert shown["status"] == "streaming" and shown["content"] == late.held.text(reply["id"])
    api.send(reply["conversation_id"], "no room", parent_id=None, expect=507)
    api.patch(f"/api/conversations/{reply['conversation_id']}", {"system_prompt": "x" * 30_000}, expect=507)
    assert readiness(small)[0] == 503
    disk.make_room(small.process.pid)
    for reader in (feed, late):
        reader.until_final(reply["id"])
        assert troubles(reader) == [False, True]
        assert reader.held.text(reply["id"]) == upstream_text(upstream, api.message(reply["id"]))
    assert api.message(reply["id"])["status"] == "completed" and readiness(small)[0] == 200
    assert troubles(small.feed().until_ready()) == []


def test_a_worker_that_cannot_mark_what_was_left_on_a_full_disk_says_so(small: Rill, disk: SmallDisk) -> None:
    api = small.api()
    api.with_text(api.ask(numbers(9000, 40), "demo/numbers")["id"])
    disk.fill(small.process.pid)
    os.kill(small.worker_pid(), signal.SIGKILL)
    wait_until(lambda: small.process.poll() is not None, "the server to give up", 20)
    assert "full" in small.log() and str(small.data_dir) in small.log() and "Traceback" not in small.log(), small.log()


# ---- a database that somebody else holds

@pytest.fixture
def own(upstream: StandIn, data_dir: Path) -> Iterator[Rill]:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as running:
        yield running


class Pulse:
    """Asks for `/healthz` again and again, and keeps how long each took."""

    def __init__(self, rill: Rill) -> None:
        self._url, self._ended, self.seconds = f"{rill.url}/healthz", threading.Event(), []
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Pulse:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        with requests.Session() as session:
            while not self._ended.wait(0.02):
                started = time.monotonic()
                assert session.get(self._url, timeout=20).status_code == 200
                self.seconds.append(time.monotonic() - started)


def send_from(api: Api, conversation_id: str) -> tuple[int, str, float]:
    started = time.monotonic()
    answer = api.request("POST", f"/api/conversations/{conversation_id}/messages", {"content": "x", "parent_id": None})
    return answer.status_code, answer.text, time.monotonic() - started


def test_three_seconds_of_a_locked_database_are_waited_for_and_other_pages_stay_quick(own: Rill, upstream: StandIn) -> None:
    api, feed = own.api(), own.feed(is_slow=True).until_ready()
    reply = api.ask(numbers(800, 200), "demo/numbers")
    feed.until(lambda feed: len(feed.held.text(reply["id"])) > 300, "no text")
    others = [own.api() for _ in range(WAITING)]
    with own.database(write=True) as locker, ThreadPoolExecutor(WAITING) as people:
        locker.execute("BEGIN IMMEDIATE")
        sent = [people.submit(send_from, other, reply["conversation_id"]) for other in others]
        with Pulse(own) as pulse:
            assert api.message(reply["id"])["content"]  # reading goes on
            time.sleep(3)  # the fault itself, not a wait for something
        locker.execute("COMMIT")
        assert {done.result()[0] for done in sent} == {202}
    usual = sorted(pulse.seconds)[len(pulse.seconds) * 9 // 10]  # one in ten may meet a busy machine
    assert len(pulse.seconds) > 20 and usual < QUICK_SECONDS, f"/healthz took {usual:.2f} s while others waited"
    feed.until_final(reply["id"])
    assert feed.held.text(reply["id"]) == upstream_text(upstream, api.message(reply["id"]))


def test_a_database_locked_for_long_is_a_503_after_five_seconds_and_running_answers_catch_up(own: Rill, upstream: StandIn) -> None:
    api, feed = own.api(), own.feed(is_slow=True).until_ready()
    reply = api.ask(numbers(400, 200), "demo/numbers")
    feed.until(lambda feed: len(feed.held.text(reply["id"])) > 300, "no text")
    with own.database(write=True) as locker:
        locker.execute("BEGIN IMMEDIATE")
        asked = len(upstream.ledger())
        status, said, seconds = send_from(api, reply["conversation_id"])
        assert status == 503 and json.loads(said)["error"]["type"] == "storage" and 4 < seconds < 8, (status, said, seconds)
        feed.until(lambda feed: troubles(feed) == [False], "the readers were not told")
        assert len(upstream.ledger()) == asked
        locker.execute("COMMIT")
    feed.until_final(reply["id"])
    assert troubles(feed) == [False, True]
    assert feed.held.text(reply["id"]) == upstream_text(upstream, api.message(reply["id"]))
    assert api.send(reply["conversation_id"], "x")["replies"]


def test_a_start_waits_for_a_locked_database_and_then_says_so(upstream: StandIn, data_dir: Path) -> None:
    with running_rill(data_dir, upstream.base_url) as first:
        first.terminate()
        first.wait()
        with first.database(write=True) as locker:
            locker.execute("BEGIN IMMEDIATE")
            assert "rill.db" in refusal(first)
        first.start()


# ---- a file that is broken, or not whole

@pytest.fixture(scope="module")
def ended(upstream: StandIn, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Data directories with an answer in them, of a server that has ended: in order, or by kill -9."""
    folder = tmp_path_factory.mktemp("ended")
    with running_rill(folder / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
        api = rill.api()
        for number in range(40):
            api.new_conversation(system_prompt=f"{number} " + "x" * 900)
        api.answered("kept")
        with rill.database(write=True) as connection:  # what a kill leaves in the log could mend a damaged file
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            rill.kill()
        (folder / "data" / "rill.db-wal").touch()
        shutil.copytree(folder / "data", folder / "killed")
        rill.start()
        rill.terminate()
        rill.wait()
    return {True: folder / "data", False: folder / "killed"}


@pytest.fixture
def left(ended: dict[bool, Path], upstream: StandIn, data_dir: Path) -> Callable[[bool], Rill]:
    """A server on a copy of one of them, not started."""
    def leave(in_order: bool) -> Rill:
        shutil.copytree(ended[in_order], data_dir)
        return Rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo")
    return leave


def damage(path: Path, start: int, count: int, with_: bytes = b"\x5a") -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(with_ * count)


@pytest.mark.parametrize(("in_order", "where"), [
    (True, "head"), (True, "middle"), (True, "short"), (True, "text"), (False, "head"), (False, "middle"), (False, "text"), (False, "empty"),
])
def test_a_damaged_database_is_refused_by_name_and_left_as_it_is(left: Callable[[bool], Rill], in_order: bool, where: str) -> None:
    rill = left(in_order)
    path = rill.data_dir / "rill.db"
    if where == "head":
        damage(path, 0, 100)
    elif where == "middle":
        damage(path, 4096, path.stat().st_size - 8192)
    elif where == "short":
        path.write_bytes(path.read_bytes()[:4096 * 5 + 100])
    elif where == "empty":
        path.write_bytes(b"")
    else:
        path.write_text("Dear aunt, this is no database.\n" * 100)
    before = contents(rill.data_dir)
    said = refusal(rill)
    assert str(path) in said and "bin/restore" in said
    assert contents(rill.data_dir) == before


def test_a_log_that_vanished_after_a_kill_is_refused(left: Callable[[bool], Rill]) -> None:
    rill = left(False)
    (rill.data_dir / "rill.db-wal").unlink()
    before = contents(rill.data_dir)
    said = refusal(rill)
    assert "rill.db-wal" in said and "bin/restore" in said and contents(rill.data_dir) == before


def test_a_database_that_vanished_beside_its_log_is_refused_and_no_new_one_is_made(left: Callable[[bool], Rill]) -> None:
    rill = left(False)
    (rill.data_dir / "rill.db").unlink()
    before = contents(rill.data_dir)
    said = refusal(rill)
    assert str(rill.data_dir / "rill.db") in said and "bin/restore" in said and contents(rill.data_dir) == before


def test_a_database_damaged_while_it_runs_is_told_plainly_and_the_rest_goes_on(own: Rill) -> None:
    api, feed = own.api(), own.feed(is_slow=True).until_ready()
    reply = api.ask(numbers(300, 60), "demo/numbers")
    kept = [api.new_conversation(system_prompt=f"{number} " + "x" * 3000)["id"] for number in range(60)]
    with own.database(write=True) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size, count = connection.execute("PRAGMA page_size").fetchone()[0], connection.execute("PRAGMA page_count").fetchone()[0]
    damage(own.data_dir / "rill.db", size * (count - 40), size * 38)
    answers = [requests.get(f"{own.url}/api/conversations/{one}", timeout=10) for one in kept]
    answers += [requests.get(f"{own.url}/api/conversations", timeout=10), requests.get(f"{own.url}/api/session", timeout=10)]
    statuses = {answer.status_code for answer in answers}
    assert statuses <= {200, 503} and 200 in statuses, statuses
    told = {answer.json()["error"]["message"] for answer in answers if answer.status_code == 503}
    assert told and all("bin/restore" in message for message in told)
    assert requests.get(f"{own.url}/healthz", timeout=5).status_code == 200
    feed.until_final(reply["id"])
    assert feed.held.messages[reply["id"]]["status"] == "completed" and len(feed.held.text(reply["id"]).split()) == 300


# ---- what cannot be written

@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_may_not_be_written_is_refused_by_name(upstream: StandIn, what: str) -> None:
    with open_folder() as folder:
        data_dir = folder / "data"
        with running_rill(data_dir, upstream.base_url) as rill:
            rill.terminate()
            rill.wait()
        if what == "file":  # the folder is anybody's, the database only to be read
            data_dir.chmod(0o777)
            (data_dir / "rill.lock").chmod(0o666)
            (data_dir / "rill.db").chmod(0o444)
        else:
            data_dir.chmod(0o555)
        rill = Rill(data_dir, upstream.base_url, wrapper=as_somebody_else())
        rill.log_path = folder / "log"
        assert str(data_dir) in refusal(rill)
        data_dir.chmod(0o755)
