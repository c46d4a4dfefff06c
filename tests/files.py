"""Files as people and attackers make them: for tests of attachments. Nothing is stored in the repository."""
from __future__ import annotations

import io
import struct
import zlib

from PIL import Image

GPS_IFD, MAKE, ORIENTATION = 0x8825, 0x010F, 0x0112
CAMERA = "SecretCamera"


def picture(format_: str = "PNG", size: tuple[int, int] = (300, 200), mode: str = "RGB", **options: object) -> bytes:
    """Left half red, right half blue."""
    image = Image.new("RGB", size, (200, 30, 30))
    image.paste((30, 30, 200), (size[0] // 2, 0, *size))
    image = image.convert(mode)
    if mode == "RGBA":
        image.putalpha(220)
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


def photo(size: tuple[int, int] = (300, 200), orientation: int = 6) -> bytes:
    """A JPEG that lies on its side and tells who took it where."""
    exif = Image.Exif()
    exif[MAKE], exif[ORIENTATION] = CAMERA, orientation
    exif.get_ifd(GPS_IFD)[1] = "N"
    return picture("JPEG", size, exif=exif, quality=95)


def noise(size: tuple[int, int] = (1600, 1200)) -> bytes:
    """A picture that no format makes small."""
    file = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(file, "PNG")
    return file.getvalue()


def png_bomb(width: int = 50_000, height: int = 50_000) -> bytes:
    """A few kilobytes that say they are 2,500 million pixels."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(4_000_000), 9)) + chunk(b"IEND", b"")


def pdf(*pages: str, extra: bytes = b"") -> bytes:
    """One line of text a page; an empty one has no text."""
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    for at, text in enumerate(pages):
        content = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode() if text else b""
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * at} 0 R "
                       "/Resources << /Font << /F1 3 0 R >> >> >>".encode())
        objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
    return _joined(objects, extra)


def _joined(objects: list[bytes], extra: bytes = b"") -> bytes:
    out, places = bytearray(b"%PDF-1.7\n" + extra), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(out + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
