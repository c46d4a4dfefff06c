"""What the server says to people, and its Chinese: every sentence has one, none is left over, and a page of the server speaks
the reader's language. The page's side of it is tests/js/said.test.js."""
from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from rill.routes import language

PROJECT = Path(__file__).resolve().parents[2]
TABLE: dict[str, str] = json.loads((PROJECT / "static" / language.TABLE).read_text())
# Programs of their own, and what is said to models and to whoever runs the server: in English.
NOT_FOR_READERS = {"standin", "launch", "migrations", "titles.py", "seam.py", "metrics.py", "backup.py"}
FOR_OPERATORS = {"ConfigError", "BackupFailed", "CostsWithheld"}
PARTS_OF_SENTENCES = {"Unusable": ".", "expect": "", "_refuse": ""}  # said inside another one, and how they end there
PYDANTIC = re.compile(r"Field required|Extra inputs|(Input|String|List) should|`\{\}`: \{\}$")
OF_NUMBER_ONLY = {"An export with files brings {} along.", "what was sent names {}, but does not hold {}."}  # "it" or "them"
TAKEN_APART = {"{} was left out: {}.", "{} (status {})."}  # by the page, which shows the title and the status itself
BETWEEN = re.compile(r"(?<=[.!?])\s+(?=[A-Z“`{(])")


def text_of(node: ast.expr, constants: dict[str, str]) -> str | None:
    """Of a literal, with `{}` for each part that varies."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"\{\w*\}", "{}", node.value)
    if not isinstance(node, ast.JoinedStr):
        return None
    told = ""
    for part in node.values:
        if isinstance(part, ast.Constant):
            told += re.sub(r"\{\w*\}", "{}", str(part.value))
        elif isinstance(part, ast.FormattedValue):
            told += constants.get(part.value.id, "{}") if isinstance(part.value, ast.Name) else "{}"
    return told


class Sentences(ast.NodeVisitor):
    def __init__(self, constants: dict[str, str]) -> None:
        self.constants, self.found = constants, set[str]()

    def without_docstring(self, node: ast.Module | ast.ClassDef | ast.FunctionDef) -> None:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:]
        self.generic_visit(node)

    visit_Module = visit_ClassDef = visit_FunctionDef = without_docstring

    def visit_Call(self, node: ast.Call) -> None:
        owner, name = (node.func.value, node.func.attr) if isinstance(node.func, ast.Attribute) else (None, getattr(node.func, "id", ""))
        if name in FOR_OPERATORS or (isinstance(owner, ast.Name) and owner.id == "log"):
            return
        if name in PARTS_OF_SENTENCES and node.args and (part := text_of(node.args[0], self.constants)):
            self.found.add(part + PARTS_OF_SENTENCES[name])
        if name == "say" and node.args and isinstance(words := text_of(node.args[0], {}), str):
            self.found |= set(BETWEEN.split(words))
        self.generic_visit(node)

    def literal(self, node: ast.Constant | ast.JoinedStr) -> None:
        text = (text_of(node, self.constants) or "").strip()
        if re.search(r"[.!][\"”]?$", text) and len(text.split()) >= 3:
            for sentence in BETWEEN.split(text):
                without = re.sub(r"^(\{\} )+(?=[A-Z])", "", sentence)
                if re.search("[A-Za-z]{2}", without) and not without.startswith("("):
                    self.found.add(without)

    visit_Constant = literal

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self.literal(node)
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)


def sentences_of_the_server() -> set[str]:
    trees = [ast.parse(path.read_text()) for path in sorted((PROJECT / "rill").rglob("*.py")) if not NOT_FOR_READERS & {*path.parts}]
    constants = {target.id: node.value.value for tree in trees for node in tree.body if isinstance(node, ast.Assign)
                 for target in node.targets if isinstance(target, ast.Name) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)}
    visitor = Sentences(constants)
    for tree in trees:
        visitor.visit(tree)
    visitor.found.add(f"{constants['NOTHING_SAID']}.")  # pydantic says it, and the door ends it
    return visitor.found - TAKEN_APART | set(words_of_templates())


def words_of_templates() -> Iterator[str]:
    for path in sorted((PROJECT / "templates").glob("*.html")):
        for words in re.findall(r"say\(\"(.*?)\"\)", path.read_text()):
            yield from BETWEEN.split(words)


def test_every_sentence_of_the_server_has_its_chinese_and_none_is_left_over() -> None:
    said = sentences_of_the_server()
    assert len(said) > 200, "the search for them is broken"
    assert sorted(said - TABLE.keys()) == []
    assert sorted(key for key in TABLE.keys() - said if not PYDANTIC.match(key)) == []


def test_each_has_the_parts_of_the_other() -> None:
    for key, value in TABLE.items():
        parts = {int(number) for number in re.findall(r"\{=?(\d)\}", value)}
        assert parts <= set(range(1, key.count("{}") + 1)), key
        assert len(parts) == key.count("{}") or PYDANTIC.match(key) or key in OF_NUMBER_ONLY, key
        assert re.search(r"[\u4e00-\u9fff]", value) or PYDANTIC.match(key), key


@pytest.fixture
def app() -> Flask:
    return Flask("app", root_path=str(PROJECT))


@pytest.mark.parametrize(("cookie", "wanted", "tag"), [
    (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"), (None, "zh", "zh-CN"), (None, "en-GB,zh;q=0.5", "en"), (None, "", "en"), (None, "de", "en"),
    ("en", "zh-CN", "en"), ("zh", "en", "zh-CN"), ("xx", "zh-TW", "zh-CN"), ("xx", "*", "en"),
])
def test_the_choice_goes_before_what_the_browser_asks_for(app: Flask, cookie: str | None, wanted: str, tag: str) -> None:
    headers = {"Accept-Language": wanted} | ({"Cookie": f"{language.COOKIE}={cookie}"} if cookie else {})
    with app.test_request_context(headers=headers):
        assert language.tag() == tag


def test_words_and_sentences_are_said_or_stay_as_they_are(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "zh-CN"}):
        assert language.say("You") == "你"
        assert language.say("This link leads nowhere. It may have been revoked, or the conversation was deleted; ask whoever sent it for a new one.") == (
            "这个链接已经失效。它可能已被撤销，或者对话已被删除；请向发给你链接的人再要一个。")
        assert language.say("Nothing was changed. But this is unknown.") == "Nothing was changed. But this is unknown."
    with app.test_request_context():
        assert language.say("You") == "You"
