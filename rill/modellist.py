"""The models list: what the upstream lists, filtered to what can chat in text, and a copy on disk for when it is away.

`parse_models` takes any subset of the fields (all are optional but the id). `ModelList` asks the upstream at most once
an hour, one caller at a time, and soon again only after a failure; meanwhile the last good list is served as stale.
`refresh` asks now, because a person wants it, and not more often than every few seconds whoever wants it.
A copy belongs to one base URL: another upstream's list is never served. It does not choose a default model.

Called by parts.py, the models route, and the committer (estimates, which never wait for the network).
"""
from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import orjson

from rill.errors import ProtocolBroken, UpstreamAway, UpstreamError
from rill.models import SLUG_PATTERN
from rill.prices import Prices, count, parse_prices
from rill.upstream_errors import MESSAGE_KEPT, unreadable_list

log = logging.getLogger(__name__)

FRESH_SECONDS = 3600.0
RETRY_SECONDS = 30.0  # a failing upstream is left alone this long
REFRESH_SECONDS = 10.0  # who wants the list anew within this time of the last answer is given that answer
EMPTY_RETRY_SECONDS = 2.0  # but without any list a person is waiting for one
CACHE_BYTES = 16 * 1024 * 1024
NAME_LIMIT = 200  # characters
NOT_CHAT = re.compile(r"embed|rerank|(?<![a-z])(asr|tts)(?![a-z])", re.IGNORECASE)

CLAUDE = re.compile(r"^anthropic/|(^|/)claude", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model that can chat in text. The modalities are empty where the upstream says nothing."""
    id: str
    name: str
    owner: str
    context_length: int | None
    input_modalities: tuple[str, ...]
    output_modalities: tuple[str, ...]
    reasoning: bool
    free: bool
    prices: Prices

    @property
    def takes_pdf(self) -> bool:
        """As a file. Claude's models do, but on their way there the gateway puts a note in a file's place (ZENMUX 1.9)."""
        return bool({"file", "pdf"} & set(self.input_modalities)) and not CLAUDE.search(self.id)

    def as_dict(self) -> dict[str, Any]:
        """As PROTOCOL section 2 has it."""
        return {
            "id": self.id, "name": self.name, "owner": self.owner, "context_length": self.context_length,
            "input_modalities": list(self.input_modalities), "output_modalities": list(self.output_modalities),
            "takes_pdf": self.takes_pdf,
            "reasoning": self.reasoning, "free": self.free, "pricing": self.prices.shown(),
            "web_search_price": self.prices.a_search(),  # USD for each; None: the list names none
        }


def parse_models(body: bytes | dict[str, Any] | list[Any]) -> list[ModelInfo]:
    """The models that can chat in text, in the upstream's order, each id once. Raises ProtocolBroken for no list at all."""
    if isinstance(body, bytes):
        with contextlib.suppress(orjson.JSONDecodeError):
            body = orjson.loads(body)
    entries = body.get("data") if isinstance(body, dict) else body
    if not isinstance(entries, list):
        raise unreadable_list()
    models = {model.id: model for entry in reversed(entries) if (model := parse_model(entry))}
    return list(reversed(models.values()))


def parse_model(entry: Any) -> ModelInfo | None:
    slug = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(slug, str) or not SLUG_PATTERN.fullmatch(slug) or NOT_CHAT.search(slug):
        return None
    takes, gives = modalities(entry.get("input_modalities")), modalities(entry.get("output_modalities"))
    if (takes and "text" not in takes) or (gives and "text" not in gives):
        return None
    capabilities = entry.get("capabilities")
    prices = parse_prices(entry.get("pricings"))
    context = count(entry, "context_length")
    return ModelInfo(
        id=slug,
        name=label(entry.get("display_name")) or label(entry.get("name")) or slug,
        owner=label(entry.get("owned_by")) or (slug.partition("/")[0] if "/" in slug else ""),
        context_length=int(context) if context else None,
        input_modalities=takes,
        output_modalities=gives,
        reasoning=isinstance(capabilities, dict) and capabilities.get("reasoning") is True,
        free=prices.is_free or (slug.endswith("-free") and not prices.items),
        prices=prices,
    )


def modalities(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def label(value: Any) -> str:
    """One printable line."""
    return "".join(char for char in value if char.isprintable()).strip()[:NAME_LIMIT] if isinstance(value, str) else ""


def estimate_cost(model: ModelInfo, usage: dict[str, Any] | None) -> float | None:
    """USD, by the tiers that hold for this usage; None when it cannot be known."""
    return model.prices.cost(usage)


class Upstream(Protocol):
    base_url: str

    def fetch_models(self) -> list[dict[str, Any]]: ...


class ModelList:
    """The list in memory, its copy on disk, and the rules of when the upstream is asked."""

    def __init__(self, client: Upstream, cache_path: str | os.PathLike[str], now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._path = Path(cache_path)
        self._now = now
        self._asking = threading.Lock()
        self._models: dict[str, ModelInfo] = {}
        self._fetched_at: float | None = None
        self._failed_at: float | None = None
        self._problem: UpstreamError | None = None  # of the last time, if that failed
        self._load()

    def get(self) -> dict[str, Any]:
        """`{models, fetched_at, stale}`. Raises nothing: without any list it is empty and stale."""
        # Who has an old list does not wait behind the one caller that fetches the new one.
        if not self._is_fresh() and self._asking.acquire(blocking=not self._models):
            try:
                if not self._is_fresh() and self._may_ask():
                    self._fetch()
            finally:
                self._asking.release()
        return self._shown()

    def refresh(self) -> dict[str, Any]:
        """As `get`, asked for now. Raises UpstreamAway, and what was known stays."""
        with self._asking:
            if self._seconds_since_answer() >= REFRESH_SECONDS:
                self._fetch()
            if (problem := self._problem) is not None:
                wait = max(1, round(REFRESH_SECONDS - self._seconds_since_answer()))
                message = problem.message.replace(MESSAGE_KEPT, "The last list is kept." if self._models else "There is no list yet.")
                raise UpstreamAway(message, retry_after=wait)
        return self._shown()

    def _seconds_since_answer(self) -> float:
        last = max(self._fetched_at or 0, self._failed_at or 0)
        return abs(self._now() - last)

    def _shown(self) -> dict[str, Any]:
        fetched = None if self._fetched_at is None else datetime.fromtimestamp(self._fetched_at, UTC)
        return {
            "models": [model.as_dict() for model in self._models.values()],
            "fetched_at": fetched and fetched.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "stale": not self._is_fresh(),
        }

    def find(self, slug: str) -> ModelInfo | None:
        """From memory; a `:provider` suffix pins who serves the same model."""
        return self._models.get(slug) or self._models.get(slug.partition(":")[0])

    def takes_pdf(self, slug: str) -> bool:
        """False also where it cannot be known: its text goes to every model."""
        model = self.find(slug)
        return model is not None and model.takes_pdf

    def estimate(self, slug: str, usage: dict[str, Any] | None) -> float | None:
        model = self.find(slug)
        return estimate_cost(model, usage) if model else None

    def _is_fresh(self) -> bool:
        return self._fetched_at is not None and 0 <= self._now() - self._fetched_at < FRESH_SECONDS

    def _may_ask(self) -> bool:
        pause = RETRY_SECONDS if self._models else EMPTY_RETRY_SECONDS
        return self._failed_at is None or not 0 <= self._now() - self._failed_at < pause

    def _fetch(self) -> None:
        try:
            entries = self._client.fetch_models()
            models = parse_models(entries)
        except UpstreamError as error:
            self._failed_at, self._problem = self._now(), error
            log.warning("models list: error=%s status=%s upstream_type=%s", error.type, error.status, error.upstream_type)
            return
        self._models = {model.id: model for model in models}
        self._fetched_at, self._failed_at, self._problem = self._now(), None, None
        self._save(entries)

    def _save(self, entries: list[dict[str, Any]]) -> None:
        """Whole or not at all: a new file takes the old one's name. A full disk costs the copy, not the list."""
        document = {"base_url": self._client.base_url, "fetched_at": self._fetched_at, "data": entries}
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            beside.write_bytes(orjson.dumps(document))
            os.replace(beside, self._path)
        except (OSError, orjson.JSONEncodeError) as error:
            log.warning("models list: not kept on disk, error=%s", type(error).__name__)
            with contextlib.suppress(OSError):
                beside.unlink()

    def _load(self) -> None:
        """A copy that is missing, corrupt, too large or another upstream's is no copy."""
        try:
            if self._path.stat().st_size > CACHE_BYTES:
                return
            document = orjson.loads(self._path.read_bytes())
            if document["base_url"] == self._client.base_url and (fetched := count(document, "fetched_at")) is not None:
                models = parse_models(document)
                datetime.fromtimestamp(fetched, UTC)
                self._models = {model.id: model for model in models}
                self._fetched_at = fetched
        except FileNotFoundError:
            pass
        except (OSError, OverflowError, ValueError, TypeError, KeyError, ProtocolBroken) as error:
            log.warning("models list: the copy on disk is not used, error=%s", type(error).__name__)
