"""The shapes of request bodies, as pydantic models: unknown fields and wrong types are refused.

They are also what `/api/openapi.json` is made of. Syntax only: whether an id exists is the routes' question.
"""
from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from rill.models import ID_PATTERN, SLUG_PATTERN
from rill.presets import MAX_NAME_CHARS, MAX_PRESETS, MAX_PROMPT_CHARS

MAX_CONTENT_CHARS = 1_000_000
MAX_TITLE_CHARS = 200
MAX_MODELS = 6
MAX_COMPLETION_TOKENS = 1_000_000
MAX_FAVOURITES, MAX_RECENTS = 200, 12
MAX_ATTACHMENTS = 10  # of one message

NOTHING_SAID = "`content` must hold some words, or `attachments` a file"

Slug = Annotated[str, StringConstraints(pattern=f"^{SLUG_PATTERN.pattern}$")]
Id = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN.pattern}$")]
Content = Annotated[str, StringConstraints(max_length=MAX_CONTENT_CHARS)]
Attachments = Annotated[list[Id], Field(max_length=MAX_ATTACHMENTS)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Params(Shape):
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_completion_tokens: int | None = Field(None, ge=1, le=MAX_COMPLETION_TOKENS)
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    web_search: bool | None = None

    def given(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


def known_params(given: Any) -> dict[str, Any]:
    """What of params that come from a file is known here and allowed."""
    known = {}
    for name, value in given.items() if isinstance(given, dict) else ():
        with suppress(ValidationError):
            known |= Params.model_validate({name: value}).given()
    return known


class NewConversation(Shape):
    title: str | None = Field(None, max_length=MAX_TITLE_CHARS)
    model: Slug | None = None
    system_prompt: str | None = Field(None, max_length=MAX_CONTENT_CHARS)
    params: Params | None = None


class ConversationChange(NewConversation):
    pinned: bool | None = None
    archived: bool | None = None
    head_id: Id | None = None


class Fork(Shape):
    title: str | None = Field(None, max_length=MAX_TITLE_CHARS)


class Asking(Shape):
    """What every request for a reply may say."""

    params: Params | None = None
    stream: bool = True
    record: bool = False


class NewReplies(Asking):
    models: list[Slug] | None = Field(None, min_length=1, max_length=MAX_MODELS)


class MoreReplies(NewReplies):
    keep_head: bool = False  # beside the others: the conversation does not move to the new one


class NewMessage(NewReplies):
    """Words, or files without any."""

    content: Content
    parent_id: Id | None = None
    attachments: Attachments = []

    @model_validator(mode="after")
    def _check_content(self) -> Self:
        if not self.content.strip() and not self.attachments:
            raise ValueError(NOTHING_SAID)
        return self


class EditedMessage(NewReplies):
    """`attachments` absent: those of the edited message stay, and only the server knows whether it has any."""

    content: Content
    attachments: Attachments | None = None

    @model_validator(mode="after")
    def _check_content(self) -> Self:
        if not self.content.strip() and self.attachments == []:
            raise ValueError(NOTHING_SAID)
        return self


class PreferencesChange(Shape):
    default_model: Slug | None = None
    favourites: list[Slug] | None = Field(None, max_length=MAX_FAVOURITES)
    recents: list[Slug] | None = Field(None, max_length=MAX_RECENTS)


PresetName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_NAME_CHARS, pattern=r"^[^\x00-\x1f\x7f]+$")]


class PresetChange(Shape):
    name: PresetName | None = None
    model: Slug | None = None
    system_prompt: str | None = Field(None, max_length=MAX_PROMPT_CHARS)
    params: Params | None = None


class NewPreset(PresetChange):
    name: PresetName


class PresetFile(Shape):
    """What is exported and imported; the number tells a later Rill how to read it."""

    rill_presets: Literal[1]
    presets: list[NewPreset] = Field(min_length=1, max_length=MAX_PRESETS)


class NewShare(Shape):
    reasoning: bool = False
    attachments: bool = False


class Nothing(Shape):
    pass
