"""The one file of a multipart body, taken off the socket piece by piece into a temporary file.

Not through Flask's `request.files`: that reads the whole body in one turn of the loop when it is there already, and knows
no limit but the sum of all. It judges nothing of what is in the file.
"""
from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import gevent
from flask import Request
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from rill.errors import InvalidRequest, TooLarge, UnsupportedMediaType
from rill.kinds import clean_name
from rill.turns import give_turn

READ_BYTES = 64 * 1024
STALL_SECONDS = 60  # without a byte; a slow line that goes on may take as long as it needs
AROUND_BYTES = 16 * 1024  # boundaries and headers beside the file itself

NOT_MULTIPART = "Send the file as multipart/form-data, in a field named `file`."
ONE_FILE = "Send exactly one file, in a field named `file`, and nothing else. Nothing was stored."
STALLED = f"Nothing came for {STALL_SECONDS} seconds. Nothing was stored; send the file again."
BROKEN = "The upload broke off, or is no multipart body. Nothing was stored; send the file again."


@dataclass(frozen=True, slots=True)
class Received:
    name: str
    file: BinaryIO
    size: int
    sha256: str


@contextlib.contextmanager
def received_file(request: Request, folder: Path, most_bytes: int) -> Iterator[Received]:
    """Raises UnsupportedMediaType, InvalidRequest, and TooLarge as soon as it is known."""
    boundary = request.mimetype_params.get("boundary")
    if request.mimetype != "multipart/form-data" or not boundary or len(boundary) > 200 or not boundary.isascii():
        raise UnsupportedMediaType(NOT_MULTIPART)
    too_large = TooLarge(f"The file is larger than {most_bytes // 1_000_000} MB, the most for one. It was not stored.")
    if (request.content_length or 0) > most_bytes + AROUND_BYTES:
        raise too_large
    with tempfile.TemporaryFile(dir=folder) as file:
        name, size, digest = None, 0, hashlib.sha256()
        for event in _events(request, boundary):
            if isinstance(event, File) and event.name == "file" and name is None:
                name = clean_name(event.filename)
            elif isinstance(event, Data):
                size += len(event.data)
                if size > most_bytes:
                    raise too_large
                digest.update(event.data)
                file.write(event.data)
            else:
                raise InvalidRequest(ONE_FILE)
        if name is None:
            raise InvalidRequest(ONE_FILE)
        if not size:
            raise InvalidRequest(f"“{name}” is empty. It was not stored.")
        yield Received(name, file, size, digest.hexdigest())


def _events(request: Request, boundary: str) -> Iterator[File | Field | Data]:
    decoder = MultipartDecoder(boundary.encode(), 2 * READ_BYTES)
    try:
        while True:
            event = decoder.next_event()
            if isinstance(event, NeedData):
                decoder.receive_data(_read(request) or None)
            elif isinstance(event, Epilogue):
                return
            elif isinstance(event, File | Field | Data):
                yield event
    except (ValueError, OSError, HTTPException):
        raise InvalidRequest(BROKEN) from None


def _read(request: Request) -> bytes:
    give_turn()  # a body that is all there would else be read in one turn
    with gevent.Timeout(STALL_SECONDS, InvalidRequest(STALLED)):
        return request.stream.read(READ_BYTES)
