"""Long work in short turns: whoever goes through something long lets the event loop turn every few milliseconds, so that
nobody's answer stands still meanwhile.

Only for what may be interrupted: a transaction that reads keeps its view, one that writes would keep everybody waiting.
"""
from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import gevent

TURN_SECONDS = 0.005
NAP_SECONDS = 1e-6  # not 0: gevent's sleep(0) comes back up to 50 times before the loop looks at sockets and timers

Item = TypeVar("Item")


def give_turn() -> None:
    """Let the others run, also those that wait for a socket or a timer."""
    gevent.sleep(NAP_SECONDS)


def paced(items: Iterable[Item]) -> Iterator[Item]:
    """The same items; what is made of each between two counts too. A few of them take no turn at all."""
    until = time.monotonic() + TURN_SECONDS
    for item in items:
        yield item
        if time.monotonic() > until:
            give_turn()
            until = time.monotonic() + TURN_SECONDS
