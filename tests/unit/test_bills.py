"""The upstream's word on what a call cost, in every shape that was seen, and in shapes that say nothing."""
from __future__ import annotations

from typing import Any

import pytest

from rill.bills import Bill, parse_bill
from rill.models import Usage

TOKENS = {"prompt_tokens": 9, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 2}, "prompt_tokens_details": None}


@pytest.mark.parametrize("answer", [
    {"generationId": "1", "usage": 0.0021, "nativeTokens": TOKENS, "ratingResponses": {"billAmount": 0.0021, "originAmount": 0.003}},
    {"success": True, "data": {"usage": 0.0021, "nativeTokens": TOKENS}},
    {"data": {"usage": "0.0021", "native_tokens": TOKENS}},
    {"data": {"totalCost": 0.0021, "nativeTokens": TOKENS}},
    {"data": {"total_cost": "0.0021", "usage": TOKENS}},
    {"realAmount": "0.0021", "nativeTokens": TOKENS},
])
def test_a_cost_is_found_where_gateways_put_it(answer: Any) -> None:
    assert parse_bill(answer) == Bill(0.0021, Usage(9, 5, 2, None))


def test_what_was_billed_wins_over_the_price_before_a_discount() -> None:
    assert parse_bill({"usage": 0.5, "ratingResponses": {"billAmount": 0.25, "originAmount": 0.5}}).amount == 0.25


def test_nothing_to_pay_is_a_cost_of_nothing() -> None:
    assert parse_bill({"data": {"usage": 0}}) == Bill(0.0)


@pytest.mark.parametrize("answer", [
    None, [], "0.1", 5, {}, {"data": None}, {"data": []}, {"data": {"nativeTokens": TOKENS}}, {"usage": None}, {"usage": True}, {"usage": {}},
    {"usage": -1}, {"usage": float("nan")}, {"usage": "free"}, {"usage": 1e300}, {"usage": "9" * 5000}, {"ratingResponses": {"billAmount": None}},
])
def test_an_answer_without_a_cost_is_none(answer: Any) -> None:
    assert parse_bill(answer) is None
