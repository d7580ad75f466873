"""Changes of a preset as people type them: ``NAME=VALUE``, with a value of the field's kind."""

import json
from collections.abc import Iterable
from typing import Any

from curation.errors import StudyError
from training.settings.preset import Preset


def parse_changes(preset: Preset, changes: Iterable[str]) -> dict[str, Any]:
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

    Examples
    --------
    >>> from training.settings.presets import PRESETS
    >>> parse_changes(PRESETS["smoke"], ["pretrain_epochs=100", "pretrain_lr=1e-4"])
    {'pretrain_epochs': 100, 'pretrain_lr': 0.0001}
    """
    values: dict[str, Any] = {}
    for change in changes:
        name, sign, text = change.partition("=")
        if not sign:
            raise StudyError(
                f"A change is written NAME=VALUE, pretrain_epochs=100; not {change!r}."
            )
        values[name] = _value(text)
    preset.refuse_unknown(values)
    for name, after in values.items():
        before = getattr(preset, name)
        if _kind(before) != _kind(after) and (_kind(before), _kind(after)) != (float, int):
            raise StudyError(f"{name} of preset {preset.name} is like {before!r}; not {after!r}.")
    preset.changed(values)  # refuses what does not fit together
    return values


def _kind(value: Any) -> Any:
    """Return the type of a value; of a sequence, which may be a list in JSON, those of its parts."""
    return {type(one) for one in value} if isinstance(value, list | tuple) else type(value)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
