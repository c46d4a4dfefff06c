"""Starts that must be refused, with a sentence; and what those who run it ask: health, readiness, numbers, the API's description."""
from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
import requests

from tests.api_client import Api
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn

REFUSED_SECONDS = 40  # a second server waits a while for the first one's end
TIMEOUT_SECONDS = 10
TOKEN = "a-token-for-metrics-only"
UNITS = ("_seconds", "_bytes", "_total", "_info", "_runs", "_feeds")  # the last two count things


# ---- starts

def refused(rill: Rill) -> str:
    """The log of a start that must end by itself, without an exception on show."""
    rill.launch()
    try:
        assert rill.wait(REFUSED_SECONDS) != 0
    finally:
        rill.kill()
    assert "Traceback" not in rill.log(), rill.log()
    return rill.log()


def test_a_second_server_on_the_same_data_is_refused_and_the_first_goes_on(upstream: StandIn, data_dir: Path) -> None:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as first:
        api = first.api()
        reply = api.ask("x", "demo/fault-stall")
        second = Rill(data_dir, upstream.base_url, RILL_GRACE_SECONDS=0)  # it waits for the grace time of a first that is ending
        second.log_path = data_dir.with_name("second.log")
        assert f"another Rill is using {data_dir}" in refused(second)
        assert api.message(reply["id"])["status"] == "streaming", "a starting process never ends a living one's runs"


@pytest.mark.parametrize("content", [b"this is no database" * 500, b"SQLite format 3\x00" + b"\xff" * 8000])
def test_a_broken_database_is_refused_by_name_and_left_as_it_is(upstream: StandIn, data_dir: Path, content: bytes) -> None:
    data_dir.mkdir()
    database = data_dir / "rill.db"
    database.write_bytes(content)
    assert str(database) in refused(Rill(data_dir, upstream.base_url))
    assert database.read_bytes() == content


def test_a_database_of_a_newer_version_is_refused(upstream: StandIn, data_dir: Path) -> None:
    with running_rill(data_dir, upstream.base_url) as rill:
        rill.terminate()
        assert rill.wait() == 0
        connection = sqlite3.connect(data_dir / "rill.db")
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
        connection.close()
        assert "newer" in refused(rill)


def test_a_data_directory_that_cannot_be_written_is_refused(upstream: StandIn, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    # Below a file nobody can make a directory, whoever runs the tests.
    rill = Rill(tmp_path / "file" / "data", upstream.base_url)
    rill.log_path = tmp_path / "log"
    assert "cannot be written" in refused(rill)


@pytest.mark.parametrize("name, value", [("RILL_HOST", "0.0.0.0"), ("RILL_FEED_MAX_AGE", "-1"), ("RILL_MAX_FRAME_BYTES", "x"),
                                         ("ZENMUX_BASE_URL", "http://zenmux.example/api/v1"), ("RILL_DEFAULT_MODEL", "no model")])
def test_a_wrong_setting_stops_the_start_by_its_name(upstream: StandIn, data_dir: Path, name: str, value: str) -> None:
    rill = Rill(data_dir, upstream.base_url, **{name: value})
    assert name in refused(rill) and not data_dir.exists()


# ---- health

def test_healthz_and_readyz_say_that_all_is_well(rill: Rill) -> None:
    assert requests.get(f"{rill.url}/healthz", timeout=TIMEOUT_SECONDS).status_code == 200
    answer = requests.get(f"{rill.url}/readyz", timeout=TIMEOUT_SECONDS)
    told = answer.json()
    assert answer.status_code == 200 and told["ready"] is True
    assert told["checks"]["database"]["ok"] is True and all(check.keys() >= {"ok", "detail"} for check in told["checks"].values())


def test_a_locked_database_is_a_503_that_heals(rill: Rill, api: Api) -> None:
    conversation = api.new_conversation()["id"]
    with rill.database(write=True) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = api.request("POST", f"/api/conversations/{conversation}/messages", {"content": "x"}, key="while it is locked")
        assert (answer.status_code, answer.json()["error"]["type"]) == (503, "storage") and int(answer.headers["Retry-After"]) > 0
        assert api.conversation(conversation)["message_count"] == 0, "reading works meanwhile"
        other.execute("ROLLBACK")
    assert api.finished(api.send(conversation, "x", key="while it is locked")["replies"][0]["id"])["status"] == "completed"


def test_a_lock_in_the_middle_of_an_answer_loses_nothing(rill: Rill, api: Api) -> None:
    reply = api.ask('{"words": 150, "rate": 100, "seed": 1}', "demo/numbers")
    api.with_text(reply["id"], 100)
    feed = rill.feed()
    with rill.database(write=True) as other:
        other.execute("BEGIN IMMEDIATE")
        shown = len(api.message(reply["id"])["content"])
        feed.until_ready()
        assert len(feed.held.text(reply["id"])) <= shown, "nothing is shown that is not kept"
        other.execute("ROLLBACK")
    feed.until_final(reply["id"])
    assert api.message(reply["id"])["content"] == feed.held.text(reply["id"]) and "00149:" in feed.held.text(reply["id"])


# ---- numbers

def scrape(url: str, **headers: str) -> requests.Response:
    return requests.get(f"{url}/metrics", headers=headers, timeout=TIMEOUT_SECONDS)


def test_metrics_are_counted_and_their_names_carry_units(rill: Rill, api: Api) -> None:
    def value(name: str) -> float:
        return float(re.search(rf"^{re.escape(name)} (\S+)$", scrape(rill.url).text, re.MULTILINE)[1])

    api.answered("x")
    ended, chars = value('rill_runs_ended_total{status="completed"}'), value("rill_committed_characters_total")
    api.answered("12345")
    assert value('rill_runs_ended_total{status="completed"}') == ended + 1 and value("rill_committed_characters_total") == chars + 5
    answer = scrape(rill.url)
    assert answer.headers["Content-Type"].startswith("text/plain")
    names = re.findall(r"^# TYPE (rill_\S+)", answer.text, re.MULTILINE)
    assert len(names) > 5 and all(name.endswith((*UNITS, "_created")) for name in names), names


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "127.0.0.1"}, {"Forwarded": "for=127.0.0.1"}, {"X-Forwarded-For": "", "Authorization": "Bearer "}])
def test_metrics_are_not_for_those_who_come_through_a_proxy(rill: Rill, headers: dict[str, str]) -> None:
    assert scrape(rill.url, **headers).status_code == 403


def test_the_token_opens_the_metrics_to_those_who_have_it(upstream: StandIn, data_dir: Path) -> None:
    with running_rill(data_dir, upstream.base_url, RILL_METRICS_TOKEN=TOKEN) as rill:
        proxied = {"X-Forwarded-For": "192.0.2.1"}
        assert scrape(rill.url, **proxied, Authorization=f"Bearer {TOKEN}").status_code == 200
        for wrong in ("Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer \xe9"):
            assert scrape(rill.url, **proxied, Authorization=wrong.encode("latin-1")).status_code == 403, wrong


# ---- limits

def test_runs_and_messages_are_limited_by_setting(upstream: StandIn, data_dir: Path) -> None:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo", RILL_RUNS_PER_USER=2, RILL_MESSAGES_PER_MINUTE=4) as rill:
        api = rill.api()
        conversation = api.new_conversation()["id"]
        running = api.send(conversation, "x", "demo/fault-stall", "demo/fault-stall")["replies"]
        answer = api.request("POST", f"/api/conversations/{conversation}/messages", {"content": "x", "parent_id": None})
        assert (answer.status_code, answer.json()["error"]["type"]) == (429, "rate_limited") and int(answer.headers["Retry-After"]) > 0
        for reply in running:
            api.stop(reply["id"])
        for _ in range(3):
            api.finished(api.send(conversation, "x", parent_id=None)["replies"][0]["id"])
        answer = api.request("POST", f"/api/conversations/{conversation}/messages", {"content": "x", "parent_id": None})
        assert answer.status_code == 429 and 50 < int(answer.headers["Retry-After"]) <= 61


# ---- the API's description

def test_the_description_has_every_route_and_every_reference_leads_somewhere(api: Api) -> None:
    document = api.get("/api/openapi.json")
    assert document["openapi"].startswith("3.1")
    promised = {
        "/api/session": "get", "/api/models": "get", "/api/conversations": "get post", "/api/conversations/{conversation_id}": "get patch delete",
        "/api/conversations/{conversation_id}/messages": "post", "/api/messages/{message_id}": "get", "/api/messages/{message_id}/replies": "post",
        "/api/messages/{message_id}/edit": "post", "/api/messages/{message_id}/continue": "post", "/api/messages/{message_id}/stop": "post",
        "/api/messages/{message_id}/timeline": "get", "/api/messages/{message_id}/wire": "get", "/api/feed": "get",
        "/healthz": "get", "/readyz": "get", "/metrics": "get"}
    for path, methods in promised.items():
        assert set(methods.split()) <= document["paths"][path].keys(), path
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["responses"] and operation["summary"], (method, path)
            told = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
            assert told == set(re.findall(r"{(\w+)}", path)), (method, path)
    for reference in re.findall(r"'\$ref': '#/([^']+)'", str(document)):
        at = document
        for part in reference.split("/"):
            at = at[part]
    ids = [operation["operationId"] for operations in document["paths"].values() for operation in operations.values()]
    assert len(set(ids)) == len(ids)
