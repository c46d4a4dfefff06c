"""What routes are marked with: how large a body they take, and whether they know a user."""
from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from flask import Flask, Response
from flask.testing import FlaskClient

from rill.routes import door
from tests.cast import ALICE

LARGE_BYTES = 6 * door.MIB


@pytest.fixture
def client() -> FlaskClient:
    app = Flask("test", static_folder=None)
    app.extensions["rill"] = SimpleNamespace(owner=ALICE)
    app.config.update(SECRET_KEY="test", WTF_CSRF_ENABLED=False)
    door.install(app)

    @app.get("/api/whose")
    def whose() -> Response:
        return door.answer({"user": door.user() and door.user().id, "read": len(door.raw_body())})

    app.add_url_rule("/api/large", "large", door.takes_up_to(LARGE_BYTES)(lambda: whose()))
    app.add_url_rule("/api/anybody", "anybody", door.public(lambda: whose()))
    return app.test_client()


@pytest.mark.parametrize(("path", "limit", "said"), [("/api/whose", door.MAX_BODY_BYTES, "4 MiB"), ("/api/large", LARGE_BYTES, "6 MiB")])
def test_a_body_is_as_large_as_its_route_takes(client: FlaskClient, path: str, limit: int, said: str) -> None:
    assert client.get(path, data=b"x" * (limit - 1)).json["read"] == limit - 1
    refused = client.get(path, data=b"x" * (limit + 1))
    assert refused.status_code == 413 and said in refused.json["error"]["message"]
    chunked = client.get(path, input_stream=io.BytesIO(b"x" * (limit + 1)), headers={"Transfer-Encoding": "chunked"}, environ_overrides={"wsgi.input_terminated": True})
    assert chunked.status_code == 413 and said in chunked.json["error"]["message"]


def test_a_route_is_private_unless_it_is_marked(client: FlaskClient) -> None:
    assert client.get("/api/whose").json["user"] == ALICE.id
    assert client.get("/api/anybody").json["user"] is None
