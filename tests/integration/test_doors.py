"""What every request must pass and every answer carries (PROTOCOL section 1), over real sockets."""
from __future__ import annotations

import socket
from typing import Any

import pytest
import requests

from tests.api_client import Api
from tests.servers import Rill

UNKNOWN = "0" * 22
TIMEOUT_SECONDS = 10
BODY_LIMIT_BYTES = 4 * 1024 * 1024
SECURITY_HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
}
POLICY = ("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'",
          "frame-ancestors 'none'", "form-action 'self'", "object-src 'none'", "require-trusted-types-for 'script'")


def refusal(answer: requests.Response, status: int, kind: str) -> dict[str, Any]:
    """The error, after checking that it is one as section 1 has it."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text[:300]}"
    assert answer.headers["Content-Type"] == "application/json" and answer.headers["Cache-Control"] == "no-store"
    error = answer.json()["error"]
    assert error["type"] == kind and error["message"].rstrip("…").endswith(".") and len(error["message"]) > 15, error
    assert "Traceback" not in answer.text
    return error


def raw(port: int, request: bytes) -> tuple[int, bytes]:
    """Send bytes, return status and the whole answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as sock:
        sock.sendall(request)
        data = b""
        while part := sock.recv(65536):
            data += part
    return int(data.split(b" ", 2)[1]), data


def post_body(api: Api, data: bytes, content_type: str | None = "application/json") -> requests.Response:
    return api.request("POST", "/api/conversations", data=data, headers={"Content-Type": content_type})


# ---- Host

@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "localhost.evil.example",
                                  "127.0.0.1@evil.example", "", "[", "[::1", "192.168.0.1", "0.0.0.0"])
def test_a_foreign_host_is_refused_on_every_route(rill: Rill, host: str) -> None:
    for path in ("/", "/api/session", "/api/feed", "/api/conversations", "/healthz", "/static/x.js", "/nothing"):
        status, data = raw(rill.port, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert status in (400, 403) and b"Traceback" not in data, (path, data[:300])
        assert status == 403 and b"forbidden" in data or path in ("/", "/healthz", "/static/x.js", "/nothing"), (path, data[:300])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:80", "rill.localhost", "127.9.9.9"])
def test_every_name_of_this_machine_is_served(rill: Rill, host: str) -> None:
    assert raw(rill.port, f"GET /api/session HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())[0] == 200


# ---- CSRF and origin

@pytest.mark.parametrize("headers", [
    {"X-CSRF-Token": None}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": "a.b.c"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
    {"Origin": "http://["}, {"Origin": "http://127.0.0.1:1"},
])
def test_an_unsafe_request_without_proof_of_its_origin_changes_nothing(rill: Rill, api: Api, headers: dict[str, str]) -> None:
    before = api.revision()
    refusal(api.request("POST", "/api/conversations", {}, headers=headers), 403, "csrf")
    assert api.revision() == before


def test_a_token_without_its_cookie_is_refused(rill: Rill, api: Api) -> None:
    refusal(requests.post(f"{rill.url}/api/conversations", headers={"X-CSRF-Token": api.token}, timeout=TIMEOUT_SECONDS), 403, "csrf")
    stranger = rill.api()
    refusal(api.request("POST", "/api/conversations", headers={"X-CSRF-Token": stranger.token}), 403, "csrf")


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {}])
def test_the_page_itself_may_change_things(rill: Rill, api: Api, headers: dict[str, str]) -> None:
    assert api.request("POST", "/api/conversations", headers={"Origin": rill.url, **headers}).status_code == 201


# ---- the order of checks

def test_checks_come_in_the_promised_order(rill: Rill, api: Api) -> None:
    def post(path: str, body: str, **headers: str | None) -> requests.Response:
        return api.request("POST", path, data=body, headers={"Content-Type": "application/json", **headers})

    unknown, asked = f"/api/messages/{UNKNOWN}/continue", api.answered("hello")
    known = f"/api/messages/{asked['id']}/continue"
    refusal(post(unknown, "{", Host="evil.example", **{"X-CSRF-Token": None}), 403, "forbidden")
    refusal(post(unknown, "{", **{"X-CSRF-Token": None}), 403, "csrf")
    refusal(post(unknown, "{"), 404, "not_found")
    refusal(post(known, "{"), 400, "invalid_request")
    refusal(post(known, "{}"), 409, "conflict")
    refusal(post("/api/session", "{", **{"X-CSRF-Token": None}), 403, "csrf")
    refusal(post("/api/session", "{"), 405, "method_not_allowed")
    refusal(post("/api/nothing", "{"), 404, "not_found")


# ---- bodies

@pytest.mark.parametrize("body", [
    b"{", b"[]", b"1", b'"x"', b"null", b"\xff\xfe", b'{"title": "\\ud800"}', b'{"title": "a\\u0000b"}', b'{"a\\u0000": 1}',
    b'{"title": "\xed\xa0\x80"}', b'{"unknown": 1}', b'{"title": 1}', b'{"title": ["x"]}', b'{"title": NaN}', b'{"params": []}',
    b'{"params": {"unknown": 1}}', b'{"params": {"temperature": "1"}}', b'{"params": {"temperature": 2.1}}', b'{"params": {"top_p": -0.1}}',
    b'{"params": {"max_completion_tokens": 0}}', b'{"params": {"max_completion_tokens": 1.5}}', b'{"params": {"reasoning_effort": "much"}}',
    b'{"params": {"web_search": 1}}', b'{"model": ""}', b'{"model": "-x"}', b'{"model": "a b"}', b'{"model": "a\\n"}',
    b'{"title": 123456789012345678901234567890}', b'{"title": "' + b"x" * 201 + b'"}', b'{"model": "' + b"x" * 201 + b'"}',
    b'{"a":' * 21 + b"1" + b"}" * 21, b'{"params": ' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"a":' * 100_000,
])
def test_a_body_that_is_not_right_is_a_400_and_changes_nothing(api: Api, body: bytes) -> None:
    before = api.revision()
    refusal(post_body(api, body), 400, "invalid_request")
    assert api.revision() == before


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx", "", None])
def test_a_body_of_another_type_is_a_415(api: Api, kind: str | None) -> None:
    refusal(post_body(api, b"{}", kind), 415, "unsupported_media_type")


def test_no_body_means_an_empty_object(api: Api) -> None:
    assert api.request("POST", "/api/conversations").status_code == 201
    assert post_body(api, b"{}", "application/json; charset=utf-8").status_code == 201


def test_a_body_over_the_limit_is_a_413_however_it_is_sent(rill: Rill, api: Api) -> None:
    big = b'{"title": "' + b"x" * BODY_LIMIT_BYTES + b'"}'
    refusal(post_body(api, big), 413, "too_large")
    refusal(api.request("POST", "/api/conversations", data=iter([big]), headers={"Content-Type": "application/json"}), 413, "too_large")
    assert api.request("POST", "/api/conversations", {}).status_code == 201


def test_text_at_its_limit_is_taken_and_kept_to_the_character(api: Api) -> None:
    text = "é漢🌊" + "x" * 999_997
    reply = api.ask(text, "demo/fault-402")
    assert api.message(reply["parent_id"])["content"] == text
    refusal(api.request("POST", f"/api/conversations/{reply['conversation_id']}/messages", {"content": text + "x"}), 400, "invalid_request")


# ---- what every answer carries

def answers(rill: Rill, api: Api) -> dict[str, requests.Response]:
    get = lambda path, **headers: requests.get(rill.url + path, headers=headers, timeout=TIMEOUT_SECONDS)  # noqa: E731
    return {
        "page": get("/", Accept="text/html"), "conversation page": get("/c/x", Accept="text/html"), "session": get("/api/session"),
        "unknown page": get("/nothing", Accept="text/html"), "unknown route": get("/api/nothing"), "static": get("/favicon.ico"),
        "unknown static": get("/static/nothing.js"), "healthz": get("/healthz"), "readyz": get("/readyz"), "metrics": get("/metrics"),
        "foreign host": get("/", Host="evil.example"), "options": requests.options(f"{rill.url}/api/session", timeout=TIMEOUT_SECONDS),
        "wrong method": requests.put(f"{rill.url}/api/session", headers={"X-CSRF-Token": api.token}, cookies=api.http.cookies, timeout=TIMEOUT_SECONDS),
        "no token": requests.post(f"{rill.url}/api/conversations", timeout=TIMEOUT_SECONDS), "bad cursor": get("/api/feed?have=x"),
        "head of the feed": requests.head(f"{rill.url}/api/feed", timeout=TIMEOUT_SECONDS),
        "deleted": api.request("DELETE", f"/api/conversations/{api.new_conversation()['id']}"),
    }


def test_every_kind_of_answer_carries_the_security_headers_and_none_opens_the_door_to_others(rill: Rill, api: Api) -> None:
    found = {name: answer.headers for name, answer in answers(rill, api).items()}
    with rill.feed() as feed:
        found["feed"] = feed.response.headers
    for name, headers in found.items():
        for header, value in SECURITY_HEADERS.items():
            assert headers.get(header) == value, f"{name}: {header} is {headers.get(header)}"
        directives = headers["Content-Security-Policy"].split("; ")
        assert set(POLICY) <= set(directives) and not any("unsafe" in one or "*" in one for one in directives), name
        assert headers["Permissions-Policy"], name
        assert not [header for header in headers if header.lower().startswith("access-control-")], name


def test_pages_answer_and_unknown_ones_say_so_in_html(rill: Rill, api: Api) -> None:
    found = answers(rill, api)
    assert [found[name].status_code for name in ("page", "conversation page", "static", "unknown page")] == [200, 200, 200, 404]
    assert found["unknown page"].headers["Content-Type"].startswith("text/html") and "Traceback" not in found["unknown page"].text


def test_personal_answers_are_never_stored_on_the_way(rill: Rill, api: Api) -> None:
    for name, answer in answers(rill, api).items():
        if name not in ("page", "conversation page", "static"):
            assert "no-store" in answer.headers["Cache-Control"], name
        assert "public" not in answer.headers["Cache-Control"] or name == "static", name


def test_a_wrong_method_names_the_right_ones(api: Api) -> None:
    answer = api.request("PUT", "/api/conversations", {})
    refusal(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


# ---- session

def test_the_session_says_what_the_protocol_says_it_says(api: Api) -> None:
    session = api.session
    assert session.keys() >= {"mode", "user", "csrf_token", "upstream", "default_model", "limits", "version"}
    assert session["mode"] == "local" and session["user"].keys() >= {"id", "name", "role"} and session["default_model"] == "demo/echo"
    assert session["upstream"]["kind"] == "standin" and session["upstream"]["base_url"].endswith("/api/v1")


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(rill: Rill) -> None:
    cookie = requests.get(f"{rill.url}/api/session", timeout=TIMEOUT_SECONDS).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/" in cookie


def test_the_models_list_has_what_can_chat_and_nothing_else(api: Api) -> None:
    listed = api.get("/api/models")
    assert listed["stale"] is False and listed["fetched_at"].endswith("Z")
    ids = [model["id"] for model in listed["models"]]
    assert "demo/echo" in ids and "demo/embed" not in ids
    for model in listed["models"]:
        assert model.keys() >= {"id", "name", "owner", "context_length", "input_modalities", "output_modalities", "reasoning", "free", "pricing"}
    assert next(m for m in listed["models"] if m["id"] == "demo/echo")["pricing"] == {"input": 0.1, "output": 0.4, "cached_input": 0.01}



