"""Draws the icons that an installed page needs from static/icon.svg, with real Chromium.

`.venv/bin/python -m tests.icons` after the icon has changed. Small PNG files into static/; it judges nothing.
"""
from __future__ import annotations

import base64

from tests.browser.markdown_site import chromium
from tests.servers import PROJECT

# name -> pixels, and how much of it the drawing fills: a mask may cut a circle of 80 % out of a maskable icon
ICONS = {"icon-192": (192, 1), "icon-512": (512, 1), "icon-maskable-512": (512, 0.8), "icon-180": (180, 0.9)}
GROUND = "#0b5f66"
DRAW = """async ([svg, size, share, ground]) => {
  const image = new Image();
  image.src = `data:image/svg+xml;base64,${btoa(svg)}`;
  await image.decode();
  const canvas = new OffscreenCanvas(size, size), pen = canvas.getContext('2d');
  if (share < 1) { pen.fillStyle = ground; pen.fillRect(0, 0, size, size); }
  const edge = size * (1 - share) / 2;
  pen.drawImage(image, edge, edge, size * share, size * share);
  const bytes = new Uint8Array(await (await canvas.convertToBlob({type: 'image/png'})).arrayBuffer());
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(''));
}"""


def main() -> None:
    svg = (PROJECT / "static" / "icon.svg").read_text(encoding="utf-8")
    with chromium() as browser:
        page = browser.new_page()
        for name, (size, share) in ICONS.items():
            target = PROJECT / "static" / f"{name}.png"
            target.write_bytes(base64.b64decode(page.evaluate(DRAW, [svg, size, share, GROUND])))
            print(f"{target.relative_to(PROJECT)}  {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
