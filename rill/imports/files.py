"""Files that come along in an export of ours: stored like uploads, and judged as they are.

One that is this person's and still here is not stored again. One that does not pass is left out, with a sentence that says
why: its conversation comes in all the same. What it stores belongs to no message yet; rows.py writes that.
"""
from __future__ import annotations

import binascii
import tempfile
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from sqlalchemy import Connection

from rill import attachments
from rill.db import Database
from rill.errors import DiskFull, RateLimited, RequestError, TooLarge, UnsupportedMediaType
from rill.imports.draft import Draft, DraftFile
from rill.turns import give_turn
from rill.uploads import MAX_UPLOAD_BYTES, Uploads

IDS_AT_ONCE = 500  # SQLite limits the variables of a statement
MAX_FILES = 500  # of one import: each is read by a child
STEP_CHARS = 256 * 1024  # of base64, decoded before others get their turn
NAMED = 3  # of many, in a sentence

NO_DATA = "what was sent names {names}, but does not hold {them}. An export with files brings {them} along."
NO_BASE64 = "“{name}” is damaged: its data is no base64."
FULL = f"“{{name}}” is one too many: an import takes {MAX_FILES} files at once. Import this conversation alone."
LARGE = f"“{{name}}” is larger than {MAX_UPLOAD_BYTES // 1_000_000} MB, the most for one file."
REFUSALS = (UnsupportedMediaType, TooLarge, DiskFull, RateLimited)


@dataclass(slots=True)
class Brought:
    """`kept` are descriptions by the ids of the file; `left_out` are sentences, with how many files each is about."""

    kept: dict[str, dict[str, Any]] = field(default_factory=dict)
    left_out: list[tuple[int, str]] = field(default_factory=list)


class FileTaker:
    """For one import."""

    def __init__(self, db: Database, uploads: Uploads, user_id: str) -> None:
        self._db, self._uploads, self._user_id = db, uploads, user_id
        self._stored = 0

    def bring(self, draft: Draft) -> Brought:
        brought = Brought(self._existing(list(draft.files)))
        unheld: list[str] = []
        for file_id, file in draft.files.items():
            if file_id in brought.kept:
                continue
            if file.data is None:
                unheld.append(file.name)
                continue
            try:
                brought.kept[file_id] = self._store(file)
            except REFUSALS as error:
                brought.left_out.append((1, _about(file.name, error)))
        if unheld:
            brought.left_out.append((len(unheld), NO_DATA.format(names=_names(unheld), them="it" if len(unheld) == 1 else "them")))
        return brought

    def _existing(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        with self._db.read() as tx:
            for at in range(0, len(ids), IDS_AT_ONCE):
                found |= attachments.existing(tx, self._user_id, ids[at:at + IDS_AT_ONCE])
        return found

    def _store(self, file: DraftFile) -> dict[str, Any]:
        if self._stored >= MAX_FILES:
            raise TooLarge(FULL.format(name=file.name))
        self._stored += 1
        made: list[dict[str, Any]] = []

        def remember(tx: Connection, ids: dict[str, Any]) -> None:
            made.append(attachments.get(tx, self._user_id, ids["attachment"]))

        with self._uploads.turn(self._user_id), tempfile.TemporaryFile(dir=self._uploads.folder) as held:
            size = _decode(file, held)
            self._uploads.store(self._user_id, file.name, held, size, remember)
        return made[0]


def _decode(file: DraftFile, into: BinaryIO) -> int:
    if len(file.data) > MAX_UPLOAD_BYTES // 3 * 4 + 4:
        raise TooLarge(LARGE.format(name=file.name))
    size = 0
    for at in range(0, len(file.data), STEP_CHARS):
        try:
            data = binascii.a2b_base64(file.data[at:at + STEP_CHARS], strict_mode=True)
        except ValueError:
            raise UnsupportedMediaType(NO_BASE64.format(name=file.name)) from None
        size += into.write(data)
        give_turn()
    if size > MAX_UPLOAD_BYTES:
        raise TooLarge(LARGE.format(name=file.name))
    return size


def _about(name: str, error: RequestError) -> str:
    return error.message if name in error.message else f"“{name}”. {error.message}"


def _names(names: list[str]) -> str:
    shown = ", ".join(f"“{name}”" for name in names[:NAMED])
    return shown + (" …" if len(names) > NAMED else "")
