"""Every exception the project raises, and what a person is told.

    RillError                     has a sentence for a person
    ├── ConfigError               the start is refused
    │   └── BackupFailed          a copy of the database is not to be had
    ├── CostsWithheld             the upstream tells this key no costs
    ├── RequestError              an HTTP answer: PROTOCOL section 1
    │   ├── InvalidRequest 400    ├── MethodNotAllowed 405   ├── RateLimited 429
    │   ├── LoginRequired 401     ├── Conflict 409           ├── Busy 503
    │   ├── CsrfFailed 403        ├── TooLarge 413           ├── StorageBusy 503
    │   ├── Forbidden 403         └── UnsupportedMediaType   ├── StorageBroken 503
    │   └── NotFound 404                               415   ├── DiskFull 507
    │                                                        └── UpstreamAway 502
    ├── Unusable                  a conversation in an import cannot be taken; the others can
    └── ReplyError                why a reply is `failed` or `interrupted`
        ├── InternalFailure, Interrupted, StorageFailed, AnswerTooLong
        └── UpstreamError         what the upstream did
            ├── ConnectFailed     ├── HttpRefused        ├── ProtocolBroken   ├── CutOff
            ├── TimedOut          ├── UpstreamFailed     ├── NotAStream       └── FrameTooLarge

Raise the narrow one; the door (`routes/`) or the engine catches the broad one.
"""
from __future__ import annotations

from typing import Any


class RillError(Exception):
    """Something with a sentence for a person: what happened, what is kept, what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigError(RillError):
    """A setting is wrong; the start stops and names it."""


class BackupFailed(ConfigError):
    """A copy of the database could not be made, or is not one of ours; a start that needs it is refused."""


class CostsWithheld(RillError):
    """This key is not told what calls cost; nobody asks with it again before the next start."""


class Unusable(RillError):
    """A conversation of an imported file breaks a rule; the message is the end of a sentence that says which."""


class RequestError(RillError):
    """An answer with a true HTTP status. `details` is JSON for a program; `retry_after` is in seconds."""

    status = 400
    type = "invalid_request"

    def __init__(self, message: str, *, details: Any = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.details = details
        self.retry_after = retry_after

    def as_dict(self) -> dict[str, Any]:
        body: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.details is not None:
            body["details"] = self.details
        return {"error": body}


class InvalidRequest(RequestError):
    pass


class LoginRequired(RequestError):
    status, type = 401, "login_required"


class CsrfFailed(RequestError):
    status, type = 403, "csrf"


class Forbidden(RequestError):
    status, type = 403, "forbidden"


class NotFound(RequestError):
    status, type = 404, "not_found"


class MethodNotAllowed(RequestError):
    status, type = 405, "method_not_allowed"


class Conflict(RequestError):
    status, type = 409, "conflict"


class TooLarge(RequestError):
    status, type = 413, "too_large"


class UnsupportedMediaType(RequestError):
    status, type = 415, "unsupported_media_type"


class RateLimited(RequestError):
    status, type = 429, "rate_limited"


class Busy(RequestError):
    status, type = 503, "busy"


class StorageBusy(RequestError):
    status, type = 503, "storage"


class StorageBroken(RequestError):
    """The database is damaged: unlike a busy one it does not get well by waiting."""

    status, type = 503, "storage"


class DiskFull(RequestError):
    status, type = 507, "disk_full"


class UpstreamAway(RequestError):
    """The upstream was asked while the person waits, and did not answer."""

    status, type = 502, "upstream"


class ReplyError(RillError):
    """Why a reply ended early: `type` and the optional fields are those of a message's `error` (PROTOCOL section 4)."""

    type = "internal"

    def __init__(self, message: str, *, retryable: bool = True, status: int | None = None,
                 upstream_type: str | None = None, upstream_code: str | None = None,
                 request_id: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.status = status
        self.upstream_type = upstream_type
        self.upstream_code = upstream_code
        self.request_id = request_id
        self.retry_after = retry_after  # seconds, for the engine; not shown to programs

    def as_dict(self) -> dict[str, Any]:
        body: dict[str, Any] = {"type": self.type, "message": self.message, "retryable": self.retryable}
        for name in ("status", "upstream_type", "upstream_code", "request_id"):
            if (value := getattr(self, name)) is not None:
                body[name] = value
        return body


class InternalFailure(ReplyError):
    """A fault of ours; its text never reaches a person, the log has it."""


class Interrupted(ReplyError):
    type = "interrupted"


class AnswerTooLong(ReplyError):
    type = "too_large"


class StorageFailed(ReplyError):
    type = "storage"


class UpstreamError(ReplyError):
    """The upstream did something other than answer to the end; what it had said of cost and end by then is kept."""

    usage: dict[str, Any] | None = None
    finish_reason: str | None = None
    may_repeat = False  # nothing was generated, so nothing is billed: the engine may ask again by itself


class ConnectFailed(UpstreamError):
    type = "connect"


class TimedOut(UpstreamError):
    type = "timeout"


class HttpRefused(UpstreamError):
    type = "http"


class UpstreamFailed(UpstreamError):
    type = "upstream"


class ProtocolBroken(UpstreamError):
    type = "protocol"


class NotAStream(UpstreamError):
    type = "not_stream"


class CutOff(UpstreamError):
    type = "cut"


class FrameTooLarge(UpstreamError):
    type = "too_large"
