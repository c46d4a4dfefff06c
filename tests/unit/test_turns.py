"""Who goes through something long lets others have their turn, and sees one moment all the same."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from flask.testing import FlaskClient

from app import create_app
from rill import store
from rill.config import Settings
from rill.turns import TURN_SECONDS, paced
from tests.cast import ALICE
from tests.long_conversations import fill
from tests.support import Core, wait_until

MANY = 3000
FEWEST_TURNS = 5  # of an answer with so many messages, whatever the machine: it takes some 60 ms, and ten times 5 ms


def turns_during(act: Callable[[], Any]) -> tuple[int, Any]:
    """How often others had a turn meanwhile that wait for a timer, as for a socket, and what came of it."""
    count, is_over = 0, False

    def tick() -> None:
        nonlocal count
        while not is_over:
            count += 1
            gevent.sleep(1e-6)

    others = gevent.spawn(tick)
    gevent.sleep(1e-6)
    before = count
    made = act()
    turned, is_over = count - before, True
    others.join()
    return turned, made


def slowly(count: int) -> Iterator[int]:
    for number in range(count):
        until = time.monotonic() + TURN_SECONDS / 2
        while time.monotonic() < until:
            pass
        yield number


def test_long_work_lets_the_loop_turn_and_loses_nothing() -> None:
    turned, made = turns_during(lambda: list(paced(slowly(20))))
    assert 5 <= turned <= 20 and made == list(range(20))


def test_short_work_is_done_in_one_turn() -> None:
    assert turns_during(lambda: list(paced(range(20)))) == (0, list(range(20)))


def test_a_reply_that_ends_while_its_conversation_is_read_is_read_with_the_text_it_had(core: Core) -> None:
    conversation = core.conversation()
    run, call = core.started(conversation)
    call.write("so far")
    wait_until(lambda: core.stored(run.message.id).content == "so far", "the text to be committed")
    with core.db.read() as tx:
        rows = store.each_message(tx, ALICE.id, conversation.id)
        read = [next(rows)]
        grown = core.engine.grown_in(conversation.id)
        call.write(", and more")
        call.finish()
        wait_until(lambda: run.message.is_finished, "the reply to end")
        read += [grown(one) for one in rows]
    assert [(one.status, one.content) for one in read] == [("completed", "Hello"), ("streaming", "so far")]
    assert core.stored(run.message.id).content == "so far, and more"


# ---- everything that shows a conversation of thousands

@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    data_dir = tmp_path_factory.mktemp("long") / "data"
    app = create_app(Settings(data_dir=data_dir, api_key=None, standin_url="http://127.0.0.1:9/api/v1", default_model="demo/fast"))
    client = app.test_client()
    client.environ_base["HTTP_X_CSRF_TOKEN"] = client.get("/api/session").json["csrf_token"]
    client.long = client.post("/api/conversations", json={"title": "Long"}).json["id"]
    fill(data_dir / "rill.db", client.long, MANY, 600)
    yield client
    app.extensions["rill"].close()
    app.extensions["rill"].data_dir.release()


@pytest.mark.parametrize("path", ["", "/export?format=json", "/export?format=markdown"])
def test_a_long_conversation_is_shown_without_holding_up_the_others(client: FlaskClient, path: str) -> None:
    turned, answer = turns_during(lambda: client.get(f"/api/conversations/{client.long}{path}").data)
    assert turned >= FEWEST_TURNS
    assert answer.count(b"A rill is a small stream") >= MANY // 2


def test_an_export_of_everything_does_not_hold_up_the_others(client: FlaskClient) -> None:
    turned, answer = turns_during(lambda: client.get("/api/export").data)
    assert turned >= FEWEST_TURNS and answer.endswith(b"]}]}")


def test_a_shared_link_to_a_long_conversation_does_not_hold_up_the_others(client: FlaskClient) -> None:
    token = client.post(f"/api/conversations/{client.long}/shares", json={}).json["token"]
    turned, answer = turns_during(lambda: client.get(f"/api/shares/{token}").json)
    assert turned >= FEWEST_TURNS and len(answer["messages"]) == MANY
