"""Days as the person's clock has them, and sums that add up."""
from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from rill.usage import days_until, summed

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def row(model: str | None = "demo/hand", kind: str = "estimate", amount: float | None = 0.5, **values: Any) -> Any:
    tokens = dict.fromkeys(("input_tokens", "output_tokens", "reasoning_tokens", "cached_tokens"))
    return SimpleNamespace(**{"model": model, "purpose": "reply", "kind": kind, "amount": amount, "calls": 1, "known": amount is not None, **tokens, **values})


def test_days_are_whole_and_follow_each_other_without_a_gap() -> None:
    days = list(days_until(NOON, 3, 0))
    assert days[-1] == ("2026-03-01", "2026-03-01T00:00:00.000Z", "2026-03-02T00:00:00.000Z")
    assert [day for day, _, _ in days] == ["2026-02-27", "2026-02-28", "2026-03-01"]
    assert all(before[2] == after[1] for before, after in zip(days, days[1:], strict=False))


def test_a_day_begins_at_the_midnight_of_the_person() -> None:
    assert list(days_until(NOON, 1, 8 * 60)) == [("2026-03-01", "2026-02-28T16:00:00.000Z", "2026-03-01T16:00:00.000Z")]
    assert list(days_until(NOON.replace(hour=20), 1, 8 * 60))[0][0] == "2026-03-02"
    assert list(days_until(NOON.replace(hour=2), 1, -210)) == [("2026-02-28", "2026-02-28T03:30:00.000Z", "2026-03-01T03:30:00.000Z")]


def test_days_models_and_totals_add_up_and_estimates_are_told_apart() -> None:
    told = summed([
        ("2026-03-01", [row(output_tokens=7), row(kind="actual", amount=0.25, calls=2, known=2)]),
        ("2026-03-02", []),
        ("2026-03-03", [row("demo/dear", amount=9.0), row(amount=None), row(None, "actual", 0.0, purpose="title")]),
    ])
    assert [day["amount"] for day in told["days"]] == [0.75, 0.0, 9.0]
    assert [(one["model"], one["purpose"], one["amount"]) for one in told["models"]] == [
        ("demo/dear", "reply", 9.0), ("demo/hand", "reply", 0.75), (None, "title", 0.0)]
    totals = told["totals"]
    assert (totals["amount"], totals["estimated"], totals["calls"], totals["unknown"], totals["output_tokens"]) == (9.75, 9.5, 6, 1, 7)


def test_nothing_spent_is_days_of_nothing() -> None:
    told = summed((day, []) for day, _, _ in days_until(NOON, 7, 0))
    assert len(told["days"]) == 7 and told["models"] == [] and told["totals"]["calls"] == 0
