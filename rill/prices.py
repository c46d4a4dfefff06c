"""What a model costs: price tiers as the upstream lists them, and the estimate for one answer's usage.

An estimate, never a bill: the upstream tells the true cost minutes later, elsewhere. Only US dollars are understood;
an unknown price makes the estimate unknown, not zero. Pure: no clock, no I/O.

Called by modellist.py.
"""
from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

PER_MILLION, PER_COUNT = "perMTokens", "perCount"
CONDITION_TOKENS = 1000  # conditions count kTokens
COST_DIGITS = 10
COMPARE = {"gte": operator.ge, "gt": operator.gt, "lt": operator.lt, "lte": operator.le}
SHOWN = {  # our names of the prices per million tokens
    "input": "prompt", "output": "completion", "cached_input": "input_cache_read",
    "cache_write_5m": "input_cache_write_5_min", "cache_write_1h": "input_cache_write_1_h",
}


@dataclass(frozen=True, slots=True)
class Tier:
    """One price of one item, and when it holds: (prompt_tokens|completion_tokens, gte|gt|lt|lte, kTokens)."""
    value: float
    unit: str
    conditions: tuple[tuple[str, str, float], ...] = ()

    def holds(self, counts: dict[str, float]) -> bool:
        return all(COMPARE[how](counts.get(name, 0) / CONDITION_TOKENS, bound) for name, how, bound in self.conditions)


@dataclass(frozen=True, slots=True)
class Prices:
    """The tiers of every item: prompt, completion, input_cache_read, ..."""
    items: dict[str, tuple[Tier, ...]]

    def shown(self) -> dict[str, float] | None:
        """USD per million tokens, first tier, in our names; None when not even input and output are known."""
        found = {ours: tier.value for ours, item in SHOWN.items() if (tier := self._tier(item, {}, PER_MILLION))}
        return found if "input" in found and "output" in found else None

    def a_search(self) -> float | None:
        """USD for one search of the web; None when it is not said."""
        tier = self._tier("web_search", {}, PER_COUNT)
        return tier and tier.value

    @property
    def is_free(self) -> bool:
        known = [self.items.get(item, ()) for item in ("prompt", "completion")]
        return all(known) and not any(tier.value for tiers in known for tier in tiers)

    def cost(self, usage: dict[str, Any] | None) -> float | None:
        """USD for one answer; None when a price or a count that matters is unknown."""
        usage = usage if isinstance(usage, dict) else {}
        prompt, completion = count(usage, "prompt_tokens"), count(usage, "completion_tokens")
        if prompt is None or completion is None:
            return None
        details = usage.get("prompt_tokens_details")
        completion += reasoning_apart(usage, prompt, completion)
        counts = {"prompt_tokens": prompt, "completion_tokens": completion}
        cached = min(count(details, "cached_tokens") or 0, prompt)
        long_writes = count(details, "ephemeral_1h_input_tokens") or 0
        short_writes = count(details, "ephemeral_5m_input_tokens")
        if short_writes is None:
            short_writes = max(0, (count(details, "cache_creation_input_tokens") or 0) - long_writes)
        plain = max(0, prompt - cached - long_writes - short_writes)
        parts = [(plain, "prompt"), (cached, "input_cache_read"), (short_writes, "input_cache_write_5_min"),
                 (long_writes, "input_cache_write_1_h"), (completion, "completion")]
        total = 0.0
        for tokens, item in parts:
            fallback = None if item == "completion" else self._tier("prompt", counts, PER_MILLION)
            tier = self._tier(item, counts, PER_MILLION) or fallback
            if tier is None and tokens:
                return None
            total += tokens * tier.value / 1e6 if tier else 0
        if searches := self._tier("web_search", counts, PER_COUNT):
            total += (count(details, "web_search") or 0) * searches.value
        return round(total, COST_DIGITS)

    def _tier(self, item: str, counts: dict[str, float], unit: str) -> Tier | None:
        tiers = [tier for tier in self.items.get(item, ()) if tier.unit == unit]
        return next((tier for tier in tiers if tier.holds(counts)), tiers[0] if tiers else None)


def reasoning_apart(usage: dict[str, Any], prompt: float, completion: float) -> float:
    """Reasoning tokens are part of completion_tokens, unless the total says that they were counted apart (Grok)."""
    reasoning = count(usage.get("completion_tokens_details"), "reasoning_tokens") or 0
    return reasoning if count(usage, "total_tokens") == prompt + completion + reasoning else 0


def parse_prices(pricings: Any) -> Prices:
    """Whatever can be understood of the upstream's `pricings`; the rest is left out."""
    items: dict[str, tuple[Tier, ...]] = {}
    for item, tiers in pricings.items() if isinstance(pricings, dict) else ():
        parsed = [parse_tier(tier) for tier in (tiers if isinstance(tiers, list) else [tiers])]
        if known := tuple(tier for tier in parsed if tier):
            items[str(item)] = known
    return Prices(items)


def parse_tier(tier: Any) -> Tier | None:
    value = count(tier, "value")
    if value is None or tier.get("currency", "USD") != "USD" or not isinstance(tier.get("unit", PER_MILLION), str):
        return None
    listed = tier.get("conditions")
    conditions = tuple(
        (name, how, bound)
        for name, bounds in (listed.items() if isinstance(listed, dict) else ())
        if name in ("prompt_tokens", "completion_tokens")
        for how in COMPARE if (bound := count(bounds, how)) is not None
    )
    return Tier(value, tier.get("unit", PER_MILLION), conditions)


def count(of: Any, name: str) -> float | None:
    """A finite number that is not negative, else None: upstreams send null, and could send anything."""
    value = of.get(name) if isinstance(of, dict) else None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) and value >= 0 else None
