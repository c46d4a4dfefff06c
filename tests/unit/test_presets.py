"""Presets and preferences on a real file; what is Alice's does not exist for Bob."""
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from rill import preferences, presets
from rill.db import Database
from rill.errors import Conflict, NotFound, StorageBusy
from tests.cast import ALICE, BOB
from tests.support import Core

STERN = {"name": "Stern editor", "model": "openai/gpt-5:azure", "system_prompt": "Be stern.", "params": {"temperature": 0.2}}


@pytest.fixture
def tx(db: Database) -> Any:
    with db.write() as connection:
        yield connection


def names(tx: Connection, user_id: str = ALICE.id) -> list[str]:
    return [preset.name for preset in presets.list_presets(tx, user_id)]


def test_a_preset_is_kept_as_it_was_given(tx: Connection) -> None:
    made = presets.create_preset(tx, ALICE.id, STERN)
    assert presets.get_preset(tx, ALICE.id, made.id) == made and made.shared() == STERN


def test_a_preset_of_alices_does_not_exist_for_bob(tx: Connection) -> None:
    made = presets.create_preset(tx, ALICE.id, STERN)
    for act in (lambda: presets.get_preset(tx, BOB.id, made.id), lambda: presets.change_preset(tx, BOB.id, made.id, {"name": "Bob's"}),
                lambda: presets.delete_preset(tx, BOB.id, made.id), lambda: presets.get_preset(tx, ALICE.id, "0" * 22)):
        with pytest.raises(NotFound):
            act()
    assert names(tx, BOB.id) == [] and names(tx) == ["Stern editor"]
    assert presets.create_preset(tx, BOB.id, STERN).name == "Stern editor", "a name is taken for its owner only"


def test_presets_are_listed_by_name_whatever_its_case(tx: Connection) -> None:
    for name in ("beta", "Alpha", "gamma", "Änderung"):
        presets.create_preset(tx, ALICE.id, {"name": name})
    assert names(tx) == ["Alpha", "beta", "gamma", "Änderung"]


def test_a_name_that_is_taken_is_refused_and_nothing_changes(tx: Connection) -> None:
    presets.create_preset(tx, ALICE.id, STERN)
    other = presets.create_preset(tx, ALICE.id, {"name": "Other"})
    for act in (lambda: presets.create_preset(tx, ALICE.id, STERN), lambda: presets.change_preset(tx, ALICE.id, other.id, {"name": "Stern editor"})):
        with pytest.raises(Conflict, match="Stern editor"):
            act()
    assert names(tx) == ["Other", "Stern editor"]
    assert presets.change_preset(tx, ALICE.id, other.id, {"name": "Other", "system_prompt": "x"}).system_prompt == "x"


def test_an_import_keeps_both_of_a_name(tx: Connection) -> None:
    presets.create_preset(tx, ALICE.id, STERN)
    presets.import_presets(tx, ALICE.id, [STERN, STERN, {"name": "New"}])
    assert names(tx) == ["New", "Stern editor", "Stern editor (2)", "Stern editor (3)"]


def test_a_numbered_name_is_no_longer_than_a_name_may_be() -> None:
    long = "x" * presets.MAX_NAME_CHARS
    assert presets.free_name(long, {long}) == "x" * (presets.MAX_NAME_CHARS - 4) + " (2)"


def test_there_are_only_so_many_and_an_import_is_all_or_nothing(tx: Connection) -> None:
    presets.import_presets(tx, ALICE.id, [{"name": f"n{number}"} for number in range(presets.MAX_PRESETS - 1)])
    with pytest.raises(Conflict, match="101"):
        presets.import_presets(tx, ALICE.id, [{"name": "a"}, {"name": "b"}])
    presets.create_preset(tx, ALICE.id, {"name": "the last"})
    with pytest.raises(Conflict):
        presets.create_preset(tx, ALICE.id, {"name": "one too many"})
    assert len(names(tx)) == presets.MAX_PRESETS


def test_preferences_begin_empty_and_are_each_users_own(tx: Connection) -> None:
    assert preferences.get_preferences(tx, ALICE.id) == preferences.NOTHING_PREFERRED
    preferences.change_preferences(tx, ALICE.id, favourites=["a/b", "c/d", "a/b"])
    now = preferences.change_preferences(tx, ALICE.id, default_model="c/d")
    assert now == preferences.get_preferences(tx, ALICE.id) == {"default_model": "c/d", "favourites": ["a/b", "c/d"], "recents": []}
    assert preferences.get_preferences(tx, BOB.id) == preferences.NOTHING_PREFERRED


def test_preferences_that_were_read_once_are_told_while_the_database_cannot(core: Core, tmp_path: Path) -> None:
    known = preferences.Preferences(core.db)
    assert known.of(ALICE.id) == preferences.NOTHING_PREFERRED
    assert known.change(ALICE.id, default_model="c/d")["default_model"] == "c/d"
    core.db.faults = [("begin", StorageBusy("busy"))]
    with pytest.raises(StorageBusy):
        known.change(ALICE.id, default_model="e/f")
    unusable = Database(tmp_path / "nowhere" / "rill.db")
    known._db = unusable
    assert known.of(ALICE.id)["default_model"] == "c/d"
    assert preferences.Preferences(unusable).of(ALICE.id) == preferences.NOTHING_PREFERRED
    assert preferences.Preferences(core.db).of(ALICE.id)["default_model"] == "c/d"
