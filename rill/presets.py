"""Presets: a model, a system prompt and params under a name, to begin a conversation with or to give to one.

Each function takes a transaction and the owner, as `store.py` does; a foreign and an unknown preset are the same
NotFound. A name is there once for each user: a new one that is taken is a Conflict, an imported one gets a number.
It knows neither files nor conversations.

Called by routes/presets.py.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from rill.errors import Conflict, NotFound
from rill.models import new_id, utc_now
from rill.schema import presets

MAX_PRESETS = 100  # of one user
MAX_NAME_CHARS = 100
MAX_PROMPT_CHARS = 32_000

NO_PRESET = "There is no such preset, or it was deleted."


@dataclass(frozen=True, slots=True)
class Preset:
    seq: int
    id: str
    user_id: str
    name: str
    model: str | None  # None leaves a conversation's model as it is
    system_prompt: str
    params: dict[str, Any]
    created_at: str
    updated_at: str

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, **self.shared(), "created_at": self.created_at, "updated_at": self.updated_at}

    def shared(self) -> dict[str, Any]:
        """What goes into a file: nothing that names a user or a server."""
        return {"name": self.name, "model": self.model, "system_prompt": self.system_prompt, "params": self.params}


def list_presets(tx: Connection, user_id: str) -> list[Preset]:
    """By name, as a person looks for it."""
    found = [Preset(*row) for row in tx.execute(select(presets).where(presets.c.user_id == user_id))]
    return sorted(found, key=lambda preset: (preset.name.casefold(), preset.seq))


def get_preset(tx: Connection, user_id: str, preset_id: str) -> Preset:
    row = tx.execute(select(presets).where(presets.c.id == preset_id, presets.c.user_id == user_id)).first()
    if row is None:
        raise NotFound(NO_PRESET)
    return Preset(*row)


def create_preset(tx: Connection, user_id: str, values: dict[str, Any]) -> Preset:
    names = _names(tx, user_id)
    _check_room(len(names) + 1)
    _check_name(values["name"], names)
    return _add(tx, user_id, values)


def change_preset(tx: Connection, user_id: str, preset_id: str, changes: dict[str, Any]) -> Preset:
    known = get_preset(tx, user_id, preset_id)
    if changes.get("name", known.name) != known.name:
        _check_name(changes["name"], _names(tx, user_id))
    row = tx.execute(update(presets).where(presets.c.id == preset_id, presets.c.user_id == user_id)
                     .values(**changes, updated_at=utc_now()).returning(*presets.c)).one()
    return Preset(*row)


def delete_preset(tx: Connection, user_id: str, preset_id: str) -> None:
    if not tx.execute(delete(presets).where(presets.c.id == preset_id, presets.c.user_id == user_id)).rowcount:
        raise NotFound(NO_PRESET)


def import_presets(tx: Connection, user_id: str, values: list[dict[str, Any]]) -> list[Preset]:
    """All of them or, if there is no room for all, none."""
    names = _names(tx, user_id)
    _check_room(len(names) + len(values))
    made = []
    for one in values:
        name = free_name(one["name"], names)
        names.add(name)
        made.append(_add(tx, user_id, {**one, "name": name}))
    return made


def free_name(wanted: str, taken: set[str]) -> str:
    """The name itself, or the name with the first number that is free."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        ending = f" ({number})"
        name = wanted[:MAX_NAME_CHARS - len(ending)].rstrip() + ending
    return name


def _add(tx: Connection, user_id: str, values: dict[str, Any]) -> Preset:
    now = utc_now()
    given = {"model": None, "system_prompt": "", "params": {}, **values}
    return Preset(*tx.execute(insert(presets).values(id=new_id(), user_id=user_id, created_at=now, updated_at=now, **given)
                              .returning(*presets.c)).one())


def _names(tx: Connection, user_id: str) -> set[str]:
    return set(tx.scalars(select(presets.c.name).where(presets.c.user_id == user_id)))


def _check_room(count: int) -> None:
    if count > MAX_PRESETS:
        raise Conflict(f"That would be {count} presets, and {MAX_PRESETS} is the most that are kept. Nothing was changed; "
                       "delete some that you no longer need.")


def _check_name(name: str, taken: set[str]) -> None:
    if name in taken:
        raise Conflict(f"There is a preset named “{name}” already. Nothing was changed; choose another name.")
