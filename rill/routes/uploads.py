"""`/api/attachments`: upload, read, remove (PROTOCOL section 6)."""
from __future__ import annotations

from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request

from rill import attachments
from rill.errors import InvalidRequest
from rill.routes.bodies import Nothing
from rill.routes.door import answer, body, once, parts, takes_up_to, user
from rill.routes.multipart import AROUND_BYTES, received_file
from rill.uploads import MAX_UPLOAD_BYTES

# What is opened by its own address is nobody's page: it runs nothing, loads nothing and has no origin.
SEALED = "sandbox; default-src 'none'"

uploads = Blueprint("uploads", __name__, url_prefix="/api/attachments")


@uploads.post("")
@takes_up_to(MAX_UPLOAD_BYTES + 2 * AROUND_BYTES)
def upload() -> Response:
    """Store a file for a message to come: multipart, one field `file`"""
    with parts.uploads.turn(user().id), received_file(request, parts.uploads.folder, MAX_UPLOAD_BYTES) as got:
        with once(f"{got.name}\n{got.sha256}".encode()) as attempt:
            if attempt.ids is None:
                parts.uploads.store(user().id, got.name, got.file, got.size, attempt.remember)
    return answer(_described(attempt.ids["attachment"]), 201)


@uploads.get("/<attachment_id>")
def read_attachment(attachment_id: str) -> Response:
    """The bytes; with `thumb=1` a small picture of an image"""
    return sent_file(user().id, _described(attachment_id))


def sent_file(owner_id: str, described: dict[str, Any]) -> Response:
    """Whoever may have it was found out before."""
    wanted = request.args.get("thumb", "0")
    if wanted not in ("0", "1"):
        raise InvalidRequest("`thumb` must be 0 or 1.")
    is_image = described["kind"] == "image"
    is_thumb = is_image and wanted == "1"
    response = Response(parts.uploads.read(owner_id, described["id"], "thumb" if is_thumb else "data"))
    if not is_thumb:
        response.content_length = described["size"]
    # Only what was made here anew is ever shown in place. Text is never given the type it claims: it might be a page.
    response.headers["Content-Type"] = "image/webp" if is_thumb else described["media_type"] + ("; charset=utf-8" if described["kind"] == "text" else "")
    response.headers["Content-Disposition"] = f"{'inline' if is_image else 'attachment'}; filename*=UTF-8''{quote(described['name'], safe='')}"
    response.headers["Content-Security-Policy"] = SEALED
    return response


@uploads.delete("/<attachment_id>")
def delete_attachment(attachment_id: str) -> Response:
    """Remove one that no message has"""
    _described(attachment_id)
    body(Nothing)
    parts.uploads.remove(user().id, attachment_id)
    return Response(status=204)


def _described(attachment_id: str) -> dict[str, Any]:
    with parts.db.read() as tx:
        return attachments.get(tx, user().id, attachment_id)
