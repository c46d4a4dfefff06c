"""Imports go down only. The table of floors stands in the README between `<!-- floors -->` and `<!-- /floors -->`."""
from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ("standin", "launch")  # beside the server, each of its own


def read_floors(readme: str) -> dict[str, int]:
    """Room -> floor, from the rows `| floor | rooms | ... |`."""
    table = readme.partition("<!-- floors -->")[2].partition("<!-- /floors -->")[0]
    return {room: int(floor) for floor, rooms in re.findall(r"^\|\s*(\d+)\s*\|([^|]*)\|", table, re.M) for room in re.findall(r"`(\w+)`", rooms)}


def imports_of(source: str, package: str) -> Iterator[tuple[str, int, bool]]:
    """(module, line, whether inside a function) of every import, with names of packages as modules of their own."""
    tree = ast.parse(source)
    inside = {id(node) for function in ast.walk(tree) if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
              for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = ".".join([*package.split(".")[:len(package.split(".")) + 1 - node.level], *filter(None, [node.module])]) if node.level else node.module
            names = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield name, node.lineno, id(node) in inside


def room_of(module: str) -> str:
    """The room of `rill.hub.Hub` is hub; that of the wiring is app."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first == "rill" else first


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def package_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).parent.parts)


SERVER = [path for path in files("rill") if path.relative_to(ROOT / "rill").parts[0] not in (*PROGRAMS, "__init__.py")] + [ROOT / "app.py"]
FLOORS = read_floors((ROOT / "README.md").read_text(encoding="utf-8"))


def own_room(path: Path) -> str:
    return path.relative_to(ROOT / "rill").parts[0].removesuffix(".py") if "rill" in path.relative_to(ROOT).parts else path.stem


def arrows_up(source: str, room: str, package: str = "rill") -> list[str]:
    return [f"{room} (floor {FLOORS[room]}) imports {name} (floor {FLOORS.get(room_of(name), 'none')}), line {line}"
            for name, line, _ in imports_of(source, package)
            if name.partition(".")[0] in ("rill", "app") and FLOORS.get(room_of(name), 99) > FLOORS[room]]


def test_the_table_names_every_room_and_no_other() -> None:
    assert set(FLOORS) == {own_room(path) for path in SERVER}


@pytest.mark.parametrize("path", SERVER, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_room_imports_from_a_floor_above(path: Path) -> None:
    assert arrows_up(path.read_text(encoding="utf-8"), own_room(path), package_of(path)) == []


@pytest.mark.parametrize("source", [
    "import app", "from rill import engine", "import rill.routes.door", "from rill.parts import Parts", "from rill.standin import wire", "from . import run",
    "from .run import Run", "def late():\n    from rill.run import Run", "if TYPE_CHECKING:\n    from rill.run import Run", "from rill import launch",
])
def test_an_arrow_up_is_noticed(source: str) -> None:
    assert len(arrows_up(source, "hub")) == 1
    assert arrows_up("import os\nfrom rill import text\nfrom rill.models import User", "hub") == []


@pytest.mark.parametrize("path", files("rill") + [ROOT / "app.py", ROOT / "gunicorn.conf.py"], ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_of_ours_is_imported_inside_a_function(path: Path) -> None:
    late = [(name, line) for name, line, is_inside in imports_of(path.read_text(encoding="utf-8"), package_of(path)) if is_inside and name.startswith(("rill", "app"))]
    assert late == []


@pytest.mark.parametrize("path", files("rill/launch"), ids=lambda path: path.name)
def test_the_set_up_needs_nothing_but_python(path: Path) -> None:
    foreign = [name for name, _, _ in imports_of(path.read_text(encoding="utf-8"), package_of(path))
               if name.partition(".")[0] not in sys.stdlib_module_names and not name.startswith("rill.launch")]
    assert foreign == []


@pytest.mark.parametrize("path", files("rill/standin"), ids=lambda path: path.name)
def test_the_stand_in_knows_nothing_of_the_server_but_its_errors(path: Path) -> None:
    known = [name for name, _, _ in imports_of(path.read_text(encoding="utf-8"), package_of(path))
             if name.startswith("rill") and not name.startswith(("rill.standin", "rill.errors"))]
    assert known == []
