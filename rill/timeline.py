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
        self._resolution_ms = 0.0  # text closer together than this is one entry

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
        last = self.entries[-1]
        if last[1] == channel and at_ms - last[0] < self._resolution_ms:
            last[2] += chars
            return
        self.entries.append([at_ms, channel, chars])
        if len(self.entries) > MAX_ENTRIES:
            self._coarsen()

    def _coarsen(self) -> None:
        """Double the resolution until half the entries are gone."""
        span = self.entries[-1][0]
        self._resolution_ms = max(self._resolution_ms * 2, span / MAX_ENTRIES * 2)
        merged: list[list[Any]] = []
        for entry in self.entries:
            last = merged[-1] if merged else None
            if last and len(entry) == 3 and last[1] == entry[1] and entry[0] - last[0] < self._resolution_ms:
                last[2] += entry[2]
            else:
                merged.append(entry)
        self.entries = merged
        if len(merged) > MAX_ENTRIES * 3 // 4 and self._resolution_ms < span:
            self._coarsen()


def as_events(entries: list[list[Any]]) -> list[dict[str, Any]]:
    """The JSON of `GET /api/messages/<id>/timeline`."""
    return [dict(zip(("at_ms", "kind", "chars"), entry, strict=False)) for entry in entries]
