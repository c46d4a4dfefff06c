"""Presets and preferences over HTTP: what a page or a program may ask for."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.api_client import Api
from tests.servers import Rill

UNKNOWN = "0" * 22
STERN = {"name": "Stern editor", "model": "openai/gpt-5:azure", "system_prompt": "Be stern.", "params": {"temperature": 0.2, "web_search": True}}


@pytest.fixture(autouse=True)
def nothing_kept(api: Api) -> Iterator[None]:
    yield
    for preset in api.get("/api/presets")["presets"]:
        api.delete(f"/api/presets/{preset['id']}")
    api.patch("/api/preferences", {"default_model": None, "favourites": None, "recents": None})


def names(api: Api) -> list[str]:
    return [preset["name"] for preset in api.get("/api/presets")["presets"]]


def make(api: Api, **fields: Any) -> dict[str, Any]:
    return api.post("/api/presets", {**STERN, **fields}, expect=201)


def test_a_preset_is_made_read_changed_and_deleted(api: Api) -> None:
    made = make(api, name="  Stern editor ")
    path = f"/api/presets/{made['id']}"
    assert made == api.get(path) and {name: made[name] for name in STERN} == STERN
    changed = api.patch(path, {"name": "Kind editor", "params": {"top_p": 0.5}, "system_prompt": None})
    assert (changed["name"], changed["params"], changed["system_prompt"], changed["model"]) == ("Kind editor", {"top_p": 0.5}, "", STERN["model"])
    api.delete(path)
    for method in ("GET", "PATCH", "DELETE"):
        assert api.request(method, path).status_code == api.request(method, f"/api/presets/{UNKNOWN}").status_code == 404
    assert names(api) == []


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "   "}, {"name": "x" * 101}, {"name": "two\nlines"}, {"name": 1}, {"model": "no model"},
                                    {"system_prompt": "x" * 32_001}, {"params": {"temperature": 3}}, {"params": {"stop": "x"}}, {"colour": "red"}])
def test_what_is_no_preset_is_refused_with_the_field_that_is_wrong(api: Api, fields: dict[str, Any]) -> None:
    refused = api.request("POST", "/api/presets", {**STERN, **fields})
    assert refused.status_code == 400 and f"`{next(iter(fields))}" in refused.json()["error"]["message"]
    in_a_file = api.request("POST", "/api/presets/import", {"rill_presets": 1, "presets": [STERN, {**STERN, **fields}]})
    assert in_a_file.status_code == 400 and f"`presets.1.{next(iter(fields))}" in in_a_file.json()["error"]["message"]
    assert names(api) == []


def test_the_same_request_again_makes_no_second_preset(api: Api) -> None:
    first = api.post("/api/presets", STERN, expect=201, key="one wish")
    assert api.post("/api/presets", STERN, expect=201, key="one wish") == first
    assert api.post("/api/presets", STERN, expect=409)["error"]["type"] == "conflict"
    document = {"rill_presets": 1, "presets": [STERN]}
    imported = api.post("/api/presets/import", document, expect=201, key="one import")
    assert api.post("/api/presets/import", document, expect=201, key="one import") == imported
    assert names(api) == ["Stern editor", "Stern editor (2)"]


def test_what_is_exported_can_be_imported_and_tells_nothing_of_its_owner(api: Api) -> None:
    made, _ = make(api), make(api, name="Änderung 漢", params={}, model=None)
    whole = api.request("GET", "/api/presets/export")
    assert "attachment" in whole.headers["Content-Disposition"] and made["id"] not in whole.text
    one = api.get(f"/api/presets/export?id={made['id']}")
    assert one == {"rill_presets": 1, "presets": [STERN]}
    api.get(f"/api/presets/export?id={UNKNOWN}", expect=404)
    again = api.post("/api/presets/import", whole.json(), expect=201)["presets"]
    assert [preset["name"] for preset in again] == ["Stern editor (2)", "Änderung 漢 (2)"] and again[0]["params"] == STERN["params"]


@pytest.mark.parametrize("document", [{}, {"rill_presets": 2, "presets": [STERN]}, {"rill_presets": 1, "presets": []}, {"presets": [STERN]},
                                      {"rill_presets": 1, "presets": [STERN] * 101}, {"rill_presets": 1, "presets": [{}]}])
def test_a_file_that_holds_no_presets_is_refused_whole(api: Api, document: dict[str, Any]) -> None:
    assert api.post("/api/presets/import", document, expect=400)["error"]["type"] == "invalid_request"
    assert names(api) == []


def test_a_users_default_model_wins_over_the_servers_and_answers(api: Api) -> None:
    assert api.get("/api/session")["default_model"] == "demo/echo"
    assert api.patch("/api/preferences", {"default_model": "demo/fast"})["default_model"] == "demo/fast"
    session = api.get("/api/session")
    assert session["default_model"] == session["preferences"]["default_model"] == "demo/fast"
    assert api.answered("hello")["model"] == "demo/fast"
    own = api.new_conversation(model="demo/echo")["id"]
    assert api.send(own, "hello")["replies"][0]["model"] == "demo/echo", "a conversation's own model wins over both"
    api.patch("/api/preferences", {"default_model": None})
    assert api.get("/api/session")["default_model"] == "demo/echo"


def test_starred_and_recent_models_are_kept_for_every_device(api: Api, rill: Rill) -> None:
    kept = api.patch("/api/preferences", {"favourites": ["openai/gpt-5:azure", "demo/echo", "demo/echo"], "recents": ["demo/fast"]})
    assert kept == rill.api().get("/api/preferences") == {
        "default_model": None, "favourites": ["openai/gpt-5:azure", "demo/echo"], "recents": ["demo/fast"]}
    for bad in ({"favourites": ["no model"]}, {"favourites": ["a/b"] * 201}, {"recents": ["a/b"] * 13}, {"default_model": ""}, {"theme": "dark"}):
        assert api.request("PATCH", "/api/preferences", bad).status_code == 400
    assert api.get("/api/preferences") == kept
