"""Sentences for a person: each cause has its own, each says what is kept and what to do, none is raw."""
from __future__ import annotations

import json
import ssl

import pytest
import requests
import urllib3

from rill.upstream_errors import connect_failed, http_refused, parse_retry_after, read_body, said, upstream_failed

STATUSES = [204, 302, 400, 401, 402, 403, 404, 408, 413, 418, 422, 429, 500, 501, 502, 503, 504, 520, 524]


def body(kind: str, message: str) -> bytes:
    return json.dumps({"error": {"code": "1", "type": kind, "message": message}}).encode()


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_has_a_sentence(status: int) -> None:
    error = http_refused(status, {}, b"")
    assert f"(status {status})." in error.message and "Your message is kept." in error.message
    assert error.message.count(". ") >= 2 and error.message.endswith(".") and "!" not in error.message
    assert error.retryable == (status >= 500 or status in (408, 429)) and error.status == status


def test_the_causes_that_a_person_acts_on_read_differently() -> None:
    texts = {status: http_refused(status, {}, b"").message.replace(str(status), "") for status in (402, 403, 404, 413, 429, 500)}
    assert len(set(texts.values())) == len(texts)
    assert "API key" in texts[403] and "credit" in texts[402] and "another model" in texts[404] and "too long" in texts[413]
    safety = http_refused(403, {}, body("safety_check_failed", "Blocked by upstream safety policy"))
    assert "API key" not in safety.message and "safety" in safety.message


def test_the_upstreams_words_are_passed_on_when_they_are_short_and_plain() -> None:
    assert 'It said: "Prompt is too long".' in http_refused(413, {}, body("invalid_params", "Prompt is\n  too long.")).message
    for foreign in (b"<html><h1>Login</h1></html>", b"", b"\x00\x01", json.dumps({"error": {"message": "<b>x</b>"}}).encode(),
                    b'{"error": {"message": {"a": 1}}}', b'{"error": {"message": 5}}'):
        assert "It said" not in http_refused(500, {}, foreign).message
    assert len(http_refused(500, {}, body("x", "word " * 10_000)).message) < 600


@pytest.mark.parametrize(("text", "words"), [
    (b'{"error":{"message":"one"}}', "one"),
    (b'{"error":"two"}', "two"),
    (b'{"message":"three"}', "three"),
    (b'{"detail":"four"}', "four"),
    (b'{"detail":[{"loc":["body"],"msg":"five"},{"msg":"six"}]}', "five, six"),
    (b'[{"error":{"message":"seven"}}]', "seven"),
    (b': note\nevent: error\ndata: {"error":{"message":"eight"}}\n\n', "eight"),
    (b"nine", "nine"),
    (b"{broken", None),
    (b"[" * 100_000, None),
])
def test_an_error_body_is_read_in_every_shape(text: bytes, words: str | None) -> None:
    assert read_body(text).message == words


@pytest.mark.parametrize(("value", "seconds"), [
    ("7", 7), ("0", 0), ("1.5", 1.5), ("Fri, 15 Jan 2027 08:00:30 GMT", 30), ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
    ("Friday", None), ("", None), (None, None), ("-1", None), ("inf", None), ("nan", None), ("1e99", None), ("9" * 400, None),
    ("Fri, 99 Jan 2027 08:00:30 GMT", None),
])
def test_retry_after_is_read_in_both_forms(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=1_800_000_000) == seconds


def test_retry_after_is_told_to_the_person() -> None:
    error = http_refused(429, {"Retry-After": "7"}, b"")
    assert error.retry_after == 7 and "in 7 seconds" in error.message


@pytest.mark.parametrize(("given", "retryable"), [
    ({"code": "429", "type": "rate_limit"}, True), ({"code": 529}, True), ({"code": "400"}, False), ({"code": 403}, False),
    ({"type": "insufficient_credit"}, False), ({"type": "invalid_request_error"}, False), ({"code": "server_error"}, True), ({}, True),
])
def test_an_error_in_an_answer_is_final_when_asking_again_cannot_help(given: dict[str, object], retryable: bool) -> None:
    error = upstream_failed(said(given), has_text=True)
    assert error.retryable == retryable and "The text so far is kept." in error.message


def test_a_certificate_that_is_refused_says_why() -> None:
    inner = ssl.SSLCertVerificationError(1, "certificate verify failed")
    inner.verify_message = "certificate has expired"
    wrapped = requests.exceptions.SSLError(urllib3.exceptions.MaxRetryError(None, "/", urllib3.exceptions.SSLError(inner)))
    error = connect_failed(wrapped, 10)
    assert "certificate has expired" in error.message and error.type == "connect"


def test_a_connect_timeout_names_the_limit() -> None:
    assert "within 0.5 seconds" in connect_failed(requests.ConnectTimeout(), 0.5).message
