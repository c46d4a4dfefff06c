"""bin/standin: the stand-in for ZenMux alone, in this process. Its arguments are those of `python -m rill.standin`."""
from __future__ import annotations

import os
import sys

from rill.launch import setup
from rill.launch.environment import PYTHON, ROOT
from rill.launch.processes import LaunchError
from rill.launch.steps import only_one_setup


def main(arguments: list[str]) -> int:
    try:
        with only_one_setup(ROOT):
            setup.install_server()
            setup.install_local_model()
    except LaunchError as error:
        print(f"bin/standin: {error}", file=sys.stderr)
        return 1
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "-m", "rill.standin", *arguments])
