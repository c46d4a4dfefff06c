"""`/api/search`: where something was said."""
from __future__ import annotations

from flask import Blueprint, Response, request

from rill import searching
from rill.routes.conversations import page_size, search_text
from rill.routes.door import answer, parts, user

search = Blueprint("search", __name__, url_prefix="/api/search")


@search.get("")
def search_messages() -> Response:
    """Conversations called so, and messages that hold every word of `q`, newest first, with a snippet; "words in quotes" as one."""
    args = request.args
    return answer(searching.find(parts.db, user().id, search_text(args.get("q", "")), limit=page_size(args.get("limit")), before=args.get("before")))
