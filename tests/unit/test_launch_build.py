"""static/build.mjs on a small page of its own: what the manifest names, and what a failed build leaves."""
from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rill.launch.environment import ROOT, find_node

PAGE = {
    "js/main.js": "import('./late.js').then((late) => console.log(late.word));",
    "js/late.js": "export const word = 'later';",
    "js/entry-theme.js": "document.documentElement.dataset.theme = 'dark';",
    "css/main.css": "body { margin: 0 }",
    "css/katex.css": "@font-face { font-family: K; src: url(k.woff2) format('woff2'), url(k.ttf) format('truetype') }",
    "css/k.woff2": "a font",
    "css/k.ttf": "a font of old",
}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    for name, text in PAGE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def build(page: Path) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node", path=find_node())
    return subprocess.run([node, ROOT / "static" / "build.mjs", page], capture_output=True, text=True, timeout=60)


def built(page: Path) -> dict[str, str]:
    """File name -> text of all that is in dist, less the compressed twins."""
    return {path.name: path.read_text() for path in (page / "dist").iterdir() if path.suffix != ".gz"}


def test_every_script_and_style_has_a_compressed_twin_of_the_same_content(page: Path) -> None:
    build(page)
    files = {name: text for name, text in built(page).items() if name.endswith((".js", ".css"))}
    assert files
    for name, text in files.items():
        assert gzip.decompress((page / "dist" / f"{name}.gz").read_bytes()).decode() == text


def test_the_first_load_of_the_page_is_at_most_60_kib() -> None:
    """Of the checkout's own page, as the set-up built it: main.js and what it imports at once, compressed."""
    dist = ROOT / "static" / "dist"
    waiting, loaded = [json.loads((dist / "manifest.json").read_text())["main.js"]], set()
    while waiting:
        name = waiting.pop()
        loaded.add(name)
        waiting += set(re.findall(r'(?:from|import)"\./([\w-]+\.js)"', (dist / name).read_text())) - loaded
    sizes = {name: (dist / f"{name}.gz").stat().st_size for name in loaded}
    assert sum(sizes.values()) <= 60 * 1024, sizes


def test_the_manifest_names_each_entry_and_nothing_else(page: Path) -> None:
    assert build(page).returncode == 0
    files = built(page)
    manifest = json.loads(files["manifest.json"])
    assert set(manifest) == {"main.js", "main.css", "katex.css", "entry-theme.js"}
    assert set(manifest.values()) < set(files)


def test_a_name_changes_with_its_content_and_only_then(page: Path) -> None:
    build(page)
    before = json.loads(built(page)["manifest.json"])
    (page / "css" / "main.css").write_text("body { margin: 1px }")
    build(page)
    after = json.loads(built(page)["manifest.json"])
    assert {name for name in after if after[name] != before[name]} == {"main.css"}


def test_what_is_imported_late_is_not_in_the_first_load(page: Path) -> None:
    build(page)
    files = built(page)
    assert "later" not in files[json.loads(files["manifest.json"])["main.js"]]
    assert any("later" in text for name, text in files.items() if name.endswith(".js"))


def test_of_a_font_only_woff2_is_delivered(page: Path) -> None:
    build(page)
    assert "a font" in built(page).values()
    assert "a font of old" not in built(page).values()


def test_a_failed_build_names_the_line_and_leaves_the_last_good_one(page: Path) -> None:
    build(page)
    before = built(page)
    (page / "js" / "main.js").write_text("let let = (;")
    failed = build(page)
    assert failed.returncode == 1 and "js/main.js:1" in failed.stderr
    assert built(page) == before
    assert {path.name for path in page.iterdir()} == {"js", "css", "dist"}


def test_a_page_without_its_main_script_does_not_build(page: Path) -> None:
    (page / "js" / "main.js").unlink()
    assert build(page).returncode == 1
    assert not (page / "dist").exists()
