"""A conversation's settings, the presets, and the sources under an answer: what is set reaches the model, and nothing is lost."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.conftest import PHONE, Visit
from tests.browser.test_page_looks import assert_accessible
from tests.servers import Rill
from tests.standin_process import StandIn, wait_until

STERN = {"name": "Stern editor", "model": "demo/fast", "system_prompt": "Be stern.", "params": {"temperature": 0.2}}


@pytest.fixture(autouse=True)
def no_presets(rill: Rill) -> Iterator[None]:
    yield
    api = rill.api()
    for preset in api.get("/api/presets")["presets"]:
        api.delete(f"/api/presets/{preset['id']}")


def open_params(visit: Visit, tab: str = "Settings") -> Locator:
    visit.page.locator("#params-chip").click()
    dialog = visit.page.locator("dialog.params")
    expect(dialog).to_be_visible()
    dialog.get_by_role("tab", name=tab).click()
    return dialog


def fill(dialog: Locator, name: str, text: str) -> None:
    dialog.get_by_label(name, exact=True).fill(text)
    dialog.get_by_label(name, exact=True).blur()


def begun(visit: Visit, text: str = "Hello") -> str:
    """A conversation that has an answer; its id."""
    visit.choose("demo/fast").say(text)
    expect(visit.numbers).to_be_visible()
    return visit.page.url.rpartition("/")[2]


def test_what_is_set_for_a_new_conversation_survives_a_reload_and_reaches_the_model(visit: Visit, upstream: StandIn, rill: Rill) -> None:
    dialog = open_params(visit)
    fill(dialog, "System prompt", "You are a gardener.")
    fill(dialog, "Temperature", "0,7")
    fill(dialog, "Longest answer", "1 000")
    dialog.get_by_label("Thinking", exact=True).select_option("high")
    dialog.get_by_role("switch").check()
    visit.page.keyboard.press("Escape")
    chip = visit.page.locator("#params-chip")
    expect(chip).to_have_text("5 settings")
    visit.page.reload()
    expect(chip).to_have_text("5 settings")
    conversation = begun(visit)
    sent = upstream.last_call()["body"]
    assert (sent["temperature"], sent["max_completion_tokens"], sent["reasoning_effort"], sent["web_search_options"]) == (0.7, 1000, "high", {})
    assert sent["messages"][0] == {"role": "system", "content": "You are a gardener."} and "top_p" not in sent
    assert rill.api().conversation(conversation)["params"] == {"temperature": 0.7, "max_completion_tokens": 1000, "reasoning_effort": "high", "web_search": True}
    visit.page.keyboard.press("Control+Shift+O")
    expect(chip).to_have_text("")  # the next one starts from the default


def test_changes_in_a_conversation_are_kept_at_once_one_after_the_other(visit: Visit, upstream: StandIn, rill: Rill) -> None:
    conversation = begun(visit)
    dialog = open_params(visit)
    dialog.get_by_label("Temperature", exact=True).fill("1.5")
    dialog.get_by_role("switch").check()  # takes the focus, and so the number, with it
    expect(dialog.get_by_role("status").last).to_contain_text("Kept")
    wait_until(lambda: rill.api().conversation(conversation)["params"] == {"temperature": 1.5, "web_search": True}, "both changes are kept")
    dialog.get_by_label("System prompt", exact=True).fill("Closed while writing.")
    visit.page.keyboard.press("Escape")
    wait_until(lambda: rill.api().conversation(conversation)["system_prompt"] == "Closed while writing.", "what was being written is kept")
    dialog = open_params(visit)
    dialog.get_by_role("button", name="Back to default").click()
    expect(dialog.get_by_label("Temperature", exact=True)).to_have_value("")
    dialog.get_by_role("button", name="Undo").click()
    expect(dialog.get_by_label("Temperature", exact=True)).to_have_value("1.5")
    wait_until(lambda: rill.api().conversation(conversation)["system_prompt"] == "Closed while writing.", "the undo is kept")


def test_a_wrong_number_says_why_where_it_stands_and_is_not_kept(visit: Visit, rill: Rill) -> None:
    conversation = begun(visit)
    dialog = open_params(visit)
    fill(dialog, "Temperature", "warm")
    field = dialog.get_by_label("Temperature", exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description("0 to 2. Low is steady, high is free. This is not a number. It is not kept.")
    fill(dialog, "Temperature", "3")
    expect(dialog.get_by_text("From 0 to 2, please. It is not kept.")).to_be_visible()
    fill(dialog, "Top P", "0.5")
    expect(field).to_have_value("3")
    wait_until(lambda: rill.api().conversation(conversation)["params"] == {"top_p": 0.5}, "only what is right is kept")
    fill(dialog, "Temperature", "")
    expect(field).to_have_attribute("aria-invalid", "false")


def test_the_panel_follows_another_tab_except_where_somebody_writes(visit: Visit, rill: Rill) -> None:
    conversation = begun(visit)
    dialog = open_params(visit)
    dialog.get_by_label("Top P", exact=True).fill("0.")
    rill.api().patch(f"/api/conversations/{conversation}", {"system_prompt": "From elsewhere.", "params": {"temperature": 1, "top_p": 0.9}})
    expect(dialog.get_by_label("System prompt", exact=True)).to_have_value("From elsewhere.")
    expect(dialog.get_by_label("Temperature", exact=True)).to_have_value("1")
    expect(dialog.get_by_label("Top P", exact=True)).to_have_value("0.")
    visit.page.keyboard.type("3")
    dialog.get_by_label("Top P", exact=True).blur()
    wait_until(lambda: rill.api().conversation(conversation)["params"] == {"temperature": 1, "top_p": 0.3}, "the field wins, the rest stays")


def test_what_a_model_may_not_take_is_explained_and_not_hidden(visit: Visit) -> None:
    visit.choose("demo/echo")
    dialog = open_params(visit)
    expect(dialog.get_by_text("According to the list, Demo: echo does not think")).to_be_visible()
    expect(dialog.get_by_text("The list names no price of a search for Demo: echo")).to_be_visible()
    dialog.get_by_role("button", name="Change").click()
    visit.page.get_by_role("combobox").fill("somebody/new-model")
    visit.page.keyboard.press("Enter")
    dialog = open_params(visit)
    expect(dialog.get_by_text("whether it takes this cannot be known").first).to_be_visible()
    visit.page.keyboard.press("Escape")
    visit.choose("demo/tour")
    expect(open_params(visit).get_by_text("A search costs $0.01")).to_be_visible()


# ---- presets

def names(dialog: Locator) -> list[str]:
    return dialog.locator(".preset-name").all_text_contents()


def act(visit: Visit, dialog: Locator, preset: str, action: str) -> None:
    dialog.get_by_role("button", name=f"Actions for the preset “{preset}”").click()
    visit.page.get_by_role("menuitem", name=action).click()


def test_a_preset_is_saved_and_begins_another_conversation(visit: Visit, upstream: StandIn) -> None:
    begun(visit)
    dialog = open_params(visit)
    fill(dialog, "System prompt", "Be stern.")
    fill(dialog, "Temperature", "0.2")
    dialog.get_by_role("tab", name="Presets").click()
    dialog.get_by_label("Save these settings under a name").fill("Stern editor")
    visit.page.keyboard.press("Enter")
    expect(dialog.locator(".preset.is-present .preset-name")).to_have_text("Stern editor")
    expect(dialog.locator(".preset-facts")).to_have_text("Demo: fast · Temperature: 0.2 · “Be stern.”")
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("Control+Shift+O")
    visit.choose("demo/echo")
    open_params(visit, "Presets").get_by_role("button", name="Stern editor Demo: fast").click()
    expect(visit.page.locator("#model-chip")).to_have_attribute("title", "demo/fast")
    expect(visit.page.locator("#params-chip")).to_have_text("2 settings")
    visit.say("Hello")
    expect(visit.numbers).to_be_visible()
    call = upstream.last_call()
    assert (call["model"], call["body"]["temperature"], call["body"]["messages"][0]["content"]) == ("demo/fast", 0.2, "Be stern.")


def test_a_preset_changes_a_conversation_and_can_be_taken_back(visit: Visit, rill: Rill) -> None:
    rill.api().post("/api/presets", {**STERN, "model": None}, expect=201)
    conversation = begun(visit)
    rill.api().patch(f"/api/conversations/{conversation}", {"params": {"top_p": 0.5}})
    open_params(visit, "Presets").get_by_role("button", name="Stern editor any model").click()
    wait_until(lambda: rill.api().conversation(conversation)["params"] == {"temperature": 0.2}, "the preset is kept, whole")
    visit.button("Undo").click()
    wait_until(lambda: rill.api().conversation(conversation)["params"] == {"top_p": 0.5}, "it is as before")
    assert rill.api().conversation(conversation)["system_prompt"] == ""


def test_presets_are_renamed_replaced_and_deleted_with_a_way_back(visit: Visit, rill: Rill) -> None:
    api = rill.api()
    for name in ("Beta", "alpha"):
        api.post("/api/presets", {**STERN, "name": name}, expect=201)
    dialog = open_params(visit, "Presets")
    expect(dialog.locator(".preset-name")).to_have_text(["alpha", "Beta"])
    act(visit, dialog, "alpha", "Rename")
    visit.page.keyboard.type("Beta")
    visit.page.keyboard.press("Enter")
    expect(dialog.get_by_role("status").last).to_contain_text("There is a preset named “Beta” already.")
    dialog.get_by_label("Name of the preset").fill("Zeta")
    visit.page.keyboard.press("Enter")
    expect(dialog.locator(".preset-name")).to_have_text(["Beta", "Zeta"])
    act(visit, dialog, "Zeta", "Replace by these settings")
    expect(dialog.locator(".preset.is-present .preset-name")).to_have_text("Zeta")
    act(visit, dialog, "Beta", "Delete")
    expect(dialog.locator(".preset-name")).to_have_text(["Zeta"])
    expect(dialog.get_by_role("button", name="Undo")).to_be_focused()
    visit.page.keyboard.press("Enter")
    expect(dialog.get_by_role("tabpanel", name="Presets")).to_be_focused()
    expect(dialog.locator(".preset-name")).to_have_text(["Beta", "Zeta"])
    kept = {preset["name"]: preset for preset in api.get("/api/presets")["presets"]}
    assert {name: kept["Beta"][name] for name in ("model", "system_prompt", "params")} == {name: STERN[name] for name in ("model", "system_prompt", "params")}


def test_presets_are_shared_as_json_and_an_import_keeps_both_of_a_name(visit: Visit, rill: Rill) -> None:
    rill.api().post("/api/presets", STERN, expect=201)
    dialog = open_params(visit, "Presets")
    with visit.page.expect_download() as one:
        act(visit, dialog, "Stern editor", "Export")
    document = json.loads(one.value.path().read_text(encoding="utf-8"))
    assert document == {"rill_presets": 1, "presets": [STERN]} and one.value.suggested_filename == "rill-presets.json"
    dialog.locator("summary").click()
    with visit.page.expect_download() as every:
        dialog.get_by_role("link", name="Export all").click()
    assert json.loads(every.value.path().read_text(encoding="utf-8")) == document
    dialog.get_by_label("Import a file").set_input_files(one.value.path())
    expect(dialog.locator(".preset-name")).to_have_text(["Stern editor", "Stern editor (2)"])
    paste, button = dialog.get_by_label("Or paste it here"), dialog.get_by_role("button", name="Import", exact=True)
    status = dialog.get_by_role("status").last
    wrong: list[tuple[Any, str]] = [
        ('{"rill_presets": 1, "pres', "This is not JSON"), ('{"conversations": []}', "no presets of Rill"),
        (json.dumps({"rill_presets": 1, "presets": [STERN, {**STERN, "params": {"temperature": 9}}]}), "presets.1.params.temperature"),
    ]
    for text, reason in wrong:
        paste.fill(text)
        button.click()
        expect(status).to_contain_text("Nothing was imported.")
        expect(status).to_contain_text(reason)
        expect(paste).to_have_value(text)
    assert len(names(dialog)) == 2
    paste.fill(json.dumps(document))
    button.click()
    expect(dialog.locator(".preset-name")).to_have_text(["Stern editor", "Stern editor (2)", "Stern editor (3)"])
    expect(status).to_contain_text("1 preset imported.")


# ---- sources

def test_the_sources_of_an_answer_stand_under_it_once_each_and_lead_away_safely(visit: Visit) -> None:
    open_params(visit).get_by_role("switch").check()
    visit.page.keyboard.press("Escape")
    begun(visit)
    sources = visit.replies.last.locator(".sources")
    expect(sources.get_by_role("heading", name="Sources 4")).to_be_visible()
    links = sources.get_by_role("link")
    expect(links).to_have_text(["HTML Standard: server-sent events", "EventSource - Web APIs | MDN", "RFC 9112: HTTP/1.1", "sqlite.org/wal.html"])
    for link in links.all():
        assert link.get_attribute("rel") == "noopener noreferrer" and link.get_attribute("target") == "_blank"
    expect(sources.locator(".sources-host")).to_have_text(["html.spec.whatwg.org", "developer.mozilla.org", "rfc-editor.org"])
    assert sources.locator("img").count() == 0
    visit.page.reload()
    expect(sources.get_by_role("heading", name="Sources 4")).to_be_visible()


# ---- looks

@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_settings_presets_and_sources(open_page: Callable[..., Visit], rill: Rill, axe_source: str, scheme: str) -> None:
    rill.api().post("/api/presets", STERN, expect=201)
    visit = open_page(color_scheme=scheme, reduced_motion="reduce")
    dialog = open_params(visit)
    fill(dialog, "Temperature", "warm")
    dialog.get_by_role("switch").check()
    assert_accessible(visit, axe_source, f"the settings of a conversation, {scheme}")
    dialog.get_by_role("tab", name="Presets").click()
    dialog.locator("summary").click()
    assert_accessible(visit, axe_source, f"the presets, {scheme}")
    act(visit, dialog, "Stern editor", "Delete")
    expect(dialog.get_by_role("button", name="Undo")).to_be_visible()
    assert_accessible(visit, axe_source, f"no presets, {scheme}")
    visit.page.keyboard.press("Escape")
    begun(visit)
    expect(visit.replies.last.locator(".sources")).to_be_visible()
    assert_accessible(visit, axe_source, f"the sources, {scheme}")


def test_settings_and_presets_fit_a_phone_and_a_finger(open_page: Callable[..., Visit], rill: Rill) -> None:
    rill.api().post("/api/presets", STERN, expect=201)
    visit = open_page(viewport=PHONE, has_touch=True, is_mobile=True)
    dialog = open_params(visit)
    for tab in ("Settings", "Presets"):
        dialog.get_by_role("tab", name=tab).click()
        if tab == "Presets":
            dialog.locator("summary").click()
        small = dialog.evaluate("""dialog => [...dialog.querySelectorAll('button, a, select, summary, input:not([type=checkbox], [type=file]), label.set-switch')]
            .filter(e => e.checkVisibility()).map(e => [e.textContent.trim() || e.id, e.getBoundingClientRect()])
            .filter(([, r]) => Math.min(r.width, r.height) < 44 || r.right > innerWidth || r.left < 0).map(([name, r]) => [name, r.width, r.height])""")
        assert small == [], tab


def test_the_panel_is_worked_with_the_keyboard_and_gives_the_focus_to_the_field(visit: Visit) -> None:
    keys = visit.page.keyboard
    visit.page.locator("#params-chip").focus()
    keys.press("Enter")
    dialog = visit.page.locator("dialog.params")
    expect(dialog.get_by_label("System prompt", exact=True)).to_be_focused()
    keys.press("Shift+Tab")
    expect(dialog.get_by_role("tab", name="Settings")).to_be_focused()
    keys.press("ArrowRight")
    expect(dialog.get_by_role("tab", name="Presets")).to_be_focused()
    expect(dialog.get_by_role("tabpanel", name="Presets")).to_be_visible()
    keys.press("Escape")
    expect(dialog).to_be_hidden()
    expect(visit.field).to_be_focused()
