"""The committed text of a message while it grows: appended at the end, read from any offset.

Offsets count code points. Nothing here waits, stores or sends.
"""
from __future__ import annotations

from bisect import bisect_right

from rill.models import Channel
from rill.sse import dumps, frame

COMPACT_PARTS = 1024  # then the parts become one string, so that a long answer is not a list of ten thousand
DELTA_CHARS = 4096  # PROTOCOL section 5: the most one delta carries


class GrowingText:
    """A string that only gets longer; appending costs nothing that grows with it."""

    __slots__ = ("_parts", "_starts", "length")

    def __init__(self, text: str = "") -> None:
        self._parts = [text]
        self._starts = [0]
        self.length = len(text)

    def append(self, text: str) -> None:
        if len(self._parts) >= COMPACT_PARTS:
            self._parts, self._starts = [str(self)], [0]
        self._parts.append(text)
        self._starts.append(self.length)
        self.length += len(text)

    def between(self, start: int, end: int) -> str:
        newest = self._starts[-1]
        if start >= newest:
            return self._parts[-1][start - newest:end - newest]
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1)
        return "".join(self._parts[first:last])[start - self._starts[first]:end - self._starts[first]]

    def __str__(self) -> str:
        return "".join(self._parts)


class LiveText:
    """Both channels of one growing message, and the frame of the newest delta of each, made once for all readers."""

    __slots__ = ("message_id", "conversation_id", "content", "reasoning", "_newest")

    def __init__(self, message_id: str, conversation_id: str, content: str = "", reasoning: str = "") -> None:
        self.message_id = message_id
        self.conversation_id = conversation_id
        self.content = GrowingText(content)
        self.reasoning = GrowingText(reasoning)
        self._newest: dict[Channel, tuple[int, int, bytes]] = {}

    def append(self, channel: Channel, text: str) -> None:
        getattr(self, channel).append(text)

    def delta(self, channel: Channel, start: int, end: int) -> bytes:
        """The frame, without an id, of the text from `start` to `end`."""
        known = self._newest.get(channel)
        if known is not None and known[0] == start and known[1] == end:
            return known[2]
        made = frame("delta", self.delta_data(channel, start, end))
        self._newest[channel] = (start, end, made)
        return made

    def delta_data(self, channel: Channel, start: int, end: int) -> bytes:
        text = getattr(self, channel).between(start, end)
        return dumps({"message_id": self.message_id, "channel": channel, "offset": start, "text": text})

    def lengths(self) -> tuple[int, int]:
        return self.content.length, self.reasoning.length
