"""The list of models asked for anew: what comes, what is kept when nothing comes, and how often the upstream is asked."""
from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.servers import running_rill
from tests.standin_process import running_standin


def script_of(document: Any, **http: Any) -> dict[str, Any]:
    return {"name": "list", "path": "/api/v1/models", "chunks": [json.dumps(document)], "http": {"framing": "length", **http}}


TIRED = script_of({"error": {"code": "503", "type": "provider_error", "message": "tired"}}, status=503)


def test_a_refresh_that_fails_says_why_and_keeps_the_old_list(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with running_standin() as standin:
        copy = {"base_url": standin.base_url, "fetched_at": time.time() - 600, "data": [{"id": "a/old"}]}
        (tmp_path / "data" / "models.json").write_text(json.dumps(copy))
        standin.control("POST", "scripts", TIRED)
        with running_rill(tmp_path / "data", standin.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
            api = rill.api()
            before = api.get("/api/models")
            refused = api.request("POST", "/api/models/refresh")
            assert refused.status_code == 502 and "tired" in refused.json()["error"]["message"], refused.text
            assert "The last list is kept." in refused.json()["error"]["message"]
            assert api.get("/api/models") == before and [model["id"] for model in before["models"]] == ["a/old"]


def test_a_refresh_brings_what_is_new_and_is_not_passed_on_each_time(tmp_path: Path) -> None:
    with running_standin() as standin:
        with running_rill(tmp_path / "data", standin.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
            api = rill.api()
            assert api.post("/api/models/refresh", expect=200)["models"]
            standin.control("POST", "scripts", TIRED)
            assert api.post("/api/models/refresh", expect=200) == api.get("/api/models"), "seconds later nobody is asked again"


def test_a_list_that_never_came_is_asked_for_by_a_refresh_and_the_reason_is_told(tmp_path: Path) -> None:
    with running_standin() as standin:
        standin.control("POST", "scripts", TIRED)
        with running_rill(tmp_path / "data", standin.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
            refused = rill.api().request("POST", "/api/models/refresh")
            assert refused.status_code == 502 and int(refused.headers["Retry-After"]) > 0
            error = refused.json()["error"]
            assert error["type"] == "upstream" and "There is no list yet." in error["message"]
            assert rill.api().get("/api/models")["models"] == []
