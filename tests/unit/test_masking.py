"""A secret in pieces: whatever the cut it does not get out, and ordinary text is neither changed nor late."""
from __future__ import annotations

import random

import pytest

from rill.masking import HOLD_FROM, Mask, masked

SECRET = "sk-ai-v1-0123456789"


def in_pieces(pieces: list[str], secret: str = SECRET) -> str:
    mask = Mask(secret)
    return "".join(map(mask.feed, pieces)) + mask.flush()


def test_no_cut_lets_the_secret_out_and_none_changes_other_text() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed={seed}")
    rng = random.Random(seed)
    for secret in (SECRET, "aaaaaaaaaaaa", "abababababab"):
        for _ in range(2000):
            text = "".join(rng.choices([secret, secret[:9], secret[3:], "a", "b", " ", "sk-"], k=rng.randrange(8)))
            cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randrange(6)))
            shown = in_pieces([text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])], secret)
            assert secret not in shown, (text, cuts)
            if secret not in text and secret[:HOLD_FROM] not in text:
                assert shown == text, (text, cuts)


def test_whole_secrets_become_stars_in_text_and_bytes() -> None:
    assert masked(f"a{SECRET}b{SECRET}{SECRET}", SECRET) == "a***b******"
    assert masked(f"a{SECRET}b".encode(), SECRET.encode()) == b"a***b"


def test_text_that_only_begins_like_the_secret_comes_out_whole() -> None:
    assert in_pieces(["see sk-ai-v1", "-keys and sk-ai-", "v1-"]) == "see sk-ai-v1-keys and sk-ai-v1-"


@pytest.mark.parametrize("text", ["s", "sk", "sk-ai-v", "as is", "It works"])
def test_ordinary_text_is_never_late(text: str) -> None:
    assert Mask(SECRET).feed(text) == text


def test_a_secret_cut_off_near_its_end_is_masked_all_the_same() -> None:
    assert in_pieces([SECRET[:-1]]) == "***"


@pytest.mark.parametrize("secret", ["", "standin", "test-key"])
def test_a_short_word_is_no_secret(secret: str) -> None:
    assert in_pieces(["the ", secret, " word"], secret) == f"the {secret} word"
