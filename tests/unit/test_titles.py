"""Titles by a model: cleaned, asked for once after the first answer, and never over a person's own choice."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from rill import store, titles
from rill.errors import HttpRefused
from rill.models import Conversation
from rill.schema import charges
from rill.titles import TITLE_CHARS, Titles, clean_title
from tests.cast import ALICE
from tests.support import Call, Core, turns, wait_until

MODEL = "demo/namer"
QUESTION = "Why is the sky blue?"


@pytest.mark.parametrize(("said", "title"), [
    ("The blue sky", "The blue sky"), ('"The blue sky."', "The blue sky"), ("**The blue sky**", "The blue sky"), ("# The blue sky\n\nIt is", "The blue sky"),
    ("\n\n  Title: The blue sky  \n", "The blue sky"), ("《天空为什么是蓝的》。", "天空为什么是蓝的"), ("标题：天空", "天空"), ("«Le ciel»", "Le ciel"),
    ("tab\there\x07\u202e", "tabhere"), ("What is C++?", "What is C++?"), ("Mr. Brown", "Mr. Brown"), ("", ""), (" \n ", ""), ("\"\"", ""),
])
def test_a_title_is_one_clean_line(said: str, title: str) -> None:
    assert clean_title(said) == title


def test_a_long_title_is_cut_at_a_word() -> None:
    assert len(clean_title("word " * 50)) <= TITLE_CHARS + 1 and clean_title("word " * 50).endswith("word…")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(titles, "AGAIN_SECONDS", 0)


@pytest.fixture
def naming(core: Core) -> Iterator[Callable[..., Titles]]:
    """Titles of this core, asked of the same hand-played upstream as its replies."""
    made: list[Titles] = []

    def make(model: str | None = MODEL, *, thinks: bool = False) -> Titles:
        models = SimpleNamespace(find=lambda slug: SimpleNamespace(reasoning=thinks), estimate=lambda slug, usage: 0.25)
        made.append(Titles(core.db, core.hub, core.upstream, models, model))
        core.engine.on_ended.append(made[-1].run_ended)
        return made[-1]

    yield make
    for one in made:
        one.stop()


def answered(core: Core, conversation: Conversation, content: str = QUESTION, **options: Any) -> None:
    """A question that got its whole answer."""
    run, call = core.started(conversation, content=content, **options)
    call.write("Because of scattering.")
    call.finish()
    assert run.committed.wait(5)


def asked(core: Core, count: int = 1) -> Call:
    """The newest of so many calls for a title."""
    return wait_until(lambda: len(calls := calls_for_titles(core)) >= count and calls[-1], "the title to be asked for")


def calls_for_titles(core: Core) -> list[Call]:
    return [call for call in core.upstream.calls if call.request.model == MODEL]


def say(call: Call, text: str, usage: dict[str, Any] | None = None) -> None:
    call.open()
    if text:
        call.write(text)
    call.finish(usage=usage)


def title(core: Core, conversation: Conversation) -> str:
    with core.witness.read() as tx:
        return store.get_conversation(tx, ALICE.id, conversation.id).title


def change(core: Core, conversation: Conversation, **values: Any) -> None:
    with core.db.write() as tx:
        store.update_conversation(tx, ALICE.id, conversation.id, **values)


def spent(core: Core) -> list[Any]:
    with core.witness.read() as tx:
        return list(tx.execute(select(charges).where(charges.c.purpose == "title")))


def test_after_the_first_answer_the_model_names_the_conversation_and_one_event_tells(core: Core, naming: Callable[..., Titles]) -> None:
    naming()
    conversation = core.conversation()
    answered(core, conversation)
    assert title(core, conversation) == QUESTION, "until then, and at once, the first words"
    call = asked(core)
    reader = core.open_reader()
    say(call, '"A blue sky."', {"prompt_tokens": 30, "completion_tokens": 4})
    wait_until(lambda: title(core, conversation) == "A blue sky", "the title")
    [event] = reader._events
    assert (event.name, event.data["conversation"]["title"]) == ("conversation", "A blue sky")
    request = call.request
    assert not request.stream and request.params == {"max_completion_tokens": titles.TITLE_TOKENS}
    assert QUESTION in request.messages[-1]["content"] and "scattering" in request.messages[-1]["content"]
    [charge] = spent(core)
    assert (charge.model, charge.amount, charge.output_tokens, charge.message_id, charge.generation_id) == (MODEL, 0.25, 4, None, "generation-1")


def test_only_the_first_answer_is_a_reason(core: Core, naming: Callable[..., Titles]) -> None:
    conversation = core.conversation()
    answered(core, conversation)
    naming()
    answered(core, conversation, "And at night?")
    turns(50)
    assert calls_for_titles(core) == []


def test_replies_side_by_side_make_one_title(core: Core, naming: Callable[..., Titles]) -> None:
    naming()
    conversation = core.conversation()
    runs = core.send(conversation, QUESTION, models=["demo/a", "demo/b", "demo/c"])
    for run in runs:
        call = wait_until(lambda run=run: core.call_of(run), "the call")
        call.open()
        call.write("Because.")
        call.finish()
        assert run.committed.wait(5)
    say(asked(core), "Sky")
    wait_until(lambda: title(core, conversation) == "Sky", "the title")
    turns(50)
    assert len(calls_for_titles(core)) == 1


@pytest.mark.parametrize("how", ["renamed before", "renamed meanwhile", "deleted meanwhile"])
def test_a_persons_own_choice_stands(core: Core, naming: Callable[..., Titles], how: str) -> None:
    naming()
    conversation = core.conversation()
    if how == "renamed before":
        change(core, conversation, title="Mine")
        answered(core, conversation)
        turns(50)
        assert calls_for_titles(core) == []
    else:
        answered(core, conversation)
        call = asked(core)
        core.delete(conversation) if how == "deleted meanwhile" else change(core, conversation, title="Mine")
        reader = core.open_reader()
        say(call, "Theirs")
        wait_until(lambda: spent(core), "its cost, which is owed all the same")
        turns(50)
        assert list(reader._events) == []
    assert how == "deleted meanwhile" or title(core, conversation) == "Mine"


def test_an_answer_that_was_stopped_names_nothing_and_the_next_whole_one_does(core: Core, naming: Callable[..., Titles]) -> None:
    naming()
    conversation = core.conversation()
    run, _ = core.started(conversation, content=QUESTION)
    core.engine.stop(run.message.id)
    turns(50)
    assert calls_for_titles(core) == []
    answered(core, conversation, "Once more", parent_id=None)
    say(asked(core), "Sky")
    wait_until(lambda: title(core, conversation) == "Sky", "the title")


def test_switched_off_nothing_is_asked(core: Core, naming: Callable[..., Titles]) -> None:
    naming(None)
    answered(core, core.conversation())
    turns(50)
    assert len(core.upstream.calls) == 1


def test_what_may_pass_is_tried_once_more_and_then_left(core: Core, naming: Callable[..., Titles]) -> None:
    naming()
    conversation = core.conversation()
    answered(core, conversation)
    asked(core).say(HttpRefused("busy", status=503))
    asked(core, 2).say(HttpRefused("busy", status=503))
    turns(100)
    assert (title(core, conversation), len(calls_for_titles(core)), spent(core)) == (QUESTION, 2, [])


def test_what_does_not_pass_is_not_tried_again(core: Core, naming: Callable[..., Titles]) -> None:
    naming()
    conversation = core.conversation()
    answered(core, conversation)
    asked(core).say(HttpRefused("no credit", status=402, retryable=False))
    turns(100)
    assert (title(core, conversation), len(calls_for_titles(core))) == (QUESTION, 1)


def test_a_model_that_thinks_is_told_not_to_and_given_room_when_it_must(core: Core, naming: Callable[..., Titles]) -> None:
    naming(thinks=True)
    conversation = core.conversation()
    answered(core, conversation)
    first = asked(core)
    assert first.request.params == {"max_completion_tokens": titles.TITLE_TOKENS, "reasoning_effort": "none"}
    say(first, "")  # all its tokens went into thoughts
    second = asked(core, 2)
    assert second.request.params == {"max_completion_tokens": titles.THINKING_TOKENS}
    say(second, "Sky")
    wait_until(lambda: title(core, conversation) == "Sky", "the title")
    assert len(spent(core)) == 2


def test_a_shutdown_ends_the_asking_at_once(core: Core, naming: Callable[..., Titles]) -> None:
    names = naming()
    answered(core, core.conversation())
    call = asked(core)
    names.stop()
    wait_until(lambda: call.is_closed, "the connection to be let go")
