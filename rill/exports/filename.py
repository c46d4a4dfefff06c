"""The name of a file to download, as a header: safe on every system, and still the person's own words (RFC 6266, RFC 5987)."""
from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

MAX_CHARS = 80
FALLBACK = "conversation"
FORBIDDEN = re.compile(r'[\\/:*?"<>|]')  # somewhere
RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.I)  # on Windows


def disposition(title: str, extension: str) -> str:
    """`attachment` with the title as a name: plain ASCII for old readers, and the whole of it beside."""
    name = file_stem(title)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9 ._()+-]", "", plain).strip(" .") or FALLBACK
    return f"attachment; filename=\"{plain}.{extension}\"; filename*=UTF-8''{quote(name, safe='')}.{extension}"


def file_stem(title: str) -> str:
    """No path, no control or direction mark (which could hide an extension), no name that a system keeps for itself."""
    seen = "".join(" " if char.isspace() else char for char in title if char.isspace() or unicodedata.category(char)[0] != "C")
    name = " ".join(FORBIDDEN.sub(" ", seen).split())[:MAX_CHARS].strip(" .")
    return f"_{name}" if RESERVED.match(name) else name or FALLBACK
