"""The README says what the code does: its settings, with their names, defaults and meanings."""
from __future__ import annotations

import re
from pathlib import Path

from rill.config import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def documented() -> dict[str, tuple[str, str]]:
    """Name -> (default, meaning), from rows such as | `RILL_PORT` | `8000` | port to listen on |."""
    rows = re.findall(r"^\| `([A-Z][A-Z_]+)` \| *(.*?) *\| (.*) \|$", README, re.M)
    assert len({name for name, _, _ in rows}) == len(rows), "each setting has one row"
    return {name: (default.strip("`"), meaning) for name, default, meaning in rows}


def test_the_table_of_settings_is_that_of_the_code() -> None:
    assert documented() == {
        field.validation_alias.choices[0]: ("" if field.default is None else str(field.default), field.description) for field in Settings.model_fields.values()
    }


def test_every_setting_of_the_code_has_a_meaning() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_every_file_that_the_readme_names_is_there() -> None:
    named = set(re.findall(r"`((?:bin|deploy|rill|static|templates|tests)/[\w./-]*)`", README)) | set(re.findall(r"\]\((?!https?:|#)([^)#]+)", README))
    missing = {name for name in named if not (ROOT / name).exists() and not name.startswith("static/dist")}
    assert named and missing == set()
