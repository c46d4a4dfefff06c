"""For those who run it: `/healthz`, `/readyz`, `/metrics` (PROTOCOL section 7) and the API's own description."""
from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from rill import store
from rill.config import is_loopback
from rill.errors import Forbidden, RequestError
from rill.routes.door import answer, parts, user
from rill.routes.openapi import describe
from rill.security import is_bearer

ops = Blueprint("ops", __name__)


@ops.get("/healthz")
def healthz() -> Response:
    return Response("ok\n", mimetype="text/plain")


@ops.get("/readyz")
def readyz() -> Response:
    checks = {"database": _check_database(), "engine": _check_engine(), "upstream": _check_upstream()}
    ready = all(check["ok"] for check in checks.values())
    return answer({"ready": ready, "checks": checks}, 200 if ready else 503)


def _check_database() -> dict[str, object]:
    try:
        parts.db.check_room()
        with parts.db.write() as tx:
            store.revision(tx, user().id)
    except RequestError as error:
        return {"ok": False, "detail": error.message}
    return {"ok": True, "detail": "SQLite, writable"}


def _check_engine() -> dict[str, object]:
    engine = parts.engine
    return {"ok": not engine.is_draining, "detail": "stopping" if engine.is_draining else f"{len(engine.runs)} answers running"}


def _check_upstream() -> dict[str, object]:
    """Known without asking: a probe every few seconds must not call ZenMux."""
    return {"ok": True, "detail": parts.upstream()["kind"]}


@ops.get("/metrics")
def metrics() -> Response:
    token = parts.settings.metrics_token
    is_direct = "Forwarded" not in request.headers and "X-Forwarded-For" not in request.headers
    is_local = is_loopback(request.remote_addr or "") and is_direct
    if not is_local and not (token and is_bearer(request.headers.get("Authorization"), token.get_secret_value())):
        raise Forbidden("Metrics are for this machine, or for who has the token (RILL_METRICS_TOKEN).")
    return Response(generate_latest(), content_type=CONTENT_TYPE_LATEST)


@ops.get("/api/openapi.json")
def openapi() -> Response:
    return answer(describe(current_app))
