"""Builds everything from Settings, once, at the start: the only place that chooses a backend."""
from __future__ import annotations

import logging
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import gevent

from rill import backup, store
from rill.config import Settings
from rill.contents import Contents
from rill.db import LOCK_WAIT_SECONDS, Database, DataDir
from rill.deletion import Deletions
from rill.engine import Engine
from rill.errors import ConfigError, RequestError
from rill.hub import Hub
from rill.indexing import Indexing
from rill.modellist import ModelList
from rill.models import User, new_id
from rill.preferences import Preferences
from rill.replies import Replies
from rill.settling import Settler
from rill.titles import Titles
from rill.uploads import Uploads
from rill.zenmux import Limits, ZenMux

log = logging.getLogger(__name__)

VERSION = "0.1.0"
STANDIN_KEY = "standin"  # it takes any
# The first of these that the list has answers when nobody chose: quick, cheap and good ones; the real local model first.
PREFERRED_MODELS = (
    "local/smollm2-135m-instruct", "openai/gpt-5-mini", "anthropic/claude-haiku-4.5", "google/gemini-2.5-flash",
    "deepseek/deepseek-chat", "openai/gpt-5",
)


@dataclass(frozen=True)
class Parts:
    settings: Settings
    db: Database
    hub: Hub
    engine: Engine
    replies: Replies
    deletions: Deletions
    models: ModelList
    settler: Settler
    titles: Titles
    indexing: Indexing
    preferences: Preferences
    uploads: Uploads
    owner: User
    secret_key: str
    boot: str  # this process's life, told in `hello`
    data_dir: DataDir

    def default_model(self, user_id: str) -> str:
        return _default_model(self.preferences, self.settings, self.models, user_id)

    def start(self) -> None:
        """What goes on beside the requests, once the server takes some."""
        gevent.spawn(self.models.get)  # prices are known before the first answer needs them
        gevent.spawn(self.uploads.sweep_for_ever)
        self.settler.start()
        self.indexing.start()

    def stop(self) -> None:
        """The same, at once, at the beginning of a shutdown."""
        self.settler.stop()
        self.indexing.stop()
        self.titles.stop()

    def close(self) -> None:
        """The last thing of a life: fold the write-ahead log into the file, and say that it was done."""
        self.db.close()
        self.data_dir.mark_closed()

    def upstream(self) -> dict[str, str]:
        """What a session may know of where answers come from."""
        host = urlsplit(self.settings.upstream_url).netloc
        if self.settings.has_key:
            return {"kind": "zenmux", "host": host}
        return {"kind": "standin", "host": host, "base_url": self.settings.upstream_url}


def build(settings: Settings) -> Parts:
    """Raises ConfigError when the start must be refused."""
    try:
        return _build(settings)
    except RequestError as error:  # locked, read-only or full: what would be a 503 later
        raise ConfigError(f"{settings.sqlite_path} cannot be used now: {error.message}") from None
    except OSError as error:
        raise ConfigError(f"RILL_DATA_DIR: {settings.data_dir} cannot be used ({error.strerror}).") from None


def _build(settings: Settings) -> Parts:
    if not settings.upstream_url:
        raise ConfigError("There is neither a ZENMUX_API_KEY nor a stand-in. Start with bin/serve, which brings one, or set the key.")
    data_dir = DataDir(settings.data_dir, settings.grace_seconds + LOCK_WAIT_SECONDS)
    was_restored = backup.bring_in(settings.data_dir, settings.sqlite_path)
    if was_restored:
        data_dir.mark_closed()  # what the last server left open is among the backups now
    data_dir.check(settings.sqlite_path)
    db = Database(settings.sqlite_path)
    db.upgrade(lambda step: backup.save(settings.sqlite_path, settings.data_dir, f"before-upgrade-from-{step}"))
    with db.write() as tx:
        owner = store.local_owner(tx)
        if was_restored:
            store.leap_revisions(tx, int(time.time()))
        kept_secret = store.setting(tx, "secret_key", lambda: secrets.token_urlsafe(32))
    data_dir.mark_open()
    hub = Hub(ping_seconds=settings.feed_ping_seconds, max_age=settings.feed_max_age,
              per_user=settings.feeds_per_user, per_address=settings.feeds_per_address)
    upstream = _upstream(settings)
    models = ModelList(upstream, settings.data_dir / "models.json")
    engine = Engine(db, hub, upstream, models.estimate, runs_per_user=settings.runs_per_user,
                    messages_per_minute=settings.messages_per_minute)
    engine.recover()
    titles = Titles(db, hub, upstream, models, settings.title_model)
    engine.on_ended.append(titles.run_ended)
    settler = Settler(db, hub, upstream, settings.cost_wait)
    indexing = Indexing(db, lambda: bool(engine.runs))
    preferences = Preferences(db)
    uploads = Uploads(db, settings.data_dir, settings.upload_quota_bytes)
    replies = Replies(db, hub, engine, lambda user_id: _default_model(preferences, settings, models, user_id),
                      Contents(uploads.read, models.takes_pdf))
    deletions = Deletions(db, hub, engine, uploads.poke)
    deletions.plan_purge(0)
    secret_key = settings.secret_key.get_secret_value() if settings.secret_key else kept_secret
    return Parts(settings, db, hub, engine, replies, deletions, models, settler, titles, indexing, preferences, uploads, owner, secret_key, new_id(), data_dir)


def _upstream(settings: Settings) -> ZenMux:
    limits = Limits(settings.connect_timeout, settings.first_data_timeout, settings.content_timeout,
                    settings.answer_timeout, settings.max_frame_bytes)
    key = settings.api_key.get_secret_value() if settings.api_key else STANDIN_KEY
    return ZenMux(settings.upstream_url, key, limits)


def _default_model(preferences: Preferences, settings: Settings, models: ModelList, user_id: str) -> str:
    """The user's own; else the configured one; else the first preferred that is listed; else the first listed."""
    return preferences.of(user_id)["default_model"] or settings.default_model or _choose(models)


def _choose(models: ModelList) -> str:
    listed = [model["id"] for model in models.get()["models"]]
    return next((slug for slug in PREFERRED_MODELS if slug in listed), listed[0] if listed else PREFERRED_MODELS[1])
