"""The API's own description: every route is in it, and every reference in it leads somewhere."""
from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Flask

from rill.routes import openapi
from rill.routes.conversations import conversations
from rill.routes.feed import feed
from rill.routes.files import files
from rill.routes.messages import messages
from rill.routes.ops import ops
from rill.routes.pages import pages
from rill.routes.preferences import preferences
from rill.routes.presets import presets
from rill.routes.search import search
from rill.routes.session import sessions
from rill.routes.shares import shares
from rill.routes.uploads import uploads
from rill.routes.usage import usage

# PROTOCOL, as far as this server has it, and what else clients may count on.
PROMISED = """
GET /api/session | GET /api/models | GET /api/conversations | POST /api/conversations | GET /api/conversations/{conversation_id}
PATCH /api/conversations/{conversation_id} | DELETE /api/conversations/{conversation_id} | POST /api/conversations/{conversation_id}/messages
POST /api/messages/{message_id}/replies | POST /api/messages/{message_id}/edit | POST /api/messages/{message_id}/continue
POST /api/messages/{message_id}/stop | GET /api/messages/{message_id} | GET /api/messages/{message_id}/timeline | GET /api/messages/{message_id}/wire
POST /api/conversations/{conversation_id}/restore | DELETE /api/messages/{message_id} | POST /api/messages/{message_id}/restore
POST /api/messages/{message_id}/fork | GET /api/conversations/{conversation_id}/export | GET /api/export | POST /api/import
POST /api/conversations/{conversation_id}/shares | GET /api/conversations/{conversation_id}/shares
DELETE /api/shares/{share} | GET /api/shares/{share} | GET /api/shares/{share}/attachments/{number}
GET /api/search | GET /api/feed | GET /healthz | GET /readyz | GET /metrics
POST /api/attachments | GET /api/attachments/{attachment_id} | DELETE /api/attachments/{attachment_id}
"""


@pytest.fixture
def app() -> Flask:
    app = Flask("test", static_folder=None)
    for blueprint in (pages, sessions, conversations, messages, feed, files, shares, uploads, preferences, presets, search, usage, ops):
        app.register_blueprint(blueprint)
    return app


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    return json.loads(json.dumps(openapi.describe(app)))


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{method.upper()} {path}": one for path, methods in document["paths"].items() for method, one in methods.items()}


def test_every_promised_route_is_there_and_described(document: dict[str, Any]) -> None:
    promised = set(re.split(r"\s*[|\n]\s*", PROMISED.strip()))
    assert promised <= set(operations(document))


def test_every_route_of_the_api_is_described_with_its_methods(app: Flask, document: dict[str, Any]) -> None:
    described = {one["operationId"] for one in operations(document).values()}
    assert described == {rule.endpoint for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/") or rule.rule in ("/healthz", "/readyz", "/metrics")}


def test_what_the_description_knows_of_routes_are_routes(app: Flask) -> None:
    for names in (openapi.BODIES, openapi.OTHER_BODIES, openapi.SUCCESS, openapi.QUERIES):
        assert set(names) <= set(app.view_functions)


def test_every_unsafe_method_has_a_body_and_needs_the_token(document: dict[str, Any]) -> None:
    for name, one in operations(document).items():
        is_unsafe = not name.startswith("GET ")
        assert ("requestBody" in one) == is_unsafe, name
        assert ("security" in one) == is_unsafe, name


def test_every_reference_and_every_parameter_leads_somewhere(document: dict[str, Any]) -> None:
    references = set(re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)))
    assert references and references <= set(document["components"]["schemas"])
    for name, one in operations(document).items():
        assert {p["name"] for p in one["parameters"] if p["in"] == "path"} == set(re.findall(r"{(\w+)}", name))
        assert one["summary"]


def test_the_shapes_refuse_unknown_fields_in_the_description_too(document: dict[str, Any]) -> None:
    for name, shape in document["components"]["schemas"].items():
        assert name == "Error" or shape["additionalProperties"] is False, name
