"""What a user spent: by day of the person's own time zone, by model, and in all. Pure sums over rows of the ledger.

A day is a span of UTC times, so every question to the ledger is a walk along its index; the caller asks day by day and
lets others run in between. Called by routes/usage.py.
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row

from rill.charges import ACTUAL, COST_DIGITS
from rill.models import Usage

CURRENCY = "USD"


@dataclass(slots=True)
class Sum:
    """Money and tokens of many calls. `unknown` counts those whose cost nobody said."""

    calls: int = 0
    amount: float = 0.0
    estimated: float = 0.0  # of the amount
    unknown: int = 0
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(Usage.__slots__, 0))

    def add(self, row: Row) -> None:
        self.calls += row.calls
        self.unknown += row.calls - row.known
        self.amount += row.amount or 0
        if row.kind != ACTUAL:
            self.estimated += row.amount or 0
        for name in self.tokens:
            self.tokens[name] += getattr(row, name) or 0

    def as_dict(self) -> dict[str, Any]:
        return {"calls": self.calls, "amount": round(self.amount, COST_DIGITS), "estimated": round(self.estimated, COST_DIGITS),
                "unknown": self.unknown, **self.tokens}


def days_until(now: datetime, count: int, offset_minutes: int) -> Iterator[tuple[str, str, str]]:
    """The last `count` days where the clock is `offset_minutes` ahead of UTC, oldest first: (date, since, until) in UTC."""
    offset = timedelta(minutes=offset_minutes)
    today = (now.astimezone(UTC) + offset).replace(hour=0, minute=0, second=0, microsecond=0)
    for back in range(count - 1, -1, -1):
        day = today - timedelta(days=back)
        yield day.date().isoformat(), stamp(day - offset), stamp(day - offset + timedelta(days=1))


def stamp(moment: datetime) -> str:
    """As the rows have it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def summed(by_day: Iterable[tuple[str, list[Row]]]) -> dict[str, Any]:
    """`{days, models, totals, currency}`; every day is there, models by what they cost."""
    totals, days, models = Sum(), [], {}
    for date, rows in by_day:
        day = Sum()
        for row in rows:
            for one in (day, totals, models.setdefault((row.model, row.purpose), Sum())):
                one.add(row)
        days.append({"day": date, **day.as_dict()})
    listed = sorted(models.items(), key=lambda item: (-item[1].amount, -item[1].calls, str(item[0])))
    return {"days": days, "models": [{"model": model, "purpose": purpose, **one.as_dict()} for (model, purpose), one in listed],
            "totals": totals.as_dict(), "currency": CURRENCY}
