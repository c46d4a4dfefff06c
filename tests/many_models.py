"""A made-up list of hundreds of models in ZenMux's shape, for tests of what must stay quick and findable. Deterministic."""
from __future__ import annotations

import json
from typing import Any

OWNERS = {"openai": "OpenAI", "anthropic": "Anthropic", "google": "Google", "deepseek": "DeepSeek", "qwen": "Qwen", "mistralai": "Mistral",
          "moonshotai": "MoonshotAI", "x-ai": "xAI", "z-ai": "Z.AI", "meta": "Meta", "baidu": "Baidu", "inclusionai": "inclusionAI"}
SIZES = ("mini", "small", "flash", "large", "pro", "max", "ultra", "turbo", "lite", "preview")


def price(value: float, unit: str = "perMTokens") -> list[dict[str, Any]]:
    return [{"value": value, "unit": unit, "currency": "USD"}]


def entry(owner: str, label: str, number: int) -> dict[str, Any]:
    size, version = SIZES[number % 10], number // 10 + 1
    is_free = number % 17 == 3
    pricings = {"prompt": price(0 if is_free else number % 7 / 4 + 0.1), "completion": price(0 if is_free else number % 9 + 0.4)}
    if number % 3 == 0:
        pricings["web_search"] = price(0.01, "perCount")
    takes = ["text", *(["image"] if number % 2 else []), *(["file"] if number % 4 == 1 else []), *(["audio"] if number % 11 == 5 else [])]
    return {"id": f"{owner}/{owner}-{version}-{size}", "object": "model", "display_name": f"{label}: {label} {version} {size.title()}",
            "owned_by": owner, "input_modalities": takes, "output_modalities": ["text"], "capabilities": {"reasoning": number % 3 == 1},
            "context_length": 32_000 * (1 + number % 5), "pricings": pricings}


def many_models(count: int = 600) -> dict[str, Any]:
    owners = list(OWNERS.items())
    return {"object": "list", "data": [entry(*owners[n % len(owners)], n // len(owners)) for n in range(count)]}


def script(document: Any, status: int = 200) -> dict[str, Any]:
    """For the stand-in's control face: what it gives to whoever asks for the list."""
    return {"name": "list", "path": "/api/v1/models", "chunks": [json.dumps(document)], "http": {"framing": "length", "status": status}}
