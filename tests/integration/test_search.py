"""Search over HTTP: what was said is found at once, after a restart, and where it stands."""
from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.api_client import Api
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn
from tests.support import wait_until


def test_an_answer_is_found_as_soon_as_it_ended_with_its_place(api: Api) -> None:
    reply = api.answered("Chrysoprase 月光 is green")
    page = api.get("/api/search", params={"q": "CHRYSOPRASE green"})
    assert [hit["message_id"] for hit in page["hits"]] == [reply["id"], reply["parent_id"]]
    hit = page["hits"][0]
    assert (hit["conversation"]["id"], hit["role"], hit["model"]) == (reply["conversation_id"], "assistant", reply["model"])
    assert [hit["snippet"][start:end].lower() for start, end in hit["matches"]] == ["chrysoprase", "green"]
    assert page["next"] is None
    assert len(api.get("/api/search", params={"q": "月"})["hits"]) == 2


@pytest.mark.parametrize("query", ["", " ", '"', "a*\" OR NEAR(", "%", "\0", "x" * 9000, "\udcff".encode("utf-8", "surrogatepass")])
def test_nothing_that_is_typed_breaks_the_search(api: Api, query: str) -> None:
    assert set(api.get("/api/search", params={"q": query})) == {"conversations", "hits", "next"}


@pytest.mark.parametrize("wrong", [{"limit": "0"}, {"limit": "many"}, {"before": "yesterday"}])
def test_a_page_that_cannot_be_is_refused(api: Api, wrong: dict[str, str]) -> None:
    assert api.request("GET", "/api/search", params={"q": "any", **wrong}).status_code == 400


def test_what_is_deleted_is_not_found_and_what_comes_back_is(api: Api) -> None:
    reply = api.answered("Heliotrope")
    path = f"/api/conversations/{reply['conversation_id']}"
    count = lambda: len(api.get("/api/search", params={"q": "heliotrope"})["hits"])  # noqa: E731
    assert count() == 2
    api.delete(path)
    assert count() == 0 and api.get("/api/conversations", params={"q": "heliotrope"})["conversations"] == []
    api.post(f"{path}/restore", expect=200)
    assert count() == 2


def left_to_index(rill: Rill) -> int:
    with closing(sqlite3.connect(f"file:{Path(rill.data_dir) / 'rill.db'}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT count(*) FROM search_todo").fetchone()[0]


def test_a_server_indexes_in_idle_moments_and_finds_the_same_after_a_kill(upstream: StandIn, data_dir: Path) -> None:
    with running_rill(data_dir, upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
        replies = [rill.api().answered(f"Tourmaline {n}")["id"] for n in range(3)]
        found = lambda: [hit["message_id"] for hit in rill.api().get("/api/search", params={"q": "tourmaline"})["hits"] if hit["role"] == "assistant"]  # noqa: E731
        assert found() == replies[::-1]
        wait_until(lambda: left_to_index(rill) == 0, "an idle server to index")
        assert found() == replies[::-1]
        rill.kill()
        rill.start()
        assert found() == replies[::-1] and left_to_index(rill) == 0
