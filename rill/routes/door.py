"""The frame of every route: the checks before it, the errors after it, and what routes share.

Order of the checks (PROTOCOL section 1): Host, login, CSRF, existence, body, state. The first three stand here, the
routes do the rest. A route is private unless it is marked `public`: then there is no `user()`. A body is small unless its
route is marked `takes_up_to`.
"""
from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import orjson
from flask import Flask, Response, current_app, g, render_template, request
from flask_wtf.csrf import validate_csrf
from gevent.lock import BoundedSemaphore
from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection
from werkzeug.exceptions import HTTPException, MethodNotAllowed as WrongMethod, NotFound as NoRoute
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.local import LocalProxy
from wtforms.validators import ValidationError as BadToken

from rill import errors, security, store
from rill.models import User
from rill.parts import Parts

log = logging.getLogger(__name__)

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
MIB = 1024 * 1024
MAX_BODY_BYTES = 4 * MIB
MAX_JSON_DEPTH = 20
MAX_KEY_CHARS = 255

OTHER_BODY = "This Idempotency-Key was used with another body. Nothing was changed; use a new key."

parts: Parts = LocalProxy(lambda: current_app.extensions["rill"])

Body = TypeVar("Body", bound=BaseModel)
View = TypeVar("View", bound=Callable[..., Any])


def install(app: Flask) -> None:
    app.before_request(_check)
    app.after_request(_finish)
    app.register_error_handler(errors.RequestError, _refuse)
    app.register_error_handler(HTTPException, _refuse_http)
    app.register_error_handler(Exception, _fail)


def user() -> User:
    return g.user


# ---- what routes are marked with

def public(view: View) -> View:
    """Open to whoever reaches the server, also without a login. It knows no user, and must answer for nobody's."""
    view.is_public = True
    return view


def takes_up_to(max_bytes: int) -> Callable[[View], View]:
    """The largest body of this route, where it differs from everybody's."""
    def mark(view: View) -> View:
        view.max_body_bytes = max_bytes
        return view
    return mark


def _mark(name: str, otherwise: Any) -> Any:
    return getattr(current_app.view_functions.get(request.endpoint), name, otherwise)


# ---- before

def _check() -> None:
    request.max_content_length = _mark("max_body_bytes", MAX_BODY_BYTES)
    g.user = None if _mark("is_public", False) else parts.owner
    security.check_host(request.environ.get("HTTP_HOST", ""))
    if request.method not in SAFE_METHODS:
        security.check_same_origin(request.host, request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site"))
        try:
            validate_csrf(request.headers.get("X-CSRF-Token"))
        except BadToken:
            raise errors.CsrfFailed("The security token is missing or out of date. Nothing was changed; reload the page and try again.") from None


# ---- bodies

def raw_body() -> bytes:
    """Raises TooLarge."""
    raw = request.get_data()
    if len(raw) >= request.max_content_length:  # one of undeclared length (chunked) is cut there, without a word
        raise _too_large()
    return raw


def raw_json() -> bytes:
    """What says that it is JSON; it may be none. Raises TooLarge, UnsupportedMediaType."""
    raw = raw_body()
    if raw and request.mimetype != "application/json":
        raise errors.UnsupportedMediaType("Send the body as application/json.")
    return raw


def _too_large() -> errors.TooLarge:
    return errors.TooLarge(f"The body is larger than {request.max_content_length // MIB} MiB. Nothing was changed; send less at once.")


def body(model: type[Body]) -> Body:
    """The request's JSON as `model`; no body means `{}`. Raises InvalidRequest, UnsupportedMediaType, TooLarge."""
    raw = raw_json()
    try:
        value = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise errors.InvalidRequest(f"The body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise errors.InvalidRequest("The body must be a JSON object.")
    _check_json(value)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise errors.InvalidRequest(*_explain(error)) from None


def _explain(error: ValidationError) -> tuple[str]:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return (f"`{where}`: {first['msg'].removeprefix('Value error, ')}.".replace("..", "."),)


def _check_json(value: Any) -> None:
    """Depth at most 20, no NUL in any string; a loop, so that no depth can exhaust our own stack."""
    level = [value]
    for _ in range(MAX_JSON_DEPTH):
        for item in level:
            if isinstance(item, str) and "\0" in item:
                raise errors.InvalidRequest("Text must not hold the character U+0000.")
            if isinstance(item, dict) and any("\0" in name for name in item):
                raise errors.InvalidRequest("Names must not hold the character U+0000.")
        level = [child for item in level if isinstance(item, dict | list)
                 for child in (item.values() if isinstance(item, dict) else item)]
        if not level:
            return
    raise errors.InvalidRequest(f"The body is nested deeper than {MAX_JSON_DEPTH} levels.")


# ---- once only

class Attempt:
    """One try of a request that may come twice. `ids` is what an earlier one made; `remember` goes into the
    transaction that makes them, so that a crash leaves both or neither."""

    def __init__(self, key: str | None, ids: dict[str, Any] | None, body_sha256: str) -> None:
        self.ids = ids
        self._key, self._body_sha256 = key, body_sha256
        self._has_parts = False

    def remember(self, tx: Connection, ids: dict[str, Any]) -> None:
        self.ids = ids
        if self._key is not None:
            if self._has_parts:
                store.forget_parts(tx, user().id, request.path, self._key)
            store.remember_answer(tx, user().id, request.path, self._key, body_sha256=self._body_sha256, status=0, answer=ids)

    def parts(self) -> dict[int, Any]:
        """Of a long request with many transactions: what a try that was cut off had made, by number. Raises Conflict."""
        if self._key is None:
            return {}
        self._has_parts = True
        with parts.db.read() as tx:
            made = store.remembered_parts(tx, user().id, request.path, self._key)
        if any(row.body_sha256 != self._body_sha256 for row in made.values()):
            raise errors.Conflict(OTHER_BODY)
        return {number: row.answer for number, row in made.items()}

    def remember_part(self, tx: Connection, number: int, made: Any) -> None:
        if self._key is not None:
            store.remember_part(tx, user().id, request.path, self._key, number, body_sha256=self._body_sha256, answer=made)


_running: dict[tuple[str, str, str], tuple[BoundedSemaphore, int]] = {}


@contextmanager
def once(asked: BaseModel | bytes) -> Iterator[Attempt]:
    """Honour `Idempotency-Key` (PROTOCOL section 1): the second waits while the first still runs. `asked` is the body, read or raw."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        yield Attempt(None, None, "")
        return
    if not 0 < len(key) <= MAX_KEY_CHARS or not key.isascii() or not key.isprintable():
        raise errors.InvalidRequest(f"Idempotency-Key must be 1 to {MAX_KEY_CHARS} printable ASCII characters.")
    if isinstance(asked, BaseModel):
        asked = orjson.dumps(asked.model_dump(exclude_unset=True), option=orjson.OPT_SORT_KEYS)
    sha256 = hashlib.sha256(asked).hexdigest()
    with _alone((user().id, request.path, key)):
        with parts.db.read() as tx:
            known = store.remembered_answer(tx, user().id, request.path, key)
        if known is not None and known.body_sha256 != sha256:
            raise errors.Conflict(OTHER_BODY)
        yield Attempt(key, known and known.answer, sha256)


@contextmanager
def _alone(name: tuple[str, str, str]) -> Iterator[None]:
    lock, waiting = _running.get(name, (BoundedSemaphore(1), 0))
    _running[name] = (lock, waiting + 1)
    try:
        with lock:
            yield
    finally:
        lock, waiting = _running[name]
        if waiting == 1:
            del _running[name]
        else:
            _running[name] = (lock, waiting - 1)


# ---- answers

def answer(value: Any, status: int = 200) -> Response:
    """JSON of a person's own data: never stored on the way."""
    response = Response(orjson.dumps(value), status, mimetype="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _finish(response: Response) -> Response:
    for name, value in security.HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _refuse(error: errors.RequestError) -> Response:
    if not request.path.startswith("/api/") and request.accept_mimetypes.accept_html:
        response = Response(render_template("error.html", error=error), error.status)
    else:
        response = answer(error.as_dict(), error.status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _refuse_http(error: HTTPException) -> Response:
    if isinstance(error, NoRoute):
        return _refuse(errors.NotFound("There is nothing at this address."))
    if isinstance(error, WrongMethod):
        response = _refuse(errors.MethodNotAllowed(f"{request.method} is not possible here."))
        response.headers["Allow"] = ", ".join(error.valid_methods or ())
        return response
    if isinstance(error, RequestEntityTooLarge):
        return _refuse(_too_large())
    if error.code and 300 <= error.code < 400:
        return error.get_response()
    return _refuse(errors.InvalidRequest("The request could not be understood."))


def _fail(error: Exception) -> Response:
    log.error("request failed method=%s path=%s", request.method, request.path, exc_info=error)
    failure = errors.RequestError("Something went wrong inside this server. What was stored is kept; try again.")
    failure.status, failure.type = 500, "internal"
    return _refuse(failure)


