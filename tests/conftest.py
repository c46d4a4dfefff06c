"""The order of files for processes that share them: the longest first, then those that keep the processor busy (a browser
draws) beside those that mostly wait (a server under a fault), so that neither is left alone at the end."""
from __future__ import annotations

from itertools import chain, groupby, zip_longest

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files = [(path, list(tests)) for path, tests in groupby(items, key=lambda item: item.path)]
    first = [tests for path, tests in files if path.parent.name == "chaos"]
    busy = [tests for path, tests in files if path.parent.name == "browser"]
    waiting = [tests for path, tests in files if path.parent.name not in ("chaos", "browser")]
    items[:] = chain.from_iterable([*first, *chain.from_iterable(zip_longest(busy, waiting, fillvalue=[]))])
