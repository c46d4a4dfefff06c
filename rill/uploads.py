"""Attachments on their way in and out: a file is judged, made safe, stored in pieces, read in pieces, and let go of.

The loop goes on between any two pieces, and what waits for the disk or works on a stranger's bytes does it in a thread or
a child: an upload must not hold up anybody's stream. It knows nothing of HTTP (routes/files.py) nor of what a model is
sent (contents.py).
"""
from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from gevent.event import Event
from sqlalchemy import Connection

from rill import attachments, child
from rill.attachments import PIECE_BYTES
from rill.db import Database
from rill.errors import Conflict, RateLimited, RequestError, TooLarge
from rill.kinds import encoding_of, kind_of
from rill.models import new_id
from rill.turns import give_turn

log = logging.getLogger(__name__)

MAX_UPLOAD_BYTES = 20_000_000
MIN_FREE_BYTES = 500_000_000  # an upload leaves at least so much of the disk to everything else
UPLOADS_PER_USER = 4  # at once
FOLD_PIECES = 16  # after so many the write-ahead log is folded: before SQLite does it in the loop, after four megabytes
SWEEP_SECONDS = 600
PROGRAMS = {"image": "images", "pdf": "documents"}

QUOTA = "Your files would take {used} MB, and {quota} MB is the limit here. This one was not stored; delete conversations whose files you no longer need (their room is free an hour later)."
USED = "A message has this file. It goes when no message has it any more."

Remember = Callable[[Connection, dict[str, Any]], None]


class Uploads:
    def __init__(self, db: Database, data_dir: Path, quota_bytes: int) -> None:
        self._db, self.folder, self._quota = db, data_dir, quota_bytes
        self._running: dict[str, int] = {}
        self._storing: set[str] = set()  # their pieces are no strays, though there is no row yet
        self._poked = Event()

    # -- in

    @contextmanager
    def turn(self, user_id: str) -> Iterator[None]:
        """Room for one more upload. Raises RateLimited, DiskFull or TooLarge before anything is read."""
        if self._running.get(user_id, 0) >= UPLOADS_PER_USER:
            raise RateLimited(f"{UPLOADS_PER_USER} files are being uploaded already. Wait for one of them.", retry_after=2)
        self._db.check_room(MIN_FREE_BYTES)
        self._check_quota(user_id, 1)
        self._running[user_id] = self._running.get(user_id, 0) + 1
        try:
            yield
        finally:
            self._running[user_id] -= 1

    def _check_quota(self, user_id: str, more: int) -> None:
        with self._db.read() as tx:
            used = attachments.used_bytes(tx, user_id)
        if self._quota and used + more > self._quota:
            raise TooLarge(QUOTA.format(used=-(-(used + more) // 1_000_000), quota=self._quota // 1_000_000))

    def store(self, user_id: str, name: str, file: BinaryIO, size: int, remember: Remember) -> None:
        """Raises UnsupportedMediaType or TooLarge for what is not taken; then nothing of it is kept."""
        attachment_id = new_id()
        description, source, parts = self._judged(name, file, size)
        description = {"id": attachment_id, "name": name, **description, "size": parts[0][1]}
        stored = sum(length for _, length in parts)
        self._storing.add(attachment_id)
        try:
            with source:
                self._check_quota(user_id, stored)
                for part, length in parts:
                    self._store_part(attachment_id, part, source if part != "data" or description["kind"] != "pdf" else file, length)
            with self._db.write() as tx:
                attachments.add(tx, user_id, description, stored)
                remember(tx, {"attachment": attachment_id})
        except BaseException:
            self.poke()
            raise
        finally:
            self._storing.discard(attachment_id)
        log.info("attachment=%s stored kind=%s bytes=%d", attachment_id, description["kind"], stored)

    def _judged(self, name: str, file: BinaryIO, size: int) -> tuple[dict[str, Any], BinaryIO, list[tuple[str, int]]]:
        """What it is, where its parts are read from, and how long each is; `data` comes first."""
        kind = kind_of(name, file)
        if kind == "text":
            file.seek(0)
            data = file.read()
            encoding = encoding_of(data)
            text = data.decode(encoding)
            if encoding == "utf-16":  # a model is sent UTF-8, and so is whoever downloads it
                data = text.encode()
            return {"kind": "text", "media_type": "text/plain", "text_length": len(text)}, io.BytesIO(data), [("data", len(data))]
        told, made = child.run(PROGRAMS[kind], name, file, self.folder)
        parts = [(part, told["parts"][part]) for part in told["parts"]]
        if kind == "image":
            shape = {field: told[field] for field in ("media_type", "width", "height")}
            return {"kind": "image", **shape}, made, parts
        text = made.read(told["parts"]["text"])
        made.seek(-len(text), 1)
        file.seek(0)
        described = {"kind": "pdf", "media_type": "application/pdf", "text_length": len(text.decode()), "pages": told["pages"]}
        return {**described, **({"text_is_cut": True} if told["is_cut"] else {})}, made, [("data", size), *parts]

    def _store_part(self, attachment_id: str, part: str, source: BinaryIO, length: int) -> None:
        for number in range(-(-length // PIECE_BYTES)):
            data = source.read(min(PIECE_BYTES, length - number * PIECE_BYTES))
            with self._db.write() as tx:
                attachments.add_piece(tx, attachment_id, part, number, data)
            if number % FOLD_PIECES == FOLD_PIECES - 1:
                self._db.fold_log()
            give_turn()

    # -- out

    def read(self, user_id: str, attachment_id: str, part: str = "data") -> Iterator[bytes]:
        """Its pieces, none when it is not there."""
        number = 0
        while True:
            with self._db.read() as tx:
                data = attachments.read_piece(tx, user_id, attachment_id, part, number)
            if data is None:
                return
            yield data
            number += 1
            give_turn()

    # -- away

    def remove(self, user_id: str, attachment_id: str) -> None:
        """One that was not sent. Raises NotFound, and Conflict for one that a message has."""
        with self._db.write() as tx:
            if attachments.is_used(tx, user_id, attachment_id):
                raise Conflict(USED)
            attachments.remove(tx, user_id, attachment_id)
        self.poke()

    def poke(self) -> None:
        """Something may have become free."""
        self._poked.set()

    def sweep_for_ever(self) -> None:
        """Let go of what no message has: now, whenever poked, and every ten minutes."""
        while True:
            try:
                self.sweep()
            except RequestError as error:  # a busy or full database: the next time will do
                log.warning("sweep failed error=%s", error.type)
            self._poked.wait(SWEEP_SECONDS)
            self._poked.clear()

    def sweep(self) -> None:
        with self._db.write() as tx:
            removed = attachments.remove_unused(tx)
        if removed:
            log.info("attachments removed=%d", removed)
        with self._db.read() as tx:
            strays = attachments.stray_ids(tx)
        for attachment_id in strays:
            if attachment_id not in self._storing:
                self._drop(attachment_id)

    def _drop(self, attachment_id: str) -> None:
        while True:
            with self._db.write() as tx:
                if not attachments.drop_pieces(tx, attachment_id):
                    return
            give_turn()
