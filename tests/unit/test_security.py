"""Host, origin and bearer checks on values; every answer's headers."""
from __future__ import annotations

import pytest

from rill.errors import CsrfFailed, Forbidden
from rill.security import HEADERS, check_host, check_same_origin, is_bearer


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000", "LocalHost:1", "rill.localhost:8000"])
def test_the_names_of_this_machine_are_answered(host: str) -> None:
    check_host(host)


@pytest.mark.parametrize("host", [
    "", "example.org", "localhost.example.org", "127.0.0.1.nip.io", "0.0.0.0:8000", "[::]", "[::1", "::1]", "10.0.0.1", "example.org:80@x",
    "localhost@example.org", "example.org#localhost", "example.org/localhost", ":8000", "\u200blocalhost",
])
def test_any_other_name_is_refused(host: str) -> None:
    with pytest.raises(Forbidden):
        check_host(host)


@pytest.mark.parametrize(("origin", "site"), [
    (None, None), ("http://localhost:8000", None), ("http://LOCALHOST:8000", "same-origin"), (None, "same-origin"), (None, "none"),
])
def test_what_comes_from_this_site_or_from_no_browser_passes(origin: str | None, site: str | None) -> None:
    check_same_origin("localhost:8000", origin, site)


@pytest.mark.parametrize(("origin", "site"), [
    ("http://localhost:8001", None), ("http://localhost", None), ("http://127.0.0.1:8000", None), ("https://example.org", None), ("null", None), ("", None),
    ("http://[", None), ("localhost:8000", None), (None, "cross-site"), (None, "same-site"), (None, ""), (None, "anything"),
    ("http://localhost:8000", "cross-site"), ("https://example.org", "same-origin"), ("http://localhost:8000.example.org", None),
])
def test_what_comes_from_another_site_is_refused(origin: str | None, site: str | None) -> None:
    with pytest.raises(CsrfFailed):
        check_same_origin("localhost:8000", origin, site)


@pytest.mark.parametrize(("header", "expected"), [
    ("Bearer token", True), ("Bearer tokenx", False), ("Bearer toke", False), ("bearer token", False), ("Bearer  token", False),
    ("token", False), ("", False), (None, False), ("Basic token", False), ("Bearer tökén", False),
])
def test_only_the_whole_token_opens(header: str | None, expected: bool) -> None:
    assert is_bearer(header, "token") is expected


def test_no_answer_lets_a_page_run_foreign_or_inline_code() -> None:
    policy = dict(part.strip().partition(" ")[::2] for part in HEADERS["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert "unsafe" not in HEADERS["Content-Security-Policy"] and "http" not in HEADERS["Content-Security-Policy"]
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
