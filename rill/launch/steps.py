"""A piece of work that is skipped when it is up to date, and the lock that lets one set-up at a time do it.

What the pieces are stands in setup.py. A step is up to date when its stamp holds the hash of its inputs; the stamp lies
inside what the step makes, so that deleting the one deletes the other, and is written last, so that a step that was
cut off runs again.
"""
from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rill.launch.processes import say


@dataclass(frozen=True)
class Step:
    says: str                     # the line of progress
    stamp: Path
    inputs: tuple[Path, ...]      # files, and folders with all that is in them
    act: Callable[[], None]
    leave_out: tuple[Path, ...] = ()

    def fingerprint(self) -> str:
        whole = hashlib.sha256()
        for path in sorted(self._files()):
            whole.update(f"{path}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return whole.hexdigest()

    def is_done(self) -> bool:
        try:
            return self.stamp.read_text() == self.fingerprint()
        except OSError:
            return False

    def run(self) -> None:
        """Do the work unless it is done."""
        if self.is_done():
            return
        say(self.says)
        fingerprint = self.fingerprint()  # of what the work starts from: an edit meanwhile makes it stale
        self.stamp.unlink(missing_ok=True)
        self.act()
        self.stamp.write_text(fingerprint)

    def _files(self) -> Iterator[Path]:
        for path in self.inputs:
            if not path.is_dir():
                yield path
            for folder, folders, names in os.walk(path):
                folders[:] = [name for name in folders if Path(folder, name) not in self.leave_out and name[0] != "."]
                yield from (Path(folder, name) for name in names)


@contextmanager
def only_one_setup(checkout: Path) -> Iterator[None]:
    """Held while a set-up works; a second one waits. The lock goes with the process, however that ends."""
    folder = os.open(checkout, os.O_RDONLY)
    try:
        try:
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another set-up is at work in this checkout; waiting for it.")
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
