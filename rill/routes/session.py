"""`/api/session` and `/api/models`: who is asking, and what can be asked (PROTOCOL section 2)."""
from __future__ import annotations

from flask import Blueprint, Response, session
from flask_wtf.csrf import generate_csrf

from rill.parts import VERSION
from rill.routes.bodies import MAX_COMPLETION_TOKENS, MAX_CONTENT_CHARS, MAX_MODELS, MAX_TITLE_CHARS, Nothing
from rill.routes.door import answer, body, parts, user
from rill.zenmux import DEFAULT_COMPLETION_TOKENS

sessions = Blueprint("session", __name__)


@sessions.get("/api/session")
def read_session() -> Response:
    session.permanent = True
    settings = parts.settings
    return answer({
        "mode": "local",
        "user": user().as_dict(),
        "csrf_token": generate_csrf(),
        "upstream": parts.upstream(),
        "default_model": parts.default_model(user().id),
        "preferences": parts.preferences.of(user().id),
        "limits": {
            "content_chars": MAX_CONTENT_CHARS, "title_chars": MAX_TITLE_CHARS, "models": MAX_MODELS,
            "max_completion_tokens": MAX_COMPLETION_TOKENS, "default_completion_tokens": DEFAULT_COMPLETION_TOKENS, "feeds_per_user": settings.feeds_per_user,
            "runs_per_user": settings.runs_per_user, "messages_per_minute": settings.messages_per_minute,
            "feed_ping_seconds": settings.feed_ping_seconds,
        },
        "version": VERSION,
    })


@sessions.get("/api/models")
def read_models() -> Response:
    return answer(parts.models.get())


@sessions.post("/api/models/refresh")
def refresh_models() -> Response:
    """Ask the upstream for its list now; a failure keeps the last one."""
    body(Nothing)
    return answer(parts.models.refresh())
