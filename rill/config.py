"""All settings, read once at the start into one frozen value.

The environment wins over `.env`; an empty value counts as not set and hides `.env`'s. Secrets may come from a file
named by `NAME_FILE`. A wrong value stops the start by its name. Nothing else in the project reads the environment.
"""
from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from rill.errors import ConfigError
from rill.models import SLUG_PATTERN

ZENMUX_URL = "https://zenmux.ai/api/v1"
SECRETS = ("ZENMUX_API_KEY", "RILL_SECRET_KEY", "RILL_METRICS_TOKEN")


def _env(name: str) -> AliasChoices:
    return AliasChoices(name)


class Settings(BaseSettings):
    """Times are in seconds, fractions allowed. 0 means no limit where the description says "limit"."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True, allow_inf_nan=False)

    api_key: SecretStr | None = Field(None, validation_alias=_env("ZENMUX_API_KEY"), description="your ZenMux key; without one the stand-in answers (or `ZENMUX_API_KEY_FILE`: a file that holds it)")
    base_url: str = Field(ZENMUX_URL, validation_alias=_env("ZENMUX_BASE_URL"), description="where ZenMux is; http only to this machine")
    host: str = Field("127.0.0.1", validation_alias=_env("RILL_HOST"), description="address to listen on")
    port: int = Field(8000, ge=0, le=65535, validation_alias=_env("RILL_PORT"), description="port to listen on")
    data_dir: Path = Field(Path("data"), validation_alias=_env("RILL_DATA_DIR"), description="where the database and caches live")
    database_url: str | None = Field(None, validation_alias=_env("DATABASE_URL"), description="another SQLite file, as `sqlite:///path`")
    secret_key: SecretStr | None = Field(None, validation_alias=_env("RILL_SECRET_KEY"), description="signs cookies; kept in the database when not set")
    default_model: str | None = Field(None, validation_alias=_env("RILL_DEFAULT_MODEL"), description="the model of a new conversation, unless a user has chosen a default")
    titles: str = Field("off", validation_alias=_env("RILL_TITLES"), description="a model that names conversations after their first answer; `off`: their first words do")
    cost_wait: float = Field(240, ge=0, validation_alias=_env("RILL_COST_WAIT"), description="how long after an answer ZenMux is asked what it really cost; 0 never asks")
    standin_port: int = Field(0, ge=0, le=65535, validation_alias=_env("RILL_STANDIN_PORT"), description="port of the stand-in; 0 takes any free one")
    standin_url: str | None = Field(None, validation_alias=_env("RILL_STANDIN_URL"), description="set by `bin/serve` for the server it starts: where its stand-in listens")
    connect_timeout: float = Field(10, gt=0, validation_alias=_env("RILL_CONNECT_TIMEOUT"), description="longest wait for a connection to ZenMux")
    first_data_timeout: float = Field(900, ge=0, validation_alias=_env("RILL_FIRST_DATA_TIMEOUT"), description="limit until the first data of an answer; reasoning models take minutes")
    content_timeout: float = Field(180, ge=0, validation_alias=_env("RILL_CONTENT_TIMEOUT"), description="limit between two pieces of text; keep-alive comments do not count")
    answer_timeout: float = Field(3600, ge=0, validation_alias=_env("RILL_ANSWER_TIMEOUT"), description="limit for a whole answer")
    max_frame_bytes: int = Field(4 * 1024 * 1024, ge=1024, validation_alias=_env("RILL_MAX_FRAME_BYTES"), description="largest single frame accepted from ZenMux, in bytes")
    feed_ping_seconds: float = Field(15, gt=0, validation_alias=_env("RILL_FEED_PING_SECONDS"), description="time between two pings on a feed")
    feed_max_age: float = Field(600, gt=0, validation_alias=_env("RILL_FEED_MAX_AGE"), description="age at which a feed is asked to reconnect")
    feeds_per_user: int = Field(12, ge=0, validation_alias=_env("RILL_FEEDS_PER_USER"), description="limit of open feeds per user")
    feeds_per_address: int = Field(60, ge=0, validation_alias=_env("RILL_FEEDS_PER_ADDRESS"), description="limit of open feeds per network address")
    runs_per_user: int = Field(0, ge=0, validation_alias=_env("RILL_RUNS_PER_USER"), description="limit of answers streaming at once per user")
    messages_per_minute: int = Field(0, ge=0, validation_alias=_env("RILL_MESSAGES_PER_MINUTE"), description="limit of messages sent per user and minute")
    upload_quota_bytes: int = Field(1_000_000_000, ge=0, validation_alias=_env("RILL_UPLOAD_QUOTA_BYTES"), description="limit of stored attachments per user, in bytes")
    grace_seconds: float = Field(10, ge=0, validation_alias=_env("RILL_GRACE_SECONDS"), description="how long running answers may go on after SIGTERM")
    metrics_token: SecretStr | None = Field(None, validation_alias=_env("RILL_METRICS_TOKEN"), description="bearer token that opens `/metrics` to others than this machine")

    @field_validator("api_key", "secret_key", "metrics_token", mode="before")
    @classmethod
    def _clean_secret(cls, value: object) -> object:
        # A pasted key ends in a newline or holds a zero-width space; as a header that raises, and the exception prints it.
        if not isinstance(value, str):
            return value
        value = value.strip()
        if not value.isascii() or any(not 32 < ord(c) < 127 for c in value):
            raise ValueError("holds a character that cannot be part of it (a space or an invisible one); paste it again")
        return value or None

    @field_validator("base_url", "standin_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
            raise ValueError("must look like https://host/api/v1")
        if parts.scheme == "http" and not is_loopback(parts.hostname):
            raise ValueError("must be https unless it is on this machine, because the key travels with it")
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("sqlite:///"):
            raise ValueError("must start with sqlite:///")
        return value

    @field_validator("default_model", "titles")
    @classmethod
    def _check_slug(cls, value: str | None) -> str | None:
        if value is not None and not SLUG_PATTERN.fullmatch(value):
            raise ValueError("is not a model id such as openai/gpt-5")
        return value

    @model_validator(mode="after")
    def _check_door(self) -> Settings:
        if not is_loopback(self.host):
            raise ValueError("RILL_HOST: only this machine's own addresses (127.0.0.1, localhost, ::1) are served without accounts; put a proxy with a login in front, or leave it unset")
        return self

    @property
    def title_model(self) -> str | None:
        return None if self.titles.lower() == "off" else self.titles

    @property
    def has_key(self) -> bool:
        return self.api_key is not None

    @property
    def upstream_url(self) -> str:
        return self.base_url if self.has_key else self.standin_url or ""

    @property
    def sqlite_path(self) -> Path:
        return Path(self.database_url.removeprefix("sqlite:///")) if self.database_url else self.data_dir / "rill.db"

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings):  # noqa: ANN001, ANN206
        return init_settings, _MergedSource(settings_cls)


class _MergedSource(EnvSettingsSource):
    """The environment over `.env`, as one mapping, so that an empty variable hides the file's."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        # Ours alone: pydantic would also take the fields' own names, and HOST or PORT is often set for somebody else.
        ours = {field.validation_alias.choices[0] for field in self.settings_cls.model_fields.values()}
        return {name.lower(): value for name, value in read_environment().items() if name in ours}


def read_environment(environ: Mapping[str, str] | None = None, dotenv: Path = Path(".env")) -> dict[str, str]:
    """What is set, by name. Raises ConfigError when a `NAME_FILE` cannot be read."""
    environ = os.environ if environ is None else environ
    merged = {**dotenv_values(dotenv), **environ}
    for name in SECRETS:
        path = merged.get(f"{name}_FILE")
        if path and not merged.get(name):
            merged[name] = _read_secret(name, path)
    return {name: value for name, value in merged.items() if value and value.strip()}


def _read_secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}_FILE: {path} cannot be read ({getattr(error, 'strerror', None) or 'not text'}).") from None


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    host = host.strip("[]").lower()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(**overrides: object) -> Settings:
    """Read everything; raise ConfigError with one line a setting that is wrong, never with its value."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        lines = [f"{'.'.join(str(part) for part in e['loc'])}: {e['msg'].removeprefix('Value error, ')}".lstrip(": ") for e in error.errors(include_input=False, include_url=False)]
        raise ConfigError("Rill cannot start, these settings are wrong:\n  " + "\n  ".join(lines)) from None
