"""The OpenAPI 3.1 document, made from the routes and their body models, so that it cannot lag behind them."""
from __future__ import annotations

import re
from typing import Any

from flask import Flask
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from rill.parts import VERSION
from rill.routes import bodies

BODIES: dict[str, type[BaseModel]] = {
    "conversations.create_conversation": bodies.NewConversation,
    "conversations.change_conversation": bodies.ConversationChange,
    "conversations.delete_conversation": bodies.Nothing,
    "conversations.restore_conversation": bodies.Nothing,
    "uploads.delete_attachment": bodies.Nothing,
    "messages.send": bodies.NewMessage,
    "messages.regenerate": bodies.MoreReplies,
    "messages.edit": bodies.EditedMessage,
    "messages.continue_": bodies.Asking,
    "messages.stop": bodies.Nothing,
    "messages.delete_branch": bodies.Nothing,
    "messages.restore_branch": bodies.Nothing,
    "messages.fork": bodies.Fork,
    "session.refresh_models": bodies.Nothing,
    "preferences.write_preferences": bodies.PreferencesChange,
    "presets.create_preset": bodies.NewPreset,
    "presets.write_preset": bodies.PresetChange,
    "presets.delete_preset": bodies.Nothing,
    "presets.import_presets": bodies.PresetFile,
    "shares.create_share": bodies.NewShare,
    "shares.delete_share": bodies.Nothing,
}
# Bodies that are no model's: media type -> schema.
OTHER_BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "files.import_conversations": {"application/json": {"type": ["object", "array"]}},
    "uploads.upload": {"multipart/form-data": {"type": "object", "required": ["file"], "additionalProperties": False,
                                               "properties": {"file": {"type": "string", "format": "binary"}}}},
}
SUCCESS = {"messages.send": 202, "messages.regenerate": 202, "messages.edit": 202, "messages.continue_": 202,
           "messages.stop": 202, "messages.fork": 201, "conversations.create_conversation": 201, "conversations.delete_conversation": 204,
           "presets.create_preset": 201, "presets.import_presets": 201, "presets.delete_preset": 204, "uploads.upload": 201, "uploads.delete_attachment": 204}
QUERIES = {"conversations.list_conversations": ("q", "archived", "limit", "before"), "feed.open_feed": ("have",),
           "search.search_messages": ("q", "limit", "before"),
           "presets.export_presets": ("id",), "usage.read_usage": ("days", "tz_offset"),
           "files.export_conversation": ("format", "reasoning", "attachments"), "files.export_everything": ("attachments",), "uploads.read_attachment": ("thumb",),
           "shares.read_shared_file": ("thumb",)}

ERROR = {
    "type": "object", "required": ["error"],
    "properties": {"error": {"type": "object", "required": ["type", "message"], "properties": {
        "type": {"type": "string"}, "message": {"type": "string"}, "details": {},
    }}},
}


def describe(app: Flask) -> dict[str, Any]:
    """Every route under /api and the three of operation."""
    _, definitions = models_json_schema([(model, "validation") for model in dict.fromkeys(BODIES.values())],
                                        ref_template="#/components/schemas/{model}")
    paths: dict[str, dict[str, Any]] = {}
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/") or rule.rule in ("/healthz", "/readyz", "/metrics"):
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
            for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
                paths.setdefault(path, {})[method.lower()] = _operation(app, rule.endpoint, method, sorted(rule.arguments))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rill", "version": VERSION},
        "paths": paths,
        "components": {
            "schemas": {**definitions.get("$defs", {}), "Error": ERROR},
            "securitySchemes": {"csrf": {"type": "apiKey", "in": "header", "name": "X-CSRF-Token"}},
        },
    }


def _operation(app: Flask, endpoint: str, method: str, arguments: list[str]) -> dict[str, Any]:
    doc = (app.view_functions[endpoint].__doc__ or endpoint.partition(".")[2].replace("_", " ")).strip().splitlines()[0]
    operation: dict[str, Any] = {
        "operationId": endpoint,
        "summary": doc,
        "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in arguments]
        + [{"name": name, "in": "query", "schema": {"type": "string"}} for name in QUERIES.get(endpoint, ())],
        "responses": {
            str(SUCCESS.get(endpoint, 200)): {"description": "Success"},
            "default": {"description": "Refused", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
        },
    }
    if method != "GET":
        operation["security"] = [{"csrf": []}]
    if endpoint in BODIES:
        schema = {"$ref": f"#/components/schemas/{BODIES[endpoint].__name__}"}
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    elif endpoint in OTHER_BODIES:
        operation["requestBody"] = {"content": {kind: {"schema": schema} for kind, schema in OTHER_BODIES[endpoint].items()}}
    return operation
