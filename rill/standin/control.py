"""The control face under `/standin/`: register scripts, read and clear the ledger. For tests and for a person with curl.

    POST   /standin/scripts  {"name", "chunks", "http", "times"?, "path"?}   the model `test/<name>`
    GET    /standin/scripts  ·  DELETE /standin/scripts/<name>
    GET    /standin/ledger?model=&since=&text=0  ·  DELETE /standin/ledger
    GET    /standin/costs  ·  POST /standin/costs {"mode"?, "late_seconds"?}   how the cost of a call is told (costs.py)

`chunks` and `http` follow `conventions` in tests/fixtures/wire_cases.json. The k-th call gets the k-th of `times`, each a script or
{"model": "demo/fast"}; calls after that get the script itself, or the last of `times` where there is none. With
`"path": "/api/v1/models"` the script is played to whoever asks for that path, until it is deleted.
The door has no lock, since the stand-in listens on loopback only; but it is not for web pages, whose requests a browser would carry
here from any site: a request with an Origin, or for a name that is not this machine's, is refused.
"""
from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from rill.standin.costs import Costs
from rill.standin.dialect import ApiError
from rill.standin.faults import Script
from rill.standin.httpd import Exchange
from rill.standin.ledger import Ledger
from rill.standin.validate import invalid, parse_json

LOOPBACK_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
FRAMINGS = ("chunked", "close", "length", "one-http-chunk", "gzip+chunked", "gzip+close")
ENDS = ("clean", "cut", "reset", "hang", "silent", "noresponse")

Part = Script | str  # a script, or the id of a model that answers instead


@dataclass(slots=True)
class Registered:
    parts: list[Part]
    path: str | None = None
    calls: int = 0

    def next(self) -> Part:
        part = self.parts[min(self.calls, len(self.parts) - 1)]
        self.calls += 1
        return part


class Control:
    def __init__(self, ledger: Ledger, costs: Costs) -> None:
        self.scripts: dict[str, Registered] = {}
        self._ledger, self._costs = ledger, costs

    def for_path(self, path: str) -> Registered | None:
        return next((script for script in self.scripts.values() if script.path == path), None)

    def handle(self, exchange: Exchange) -> None:
        request = exchange.request
        if "origin" in request.headers or not LOOPBACK_HOST.fullmatch(request.headers.get("host", "")):
            raise ApiError(403, "access_denied", "The control face is not for web pages")
        door, _, name = request.path.removeprefix("/standin/").partition("/")
        match door, request.method:
            case "ledger", "GET":
                exchange.send_json(200, self._read_ledger(request.query))
            case "ledger", "DELETE":
                self._ledger.clear()
                exchange.send_json(200, {})
            case "costs", "GET":
                exchange.send_json(200, self._costs.as_dict())
            case "costs", "POST":
                self._costs.change(parse_json(request.body))
                exchange.send_json(200, self._costs.as_dict())
            case "scripts", "GET":
                exchange.send_json(200, {"scripts": [{"name": name, "calls": script.calls, "path": script.path}
                                                     for name, script in self.scripts.items()]})
            case "scripts", "POST":
                exchange.send_json(201, self._register(parse_json(request.body)))
            case "scripts", "DELETE":
                if self.scripts.pop(name, None) is None:
                    raise ApiError(404, "not_found", f"There is no script {name[:100]}")
                exchange.send_json(200, {})
            case "ledger" | "costs" | "scripts", _:
                raise ApiError(405, "method_not_allowed", f"{request.method} is not allowed here")
            case _:
                raise ApiError(404, "not_found", "Nothing is here")

    def _read_ledger(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        first = {name: values[0] for name, values in query.items()}
        since = first.get("since", "0")
        if not re.fullmatch("[0-9]{1,12}", since):
            raise invalid("since must be the number of a call")
        return list(self._ledger.entries(model=first.get("model"), since=int(since), with_text=first.get("text") != "0"))

    def _register(self, body: dict[str, Any]) -> dict[str, Any]:
        name, times, path = body.get("name"), body.get("times", []), body.get("path")
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise invalid("name must be letters, digits, dots, dashes or underscores")
        if not isinstance(times, list) or not (path is None or isinstance(path, str)):
            raise invalid("times must be an array and path a string")
        parts = [parse_part(part) for part in times]
        if "chunks" in body or not parts:
            parts.append(parse_script(body))
        self.scripts[name] = Registered(parts, path)
        return {"name": name, "model": f"test/{name}"}


def parse_part(value: Any) -> Part:
    if not isinstance(value, dict):
        raise invalid("each of times must be an object")
    if isinstance(value.get("model"), str):
        return value["model"]
    return parse_script(value)


def parse_script(value: dict[str, Any]) -> Script:
    chunks, http = value.get("chunks", []), value.get("http", {})
    if not isinstance(chunks, list) or not all(map(is_entry, chunks)):
        raise invalid('chunks must be an array of strings, "b64:..." strings and {"repeat", "of"}')
    if not isinstance(http, dict) or not is_http(http):
        raise invalid(f"http must have status, headers, framing ({', '.join(FRAMINGS)}), end ({', '.join(ENDS)}), delays_ms")
    return Script(chunks, http)


def is_entry(entry: Any) -> bool:
    if isinstance(entry, dict):
        return entry.keys() == {"repeat", "of"} and is_count(entry["repeat"]) and isinstance(entry["of"], str) and is_entry(entry["of"])
    if not isinstance(entry, str):
        return False
    try:
        return not entry.startswith("b64:") or base64.b64decode(entry[4:], validate=True) is not None
    except binascii.Error:
        return False


def is_http(http: dict[str, Any]) -> bool:
    headers, delays = http.get("headers", {}), http.get("delays_ms", 0)
    return (http.get("framing", "chunked") in FRAMINGS and http.get("end", "clean") in ENDS
            and is_count(http.get("status", 200)) and 100 <= http.get("status", 200) <= 999 and isinstance(headers, dict)
            and all(isinstance(text, str) for pair in headers.items() for text in pair)
            and all(isinstance(delay, int | float) and delay >= 0 for delay in (delays if isinstance(delays, list) else [delays])))


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
