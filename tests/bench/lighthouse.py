"""Lighthouse over the page: the empty chat, and a conversation with an answer in it, as a phone and as a desk see them.

Method: a server of its own with the stand-in; Lighthouse's usual simulated network and processor, real Chromium. Lighthouse
and what it needs is big, so it is no dependency: `npm install` fetches the version below into --folder (a temporary one by
default, give another to keep it). It needs Node, and the network for that one install. The last line is JSON: scores of 0 to 100.

    .venv/bin/python -m tests.bench.lighthouse [--folder FOLDER]
"""
from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

from tests.browser.markdown_site import CHROMIUM_ARGS, chromium_path
from tests.servers import running_rill
from tests.standin_process import running_standin

LIGHTHOUSE = "lighthouse@12.8.2"
CATEGORIES = ("performance", "accessibility", "best-practices")
INSTALL_SECONDS, RUN_SECONDS = 300, 180


def install(folder: Path) -> Path:
    script = folder / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not script.exists():
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder), LIGHTHOUSE]
        subprocess.run(command, check=True, timeout=INSTALL_SECONDS)
    return script


def look_at(script: Path, url: str, device: str, folder: Path) -> dict[str, object]:
    """Lighthouse's whole report."""
    report = folder / "report.json"
    command = ["node", str(script), url, "--quiet", "--output=json", f"--output-path={report}", f"--only-categories={','.join(CATEGORIES)}",
               f"--chrome-flags=--headless=new {' '.join(CHROMIUM_ARGS)}", *(["--preset=desktop"] if device == "desk" else [])]
    subprocess.run(command, check=True, timeout=RUN_SECONDS, env={**os.environ, "CHROME_PATH": chromium_path() or ""})
    return json.loads(report.read_text(encoding="utf-8"))


def scores_of(report: dict) -> dict[str, int]:
    return {name: round(report["categories"][name]["score"] * 100) for name in CATEGORIES}


def print_faults(report: dict) -> None:
    audits = report["audits"]
    for name in CATEGORIES:
        for one in report["categories"][name]["auditRefs"]:
            audit = audits[one["id"]]
            if one["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                print(f"   {name}: {audit['id']} {audit['score']} {audit.get('displayValue', '')}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path)
    args = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as temporary, running_standin() as upstream:
        folder = Path(temporary)
        script = install(args.folder or folder)
        with running_rill(folder / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
            api = rill.api()
            conversation_id = api.answered("A *short* answer.\n\n- one\n- two\n")["conversation_id"]
            for place, path in (("new", "/"), ("conversation", f"/c/{conversation_id}")):
                for device in ("phone", "desk"):
                    report = look_at(script, rill.url + path, device, folder)
                    found[f"{place}, {device}"] = scores_of(report)
                    print(f"{place}, {device}: {scores_of(report)}")
                    print_faults(report)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
