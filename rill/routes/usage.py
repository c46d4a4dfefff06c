"""`/api/usage`: what the last days cost, by day and by model."""
from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from flask import Blueprint, Response, request
from sqlalchemy import Row

from rill import charges
from rill.errors import InvalidRequest
from rill.routes.door import answer, parts, user
from rill.turns import give_turn
from rill.usage import days_until, summed

DAYS, MAX_DAYS = 30, 366
MAX_OFFSET_MINUTES = 14 * 60

usage = Blueprint("usage", __name__)


@usage.get("/api/usage")
def read_usage() -> Response:
    """What the last `days` days cost; `tz_offset` is how many minutes the person's clock is ahead of UTC."""
    days, offset = _number("days", DAYS, 1, MAX_DAYS), _number("tz_offset", 0, -MAX_OFFSET_MINUTES, MAX_OFFSET_MINUTES)
    return answer(summed(_by_day(user().id, list(days_until(datetime.now(UTC), days, offset)))))


def _by_day(user_id: str, days: list[tuple[str, str, str]]) -> Iterator[tuple[str, list[Row]]]:
    """A transaction a day, so that answers go on streaming while a year is added up."""
    for date, since, until in days:
        with parts.db.read() as tx:
            rows = charges.spent(tx, user_id, since, until)
        yield date, rows
        give_turn()


def _number(name: str, otherwise: int, least: int, most: int) -> int:
    given = request.args.get(name, str(otherwise))
    digits = given.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal() and len(digits) < 6 and least <= int(given) <= most):
        raise InvalidRequest(f"`{name}` must be a whole number from {least} to {most}.")
    return int(given)
