"""Wires the parts into a Flask application, and does nothing else. gunicorn takes `app:app`."""
from __future__ import annotations

import logging
import sys
from datetime import timedelta

from flask import Flask
from gunicorn.arbiter import Arbiter

from rill.config import Settings, load_settings
from rill.errors import ConfigError
from rill.parts import build
from rill.routes import door
from rill.routes.conversations import conversations
from rill.routes.feed import feed
from rill.routes.files import files
from rill.routes.messages import messages
from rill.routes.ops import ops
from rill.routes.language import say, tag
from rill.routes.pages import asset, pages, static_file
from rill.routes.preferences import preferences
from rill.routes.presets import presets
from rill.routes.search import search
from rill.routes.session import sessions
from rill.routes.shares import shares
from rill.routes.uploads import uploads
from rill.routes.usage import usage


WORKER_BOOT_ERROR = Arbiter.WORKER_BOOT_ERROR  # tells gunicorn to give up instead of trying again and again


def create_app(settings: Settings | None = None) -> Flask:
    """The application, with its database open and what a dead process left marked. Raises ConfigError."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    parts = build(settings or load_settings())
    app = Flask(__name__, static_folder=None)
    app.static_folder = "static"
    app.extensions["rill"] = parts
    app.config.update(
        SECRET_KEY=parts.secret_key, WTF_CSRF_TIME_LIMIT=None,
        SESSION_COOKIE_NAME="rill", SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
    )
    app.add_url_rule("/static/<path:filename>", "static", static_file)
    app.jinja_env.globals.update(asset=asset, say=say, language_tag=tag)
    door.install(app)
    for blueprint in (pages, sessions, conversations, messages, feed, files, shares, uploads, preferences, presets, search, usage, ops):
        app.register_blueprint(blueprint)
    return app


def __getattr__(name: str) -> Flask:
    # Made when gunicorn asks for it, in the worker, and not when a test imports `create_app`.
    if name == "app":
        try:
            return create_app()
        except ConfigError as error:
            print(error.message, file=sys.stderr, flush=True)
            sys.exit(WORKER_BOOT_ERROR)
    raise AttributeError(name)
