"""Databases for the unit suite: made once by the migrations, copied for each test."""
from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rill.db import Database
from tests.cast import settle
from tests.support import Core


@pytest.fixture(scope="session")
def settled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that Alice and Bob live in; closed, so that one file holds it all."""
    path = tmp_path_factory.mktemp("settled") / "rill.db"
    db = Database(path)
    db.upgrade()
    settle(db)
    db.close()
    return path


@pytest.fixture
def make_core(tmp_path: Path, settled_file: Path) -> Iterator[Callable[..., Core]]:
    made: list[Core] = []

    def make(**limits: int) -> Core:
        path = tmp_path / f"rill{len(made)}.db"
        shutil.copy(settled_file, path)
        made.append(Core(path, **limits))
        return made[-1]

    yield make
    for core in made:
        core.close()


@pytest.fixture
def core(make_core: Callable[..., Core]) -> Core:
    return make_core()


@pytest.fixture
def db(tmp_path: Path, settled_file: Path) -> Iterator[Database]:
    path = tmp_path / "rill.db"
    shutil.copy(settled_file, path)
    database = Database(path)
    yield database
    database.close()
