"""Read-only links: made, listed and revoked by the owner; opened by whoever has one.

The last three routes are public: they know no user, set no cookie, and are told to no search engine.
"""
from __future__ import annotations

from flask import Blueprint, Response, render_template

from rill import shares as links
from rill import store
from rill.errors import NotFound
from rill.routes.bodies import NewShare, Nothing
from rill.routes.door import answer, body, once, parts, public, user
from rill.routes.uploads import sent_file

shares = Blueprint("shares", __name__)


@shares.post("/api/conversations/<conversation_id>/shares")
def create_share(conversation_id: str) -> Response:
    """A link to the branch that is shown, as it is now."""
    with parts.db.read() as tx:
        store.get_conversation(tx, user().id, conversation_id)
    asked = body(NewShare)
    with once(asked) as attempt:
        if attempt.ids is None:
            with parts.db.write() as tx:
                conversation = store.get_conversation(tx, user().id, conversation_id)
                made = links.create_share(tx, user().id, conversation, reasoning=asked.reasoning, attachments=asked.attachments)
                attempt.remember(tx, {"share": made.id})
    with parts.db.read() as tx:
        return answer(links.get_share(tx, user().id, attempt.ids["share"]).as_dict(parts.secret_key), 201)


@shares.get("/api/conversations/<conversation_id>/shares")
def list_shares(conversation_id: str) -> Response:
    """The links to a conversation that are good now."""
    with parts.db.read() as tx:
        store.get_conversation(tx, user().id, conversation_id)
        found = links.list_shares(tx, user().id, conversation_id)
    return answer({"shares": [one.as_dict(parts.secret_key) for one in found]})


@shares.delete("/api/shares/<share>")
def delete_share(share: str) -> Response:
    """Revoke a link, by its id."""
    with parts.db.read() as tx:
        links.get_share(tx, user().id, share)
    body(Nothing)
    with parts.db.write() as tx:
        links.delete_share(tx, user().id, share)
    return Response(status=204)


@shares.get("/api/shares/<share>")
@public
def read_share(share: str) -> Response:
    """What a link shows, by its token, to anybody."""
    with parts.db.read() as tx:
        shown = links.read_share(tx, share, parts.secret_key)
    return _unlisted(answer(shown))


@shares.get("/api/shares/<share>/attachments/<number>")
@public
def read_shared_file(share: str, number: str) -> Response:
    """The bytes of a file that a link shows, by the number it has there; with `thumb=1` a small picture of an image"""
    with parts.db.read() as tx:
        owner_id, described = links.read_file(tx, share, parts.secret_key, number)
    return _unlisted(sent_file(owner_id, described))


@shares.get("/s/<share>")
@public
def share_page(share: str) -> Response:
    try:
        with parts.db.read() as tx:
            title = links.read_title(tx, share, parts.secret_key)
    except NotFound as error:
        return _unlisted(Response(render_template("share_gone.html", message=error.message), 404))
    return _unlisted(Response(render_template("share.html", title=title)))


def _unlisted(response: Response) -> Response:
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "no-store"
    return response
