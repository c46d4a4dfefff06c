"""How files share a machine. Their order: the longest first, then those that keep the processor busy (a browser draws) beside
those that mostly wait (a server under a fault), so that neither is left alone at the end. And a second try for those two kinds
when several processes run at once: a browser can be without the processor for seconds then. It is named in the summary; what
is a matter of logic alone (unit tests) or of a seed (chaos) gets none."""
from __future__ import annotations

from itertools import chain, groupby, zip_longest

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):  # one of several processes
        for item in items:
            if item.path.parent.name in ("browser", "integration"):
                item.add_marker(pytest.mark.flaky(reruns=1))
    files = [(path, list(tests)) for path, tests in groupby(items, key=lambda item: item.path)]
    first = [tests for path, tests in files if path.parent.name == "chaos"]
    busy = [tests for path, tests in files if path.parent.name == "browser"]
    waiting = [tests for path, tests in files if path.parent.name not in ("chaos", "browser")]
    items[:] = chain.from_iterable([*first, *chain.from_iterable(zip_longest(busy, waiting, fillvalue=[]))])
