"""Settings: each by its name, the environment over `.env`, and a wrong one named without its value."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rill.config import SECRETS, ZENMUX_URL, Settings, is_loopback, load_settings
from rill.errors import ConfigError

SECRET = "sk-ai-v1-this-must-never-be-shown"
# Name in the environment, attribute, default, another value as text, and as it is understood.
SETTINGS: list[tuple[str, str, Any, str, Any]] = [
    ("ZENMUX_BASE_URL", "base_url", ZENMUX_URL, "http://127.0.0.1:9/v1/", "http://127.0.0.1:9/v1"),
    ("RILL_HOST", "host", "127.0.0.1", "localhost", "localhost"),
    ("RILL_PORT", "port", 8000, "0", 0),
    ("RILL_DATA_DIR", "data_dir", Path("data"), "/var/lib/rill", Path("/var/lib/rill")),
    ("DATABASE_URL", "database_url", None, "sqlite:////tmp/x.db", "sqlite:////tmp/x.db"),
    ("RILL_DEFAULT_MODEL", "default_model", None, "openai/gpt-5", "openai/gpt-5"),
    ("RILL_STANDIN_PORT", "standin_port", 0, "8001", 8001),
    ("RILL_CONNECT_TIMEOUT", "connect_timeout", 10, "0.5", 0.5),
    ("RILL_FIRST_DATA_TIMEOUT", "first_data_timeout", 900, "0", 0),
    ("RILL_CONTENT_TIMEOUT", "content_timeout", 180, "1.5", 1.5),
    ("RILL_ANSWER_TIMEOUT", "answer_timeout", 3600, "7200", 7200),
    ("RILL_MAX_FRAME_BYTES", "max_frame_bytes", 4 * 1024 * 1024, "65536", 65536),
    ("RILL_FEED_PING_SECONDS", "feed_ping_seconds", 15, "0.25", 0.25),
    ("RILL_FEED_MAX_AGE", "feed_max_age", 600, "60", 60),
    ("RILL_FEEDS_PER_USER", "feeds_per_user", 12, "0", 0),
    ("RILL_FEEDS_PER_ADDRESS", "feeds_per_address", 60, "3", 3),
    ("RILL_RUNS_PER_USER", "runs_per_user", 0, "4", 4),
    ("RILL_MESSAGES_PER_MINUTE", "messages_per_minute", 0, "5", 5),
    ("RILL_GRACE_SECONDS", "grace_seconds", 10, "0", 0),
]
SECRET_NAMES = {"ZENMUX_API_KEY": "api_key", "RILL_SECRET_KEY": "secret_key", "RILL_METRICS_TOKEN": "metrics_token"}


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No setting of the machine the tests run on, and an empty directory to be in."""
    for field in Settings.model_fields.values():
        name = field.validation_alias.choices[0]
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refusal() -> str:
    with pytest.raises(ConfigError) as refused:
        load_settings()
    assert SECRET not in refused.value.message
    return refused.value.message


@pytest.mark.parametrize(("name", "attribute", "default", "text", "value"), SETTINGS)
def test_each_setting_has_its_name_its_default_and_its_value(monkeypatch: pytest.MonkeyPatch, clean: Path, name: str, attribute: str, default: Any, text: str, value: Any) -> None:
    assert getattr(load_settings(), attribute) == default
    (clean / ".env").write_text(f"{name}={text}\n")
    assert getattr(load_settings(), attribute) == value
    monkeypatch.setenv(name, "")
    assert getattr(load_settings(), attribute) == default, "an empty value hides .env's"
    (clean / ".env").unlink()
    monkeypatch.setenv(name, text)
    assert getattr(load_settings(), attribute) == value


@pytest.mark.parametrize("name", ["HOST", "PORT", "API_KEY", "DATA_DIR", "BASE_URL", "SECRET_KEY", "DEFAULT_MODEL", "GRACE_SECONDS"])
def test_a_variable_of_another_program_is_no_setting(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Shells set HOST and hosters set PORT; neither is meant for us."""
    monkeypatch.setenv(name, "7" if name in ("PORT", "GRACE_SECONDS") else "elsewhere.example")
    assert load_settings().model_dump() == {key: field.default for key, field in Settings.model_fields.items()}


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, clean: Path) -> None:
    (clean / ".env").write_text("RILL_PORT=1\nRILL_RUNS_PER_USER=7\n")
    monkeypatch.setenv("RILL_PORT", "2")
    assert (load_settings().port, load_settings().runs_per_user) == (2, 7)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_come_from_a_file_and_is_cleaned(monkeypatch: pytest.MonkeyPatch, clean: Path, name: str) -> None:
    (clean / "secret").write_text(f"  {SECRET}\r\n")
    monkeypatch.setenv(f"{name}_FILE", str(clean / "secret"))
    assert getattr(load_settings(), SECRET_NAMES[name]).get_secret_value() == SECRET
    monkeypatch.setenv(name, "direct")
    assert getattr(load_settings(), SECRET_NAMES[name]).get_secret_value() == "direct"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch, clean: Path, name: str) -> None:
    monkeypatch.setenv(f"{name}_FILE", str(clean / "missing"))
    assert f"{name}_FILE" in refusal()
    (clean / "missing").write_bytes(b"\xff\xfe")
    assert f"{name}_FILE" in refusal()


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("spoilt", [f"{SECRET}\u200b", f"{SECRET} {SECRET}", f"{SECRET}\n{SECRET}", f"“{SECRET}”", f"{SECRET}\x7f"])
def test_a_secret_with_an_invisible_character_is_refused_by_name_and_not_shown(monkeypatch: pytest.MonkeyPatch, name: str, spoilt: str) -> None:
    monkeypatch.setenv(name, spoilt)
    assert name in refusal()


@pytest.mark.parametrize("name", SECRETS)
def test_no_print_of_the_settings_shows_a_secret(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, SECRET)
    settings = load_settings()
    assert SECRET not in f"{settings} {settings!r} {settings.model_dump()} {settings.model_dump_json()}"


def test_a_key_of_spaces_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENMUX_API_KEY", "  \n")
    assert not load_settings().has_key


@pytest.mark.parametrize(("name", "text"), [
    ("RILL_PORT", "http"), ("RILL_PORT", "65536"), ("RILL_PORT", "-1"), ("RILL_PORT", "80.5"), ("RILL_CONNECT_TIMEOUT", "0"),
    ("RILL_CONTENT_TIMEOUT", "-1"), ("RILL_CONTENT_TIMEOUT", "soon"), ("RILL_FEED_PING_SECONDS", "0"), ("RILL_MAX_FRAME_BYTES", "10"),
    ("RILL_GRACE_SECONDS", "inf"), ("RILL_ANSWER_TIMEOUT", "nan"), ("RILL_FEEDS_PER_USER", "-1"), ("RILL_DEFAULT_MODEL", "two words"),
    ("DATABASE_URL", "mysql://x"), ("RILL_HOST", "0.0.0.0"), ("RILL_HOST", "::"), ("RILL_HOST", "192.168.1.2"), ("RILL_HOST", "example.org"),
    ("ZENMUX_BASE_URL", "http://zenmux.ai/api/v1"), ("ZENMUX_BASE_URL", "ftp://zenmux.ai"), ("ZENMUX_BASE_URL", "zenmux.ai"),
    ("ZENMUX_BASE_URL", f"https://user:{SECRET}@zenmux.ai"), ("ZENMUX_BASE_URL", f"https://zenmux.ai/v1?key={SECRET}"),
    ("ZENMUX_BASE_URL", "https://"), ("ZENMUX_BASE_URL", "https://[x"), ("ZENMUX_BASE_URL", "http://localhost.evil.example/"),
])
def test_a_wrong_value_stops_the_start_by_its_name(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    monkeypatch.setenv("ZENMUX_API_KEY", SECRET)
    assert name in refusal()


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RILL_PORT", "x")
    monkeypatch.setenv("RILL_GRACE_SECONDS", "y")
    message = refusal()
    assert "RILL_PORT" in message and "RILL_GRACE_SECONDS" in message


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError):
        load_settings().port = 1


@pytest.mark.parametrize(("host", "expected"), [
    ("127.0.0.1", True), ("127.8.9.1", True), ("::1", True), ("[::1]", True), ("localhost", True), ("LOCALHOST", True), ("a.localhost", True),
    ("0.0.0.0", False), ("::", False), ("", False), ("localhost.example.org", False), ("127.0.0.1.example.org", False), ("10.0.0.1", False),
    ("2130706433", False), ("notlocalhost", False),
])
def test_only_names_that_can_mean_nothing_else_are_this_machine(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_the_upstream_is_zenmux_with_a_key_and_the_stand_in_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RILL_STANDIN_URL", "http://127.0.0.1:4242/api/v1")
    assert load_settings().upstream_url == "http://127.0.0.1:4242/api/v1"
    monkeypatch.setenv("ZENMUX_API_KEY", SECRET)
    assert load_settings().upstream_url == ZENMUX_URL


def test_the_database_is_in_the_data_directory_or_where_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RILL_DATA_DIR", "/srv/d")
    assert load_settings().sqlite_path == Path("/srv/d/rill.db")
    monkeypatch.setenv("DATABASE_URL", "sqlite:////tmp/x.db")
    assert load_settings().sqlite_path == Path("/tmp/x.db")
