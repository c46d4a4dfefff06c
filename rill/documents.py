"""A program of its own, run by child.py: the text of a PDF from standard input, for models that take no PDF.

It reads the text that is written in the file; a scan has none, and nothing here looks at pictures. The server never
imports this file.
"""
from __future__ import annotations

import sys
import time

from pypdf import PdfReader

from rill.child import CPU_SECONDS, answer, limit, refuse

MAX_TEXT_CHARS = 1_000_000
READ_SECONDS = CPU_SECONDS * 0.6  # of CPU; then what there is so far has to do
NO_PDF = "“{name}” cannot be read as a PDF. It was not stored."


def main() -> None:
    limit()
    try:
        reader = PdfReader(sys.stdin.buffer)
        if reader.is_encrypted:  # most that are can be read without a password; of the others nothing but the size is known
            reader.decrypt("")
        pages = len(reader.pages)
    except MemoryError:
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - a parser fed with garbage raises anything
        return answer({"pages": None, "is_cut": False}, {"text": b""}) if _is_locked(error) else refuse(NO_PDF)
    texts, size = [], 0
    for page in reader.pages:
        if size > MAX_TEXT_CHARS or time.process_time() > READ_SECONDS:
            break
        try:
            text = page.extract_text().strip()
        except MemoryError:
            sys.exit(1)
        except Exception:  # noqa: BLE001 - one page that cannot be read does not spoil the others
            text = ""
        texts.append(text)
        size += len(text)
    whole = "\n\n".join(filter(None, texts)).replace("\0", "\ufffd").encode("utf-8", "replace").decode()
    answer({"pages": pages, "is_cut": len(texts) < pages or len(whole) > MAX_TEXT_CHARS}, {"text": whole[:MAX_TEXT_CHARS].encode()})


def _is_locked(error: Exception) -> bool:
    """A password, or an encryption that this library needs another one for."""
    return type(error).__name__ in ("FileNotDecryptedError", "WrongPasswordError", "DependencyError")


if __name__ == "__main__":
    main()
