"""The page's frame and its static files. What moves in it is drawn by the modules in `static/js`."""
from __future__ import annotations

import mimetypes
from functools import lru_cache
from pathlib import Path

import orjson
from flask import Blueprint, Response, current_app, render_template, request, send_from_directory

from rill.errors import NotFound
from rill.routes.door import parts

FOREVER = "public, max-age=31536000, immutable"  # the names in dist/ hold a hash of their content
A_DAY = "public, max-age=86400"
LARGEST_KEPT_CHUNK_BYTES = 150_000  # colours of code and maths are kept by the browser when a page first needs them

mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("text/javascript", ".js")

pages = Blueprint("pages", __name__)


@pages.get("/")
@pages.get("/usage")
@pages.get("/c/<conversation_id>")
def chat(conversation_id: str = "") -> Response:  # noqa: ARG001 - the page reads it from its address
    response = Response(render_template("index.html", upstream=parts.upstream()), mimetype="text/html")
    response.headers["Cache-Control"] = "no-cache"
    return response


def static_file(filename: str) -> Response:
    """`/static/…`. Built files live as long as their name; the compressed twin is sent to those who take it."""
    folder = Path(current_app.static_folder)
    is_built = filename.startswith("dist/")
    if not is_built and "/" in filename or filename.endswith(".gz"):
        raise NotFound("There is nothing at this address.")  # sources are not served, what is built from them is
    takes_gzip = "gzip" in request.accept_encodings and (folder / f"{filename}.gz").is_file()
    response = send_from_directory(folder, f"{filename}.gz" if takes_gzip else filename, mimetype=mimetypes.guess_type(filename)[0],
                                   download_name=Path(filename).name)
    if takes_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = FOREVER if is_built else A_DAY
    return response


@pages.get("/sw.js")
def service_worker() -> Response:
    """The built service worker, told which files make the page: so a new build is a new worker, and browsers take it at once."""
    manifest = Path(current_app.static_folder) / "dist" / "manifest.json"
    response = Response(_service_worker(manifest, manifest.stat().st_mtime_ns), mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    return response


@lru_cache(maxsize=1)
def _service_worker(manifest: Path, changed_at: int) -> bytes:
    built = _manifest(manifest, changed_at)
    texts = [path for path in manifest.parent.iterdir() if path.suffix in (".js", ".css")]
    shell = sorted(f"/static/dist/{path.name}" for path in texts if path.name != built["entry-sw.js"]
                   and (path.name in built.values() or path.stat().st_size <= LARGEST_KEPT_CHUNK_BYTES))
    return b"self.SHELL = %b;\n%b" % (orjson.dumps(shell), (manifest.parent / built["entry-sw.js"]).read_bytes())


@pages.get("/favicon.ico")
def favicon() -> Response:
    return static_file("icon.svg")


@lru_cache(maxsize=1)
def _manifest(path: Path, _changed_at: int) -> dict[str, str]:
    return orjson.loads(path.read_bytes())


def asset(name: str) -> str:
    """The address of a built file, for templates; one that leads nowhere where nothing is built, so that a refusal can still
    be shown."""
    manifest = Path(current_app.static_folder) / "dist" / "manifest.json"
    try:
        return f"/static/dist/{_manifest(manifest, manifest.stat().st_mtime_ns)[name]}"  # a new build needs no new start
    except FileNotFoundError:
        return f"/static/dist/{name}"
