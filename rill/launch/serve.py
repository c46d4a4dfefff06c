"""bin/serve: sets up what is missing, then runs the server, with a stand-in for ZenMux when there is no key.

Installs through setup.py and supervises through supervise.py; here is only the order of things.
"""
from __future__ import annotations

import argparse
import os
import sys
import time

from rill.launch import setup
from rill.launch.environment import PYTHON, ROOT, Plan, check_data_dir, check_port, read_plan
from rill.launch.processes import LaunchError, say
from rill.launch.steps import only_one_setup
from rill.launch.supervise import Supervisor

HELP = """\
Start Rill, a streaming chat for ZenMux, and stay in the foreground until Ctrl-C or SIGTERM.
The first start installs what it needs into this folder (.venv, node_modules); later ones need no network for that.
Without a key a stand-in answers: scripted models, and a small real one on this machine.
"""
SETTINGS = """\
settings, from the environment or a file .env in this folder (README.md has them all):
  ZENMUX_API_KEY   your ZenMux key; or ZENMUX_API_KEY_FILE, a file that holds it
  RILL_HOST        address to listen on (127.0.0.1)
  RILL_PORT        port to listen on (8000)
  RILL_DATA_DIR    where conversations are kept (./data)
"""
KEY_ADVICE = "No ZenMux key is set, so a stand-in answers. To use yours, put ZENMUX_API_KEY=... into the file .env and start again."
SAY_DURATION_SECONDS = 3


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/serve", description=HELP, epilog=SETTINGS, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--setup-only", action="store_true", help="install and build what is missing, then end")
    setup_only = parser.parse_args(arguments).setup_only
    try:
        plan = _set_up(again=setup_only)
        return 0 if setup_only else _serve(plan)
    except LaunchError as error:
        print(f"bin/serve: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped during the set-up; the next start goes on from here.", file=sys.stderr)
        return 130


def _set_up(*, again: bool) -> Plan:
    with only_one_setup(ROOT):
        started = time.monotonic()
        setup.install_server()
        plan = read_plan()
        setup.install_page()
        if not plan.has_key:
            setup.install_local_model(again=again)
    if (seconds := time.monotonic() - started) > SAY_DURATION_SECONDS:
        say(f"Set up in {seconds:.0f} s.")
    return plan


def _serve(plan: Plan) -> int:
    check_data_dir(plan.data_dir)
    port = check_port(plan.host, plan.port, "RILL_PORT")
    env = {**os.environ, "RILL_PORT": str(port)}
    env.pop("RILL_STANDIN_URL", None)
    env.pop("NOTIFY_SOCKET", None)  # gunicorn would say that it is ready before the application is
    shown = f"[{plan.host}]" if ":" in plan.host else plan.host
    when_up = [f"Rill is at http://{shown}:{port}"]
    standin = None
    if not plan.has_key:
        when_up.append(KEY_ADVICE)
        standin = [str(PYTHON), "-m", "rill.standin"]
        if plan.standin_port:
            check_port("127.0.0.1", plan.standin_port, "RILL_STANDIN_PORT")
    server = [str(PYTHON), "-m", "gunicorn", "-c", "gunicorn.conf.py", "app:app"]
    code = Supervisor(server, env, plan.host, port, ROOT, standin=standin, standin_port=plan.standin_port,
                      when_up=when_up).run()
    if code:
        check_port(plan.host, port, "RILL_PORT")  # another start at the same moment may have been quicker
    return code
