"""Links to read: what whoever has one sees and does not see, and how a link ends."""
from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.api_client import Api
from tests.files import pdf, picture
from tests.integration.conftest import KEY
from tests.integration.test_limits import numbers
from tests.servers import Rill

PRIVATE_WORDS = ("Be secretive.", *(f'"{name}"' for name in ("temperature", "params", "cost", "usage", "timings", "status", "id", "request_id", "generation_id", "user_id",
                                                            "parent_id", "system_prompt", "reasoning", "attachments")))


def talk(api: Api, *models: str) -> tuple[str, list[dict[str, Any]]]:
    """A conversation that thinks, with the replies that are shown."""
    conversation = api.new_conversation(title="For others", system_prompt="Be secretive.", params={"temperature": 0.5})["id"]
    replies = []
    for number, model in enumerate(models or ("demo/think", "demo/echo")):
        parent = {"parent_id": replies[-1]["id"]} if replies else {}
        replies.append(api.finished(api.send(conversation, f"question {number}", model, **parent)["replies"][0]["id"], 30))
    return conversation, replies


def share(api: Api, conversation: str, **options: bool) -> dict[str, Any]:
    return api.post(f"/api/conversations/{conversation}/shares", options, expect=201)


def opened(rill: Rill, made: dict[str, Any]) -> requests.Response:
    """As somebody opens it who was never here."""
    return requests.get(f"{rill.url}/api/shares/{made['token']}", timeout=10)


def page(rill: Rill, token: str) -> requests.Response:
    return requests.get(f"{rill.url}/s/{token}", timeout=10)


def test_a_link_shows_the_branch_and_nothing_that_is_private(rill: Rill, api: Api) -> None:
    conversation, replies = talk(api)
    made = share(api, conversation)
    assert made["url"] == f"/s/{made['token']}" and len(made["token"]) == 44 and made["message_count"] == 4
    answer, shown = opened(rill, made), page(rill, made["token"])
    read = answer.json()
    assert (read["title"], [one["role"] for one in read["messages"]]) == ("For others", ["user", "assistant"] * 2)
    assert read["messages"][3]["content"] == "question 1" and read["messages"][1]["content"] == replies[0]["content"]
    tree = api.get(f"/api/conversations/{conversation}")
    ids = [conversation, api.session["user"]["id"], made["id"]]
    ids += [message[name] for message in tree["messages"] for name in ("id", "request_id", "generation_id") if message[name]]
    assert replies[0]["reasoning"] and replies[0]["request_id"]
    for text in (answer.text, shown.text):
        assert not [one for one in ids if one in text.replace(made["token"], "")], "no id of ours is told"
        assert not [word for word in PRIVATE_WORDS if word in text]
        assert replies[0]["reasoning"][:30] not in text
    for one in (answer, shown):
        assert (one.headers["X-Robots-Tag"], one.headers["Cache-Control"]) == ("noindex, nofollow", "no-store")
        assert "Set-Cookie" not in one.headers and one.headers["Referrer-Policy"] == "no-referrer"
    assert shown.status_code == 200 and "For others" in shown.text


def test_thoughts_are_shown_when_they_were_chosen(rill: Rill, api: Api) -> None:
    conversation, [reply] = talk(api, "demo/think")
    assert opened(rill, share(api, conversation, reasoning=True)).json()["messages"][1]["reasoning"] == reply["reasoning"]


def test_what_comes_later_is_not_shown(rill: Rill, api: Api) -> None:
    conversation, [reply] = talk(api, "demo/echo")
    made = share(api, conversation)
    before = opened(rill, made).json()
    api.finished(api.send(conversation, "later", "demo/echo")["replies"][0]["id"])
    api.finished(api.post(f"/api/messages/{reply['parent_id']}/edit", {"content": "edited", "models": ["demo/echo"]})["replies"][0]["id"])
    api.patch(f"/api/conversations/{conversation}", {"title": "Private now"})
    assert opened(rill, made).json() == before


def test_an_answer_that_grows_on_is_shown_as_it_was(rill: Rill, api: Api) -> None:
    reply = api.ask(numbers(4000, 3, rate=100), "demo/numbers")
    api.with_text(reply["id"], 60)
    refused = api.post(f"/api/conversations/{reply['conversation_id']}/shares", {}, expect=409)
    assert "still being written" in refused["error"]["message"]
    api.stop(reply["id"])
    had = api.finished(reply["id"])["content"]
    made = share(api, reply["conversation_id"])
    assert (opened(rill, made).json()["messages"][1]["content"], opened(rill, made).json()["messages"][1]["ending"]) == (had, "stopped")
    api.post(f"/api/messages/{reply['id']}/continue")
    api.with_text(reply["id"], len(had) + 60)
    assert opened(rill, made).json()["messages"][1]["content"] == had
    api.stop(reply["id"])
    assert len(api.finished(reply["id"])["content"]) > len(had)
    assert (opened(rill, made).json()["messages"][1]["content"], opened(rill, made).json()["messages"][1]["ending"]) == (had, None)


def test_a_revoked_an_unknown_and_a_deleted_one_are_the_same_kind_page(rill: Rill, api: Api) -> None:
    conversation, _ = talk(api, "demo/echo")
    revoked, orphaned = share(api, conversation), share(api, conversation)
    listed = api.get(f"/api/conversations/{conversation}/shares")["shares"]
    assert [one["token"] for one in listed] == [orphaned["token"], revoked["token"]]
    api.delete(f"/api/shares/{revoked['id']}")
    api.delete(f"/api/shares/{revoked['id']}", expect=404)
    assert [one["id"] for one in api.get(f"/api/conversations/{conversation}/shares")["shares"]] == [orphaned["id"]]
    assert page(rill, orphaned["token"]).status_code == 200
    api.delete(f"/api/conversations/{conversation}")
    never = "x" * 44
    pages = [page(rill, token) for token in (revoked["token"], orphaned["token"], never, "é", "x", orphaned["id"])]
    assert {one.status_code for one in pages} == {404} and len({one.text for one in pages}) == 1 and "Nothing is shared here" in pages[0].text
    answers = [requests.get(f"{rill.url}/api/shares/{token}", timeout=10) for token in (revoked["token"], orphaned["token"], never)]
    assert {one.status_code for one in answers} == {404} and len({one.text for one in answers}) == 1


def test_an_id_opens_nothing_and_a_token_revokes_nothing(rill: Rill, api: Api) -> None:
    made = share(api, talk(api, "demo/echo")[0])
    for token in (made["id"], made["id"] + "A" * 22, made["token"][:-1], made["token"] + "A", made["token"].swapcase()):
        assert requests.get(f"{rill.url}/api/shares/{token}", timeout=10).status_code == 404
    api.delete(f"/api/shares/{made['token']}", expect=404)
    assert requests.delete(f"{rill.url}/api/shares/{made['id']}", timeout=10).status_code == 403
    assert opened(rill, made).status_code == 200


def test_the_database_holds_no_token(rill: Rill, api: Api) -> None:
    made = share(api, talk(api, "demo/echo")[0])
    with rill.database() as db:
        rows = json.dumps(db.execute("SELECT * FROM shares WHERE id = ?", [made["id"]]).fetchall())
    assert made["id"] in rows and made["token"][22:] not in rows


@pytest.mark.parametrize(("options", "status"), [({"reasoning": "yes"}, 400), ({"everything": True}, 400)])
def test_a_wrong_wish_is_refused(api: Api, options: dict[str, Any], status: int) -> None:
    api.post(f"/api/conversations/{talk(api, 'demo/echo')[0]}/shares", options, expect=status)


def test_nothing_is_shared_of_nothing_and_nobodys(api: Api) -> None:
    api.post(f"/api/conversations/{api.new_conversation()['id']}/shares", {}, expect=409)
    api.post(f"/api/conversations/{'x' * 22}/shares", {"wrong": 1}, expect=404)
    api.get(f"/api/conversations/{'x' * 22}/shares", expect=404)
    api.delete(f"/api/shares/{'x' * 22}", expect=404)


def test_the_same_key_makes_one_link(api: Api) -> None:
    conversation, _ = talk(api, "demo/echo")
    path = f"/api/conversations/{conversation}/shares"
    assert api.post(path, {}, key="k", expect=201) == api.post(path, {}, key="k", expect=201)
    assert len(api.get(path)["shares"]) == 1


def test_a_link_names_no_key(strict_rill: Rill) -> None:
    api = strict_rill.api()
    assert KEY not in opened(strict_rill, share(api, talk(api, "demo/echo")[0])).text


# ---- files

def said_with(api: Api, conversation: str, *files: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return api.finished(api.send(conversation, "look", "demo/echo", attachments=[one["id"] for one in files], **fields)["replies"][0]["id"])


def shared_file(rill: Rill, made: dict[str, Any], number: object, **query: str) -> requests.Response:
    return requests.get(f"{rill.url}/api/shares/{made['token']}/attachments/{number}", params=query, timeout=10)


def test_files_are_shown_to_a_stranger_by_a_number_and_sealed(rill: Rill, api: Api) -> None:
    image, page_like, document = api.upload("a.png", picture()), api.upload("b.html", b"<script>alert(1)</script>"), api.upload("c.pdf", pdf("Rivers"))
    conversation = api.new_conversation()["id"]
    reply = said_with(api, conversation, image, page_like)
    said_with(api, conversation, document, image, parent_id=reply["id"])
    made = share(api, conversation, attachments=True)
    answer = opened(rill, made)
    listed = [message["attachments"] for message in answer.json()["messages"]]
    assert [[(one["number"], one["name"], one["kind"]) for one in files] for files in listed] == [
        [(1, "a.png", "image"), (2, "b.html", "text")], [], [(3, "c.pdf", "pdf"), (4, "a.png", "image")], []]
    assert not [one["id"] for one in (image, page_like, document) if one["id"] in answer.text] and '"id"' not in answer.text
    for number, file, inline in ((1, image, True), (2, page_like, False), (3, document, False), (4, image, True)):
        got = shared_file(rill, made, number)
        own = api.request("GET", f"/api/attachments/{file['id']}")
        assert got.status_code == 200 and got.content == own.content and file["id"] not in str(got.headers)
        assert got.headers["Content-Type"] == own.headers["Content-Type"] and got.headers["Content-Disposition"].startswith("inline" if inline else "attachment")
        assert (got.headers["Content-Security-Policy"], got.headers["X-Content-Type-Options"]) == ("sandbox; default-src 'none'", "nosniff")
        assert (got.headers["X-Robots-Tag"], got.headers["Cache-Control"]) == ("noindex, nofollow", "no-store") and "Set-Cookie" not in got.headers
    small = shared_file(rill, made, 1, thumb="1")
    assert small.headers["Content-Type"] == "image/webp" and small.content[8:12] == b"WEBP"


def test_a_file_is_there_only_through_a_link_that_shows_it(rill: Rill, api: Api) -> None:
    first, second, other = (api.upload(f"{name}.txt", name.encode()) for name in ("first", "second", "other"))
    conversation, elsewhere = api.new_conversation()["id"], api.new_conversation()["id"]
    reply = said_with(api, conversation, first)
    said_with(api, elsewhere, other, other)
    silent, early = share(api, conversation), share(api, conversation, attachments=True)
    said_with(api, conversation, second, parent_id=reply["id"])
    late = share(api, conversation, attachments=True)
    assert [shared_file(rill, late, number).text for number in (1, 2)] == ["first", "second"] and shared_file(rill, early, 1).text == "first"
    refused = [shared_file(rill, early, number) for number in (0, 2, -1, 99, "1.0", "01", "x", "9" * 5000, first["id"], "²")]
    refused += [shared_file(rill, silent, 1), shared_file(rill, {"token": early["id"]}, 1), shared_file(rill, {"token": "x" * 44}, 1)]
    assert shared_file(rill, early, 1, thumb="2").status_code == 400
    api.delete(f"/api/shares/{early['id']}")
    refused.append(shared_file(rill, early, 1))
    api.delete(f"/api/conversations/{conversation}")
    refused.append(shared_file(rill, late, 1))
    assert {one.status_code for one in refused} == {404} and len({one.text for one in refused}) == 1
