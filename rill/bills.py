"""What the upstream's answer to "what did this call cost" says, in our words.

ZenMux documents `usage` (credits, which are US dollars), `ratingResponses.billAmount` and `nativeTokens`, at the top or
under `data`; older and other gateways name the sum otherwise, and some write numbers as text. Whatever can be understood
is taken, the rest is nothing. Pure: no clock, no I/O. Called by zenmux.py.
"""
from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from rill.models import Usage

AMOUNTS = ("usage", "total_cost", "totalCost", "cost", "realAmount", "billAmount")  # the first that is a number
TOKENS = ("nativeTokens", "native_tokens", "usage")
RATED = ("ratingResponses", "rating_responses")
MOST = 1e6  # dollars; beyond, it is not the cost of one call


@dataclass(frozen=True, slots=True)
class Bill:
    """What one call was: its cost in US dollars, and its tokens where they are said."""

    amount: float
    usage: Usage = Usage()


def parse_bill(answer: Any) -> Bill | None:
    """None when it names no cost: not yet, or not to this key."""
    record = answer.get("data", answer) if isinstance(answer, dict) else None
    if not isinstance(record, dict):
        return None
    rated = next((record[name] for name in RATED if isinstance(record.get(name), dict)), {})
    found = (amount_in(rated.get("billAmount")), *(amount_in(record.get(name)) for name in AMOUNTS))
    amount = next((one for one in found if one is not None), None)
    tokens = next((record[name] for name in TOKENS if isinstance(record.get(name), dict)), None)
    return None if amount is None else Bill(amount, Usage.from_upstream(tokens))


def amount_in(value: Any) -> float | None:
    """Dollars, from a number or its text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(value)
    except (ValueError, OverflowError):
        return None
    return amount if math.isfinite(amount) and 0 <= amount <= MOST else None
