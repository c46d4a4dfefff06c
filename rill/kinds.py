"""What an uploaded file is, by its content and its name together; neither is believed alone.

Pure. It looks at the beginning of an image or a PDF only: whether the rest is one too is found out by the child that
reads it (images.py, documents.py).
"""
from __future__ import annotations

import codecs
import re
import unicodedata
from typing import BinaryIO, Literal

from rill.errors import TooLarge, UnsupportedMediaType

Kind = Literal["image", "pdf", "text"]

MAX_TEXT_BYTES = 1_000_000
MAX_NAME_CHARS = 150
READ_BYTES = 64 * 1024

PDF_MARK = b"%PDF-"
IMAGE_MARKS = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|RIFF....WEBP", re.DOTALL)
IMAGE_ENDINGS = ("png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif")
# Endings under which text would be something else in disguise.
OTHER_ENDINGS = ("exe", "dll", "so", "zip", "gz", "7z", "rar", "docx", "xlsx", "pptx", "odt", "mp3", "mp4", "heic", "avif", "bmp", "tiff", "ico")

WHAT_IS_TAKEN = "Images (PNG, JPEG, WebP, GIF), PDF and text files in UTF-8 can be attached."


def kind_of(name: str, file: BinaryIO) -> Kind:
    """Raises UnsupportedMediaType, or TooLarge for text."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    file.seek(0)
    start = file.read(64)
    if ending in IMAGE_ENDINGS or ending == "pdf":
        wanted, is_so = ("an image", IMAGE_MARKS.match(start)) if ending != "pdf" else ("a PDF", start.startswith(PDF_MARK))
        if not is_so:
            raise UnsupportedMediaType(f"“{name}” is not {wanted}, whatever its name says. It was not stored. {WHAT_IS_TAKEN}")
        return "pdf" if ending == "pdf" else "image"
    if start.startswith(PDF_MARK):
        return "pdf"
    if ending not in OTHER_ENDINGS and _is_text(name, file):
        return "text"
    if IMAGE_MARKS.match(start):
        return "image"
    raise UnsupportedMediaType(f"“{name}” is of a kind that no model here could read. It was not stored. {WHAT_IS_TAKEN}")


def _is_text(name: str, file: BinaryIO) -> bool:
    """UTF-8 without NUL. A long one is looked at to its end before it is called too long: it may be no text at all."""
    file.seek(0)
    decode = codecs.getincrementaldecoder("utf-8")().decode
    size = 0
    try:
        while data := file.read(READ_BYTES):
            size += len(data)
            if "\0" in decode(data):
                return False
        decode(b"", True)
    except UnicodeDecodeError:
        return False
    if size > MAX_TEXT_BYTES:
        raise TooLarge(f"“{name}” is larger than {MAX_TEXT_BYTES // 1_000_000} MB, the most for a text file. It was not stored; attach a part of it.")
    return True


def clean_name(given: str | None) -> str:
    """A file's own name, without folders and without what could deceive the eye or break a line."""
    name = re.split(r"[\\/]", given or "")[-1]
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C" and char not in '"\u2028\u2029')
    name = " ".join(name.split()).strip(". ")
    stem, dot, ending = name.rpartition(".")
    if len(name) > MAX_NAME_CHARS:
        name = f"{stem[:MAX_NAME_CHARS - len(ending) - 2]}….{ending}" if dot and len(ending) <= 10 else name[:MAX_NAME_CHARS - 1] + "…"
    return name or "file"
