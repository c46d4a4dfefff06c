"""The pace of an answer: when how many characters came, kept small however long it runs.

Values only; the clock is the run's (`at_ms` since the reply was accepted).
"""
from __future__ import annotations

from typing import Any

from rill.models import CHANNELS, Message

MAX_ENTRIES = 400  # PROTOCOL section 4


class Timeline:
    """Entries of [at_ms, kind] or [at_ms, channel, chars], never going back in time."""

    def __init__(self) -> None:
        self.entries: list[list[Any]] = [[0.0, "queued"]]
        self._resolution_ms = 0.0  # text of one channel not further apart than this is one entry
        self._newest: dict[str, list[Any]] = {}  # each channel's, so that two that take turns are merged too

    @classmethod
    def resumed(cls, message: Message) -> Timeline:
        """Of a message that grows on: what it already has counts as there at the start."""
        timeline = cls()
        for channel in reversed(CHANNELS):
            if text := getattr(message, channel):
                timeline.entries.append([0.0, channel, len(text)])
        return timeline

    def note(self, kind: str, at_ms: float) -> float:
        self.entries.append([at_ms, kind])
        return at_ms

    def grew(self, channel: str, chars: int, at_ms: float) -> None:
        self._add(channel, chars, at_ms)
        limit = MAX_ENTRIES
        while len(self.entries) > limit and self._resolution_ms <= at_ms:
            # Well below the most, or each delta of a long answer would come here again.
            self._resolution_ms, limit = max(self._resolution_ms * 2, at_ms / MAX_ENTRIES * 2), MAX_ENTRIES * 3 // 4
            self._merge()

    def _add(self, channel: str, chars: int, at_ms: float) -> None:
        newest = self._newest.get(channel)
        if newest is not None and at_ms - newest[0] <= self._resolution_ms:
            newest[2] += chars
        else:
            self._newest[channel] = [at_ms, channel, chars]
            self.entries.append(self._newest[channel])

    def _merge(self) -> None:
        entries, self.entries, self._newest = self.entries, [], {}
        for entry in entries:
            if len(entry) == 2:
                self.entries.append(entry)
            else:
                self._add(entry[1], entry[2], entry[0])


def as_events(entries: list[list[Any]]) -> list[dict[str, Any]]:
    """The JSON of `GET /api/messages/<id>/timeline`."""
    return [dict(zip(("at_ms", "kind", "chars"), entry, strict=False)) for entry in entries]
