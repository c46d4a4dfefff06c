"""`/api/presets`: keep, change and delete presets, and share them as a file of JSON."""
from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from rill import presets as kept
from rill.routes.bodies import NewPreset, Nothing, PresetChange, PresetFile
from rill.routes.door import answer, body, once, parts, user

FILE_NAME = "rill-presets.json"

presets = Blueprint("presets", __name__, url_prefix="/api/presets")


@presets.get("")
def list_presets() -> Response:
    with parts.db.read() as tx:
        return answer({"presets": [preset.as_dict() for preset in kept.list_presets(tx, user().id)]})


@presets.post("")
def create_preset() -> Response:
    asked = body(NewPreset)
    with once(asked) as attempt:
        if attempt.ids is None:
            with parts.db.write() as tx:
                attempt.remember(tx, {"preset": kept.create_preset(tx, user().id, _given(asked)).id})
    with parts.db.read() as tx:
        return answer(kept.get_preset(tx, user().id, attempt.ids["preset"]).as_dict(), 201)


@presets.get("/<preset_id>")
def read_preset(preset_id: str) -> Response:
    with parts.db.read() as tx:
        return answer(kept.get_preset(tx, user().id, preset_id).as_dict())


@presets.patch("/<preset_id>")
def write_preset(preset_id: str) -> Response:
    """What is named is replaced; null puts back the default, but a name stays."""
    with parts.db.read() as tx:
        kept.get_preset(tx, user().id, preset_id)
    changes = _given(body(PresetChange))
    with parts.db.write() as tx:
        return answer(kept.change_preset(tx, user().id, preset_id, changes).as_dict())


@presets.delete("/<preset_id>")
def delete_preset(preset_id: str) -> Response:
    with parts.db.read() as tx:
        kept.get_preset(tx, user().id, preset_id)
    body(Nothing)
    with parts.db.write() as tx:
        kept.delete_preset(tx, user().id, preset_id)
    return Response(status=204)


@presets.get("/export")
def export_presets() -> Response:
    """A file of all presets, or with `?id=` of one."""
    with parts.db.read() as tx:
        one = request.args.get("id")
        chosen = kept.list_presets(tx, user().id) if one is None else [kept.get_preset(tx, user().id, one)]
    response = answer({"rill_presets": 1, "presets": [preset.shared() for preset in chosen]})
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE_NAME}"'
    return response


@presets.post("/import")
def import_presets() -> Response:
    """Everything in the file, under names that are free, or nothing."""
    asked = body(PresetFile)
    with once(asked) as attempt:
        if attempt.ids is None:
            with parts.db.write() as tx:
                made = kept.import_presets(tx, user().id, [_given(one) for one in asked.presets])
                attempt.remember(tx, {"presets": [preset.id for preset in made]})
    with parts.db.read() as tx:
        return answer({"presets": [kept.get_preset(tx, user().id, one).as_dict() for one in attempt.ids["presets"]]}, 201)


def _given(asked: PresetChange) -> dict[str, Any]:
    """The columns that the body names; null is the default."""
    given = asked.model_dump(exclude_unset=True, exclude={"params"})
    if given.get("name", "") is None:
        del given["name"]
    if "system_prompt" in given:
        given["system_prompt"] = given["system_prompt"] or ""
    if "params" in asked.model_fields_set:
        given["params"] = asked.params.given() if asked.params else {}
    return given
