"""Columns that a rule can look at: score, sub-scores, metrics, what networks see, a learned error."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from curation.errors import RuleError
from curation.metrics import METRICS
from curation.metrics.registry import FAMILIES, Direction
from curation.storage import joined_columns, tag_columns

__all__ = [
    "LEARNED",
    "PREPARED_DISTANCE",
    "RULE_COLUMNS",
    "SCORE",
    "SCORE_DIGITS",
    "Direction",
    "RuleColumn",
    "closest",
    "find",
    "is_measured",
    "offered",
    "plain",
]

SCORE = "distortion_score"
#: Decimals with which a score or sub-score is written wherever people read one.
SCORE_DIGITS = 1
#: What a pretrained model offers, see :mod:`training.reconstruction.reconstruction_files`; NaN where none was
#: asked.
LEARNED = "reconstruction_error"
#: How far the network's input lies from the pool's, see :mod:`curation.assessment.prepared_distance`; NaN for
#: fewer than ten people.
PREPARED_DISTANCE = "prepared_distance"
#: What a higher value of a joined column says, by how its name begins.
_JOINED: dict[str, Direction] = {
    "worse": "higher is worse",
    "better": "higher is better",
    "told": "describes the acquisition",
}
_SQUARED = "squared standardised intensity"


@dataclass(frozen=True)
class RuleColumn:
    """One column of numbers that a tier rule can look at.

    Parameters
    ----------
    name : str
        Key in :data:`RULE_COLUMNS`, and the column's name in the tables.
    label, unit : str
        For the screen.
    direction : str
        What a higher value says; a column that only ``describes the acquisition`` can be a gate's, but
        cannot be cut into better and worse.
    low, high : float
        The values that it can take; infinite where nothing limits it.
    """

    name: str
    label: str
    unit: str
    direction: Direction
    low: float = -np.inf
    high: float = np.inf

    @property
    def better_is_higher(self) -> bool:
        return self.direction == "higher is better"

    @property
    def own_label(self) -> str:
        """The label as it is handed on: of a joined column without its table, whose name a person chose."""
        parts = joined_columns.parts_of(self.name)
        return parts.column if parts else self.label

    @property
    def is_score(self) -> bool:
        """True of the distortion score and the sub-scores."""
        return self.name == SCORE or self.name in FAMILIES

    @property
    def can_be_cut(self) -> bool:
        """True where a higher value is better, or worse."""
        return self.direction != "describes the acquisition"


#: All of them by name, the score first.
RULE_COLUMNS: dict[str, RuleColumn] = {
    rule_column.name: rule_column
    for rule_column in (
        RuleColumn(SCORE, "Distortion score", "points", "higher is worse", 0.0, 100.0),
        *(
            RuleColumn(name, name.capitalize(), "points", "higher is worse", 0.0, 100.0)
            for name in FAMILIES
        ),
        RuleColumn("score_high", "Upper end of the score", "points", "higher is worse", 0.0, 100.0),
        RuleColumn("certainty", "Coverage of the score", "share", "higher is better", 0.0, 1.0),
        RuleColumn(
            "unusual_anatomy",
            "Unusual anatomy",
            "0 usual to 100",
            "describes the acquisition",
            0.0,
            100.0,
        ),
        RuleColumn(
            PREPARED_DISTANCE,
            "Distance of the prepared volume",
            "spreads between people",
            "higher is worse",
            0.0,
        ),
        RuleColumn(LEARNED, "Learned reconstruction error", _SQUARED, "higher is worse", 0.0),
        *(RuleColumn(m.name, m.label, m.unit, m.direction) for m in METRICS.values()),
    )
}


def find(name: str) -> RuleColumn:
    """Return a rule_column by its name; one of a joined table or a tag is known by its name alone.

    Raises
    ------
    RuleError
        When there is none, with names that are nearly the same.
    """
    if found := _of_joined(name) or _of_tag(name):
        return found
    if name not in RULE_COLUMNS:
        raise RuleError(f"There is no score or metric {name!r}{closest(name, RULE_COLUMNS)}")
    return RULE_COLUMNS[name]


def is_measured(name: str) -> bool:
    """Return whether a column is one of Tierscope's own, of no joined table."""
    return name in RULE_COLUMNS


def offered(columns: Iterable[object]) -> list[str]:
    """Return all columns that a rule can look at, those of joined tables among ``columns`` last."""
    return [*RULE_COLUMNS, *(str(name) for name in columns if _of_joined(str(name)))]


def _of_joined(name: str) -> RuleColumn | None:
    parts = joined_columns.parts_of(name)
    if parts is None:
        return None
    alike = parts.table == parts.column
    label = parts.column if alike else f"{parts.table}: {parts.column}"
    return RuleColumn(name, label, "", _JOINED[parts.way])


def _of_tag(name: str) -> RuleColumn | None:
    tag = tag_columns.tag_of(name)
    if tag is None:
        return None
    return RuleColumn(name, f"Tag: {tag}", "", "describes the acquisition", 0.0, 1.0)


def closest(name: str, known: Iterable[str], otherwise: str = ".") -> str:
    """Return known names that are nearly ``name``, as the end of a sentence, else ``otherwise``."""
    lower = {other.lower(): other for other in known}
    near = difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(lower[key] for key in near)}?" if near else otherwise


def plain(value: float) -> str:
    """Return a number as people write it, without losing a digit of it."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))
