"""bin/test: sets up everything a test needs, then runs node's tests and pytest's. Arguments go to pytest, then alone.

Continuous integration runs the same. Pytest comes last, so that its closing line is the last one. Its files run several at
once: most of their time is waiting. With arguments it is one process, for a person who looks at one thing.
"""
from __future__ import annotations

import shutil
import sys

from rill.launch import setup
from rill.launch.environment import PYTHON, ROOT
from rill.launch.processes import LaunchError, run_loudly
from rill.launch.steps import only_one_setup

# A file stays in one process, with the servers it has started; tests/conftest.py has them begin in a good order.
TOGETHER = ["-n", "4", "--dist", "loadfile", "--no-loadscope-reorder"]


def main(arguments: list[str]) -> int:
    try:
        with only_one_setup(ROOT):
            setup.install_server()
            setup.install_local_model()
            setup.install_test_tools()
            setup.install_page(dev=True)
            chromium = setup.install_chromium()
            env = {**setup.node_env(), "RILL_TEST_CHROMIUM": chromium}
    except LaunchError as error:
        print(f"bin/test: {error}", file=sys.stderr)
        return 1
    node_code = 0 if arguments else _run_node_tests(env)
    return run_loudly([PYTHON, "-m", "pytest", *(arguments or TOGETHER)], cwd=ROOT, env=env) or node_code


def _run_node_tests(env: dict[str, str]) -> int:
    # Named one by one: node 20 takes a folder here and node 22 a pattern, but every version takes files.
    files = sorted((ROOT / "tests" / "js").rglob("*.test.js"))
    node = shutil.which("node", path=env["PATH"])
    return run_loudly([node or "node", "--test", *files], cwd=ROOT, env=env) if files else 0
