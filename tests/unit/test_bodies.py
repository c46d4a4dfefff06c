"""The shapes of bodies: what is possible passes, what is unknown, wrong or too much is refused."""
from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from rill.models import new_id
from rill.routes import bodies
from rill.routes.bodies import Asking, ConversationChange, EditedMessage, NewConversation, NewMessage, NewReplies, Nothing, Params

SHAPES = [one for one in vars(bodies).values() if isinstance(one, type) and issubclass(one, BaseModel) and one not in (BaseModel, bodies.Shape)]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_unknown_field_is_refused_everywhere(shape: type[BaseModel]) -> None:
    samples = {"content": "x", "name": "x", "rill_presets": 1, "presets": [{"name": "x"}]}
    known = {name: samples[name] for name, field in shape.model_fields.items() if field.is_required()}
    shape.model_validate(known)
    with pytest.raises(ValidationError):
        shape.model_validate({**known, "unknown": 1})


@pytest.mark.parametrize(("shape", "value"), [
    (NewMessage, {"content": "x"}), (NewMessage, {"content": "x" * bodies.MAX_CONTENT_CHARS}), (NewMessage, {"content": " 漢 "}),
    (NewMessage, {"content": "x", "parent_id": None}), (NewMessage, {"content": "x", "parent_id": new_id(), "models": ["a/b"] * 6, "params": {}, "stream": False, "record": True}),
    (NewMessage, {"content": "x", "attachments": []}), (NewMessage, {"content": " ", "attachments": [new_id()] * 10}),
    (EditedMessage, {"content": ""}), (EditedMessage, {"content": "", "attachments": [new_id()]}), (NewReplies, {"models": None, "params": None}), (Asking, {}), (Nothing, {}),
    (Params, {"temperature": 1}), (Params, {"temperature": 0.5, "top_p": 0, "max_completion_tokens": 1, "reasoning_effort": "xhigh", "web_search": True}),
    (Params, {"temperature": None}), (NewConversation, {"title": "", "model": None, "system_prompt": None}),
    (ConversationChange, {"head_id": None, "pinned": True, "archived": False}),
])
def test_what_is_possible_passes(shape: type[BaseModel], value: dict[str, Any]) -> None:
    shape.model_validate(value)


@pytest.mark.parametrize(("shape", "value"), [
    (NewMessage, {}), (NewMessage, {"content": ""}), (NewMessage, {"content": " \n\t"}), (NewMessage, {"content": 1}), (NewMessage, {"content": None}),
    (NewMessage, {"content": "x" * (bodies.MAX_CONTENT_CHARS + 1)}), (NewMessage, {"content": ["x"]}), (NewMessage, {"content": "x", "parent_id": "short"}),
    (NewMessage, {"content": "x", "parent_id": new_id() + "\n"}), (NewMessage, {"content": "x", "parent_id": 5}), (NewMessage, {"content": "x", "models": []}),
    (NewMessage, {"content": "x", "models": ["a/b"] * 7}), (NewMessage, {"content": "x", "models": "a/b"}), (NewMessage, {"content": "x", "models": ["a b"]}),
    (NewMessage, {"content": "x", "models": ["a/b\n"]}), (NewMessage, {"content": "x", "models": [None]}), (NewMessage, {"content": "x", "stream": "yes"}),
    (NewMessage, {"content": "x", "stream": 1}), (NewMessage, {"content": "x", "stream": None}),
    (NewMessage, {"content": "x", "attachments": ["short"]}), (NewMessage, {"content": "", "attachments": []}), (NewMessage, {"content": "x", "attachments": None}),
    (NewMessage, {"content": "x", "attachments": [new_id()] * 11}), (EditedMessage, {"content": " ", "attachments": []}),
    (EditedMessage, {"content": "x", "parent_id": None}), (Asking, {"models": ["a/b"]}), (Params, {"temperature": 2.1}), (Params, {"temperature": -0.1}),
    (Params, {"temperature": "1"}), (Params, {"temperature": True}), (Params, {"temperature": float("nan")}), (Params, {"top_p": 1.5}),
    (Params, {"max_completion_tokens": 0}), (Params, {"max_completion_tokens": 1.5}), (Params, {"max_completion_tokens": 10**9}),
    (Params, {"reasoning_effort": "huge"}), (Params, {"web_search": "yes"}), (NewConversation, {"title": "x" * 201}), (NewConversation, {"pinned": True}),
    (NewConversation, {"model": ""}), (NewConversation, {"params": []}), (ConversationChange, {"pinned": 1}), (ConversationChange, {"head_id": ""}),
])
def test_what_is_wrong_is_refused(shape: type[BaseModel], value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        shape.model_validate(value)


def test_params_tell_only_what_was_given() -> None:
    assert Params.model_validate({"temperature": 0, "top_p": None}).given() == {"temperature": 0}
