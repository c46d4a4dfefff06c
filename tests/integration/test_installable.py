"""What a browser needs to install the page: the manifest, its icons, and a service worker that is never stale."""
from __future__ import annotations

import json
import struct

import requests

from tests.servers import Rill


def test_the_service_worker_is_checked_each_time_and_names_files_that_are_there(rill: Rill) -> None:
    answer = requests.get(f"{rill.url}/sw.js", timeout=5)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "no-cache" and "default-src 'none'" in answer.headers["Content-Security-Policy"]
    first, _, rest = answer.text.partition("\n")
    files = json.loads(first.removeprefix("self.SHELL = ").removesuffix(";"))
    assert "addEventListener" in rest
    assert any("/main-" in name and name.endswith(".js") for name in files) and any("/main-" in name and name.endswith(".css") for name in files)
    assert not any("entry-sw" in name for name in files)
    for name in files:
        assert requests.head(f"{rill.url}{name}", timeout=5).status_code == 200, name


def test_the_manifest_names_icons_that_have_the_size_they_say(rill: Rill) -> None:
    page = requests.get(rill.url, timeout=5).text
    assert 'rel="manifest"' in page and '<meta name="description"' in page
    manifest = requests.get(f"{rill.url}/static/manifest.webmanifest", timeout=5)
    assert manifest.headers["Content-Type"].startswith("application/manifest+json")
    told = manifest.json()
    assert told["start_url"] == "/" and told["display"] == "standalone" and told["shortcuts"]
    drawn = [icon for icon in told["icons"] if icon["type"] == "image/png"]
    assert {"any", "maskable"} == {icon["purpose"] for icon in drawn}
    for icon in drawn:
        answer = requests.get(f"{rill.url}/static/{icon['src']}", timeout=5)
        assert answer.headers["Content-Type"] == "image/png"
        width, height = struct.unpack(">II", answer.content[16:24])
        assert icon["sizes"] == f"{width}x{height}"
