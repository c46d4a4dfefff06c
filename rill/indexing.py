"""Keeps the search index up to date in idle moments: a little at a time, and nothing while an answer is being written.

A message is found before it is indexed (search.py), so that nothing depends on when this gets its turn.
"""
from __future__ import annotations

import logging
from collections.abc import Callable

import gevent
from sqlalchemy.exc import DatabaseError

from rill import search
from rill.db import Database
from rill.errors import RequestError

log = logging.getLogger(__name__)

BATCH_CHARS = 12_000  # some 5 ms of work
PAUSE_SECONDS = 0.01  # between two batches, for everything else
IDLE_SECONDS = 3.0


class Indexing:
    def __init__(self, db: Database, is_busy: Callable[[], bool]) -> None:
        self._db, self._is_busy = db, is_busy
        self._greenlet: gevent.Greenlet | None = None

    def start(self) -> None:
        self._greenlet = gevent.spawn(self._work)

    def stop(self) -> None:
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def _work(self) -> None:
        while True:
            try:
                while not self._is_busy() and self.index_some():
                    gevent.sleep(PAUSE_SECONDS)
            except RequestError as error:  # the disk is full, or another program holds the file: it passes
                log.warning("indexing: error=%s", error.type)
            except Exception:
                log.exception("indexing failed; searches read instead")
                return
            gevent.sleep(IDLE_SECONDS)

    def index_some(self) -> bool:
        """One batch. Returns whether there may be more. A broken index begins anew."""
        with self._db.read() as tx:
            is_due = not search.has_index(tx) or search.has_todo(tx)
        if not is_due or not search.KNOWS_TRIGRAMS:
            return False
        with self._db.write() as tx:
            if search.prepare(tx):
                log.info("the search index is made anew, in idle moments")
            try:
                return bool(search.index_some(tx, BATCH_CHARS))
            except DatabaseError as error:
                search.doubt(tx, error)
                raise
