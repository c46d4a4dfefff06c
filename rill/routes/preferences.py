"""`/api/preferences`: what the user prefers on every device. Also told with the session, so that a page asks once."""
from __future__ import annotations

from flask import Blueprint, Response

from rill.preferences import NOTHING_PREFERRED
from rill.routes.bodies import PreferencesChange
from rill.routes.door import answer, body, parts, user

preferences = Blueprint("preferences", __name__, url_prefix="/api/preferences")


@preferences.get("")
def read_preferences() -> Response:
    return answer(parts.preferences.of(user().id))


@preferences.patch("")
def write_preferences() -> Response:
    """What is named is replaced; null puts it back."""
    given = body(PreferencesChange).model_dump(exclude_unset=True)
    changes = {name: NOTHING_PREFERRED[name] if value is None else value for name, value in given.items()}
    return answer(parts.preferences.change(user().id, **changes))
