"""What every answer carries and every request must pass before a route sees it: headers, Host, same origin, CSRF.

Pure checks on values; `routes/door.py` calls them in PROTOCOL's order.
"""
from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from rill.config import is_loopback
from rill.errors import CsrfFailed, Forbidden

HEADERS = {
    # lit-html makes its templates through a policy of its own name; rill-worker and rill-kept give out one script address
    # each, the shared worker's (static/js/feed.js) and the service worker's (kept.js). Nothing else may make markup or code
    # from strings.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; "
        "object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html rill-worker rill-kept"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()",
}


def check_host(host: str) -> None:
    """Local mode: a foreign name in Host is a page elsewhere that had its own name point here (DNS rebinding)."""
    if not is_loopback(host_name(host)):
        raise Forbidden("This server answers only under the names of this machine, such as localhost or 127.0.0.1.")


def host_name(host: str) -> str:
    """The name in `name:port` or `[::1]:port`."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def check_same_origin(host: str, origin: str | None, fetch_site: str | None) -> None:
    """A browser tells where a request comes from; what does not tell is no browser, and needs the token anyway."""
    foreign_site = fetch_site is not None and fetch_site not in ("same-origin", "none")
    foreign_origin = origin is not None and _netloc(origin) != host.lower()
    if foreign_site or foreign_origin:
        raise CsrfFailed("This request came from another site and was refused. Nothing was changed.")


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # "http://[" is an Origin that anybody can send
        return ""


def is_bearer(header: str | None, token: str) -> bool:
    """Whether an Authorization header carries `token`, compared in constant time."""
    return hmac.compare_digest((header or "").encode(), f"Bearer {token}".encode())
