"""static/build.mjs on a small page of its own: what the manifest names, and what a failed build leaves."""
from __future__ import annotations

import json
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
    """File name -> text of all that is in dist."""
    return {path.name: path.read_text() for path in (page / "dist").iterdir()}


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
