"""What an uploaded file is, by its content and its name together; neither is believed alone.

Pure. It looks at the beginning of an image or a PDF only: whether the rest is one too is found out by the child that
reads it (images.py, documents.py). Which characters a text is written in is not guessed: UTF-8, or UTF-16 that says so.
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

NO_IMAGE = "“{name}” is not an image, whatever its name says."
NO_PDF = "“{name}” is not a PDF, whatever its name says."
WHAT_IS_TAKEN = "Images (PNG, JPEG, WebP, GIF), PDF and text files can be attached."
OTHER_ENCODING = "“{name}” is not in UTF-8, so its letters cannot be told for certain. It was not stored; save it as UTF-8 and attach it again."

UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
NO_TEXT = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")  # what stands in no text of any encoding that has ASCII in it


def kind_of(name: str, file: BinaryIO) -> Kind:
    """Raises UnsupportedMediaType, or TooLarge for text."""
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    file.seek(0)
    start = file.read(64)
    if ending in IMAGE_ENDINGS or ending == "pdf":
        refused, is_so = (NO_IMAGE, IMAGE_MARKS.match(start)) if ending != "pdf" else (NO_PDF, start.startswith(PDF_MARK))
        if not is_so:
            raise UnsupportedMediaType(f"{refused.format(name=name)} It was not stored. {WHAT_IS_TAKEN}")
        return "pdf" if ending == "pdf" else "image"
    if start.startswith(PDF_MARK):
        return "pdf"
    if ending not in OTHER_ENDINGS and _is_text(name, file):
        return "text"
    if IMAGE_MARKS.match(start):
        return "image"
    raise UnsupportedMediaType(f"“{name}” is of a kind that no model here could read. It was not stored. {WHAT_IS_TAKEN}")


def encoding_of(start: bytes) -> str:
    """Of a text, by its beginning: a mark of UTF-16 (old Notepad's and Excel's "Unicode"), else UTF-8 with or without its own."""
    return "utf-16" if start.startswith(UTF_16_MARKS) else "utf-8-sig"


def _is_text(name: str, file: BinaryIO) -> bool:
    """Text without NUL. A long one is looked at to its end before it is called too long: it may be no text at all."""
    file.seek(0)
    encoding = encoding_of(file.read(2))
    file.seek(0)
    decode = codecs.getincrementaldecoder(encoding)().decode
    size = 0
    try:
        while data := file.read(READ_BYTES):
            text = decode(data)
            size += len(text.encode())  # as it will be stored, so that an export comes back in
            if "\0" in text:
                return False
        decode(b"", True)
    except UnicodeDecodeError:
        if encoding == "utf-8-sig" and _may_be_text(file):
            raise UnsupportedMediaType(OTHER_ENCODING.format(name=name)) from None
        return False
    if size > MAX_TEXT_BYTES:
        raise TooLarge(f"“{name}” is larger than {MAX_TEXT_BYTES // 1_000_000} MB, the most for a text file. It was not stored; attach a part of it.")
    return True


def _may_be_text(file: BinaryIO) -> bool:
    """Nothing in its beginning that only stands in other files: probably text as another system writes it."""
    file.seek(0)
    start = file.read(READ_BYTES)
    return not IMAGE_MARKS.match(start) and not NO_TEXT.search(start)


def clean_name(given: str | None) -> str:
    """A file's own name, without folders and without what could deceive the eye or break a line."""
    name = re.split(r"[\\/]", given or "")[-1]
    name = "".join(char for char in name if unicodedata.category(char)[0] != "C" and char not in '"\u2028\u2029')
    name = " ".join(name.split()).strip(". ")
    stem, dot, ending = name.rpartition(".")
    if len(name) > MAX_NAME_CHARS:
        name = f"{stem[:MAX_NAME_CHARS - len(ending) - 2]}….{ending}" if dot and len(ending) <= 10 else name[:MAX_NAME_CHARS - 1] + "…"
    return name or "file"
