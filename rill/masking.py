"""Keeps one secret out of what comes in pieces: bytes off a socket, text in deltas.

A piece that ends inside the secret is held back from its eighth character on, so ordinary text is never late: what
stands before that is the kind of the key ("sk-ai-v1"), not the secret. It does not know encodings: a secret
written with JSON escapes passes the byte mask and is caught by the text mask after decoding.

Called by transport.py (bytes) and chunks.py (text). Pure: no clock, no I/O.
"""
from __future__ import annotations

from typing import Generic, TypeVar

STARS = "***"
HOLD_FROM = 8  # characters of the secret that must match before anything is held back
SHORTEST_SECRET = 10  # a shorter "key" is a word (a stand-in's, a test's): masking it would damage ordinary text

Text = TypeVar("Text", str, bytes)


class Mask(Generic[Text]):
    """Feed pieces, get what may be shown; `flush()` at the end. Of the secret at most HOLD_FROM - 1 characters get out."""

    def __init__(self, secret: Text) -> None:
        self._empty = secret[:0]
        self._stars = STARS if isinstance(secret, str) else STARS.encode()
        self._secret = secret if len(secret) >= SHORTEST_SECRET else self._empty
        self._start = self._secret[:HOLD_FROM]
        self._seen = self._empty  # the last characters let out, in case the secret began there
        self._held = self._empty

    def feed(self, piece: Text) -> Text:
        if not self._secret:
            return piece
        window = self._seen + self._held + piece
        if self._start not in window:
            self._seen = window[1 - HOLD_FROM:]
            return piece
        out, position = self._empty, len(self._seen)
        while (found := window.find(self._secret)) >= 0:
            out += window[position:max(found, position)] + self._stars
            window, position = window[found + len(self._secret):], 0
        keep = max(position, self._start_of_hold(window))
        self._seen, self._held = window[:keep][1 - HOLD_FROM:], window[keep:]
        return out + window[position:keep]

    def flush(self) -> Text:
        """What was held turned out not to be the whole secret; most of one is still masked."""
        held, self._held = self._held, self._empty
        return self._stars if len(held) > len(self._secret) // 2 else held

    def _start_of_hold(self, window: Text) -> int:
        found = window.find(self._start)
        while found >= 0 and not self._secret.startswith(window[found:]):
            found = window.find(self._start, found + 1)
        return found if found >= 0 else len(window)


def masked(text: Text, secret: Text) -> Text:
    """The whole text at once."""
    mask = Mask(secret)
    return mask.feed(text) + mask.flush()
