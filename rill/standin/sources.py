"""What a demo model cites when it is asked to search the web: real pages about streaming, as `annotations` on the wire.

One comes twice under two fragments and one has no title, since gateways send such, too. Nothing is fetched, nothing is searched.
"""
from __future__ import annotations

from typing import Any

PAGES = (
    ("https://html.spec.whatwg.org/multipage/server-sent-events.html", "HTML Standard: server-sent events"),
    ("https://developer.mozilla.org/en-US/docs/Web/API/EventSource", "EventSource - Web APIs | MDN"),
    ("https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream", "HTML Standard"),
    ("https://www.rfc-editor.org/rfc/rfc9112.html", "RFC 9112: HTTP/1.1"),
    ("https://www.sqlite.org/wal.html", ""),
)


def annotations() -> list[dict[str, Any]]:
    """The indices are 0, as most gateways leave them: citations are a list, not places in the text."""
    return [{"type": "url_citation", "url_citation": {"url": url, "title": title, "start_index": 0, "end_index": 0}} for url, title in PAGES]
