"""Data directories on a disk that can be full, or that belong to somebody else: what a test needs to see a server in trouble.

For tests; knows nothing of Rill. Linux only: a small tmpfs in a mount namespace of the server's own, and setpriv.
"""
from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
MIB = 1024 * 1024
BLOCK_BYTES = 4096
UNSHARE = ["unshare", "--mount", *(["--map-root-user"] if os.geteuid() else [])]
MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"'


class SmallDisk:
    """A disk of so many bytes, mounted where only the wrapped process and its children see it."""

    def __init__(self, mount_point: Path, size_bytes: int) -> None:
        mount_point.mkdir(parents=True, exist_ok=True)
        self._mount_point = mount_point
        self.wrapper = [*UNSHARE, "sh", "-c", MOUNT, "sh", str(size_bytes), str(mount_point)]

    def seen_by(self, pid: int) -> Path:
        """The mount point's path for everybody else."""
        return Path(f"/proc/{pid}/root{self._mount_point}")

    def fill(self, pid: int, leave_bytes: int = 0) -> None:
        """Until so little is left; once more takes what has been freed since."""
        folder = self.seen_by(pid)
        room = os.statvfs(folder)
        with (folder / "filler").open("ab", buffering=0) as filler, contextlib.suppress(OSError):  # others may be quicker to fill it
            for _ in range((room.f_bavail * room.f_frsize - leave_bytes) // BLOCK_BYTES):
                filler.write(bytes(BLOCK_BYTES))

    def make_room(self, pid: int) -> None:
        (self.seen_by(pid) / "filler").unlink()


def can_mount() -> bool:
    return subprocess.run([*UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, timeout=10).returncode == 0


@contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach; pytest's own are private."""
    folder = Path(tempfile.mkdtemp(prefix="rill-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def as_somebody_else() -> list[str]:
    """A wrapper that gives up root, whom no permission stops; nothing for anybody who is not root."""
    return [] if os.geteuid() else ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
