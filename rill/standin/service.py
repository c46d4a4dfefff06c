"""Which door a request goes through, and who answers a chat: a scripted model, the local one, a fault, a registered script.

Called by `httpd.py` for every request; the process around it is `__main__.py`.
"""
from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator

from rill.standin import catalog, costs
from rill.standin.answering import answer_script, answer_stream, answer_whole
from rill.standin.control import Control, Part
from rill.standin.dialect import ApiError, Dialect, error_body
from rill.standin.faults import FAULTS, Script, interrupted
from rill.standin.httpd import Exchange, PeerGone
from rill.standin.ledger import Call, Ledger, shortened
from rill.standin.local import LocalModel
from rill.standin.pieces import End, Piece
from rill.standin.scripted import MODELS, perform
from rill.standin.validate import Chat, parse_chat, parse_json

log = logging.getLogger(__name__)

CHAT_PATH = "/api/v1/chat/completions"
MODELS_PATH = "/api/v1/models"
DOORS = {CHAT_PATH: "POST", MODELS_PATH: "GET", costs.PATH: "GET"}
KEEPALIVE_SECONDS = 10.0
MANAGEMENT_KEY = "sk-mg-v1-"
CHARACTERS_PER_TOKEN = 4  # a rough limit is enough for models that do not read


class Service:
    def __init__(self, *, keepalive_seconds: float = KEEPALIVE_SECONDS, cost_seconds: float = costs.LATE_SECONDS) -> None:
        self.ledger = Ledger()
        self._costs = costs.Costs(self.ledger, cost_seconds)
        self.local = LocalModel()
        self._control = Control(self.ledger, self._costs)
        self._keepalive_seconds = keepalive_seconds
        self._flaky_calls = 0

    def handle(self, exchange: Exchange) -> None:
        try:
            self._route(exchange)
        except ApiError as error:
            exchange.send_json(error.status, error.body(), error.headers)

    def _route(self, exchange: Exchange) -> None:
        path, method = exchange.request.path, exchange.request.method
        if path.startswith("/standin/"):
            return self._control.handle(exchange)
        if path not in DOORS:
            raise ApiError(404, "not_found", f"Nothing is at {path[:200]}")
        if method != DOORS[path]:
            raise ApiError(405, "method_not_allowed", f"{method} is not allowed here", {"Allow": DOORS[path]})
        if path == CHAT_PATH:
            return self._record_chat(exchange)
        if (script := self._control.for_path(path)) and isinstance(part := script.next(), Script):
            return answer_script(exchange, self._open_call(exchange), part)
        if path == costs.PATH:
            check_key(exchange.request.headers)
            return self._costs.answer(exchange)
        exchange.send_json(200, catalog.models_list(with_local=self.local.is_available(), scripts=list(self._control.scripts)))

    def _open_call(self, exchange: Exchange) -> Call:
        connection = exchange.connection
        return self.ledger.open(connection.number, secrets.token_hex(16), exchange.request.headers, connection.accepted_at)

    def _record_chat(self, exchange: Exchange) -> None:
        call = self._open_call(exchange)
        exchange.peer.on_gone.append(lambda: call.mark("peer_closed_at"))
        try:
            self._chat(exchange, call)
            if call.outcome == "running":
                call.outcome = "finished"
        except ApiError as refused:
            call.outcome, call.status = "refused", refused.status
            refused.headers["X-ZenMux-RequestId"] = call.request_id
            raise
        except PeerGone:
            call.outcome = "peer_gone"
            raise
        except Exception:
            call.outcome = "failed"
            log.exception("event=call_failed call=%d model=%s", call.number, call.served_by)
            raise
        finally:
            call.mark("finished_at")

    def _chat(self, exchange: Exchange, call: Call) -> None:
        check_key(exchange.request.headers)
        body = parse_json(exchange.request.body)
        call.body = shortened(body)
        call.model = model = body.get("model") if isinstance(body.get("model"), str) else None
        call.served_by = model
        part: Part | None = None
        if model and (script := self._control.scripts.get(model.removeprefix("test/"))) and model.startswith("test/"):
            part = script.next()
        if isinstance(part, Script):  # a script answers whatever was asked
            return answer_script(exchange, call, part)
        chat = parse_chat(body)
        call.served_by = served_by(part or chat.model)
        call.status = 200
        dialect = Dialect(call.served_by, catalog.shape_of(call.served_by))
        call.generation_id = dialect.id
        said = self._say(chat, call.served_by, dialect, exchange)
        if isinstance(said, Script):
            answer_script(exchange, call, said.with_header("X-ZenMux-RequestId", call.request_id))
        elif chat.stream:
            answer_stream(exchange, call, dialect, said, include_usage=chat.include_usage, keepalive_seconds=self._keepalive_seconds)
        else:
            answer_whole(exchange, call, dialect, said)

    @staticmethod
    def _check_files(chat: Chat) -> None:
        """A listed model refuses what its list says it does not take; ids that are not listed take everything."""
        for need in sorted(chat.needs - set(catalog.takes(chat.model))):
            if chat.model == served_by(chat.model):
                raise ApiError(422, "provider_unprocessable_entity_error", f"Model {chat.model} does not support {need} input")

    def _say(self, chat: Chat, model: str, dialect: Dialect, exchange: Exchange) -> Iterator[Piece | End] | Script:
        self._check_files(chat)
        if model == catalog.LOCAL_MODEL:
            if not self.local.is_available():
                raise ApiError(404, "model_not_available", "The local model is not installed on this machine")
            return self.local.open(chat, exchange.peer)
        if model == catalog.EMBEDDING_MODEL:
            raise ApiError(404, "model_not_supported", f"Model {model} is not supported by this API")
        if model in FAULTS:
            return FAULTS[model][1](dialect)
        if sum(len(text) for _, text in chat.messages) > catalog.context_of(model) * CHARACTERS_PER_TOKEN:
            raise ApiError(413, "invalid_params", "Prompt is too long")
        said = perform(MODELS[model](chat), chat)
        if model == "demo/flaky" and (attempt := self._next_attempt()) < 2:
            if not chat.stream:
                raise ApiError(500, "provider_error", "The provider stopped in the middle of the answer.")
            return interrupted(dialect, [item for item in said if isinstance(item, Piece)], attempt)
        return said

    def _next_attempt(self) -> int:
        self._flaky_calls += 1
        return (self._flaky_calls - 1) % 3


def check_key(headers: dict[str, str]) -> None:
    """Any key will do, but there must be one, and not a management key: both are a 403 at the gateway, never a 401."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    key = bearer.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "") or headers.get("x-goog-api-key", "")
    if not key or key.startswith(MANAGEMENT_KEY):
        raise ApiError(403, "access_denied", "You have no permission to access this resource")


def served_by(model: str) -> str:
    known = model in MODELS or model in FAULTS or model in (catalog.LOCAL_MODEL, catalog.EMBEDDING_MODEL)
    return model if known else catalog.DEFAULT_MODEL


def http_error(status: int, message: str) -> dict[str, object]:
    """For requests that are not HTTP as we take it."""
    return error_body(status, "invalid_params", message)
