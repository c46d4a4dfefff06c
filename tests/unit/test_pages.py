"""The addresses of built files in templates."""
from __future__ import annotations

from pathlib import Path

from flask import Flask

from rill.routes.pages import asset


def test_a_built_file_has_the_name_of_the_newest_build(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    app = Flask("test", static_folder=str(tmp_path))
    manifest = tmp_path / "dist" / "manifest.json"
    with app.app_context():
        for name in ("main-1.css", "main-22.css"):
            manifest.unlink(missing_ok=True)
            manifest.write_text(f'{{"main.css": "{name}"}}')
            assert asset("main.css") == f"/static/dist/{name}"


def test_where_nothing_is_built_a_page_can_still_be_rendered(tmp_path: Path) -> None:
    app = Flask("test", static_folder=str(tmp_path))
    with app.app_context():
        assert asset("main.css") == "/static/dist/main.css"
