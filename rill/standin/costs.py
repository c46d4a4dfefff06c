"""What a call cost, minutes after it, as the gateway tells it: `GET /api/v1/management/generation?id=…`.

Billed from the catalog's prices less a discount, so that the true cost is not the estimate. A call that was cut is billed for
what it wrote. How the gateway behaves is set through the control face: `late_seconds` until a cost is known (before that the
record has none), and a mode: `told`, `untold` (a subscription's key: a record without money) or `denied` (403).
`service.py` calls it; calls come from the ledger.
"""
from __future__ import annotations

import time
from typing import Any

from rill.standin import catalog
from rill.standin.dialect import ApiError
from rill.standin.httpd import Exchange
from rill.standin.ledger import Call, Ledger
from rill.standin.pieces import count_tokens
from rill.standin.validate import invalid

PATH = "/api/v1/management/generation"
LATE_SECONDS = 180.0
MODES = ("told", "untold", "denied")
DISCOUNT = 0.07
CHARACTERS_PER_TOKEN = 4


class Costs:
    def __init__(self, ledger: Ledger, late_seconds: float = LATE_SECONDS) -> None:
        self.late_seconds, self.mode, self.questions = late_seconds, "told", 0
        self._ledger = ledger

    def change(self, body: dict[str, Any]) -> None:
        mode, late = body.get("mode", self.mode), body.get("late_seconds", self.late_seconds)
        if mode not in MODES or isinstance(late, bool) or not isinstance(late, int | float) or late < 0:
            raise invalid(f"mode must be one of {', '.join(MODES)}, and late_seconds a number from 0")
        self.mode, self.late_seconds = mode, late

    def as_dict(self) -> dict[str, Any]:
        return {"mode": self.mode, "late_seconds": self.late_seconds, "questions": self.questions}

    def answer(self, exchange: Exchange) -> None:
        self.questions += 1
        if self.mode == "denied":
            raise ApiError(403, "access_denied", "You have no permission to access this resource")
        wanted = exchange.request.query.get("id", [""])[0]
        call = self._ledger.find(wanted)
        if call is None:
            raise ApiError(404, "not_found", f"Generation {wanted[:100]} is not found")
        exchange.send_json(200, {"success": True, "data": self._record(call)})

    def _record(self, call: Call) -> dict[str, Any]:
        usage = call.usage or cut_usage(call)
        ended = call.times.get("finished_at")
        is_rated = ended is not None and time.monotonic() - ended >= self.late_seconds
        record = {"api": "chat.completions", "generationId": call.generation_id, "model": call.served_by, "nativeTokens": usage,
                  "streamed": bool(call.body.get("stream")), "finishReason": call.finish_reason, "requestRetryTimes": 0}
        return {**record, **rated(call.served_by or "", usage)} if is_rated and self.mode == "told" else record


def rated(model: str, usage: dict[str, Any]) -> dict[str, Any]:
    price_in, price_out = catalog.DEMOS[model].prices if model in catalog.DEMOS else (0.0, 0.0)
    details = [rated_item("prompt", usage["prompt_tokens"], price_in), rated_item("completion", usage["completion_tokens"], price_out)]
    sums = {name: round(sum(item[name] for item in details), 10) for name in ("originAmount", "discountAmount", "billAmount")}
    return {"usage": sums["billAmount"], "ratingResponses": {**sums, "priceVersion": "standin", "ratingDetails": details}}


def rated_item(code: str, tokens: int, rate: float) -> dict[str, Any]:
    origin = tokens * rate / 1e6
    return {"feeItemCode": code, "rate": rate, "originAmount": origin, "discountAmount": origin * DISCOUNT,
            "billAmount": origin * (1 - DISCOUNT)}


def cut_usage(call: Call) -> dict[str, Any]:
    """Of a call that never came to tell it."""
    asked = [message["content"] for message in call.body.get("messages", []) if isinstance(message.get("content"), str)]
    prompt, completion = count_tokens(asked), call.characters // CHARACTERS_PER_TOKEN + 1
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
