"""Rill behind the proxies of deploy/: the very files, with their names and certificates replaced, in real nginx and Caddy.

Each is skipped where it is not installed; with RILL_TEST_REQUIRE_PROXIES set that is a failure.
"""
from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from rill.standin.numbers import verify
from tests.api_client import Api
from tests.feed_reader import Feed, Held
from tests.servers import PROJECT, Rill, free_port, running_rill
from tests.standin_process import StandIn, wait_until

SEED = 2
PING_SECONDS = 0.7
IDLE_CUT_SECONDS = 2  # in place of the usual 60
LATE_SECONDS = 0.1
CERTIFICATE = PROJECT / "tests" / "fixtures" / "tls_upstream.pem"
ONLY_OUTSIDE = re.compile(r"^ *(listen|http2|server_name|ssl_\w+|auth_\w+) .*$", re.MULTILINE)  # what a test cannot have


@dataclass
class Proxy:
    name: str
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def nginx_config(server: str, folder: Path) -> str:
    paths = "\n".join(f"    {kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "" if os.geteuid() else "user root;\n"
    return f"""{user}daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
{paths}
{server}
}}
"""


def nginx(folder: Path, rill_port: int, port: int) -> list[str]:
    """With the idle limit of many a proxy in place of our own long one."""
    server = ONLY_OUTSIDE.sub("", (PROJECT / "deploy" / "nginx.conf").read_text()).replace("server {", f"server {{ listen 127.0.0.1:{port};", 1)
    server = server.replace("127.0.0.1:8000", f"127.0.0.1:{rill_port}").replace("proxy_read_timeout 1h", f"proxy_read_timeout {IDLE_CUT_SECONDS}s")
    (folder / "nginx.conf").write_text(nginx_config(server, folder))
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def caddy(folder: Path, rill_port: int, port: int) -> list[str]:
    site = (PROJECT / "deploy" / "Caddyfile").read_text().replace("chat.example.org", f"http://:{port}")
    site = re.sub(r"\tbasicauth \{.*?\n\t\}\n", "", site, flags=re.DOTALL).replace("127.0.0.1:8000", f"127.0.0.1:{rill_port}")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n" + site)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


PROXIES: dict[str, Callable[[Path, int, int], list[str]]] = {"nginx": nginx, "caddy": caddy}


def need(name: str) -> None:
    if not shutil.which(name):
        assert not os.environ.get("RILL_TEST_REQUIRE_PROXIES"), f"{name} is not installed"
        pytest.skip(f"{name} is not installed")


@pytest.fixture(scope="module")
def rill(upstream: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rill]:
    with running_rill(tmp_path_factory.mktemp("proxied") / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo",
                      RILL_FEED_PING_SECONDS=PING_SECONDS, RILL_FEEDS_PER_USER=0, RILL_FEEDS_PER_ADDRESS=0) as running:
        yield running


@pytest.fixture(scope="module", params=PROXIES)
def proxy(request: pytest.FixtureRequest, rill: Rill, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    need(request.param)
    found, folder = Proxy(request.param, free_port()), tmp_path_factory.mktemp(request.param)
    with (folder / "said").open("w") as said:
        process = subprocess.Popen(PROXIES[request.param](folder, rill.port, found.port), stdout=said, stderr=said,
                                   env={**os.environ, "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "HOME": str(folder)})
    try:
        wait_until(lambda: process.poll() is not None or answers(found.url), f"{found.name} to answer")
        assert process.poll() is None, (folder / "said").read_text()
        yield found
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def arrivals(feed: Feed, message_id: str) -> dict[int, float]:
    """When each delta came, by its end."""
    deltas = [event for event in feed.events if event.name == "delta" and event.data["message_id"] == message_id]
    return {event.data["offset"] + len(event.data["text"]): event.at for event in deltas}


def test_a_stream_comes_through_without_added_delay(rill: Rill, proxy: Proxy) -> None:
    direct, proxied = rill.feed().until_ready(), Feed(proxy.port).until_ready()
    reply = Api(proxy.url).ask(json.dumps({"words": 150, "rate": 50, "seed": SEED, "wide": True}), "demo/numbers")
    readers = [threading.Thread(target=feed.until_final, args=(reply["id"],)) for feed in (direct, proxied)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(30)
    assert verify(proxied.held.text(reply["id"]), SEED, wide=True) is None and proxied.held.is_final(reply["id"])
    first, second = arrivals(direct, reply["id"]), arrivals(proxied, reply["id"])
    late = sorted(second[end] - first[end] for end in second.keys() & first.keys())
    assert len(late) > 50, "word by word, not in lumps"
    assert late[len(late) * 9 // 10] < LATE_SECONDS, f"nine in ten came within {late[len(late) * 9 // 10] * 1000:.0f} ms of the direct reader"


def test_the_page_loads_and_its_requests_pass_the_checks_of_origin(proxy: Proxy) -> None:
    page = requests.get(proxy.url, timeout=10, headers={"Host": "chat.example.org"})
    assert page.status_code == 200 and "default-src 'none'" in page.headers["Content-Security-Policy"]
    for asset in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert requests.get(proxy.url + asset, timeout=10).status_code == 200, asset
    api = Api(proxy.url)
    from_page = {"Host": "chat.example.org", "Cookie": f"rill={api.http.cookies['rill']}", "Origin": "https://chat.example.org", "Sec-Fetch-Site": "same-origin"}
    assert api.request("POST", "/api/conversations", {}, headers=from_page).status_code == 201
    from_elsewhere = {**from_page, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert api.request("POST", "/api/conversations", {}, headers=from_elsewhere).status_code == 403
    assert api.request("POST", "/api/conversations", {"system_prompt": "漢" * 30_000}).status_code == 201


def test_pings_keep_an_idle_feed_open_beyond_the_proxys_limit(proxy: Proxy) -> None:
    feed = Feed(proxy.port).until_ready()
    opened_at = time.monotonic()
    feed.until(lambda feed: time.monotonic() - opened_at > 2.5 * IDLE_CUT_SECONDS, "pings", 10)
    assert {event.name for event in feed.events} == {"hello", "ready", "ping"}
    reply = Api(proxy.url).ask("after a long silence")
    assert feed.until_final(reply["id"]).held.text(reply["id"]) == "after a long silence"


def test_a_page_that_names_very_much_can_reconnect(proxy: Proxy) -> None:
    done = Api(proxy.url).answered("0123456789")
    named = ",".join([f"{'A' * 60}:0:0"] * 240 + [f"{done['id']}:4:0"])
    assert 15_000 < len(named) < 16 * 1024
    for by_header in (False, True):
        feed = Feed(proxy.port, Held({done["id"]: {"content": "0123", "reasoning": ""}}), cursor=named, by_header=by_header).until_ready()
        assert feed.held.text(done["id"]) == "0123456789"
        feed.close()


def test_metrics_are_not_shown_through_a_proxy(proxy: Proxy) -> None:
    assert requests.get(f"{proxy.url}/metrics", timeout=10).status_code == 403


def test_a_feed_that_leaves_through_the_proxy_is_let_go_of(rill: Rill, proxy: Proxy) -> None:
    def open_feeds() -> str:
        return next(line for line in requests.get(f"{rill.url}/metrics", timeout=10).text.splitlines() if line.startswith("rill_open_feeds "))
    wait_until(lambda: open_feeds().endswith(" 0.0"), "earlier feeds to be let go of")
    feed = Feed(proxy.port).until_ready()
    assert open_feeds().endswith(" 1.0")
    feed.close()
    wait_until(lambda: open_feeds().endswith(" 0.0"), "the feed to be let go of")


# ---- the files as they are

def test_nginx_takes_our_file_whole(tmp_path: Path) -> None:
    need("nginx")
    server = (PROJECT / "deploy" / "nginx.conf").read_text().replace("/etc/nginx/rill.htpasswd", str(tmp_path / "htpasswd"))
    server = re.sub(r"/etc/ssl/chat\.example\.org\.\w+", str(CERTIFICATE), server).replace("listen 443", f"listen 127.0.0.1:{free_port()}")
    (tmp_path / "nginx.conf").write_text(nginx_config(server, tmp_path))
    done = subprocess.run(["nginx", "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr


def test_caddy_takes_our_file_whole(tmp_path: Path) -> None:
    need("caddy")
    made = subprocess.run(["caddy", "hash-password", "--plaintext", "x"], capture_output=True, text=True, timeout=20).stdout.strip()
    (tmp_path / "Caddyfile").write_text((PROJECT / "deploy" / "Caddyfile").read_text().replace("HASH", made))
    done = subprocess.run(["caddy", "validate", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"], capture_output=True, text=True,
                          timeout=20, env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
