"""The models list in ZenMux's shape, and what an id stands for.

Prices are made up for some demo models so that a page has a cost to show; what runs on this machine is free. It lists; it does
not answer.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rill.standin.dialect import Shape
from rill.standin.faults import FAULTS
from rill.standin.scripted import MODELS

LISTED_SINCE = 1767225600  # 2026-01-01; `created` of every entry
DEFAULT_MODEL = "demo/fast"  # what unlisted ids are answered by
LOCAL_MODEL = "local/smollm2-135m-instruct"
EMBEDDING_MODEL = "demo/embed"  # listed as the gateway lists such models, and not able to chat
DEMO_CONTEXT = 1_000_000
FAULT_CONTEXT = 32_000
LOCAL_CONTEXT = 2048


@dataclass(frozen=True, slots=True)
class Listing:
    title: str
    prices: tuple[float, float] = (0, 0)  # USD per million tokens in and out
    reasoning: bool = False
    shape: Shape = Shape.REASONING
    context: int = DEMO_CONTEXT
    tiered: bool = False
    search: float = 0  # USD for each search of the web
    takes: tuple[str, ...] = ("text",)


SEES = ("text", "image", "file")
DEMOS = {
    "demo/tour": Listing("Demo: a tour of streaming", (1.25, 10), True, Shape.ALL, takes=SEES, search=0.01),
    "demo/think": Listing("Demo: thinks before it speaks", (3, 15), True, Shape.REASONING, tiered=True, takes=("text", "image")),
    "demo/echo": Listing("Demo: echo", (0.1, 0.4), takes=SEES),
    "demo/fast": Listing("Demo: fast"),
    "demo/slow": Listing("Demo: slow", (0.5, 2)),
    "demo/flaky": Listing("Demo: breaks two times of three", (0.5, 2)),
    "demo/long": Listing("Demo: very long", (0.2, 0.8)),
    "demo/numbers": Listing("Demo: self-verifying numbers", (0.2, 0.8), True, Shape.REASONING_CONTENT),
}
assert DEMOS.keys() == MODELS.keys(), "every scripted model is listed, and no other"


def shape_of(model: str) -> Shape:
    return DEMOS[model].shape if model in DEMOS else Shape.REASONING


def context_of(model: str) -> int:
    return DEMOS[model].context if model in DEMOS else FAULT_CONTEXT


def takes(model: str) -> tuple[str, ...]:
    return DEMOS[model].takes if model in DEMOS else ("text",)


def models_list(*, with_local: bool, scripts: list[str]) -> dict[str, Any]:
    data = [entry(id_, listing) for id_, listing in DEMOS.items()]
    if with_local:
        data.insert(1, entry(LOCAL_MODEL, Listing("SmolLM2 135M Instruct (on this machine)", context=LOCAL_CONTEXT), owner="local"))
    data += [entry(id_, Listing(f"Demo: {title}", context=FAULT_CONTEXT)) for id_, (title, _) in FAULTS.items()]
    data += [entry(f"test/{name}", Listing(f"Test: {name}"), owner="test") for name in scripts]
    data.append(entry(EMBEDDING_MODEL, Listing("Demo: an embedding model", (0.02, 0)), outputs=["embedding"]))
    return {"object": "list", "data": data}


def entry(id_: str, listing: Listing, *, owner: str = "demo", outputs: list[str] | None = None) -> dict[str, Any]:
    price_in, price_out = listing.prices
    pricings = {"prompt": tiers(price_in, listing.tiered), "completion": tiers(price_out, listing.tiered)}
    if price_in:
        pricings["input_cache_read"] = tiers(price_in / 10, listing.tiered)
    if listing.search:
        pricings["web_search"] = [{"value": listing.search, "unit": "perCount", "currency": "USD"}]
    return {"id": id_, "object": "model", "display_name": listing.title, "created": LISTED_SINCE, "owned_by": owner,
            "input_modalities": list(listing.takes), "output_modalities": outputs or ["text"],
            "capabilities": {"reasoning": listing.reasoning}, "context_length": listing.context, "pricings": pricings}


def tiers(value: float, tiered: bool) -> list[dict[str, Any]]:
    """One price, or two that depend on the prompt's length."""
    unit = {"unit": "perMTokens", "currency": "USD"}
    if not tiered:
        return [{"value": value, **unit}]
    bound = {"unit": "kTokens"}
    return [{"value": value, **unit, "conditions": {"prompt_tokens": {**bound, "gte": 0, "lt": 200}}},
            {"value": value * 2, **unit, "conditions": {"prompt_tokens": {**bound, "gte": 200}}}]
