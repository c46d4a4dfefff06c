"""Where things are in this checkout, what is on this machine, and what the settings say.

Changes nothing and installs nothing. Called by the other files of launch/.
"""
from __future__ import annotations

import errno
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rill.launch.processes import LaunchError

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = 20
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# The server's own reader decides, so that launcher and server cannot disagree about .env or a wrong value.
ASK = """
import json
from rill.config import load_settings
from rill.errors import ConfigError
try:
    s = load_settings()
except ConfigError as error:
    raise SystemExit(error.message)
print(json.dumps([s.host, s.port, s.standin_port, str(s.data_dir), s.has_key]))
"""


@dataclass(frozen=True)
class Plan:
    """What the launcher has to know of the settings."""

    host: str
    port: int
    standin_port: int
    data_dir: Path
    has_key: bool


def read_plan() -> Plan:
    """Ask the server's settings; raises LaunchError with their own sentence."""
    asked = subprocess.run([PYTHON, "-c", ASK], cwd=ROOT, capture_output=True, text=True)
    if asked.returncode:
        raise LaunchError(asked.stderr.strip())
    host, port, standin_port, data_dir, has_key = json.loads(asked.stdout)
    return Plan(host, port, standin_port, ROOT / data_dir, has_key)


def check_venv_module() -> None:
    """Debian and Ubuntu ship Python without the part that makes environments."""
    if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
        package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
        raise LaunchError(f"This Python cannot make virtual environments: install the package {package} "
                          f"(Debian, Ubuntu: apt install {package}), then start again.")


def venv_is_usable() -> bool:
    """Whether .venv exists with a Python that is there and new enough."""
    try:
        found = re.search(r"^version\S*\s*=\s*(\d+)\.(\d+)", (VENV / "pyvenv.cfg").read_text(), re.MULTILINE)
    except OSError:
        return False
    # exists() follows the link: it is broken once the system has replaced its Python
    return bool(found) and PYTHON.exists() and (int(found[1]), int(found[2])) >= OLDEST_PYTHON


def find_node() -> Path | None:
    """A folder with node >= 20 and npm: the system's, or the one in .venv."""
    for path in (None, str(VENV / "bin")):
        node = shutil.which("node", path=path)
        if not node or not shutil.which("npm", path=path):
            continue
        answer = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
        version = re.match(r"v(\d+)\.", answer)
        if version and int(version[1]) >= OLDEST_NODE:
            return Path(node).parent
    return None


def find_chromium() -> str | None:
    """The path of a Chromium or Chrome that the system has."""
    named = os.environ.get("RILL_TEST_CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def check_port(host: str, port: int, setting: str) -> int:
    """Bind and let go, to say in a sentence what would fail later; returns the port, a free one for 0."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as gunicorn does: closed connections linger
            probe.bind(address)
            probe.listen()
            return probe.getsockname()[1]
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise LaunchError(f"Port {port} on {host} is taken by another program: stop that one, "
                              f"or choose another port with {setting}.") from None
        if error.errno == errno.EACCES:
            raise LaunchError(f"Port {port} is reserved for the system: choose one above 1023 with {setting}.") from None
        raise LaunchError(f"{host} is not an address of this machine that a server can listen on "
                          f"({error.strerror}): see RILL_HOST.") from None


def check_data_dir(folder: Path) -> None:
    """Make the folder, and write and remove a file in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise LaunchError(f"The data folder {folder} cannot be written ({error.strerror}): "
                          "make it writable, or choose another with RILL_DATA_DIR.") from None
