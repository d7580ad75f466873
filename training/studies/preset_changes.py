"""Changes of a preset as people write them: ``pretrain_epochs=100 shape=[56,64,56]``."""

import json
from collections.abc import Iterable
from typing import Any

from curation.errors import StudyError
from training.studies.presets import Preset


def parse(preset: Preset, changes: Iterable[str]) -> dict[str, Any]:
    """Read changes of a preset.

    Parameters
    ----------
    preset : Preset
        The one that is changed.
    changes : iterable of str
        ``NAME=VALUE`` each; a value is a number, ``true``, ``false``, a word, or ``[x,y,z]``.

    Returns
    -------
    dict
        Values of the right kind, for :func:`training.studies.planned_study.plan`.

    Raises
    ------
    StudyError
        When it is no change, there is no such field, or the value is of another kind than the field's.
    """
    values: dict[str, Any] = {}
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign:
            raise StudyError(
                f"A change is written NAME=VALUE, pretrain_epochs=100; not {change!r}."
            )
        values[name] = _value(text)
    changed = preset.changed(values)
    for name in values:
        before, after = getattr(preset, name), getattr(changed, name)
        number = isinstance(before, float) and type(after) is int
        if type(before) is not type(after) and not number:
            raise StudyError(f"{name} of preset {preset.name} is like {before!r}; not {after!r}.")
    return values


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
