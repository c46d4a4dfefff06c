"""A program of its own, run by child.py: an image from standard input, made anew: small enough, upright, without metadata.

What a camera wrote beside the picture (place, time, its serial number) stays behind, and so does whatever hides in a file
that is an image and something else at once. Of an animation the first picture remains. The server never imports this file.
"""
from __future__ import annotations

import contextlib
import io
import sys

from PIL import Image, ImageCms, ImageOps

from rill.child import answer, limit, refuse

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_PIXELS = 40_000_000
MAX_EDGE = 2048  # pixels; no model looks at more
THUMB_EDGE = 320
QUALITY = 86
LOSSLESS_BYTES = 1_500_000  # a drawing or a screenshot stays exact up to here

TOO_MANY_PIXELS = f"“{{name}}” has more than {MAX_PIXELS // 1_000_000} million pixels. It was not stored; make it smaller first."


def main() -> None:
    limit()
    Image.MAX_IMAGE_PIXELS = None  # our own limit has a sentence
    try:
        image = Image.open(sys.stdin.buffer, formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            return refuse(TOO_MANY_PIXELS)
        source, profile = image.format, image.info.get("icc_profile")
        image = ImageOps.exif_transpose(_shrunk(image))
        image = _in_srgb(image, profile)
    except MemoryError:
        sys.exit(1)
    except Exception:  # noqa: BLE001 - a decoder fed with garbage raises anything
        return refuse()
    image.info = {}
    width, height = image.size
    data, media_type = _encoded(image, source)
    image.thumbnail((THUMB_EDGE, THUMB_EDGE))
    answer({"media_type": media_type, "width": width, "height": height}, {"data": data, "thumb": _saved(image, "WEBP", quality=75)})


def _shrunk(image: Image.Image) -> Image.Image:
    """Decoded, in colours that every step below knows, and not larger than MAX_EDGE."""
    image.draft("RGB", (MAX_EDGE, MAX_EDGE))  # a JPEG is decoded at half or a quarter of its size where that is enough
    if image.mode.startswith("I"):
        image = image.point(lambda value: value / 256).convert("L")  # 16 bits a pixel
    if image.mode not in ("RGB", "RGBA", "L"):
        has_alpha = image.mode in ("PA", "LA", "La", "RGBa") or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "RGB")
    image.thumbnail((MAX_EDGE, MAX_EDGE), reducing_gap=2.0)
    return image


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """The profile does not go along, so the colours have to."""
    if not profile or image.mode == "L":
        return image
    with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB")) or image
    return image


def _encoded(image: Image.Image, source: str | None) -> tuple[bytes, str]:
    has_alpha = image.mode == "RGBA"
    if source in ("PNG", "GIF"):
        exact = _saved(image, "PNG", optimize=True)
        if len(exact) <= LOSSLESS_BYTES:
            return exact, "image/png"
    if has_alpha:
        return _saved(image, "WEBP", quality=QUALITY), "image/webp"
    return _saved(image, "JPEG", quality=QUALITY, progressive=True), "image/jpeg"


def _saved(image: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format_, **options)
    return file.getvalue()


if __name__ == "__main__":
    main()
