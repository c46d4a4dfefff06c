"""`/api/preferences`: what the user prefers on every device. Also told with the session, so that a page asks once."""
from __future__ import annotations

from flask import Blueprint, Response

from rill.preferences import NOTHING_PREFERRED, change_preferences, get_preferences
from rill.routes.bodies import PreferencesChange
from rill.routes.door import answer, body, parts, user

preferences = Blueprint("preferences", __name__, url_prefix="/api/preferences")


@preferences.get("")
def read_preferences() -> Response:
    with parts.db.read() as tx:
        return answer(get_preferences(tx, user().id))


@preferences.patch("")
def write_preferences() -> Response:
    """What is named is replaced; null puts it back."""
    given = body(PreferencesChange).model_dump(exclude_unset=True)
    changes = {name: NOTHING_PREFERRED[name] if value is None else value for name, value in given.items()}
    with parts.db.write() as tx:
        return answer(change_preferences(tx, user().id, **changes))
