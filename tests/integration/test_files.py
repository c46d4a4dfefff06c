"""Export and import over HTTP: what leaves comes back, limits are clear, and nobody who streams notices."""
from __future__ import annotations

import base64
import json
import re
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from rill.attachments import PIECE_BYTES
from tests.api_client import Api
from tests.feed_reader import Feed
from tests.files import pdf, picture
from tests.integration.conftest import KEY
from tests.integration.test_limits import MB, numbers, peak_bytes
from tests.servers import Rill, running_rill
from tests.standin_process import StandIn

STANDSTILL_PART = 1 / 4  # of the whole time that an import and an export take: a busy machine makes both longer
PNG_START = b"\x89PNG\r\n\x1a\n" + b"no more"
NEW_ON_ARRIVAL = ("id", "conversation_id", "parent_id")


def export(api: Api, conversation_id: str, **query: str) -> requests.Response:
    return api.request("GET", f"/api/conversations/{conversation_id}/export", params=query)


def tree(api: Api, conversation_id: str) -> Any:
    read = api.get(f"/api/conversations/{conversation_id}")
    place = {message["id"]: number for number, message in enumerate(read["messages"])}
    said = [(place.get(message["parent_id"]), {name: value for name, value in message.items() if name not in NEW_ON_ARRIVAL}) for message in read["messages"]]
    return {**read["conversation"], "id": None, "head_id": place.get(read["conversation"]["head_id"])}, said


def talk(api: Api, second: str = "demo/fast") -> str:
    """Two branches and a failure, under a title of its own."""
    conversation = api.new_conversation(title="Ärger & 漢字", system_prompt="Be brief.", params={"temperature": 0.5})["id"]
    first = api.send(conversation, "one", "demo/echo", second)
    for reply in first["replies"]:
        api.finished(reply["id"])
    api.finished(api.send(conversation, "two", "demo/fault-402", parent_id=first["replies"][1]["id"])["replies"][0]["id"])
    return conversation


def given(count: int, chars: int, **values: Any) -> dict[str, Any]:
    """An export of ours that somebody wrote: so many conversations of so much text."""
    return {"format": "rill", "version": 1, "conversations": [
        {"conversation": {"id": "x", "title": f"given {number}"}, "messages": [
            {"id": "u", "parent_id": None, "role": "user", "content": "Go"},
            {"id": "a", "parent_id": "u", "role": "assistant", "status": "completed", "model": "demo/echo", "content": "x" * chars, **values}]}
        for number in range(count)]}


# ---- there and back

def test_a_conversation_comes_back_as_it_was(api: Api, open_feed: Callable[..., Feed]) -> None:
    conversation = talk(api)
    exported = export(api, conversation, format="json")
    assert exported.headers["Content-Disposition"] == "attachment; filename=\"Arger.json\"; filename*=UTF-8''%C3%84rger%20%26%20%E6%BC%A2%E5%AD%97.json"
    feed = open_feed().until_ready()
    answer = api.post("/api/import", exported.json(), expect=200)
    assert answer == {"imported": 1, "conversation_ids": answer["conversation_ids"], "skipped": []}
    [copy] = answer["conversation_ids"]
    assert copy != conversation and tree(api, copy) == tree(api, conversation)
    feed.until(lambda feed: any(event.name == "conversation" and event.data["conversation"]["id"] == copy for event in feed.events), "nobody was told")
    assert not any(event.name == "message" for event in feed.events), "one event each is enough"
    second = api.post("/api/import", exported.json(), expect=200)["conversation_ids"]
    assert second != [copy], "importing twice makes copies"
    head = api.conversation(copy)["head_id"]
    assert api.finished(api.send(copy, "go on", "demo/echo", parent_id=head)["replies"][0]["id"])["content"] == "go on"


def test_everything_comes_back_as_it_was_and_holds_no_key(strict_rill: Rill) -> None:
    api = strict_rill.api()
    talk(api)
    recorded = api.answered("recorded", "demo/echo", record=True)
    exported = api.request("GET", "/api/export")
    assert KEY not in exported.text and '"raw"' not in exported.text
    assert re.fullmatch(r'attachment; filename="Rill \d{4}-\d\d-\d\d\.json".*', exported.headers["Content-Disposition"])
    held = exported.json()["conversations"]
    assert recorded["conversation_id"] in {one["conversation"]["id"] for one in held}
    answer = api.post("/api/import", exported.json(), expect=200)
    assert answer["imported"] == len(held)
    for one, copy in zip(held, answer["conversation_ids"], strict=True):
        assert tree(api, copy) == tree(api, one["conversation"]["id"])


def test_an_answer_that_was_being_written_arrives_interrupted_with_its_text(api: Api) -> None:
    reply = api.ask(numbers(3000, 1, rate=50), "demo/numbers")
    had = api.with_text(reply["id"], 50)["content"]
    exported = export(api, reply["conversation_id"], format="json").json()
    api.stop(reply["id"])
    [copy] = api.post("/api/import", exported, expect=200)["conversation_ids"]
    kept = api.get(f"/api/conversations/{copy}")["messages"][1]
    assert kept["status"] == "interrupted" and kept["content"].startswith(had) and kept["error"]["type"] == "interrupted" and kept["finished_at"]
    continued = api.post(f"/api/messages/{kept['id']}/continue")["reply"]
    api.stop(continued["id"])


def test_markdown_is_the_branch_that_is_shown(api: Api) -> None:
    conversation = talk(api, "demo/think")
    answer = export(api, conversation)
    assert answer.headers["Content-Type"] == "text/markdown; charset=utf-8"
    text = answer.content.decode()
    assert text.startswith("# Ärger & 漢字\n\nModels: `demo/think`, `demo/fault-402`\n\n## Instructions\n\nBe brief.\n\n## You")
    assert text.index("one") < text.index("## demo/think") < text.index("two") < text.index("## demo/fault-402") and "demo/echo" not in text
    assert "<summary>" not in text and "<summary>Thoughts</summary>" in export(api, conversation, reasoning="true").text


@pytest.mark.parametrize("query", [{"format": "pdf"}, {"format": ""}, {"reasoning": "maybe"}, {"attachments": "all"}])
def test_a_wrong_wish_is_a_400(api: Api, query: dict[str, str]) -> None:
    assert export(api, api.new_conversation()["id"], **query).status_code == 400


def test_a_conversation_that_is_not_there_cannot_be_exported(api: Api) -> None:
    assert export(api, "x" * 22, format="nonsense").json()["error"]["type"] == "not_found"


# ---- with files

def test_files_go_along_to_another_server_with_every_byte(rill: Rill, api: Api, upstream: StandIn, tmp_path: Path) -> None:
    given = {"notes.py": b"print('\xc3\xa4')\n", "large.pdf": pdf("Rivers", extra=b"%" + b"x" * (3 * PIECE_BYTES) + b"\n"), "a.png": picture()}
    made = [api.upload(name, data) for name, data in given.items()]
    conversation = api.new_conversation(title="With files")["id"]
    reply = api.finished(api.send(conversation, "look", "demo/echo", attachments=[one["id"] for one in made])["replies"][0]["id"])
    api.finished(api.post(f"/api/messages/{reply['parent_id']}/edit", {"content": "again", "models": ["demo/echo"]})["replies"][0]["id"])
    exported = export(api, conversation, format="json", attachments="true")
    held = [message["attachments"] for message in exported.json()["messages"] if message["attachments"]]
    assert [["data" in one for one in files] for files in held] == [[True] * 3, [False] * 3]
    assert "data" not in export(api, conversation, format="json").json()["messages"][0]["attachments"][0]
    everything = next(one for one in api.request("GET", "/api/export?attachments=1").json()["conversations"] if one["conversation"]["id"] == conversation)
    assert everything["messages"] == exported.json()["messages"]
    with running_rill(tmp_path / "other", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as second:
        other = second.api()
        answer = other.post("/api/import", exported.json(), expect=200)
        assert answer["skipped"] == []
        messages = other.get(f"/api/conversations/{answer['conversation_ids'][0]}")["messages"]
        copies = messages[0]["attachments"]
        assert [{**one, "id": ""} for one in copies] == [{**one, "id": ""} for one in made] and messages[2]["attachments"] == copies
        for old, new in zip(made, copies, strict=True):
            assert old["id"] != new["id"]
            data = other.request("GET", f"/api/attachments/{new['id']}").content
            assert data == api.request("GET", f"/api/attachments/{old['id']}").content
            assert old["kind"] == "image" or data == given[old["name"]]
    with rill.database() as db:
        before = db.execute("SELECT count(*) FROM attachments").fetchone()
        [copy] = api.post("/api/import", exported.json(), expect=200)["conversation_ids"]
        assert db.execute("SELECT count(*) FROM attachments").fetchone() == before, "what is here already is not stored again"
    assert api.get(f"/api/conversations/{copy}")["messages"][0]["attachments"] == made


def with_files(*files: dict[str, Any]) -> dict[str, Any]:
    document = given(1, 10)
    document["conversations"][0]["messages"][0]["attachments"] = [{"id": letter * 22, **one} for letter, one in zip("abcdefgh", files, strict=False)]
    return document


def test_a_file_that_does_not_pass_is_left_out_with_a_sentence_and_the_rest_comes_in(api: Api) -> None:
    text = base64.b64encode(b"fine").decode()
    answer = api.post("/api/import", with_files(
        {"name": "../good.txt", "data": text}, {"name": "page.png", "data": text}, {"name": "bad.txt", "data": "no base64!"}, {"name": "pixel.png", "data": base64.b64encode(PNG_START).decode()},
        {"name": "big.txt", "data": base64.b64encode(b"x" * 1_000_001).decode()}, {"name": "large.pdf", "data": "A" * 26_700_000}, {"name": "named.txt"}, {"name": "too.txt", "data": 7},
    ), expect=200)
    assert answer["imported"] == 1
    kept = api.get(f"/api/conversations/{answer['conversation_ids'][0]}")["messages"][0]["attachments"]
    assert [(one["name"], one["kind"], one["size"]) for one in kept] == [("good.txt", "text", 4)]
    assert [one["files"] for one in answer["skipped"]] == [1, 1, 1, 1, 1, 2]
    for one, said in zip(answer["skipped"], ("“page.png” is not an image", "“bad.txt” is damaged", "“pixel.png” is damaged", "“big.txt” is larger than 1 MB",
                                             "“large.pdf” is larger than 20 MB", "names “named.txt”, “too.txt”, but does not hold them"), strict=True):
        assert one["why"].startswith("Conversation 1, “given 0”, came without") and said in one["why"], one


def test_more_files_than_one_may_have_are_left_out(upstream: StandIn, tmp_path: Path) -> None:
    data = base64.b64encode(b"x" * 600_000).decode()
    with running_rill(tmp_path / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo", RILL_UPLOAD_QUOTA_BYTES=1_000_000) as rill:
        answer = rill.api().post("/api/import", with_files({"name": "a.txt", "data": data}, {"name": "b.txt", "data": data}), expect=200)
        [left] = answer["skipped"]
        assert answer["imported"] == 1 and "came without a file: “b.txt”. Your files would take 2 MB, and 1 MB is the limit here." in left["why"]


# ---- asked twice, too large, of another kind

def test_the_same_key_brings_it_in_once(api: Api) -> None:
    document = given(3, 10)
    first = api.post("/api/import", document, key="import-1", expect=200)
    assert api.post("/api/import", document, key="import-1", expect=200) == first
    api.post("/api/import", given(1, 10), key="import-1", expect=409)


def test_an_import_that_died_in_its_middle_goes_on_with_the_same_key(upstream: StandIn, tmp_path: Path) -> None:
    document = given(400, 20_000)
    with running_rill(tmp_path / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
        threading.Thread(target=lambda: pytest.raises(requests.RequestException, rill.api().post, "/api/import", document, key="k"), daemon=True).start()
        wait_for_rows(rill, 20)
        rill.kill()
        rill.start()
        answer = rill.api().post("/api/import", document, key="k", expect=200)
        with rill.database() as db:
            titles = [title for (title,) in db.execute("SELECT title FROM conversations ORDER BY seq")]
            assert db.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (1,)
    assert titles == [f"given {number}" for number in range(400)] and answer["imported"] == 400


def wait_for_rows(rill: Rill, count: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with rill.database() as db:
            if db.execute("SELECT count(*) FROM conversations").fetchone()[0] >= count:
                return
    raise AssertionError("nothing came in")


def test_bad_files_are_clear_refusals_and_change_nothing(api: Api) -> None:
    before = api.revision()
    for data, headers, status, kind in [
        (b"{", {}, 400, "invalid_request"), (b"[" * 100, {}, 400, "invalid_request"), (b'{"conversation": {}}', {}, 400, "invalid_request"), (b"", {}, 400, "invalid_request"),
        (b"[]", {"Content-Type": "text/plain"}, 415, "unsupported_media_type"), (b"[]", {"X-CSRF-Token": None}, 403, "csrf"),
        (b'["' + b"x" * (64 * 1024 * 1024) + b'"]', {}, 413, "too_large"),
    ]:
        refused = api.request("POST", "/api/import", data=data, headers={"Content-Type": "application/json", **headers})
        assert (refused.status_code, refused.json()["error"]["type"]) == (status, kind), refused.text
        assert status != 413 or refused.json()["error"]["message"].startswith("An import takes 64 MiB at once")
    assert api.revision() == before


# ---- large

def exported_after_a_restart(rill: Rill, path: str) -> tuple[int, int]:
    """The bytes of an export, and by how many it raised the server's peak. Restarted, so that the peak is the export's."""
    rill.terminate()
    rill.wait()
    rill.start()
    api = rill.api()
    api.get("/api/conversations")
    before, size = peak_bytes(rill), 0
    with api.request("GET", path, stream=True) as exported:
        for block in exported.iter_content(65536):
            size += len(block)
    return size, peak_bytes(rill) - before


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_large_export_holds_one_conversation_in_memory(upstream: StandIn, tmp_path: Path) -> None:
    with running_rill(tmp_path / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
        for _ in range(4):
            rill.api().post("/api/import", given(10, 2 * MB), expect=200)
        size, grown = exported_after_a_restart(rill, "/api/export")
        assert size > 80 * MB
        assert grown < 25 * MB


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_export_with_large_files_holds_a_piece_in_memory(upstream: StandIn, tmp_path: Path) -> None:
    with running_rill(tmp_path / "data", upstream.base_url, RILL_DEFAULT_MODEL="demo/echo") as rill:
        api = rill.api()
        files = [api.upload(f"{number}.pdf", pdf("Rivers", extra=b"%" + b"x" * 9_000_000 + b"\n"))["id"] for number in range(2)]
        api.answered("keep", "demo/echo", attachments=files)
        size, grown = exported_after_a_restart(rill, "/api/export?attachments=true")
        assert size > 24 * MB
        assert grown < 12 * MB


def test_a_stream_flows_while_much_comes_in_and_goes_out(rill: Rill, open_feed: Callable[..., Feed]) -> None:
    api, other = rill.api(), rill.api()
    feed = open_feed().until_ready()
    reply = api.ask(numbers(2000, 4, rate=200), "demo/numbers")
    feed.until(lambda feed: len(feed.held.text(reply["id"])) > 20, "no text")
    document = json.dumps(given(1000, 12_000)).encode()
    done: list[Any] = []
    began = time.monotonic()

    def work() -> None:
        done.append(other.request("POST", "/api/import", data=document, headers={"Content-Type": "application/json"}).json())
        done.append(len(other.request("GET", "/api/export").content))

    worker = threading.Thread(target=work)
    worker.start()
    feed.until(lambda feed: len(done) == 2, "the import did not end", 30)
    worker.join()
    took = time.monotonic() - began
    deltas = [event.at for event in feed.events if event.name == "delta"]
    pauses = sorted(later - earlier for earlier, later in zip(deltas, deltas[1:], strict=False))
    api.stop(reply["id"])
    assert done[0]["imported"] == 1000 and pauses[-1] < took * STANDSTILL_PART, f"the stream stood still for {pauses[-1]:.2f} of {took:.2f} s"
    print(f"longest pause {pauses[-1]:.3f} s of {took:.2f} s")
