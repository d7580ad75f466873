"""Rating scales: the published ones, and those that a study adds."""

import math
from dataclasses import dataclass, field, replace
from typing import Literal

import sqlalchemy as sa

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import database, schema
from curation.errors import RatingError
from curation.storage.files import slug
from curation.storage.workspace import Workspace

MAX_NAME, MAX_WORD, MAX_LEVELS, MAX_MEANING = 50, 50, 10, 200


@dataclass(frozen=True)
class Scale:
    """A rating scale.

    Parameters
    ----------
    name : str
        Key in :data:`SCALES`, stored with each rating.
    label : str
        What the screen calls it.
    values : dict of float to str
        What may be given, with the word for each, best first. The last one excludes a scan.
    direction : str
        Stored with each rating, because 1 is best on some scales and worst on others.
    citation : str
        Where the scale comes from.
    continuous : bool
        True where values between the levels may be given, by a slider of another program.
    meanings : dict of float to str
        What a level is given for, as raters read it; of the levels that somebody explained. Of the field's
        scales in words of Tierscope's own: a protocol's come before them.
    """

    name: str
    label: str
    values: dict[float, str]
    direction: Literal["higher is better", "higher is worse"]
    citation: str
    continuous: bool = False
    meanings: dict[float, str] = field(default_factory=dict, compare=False)

    @property
    def worst(self) -> float:
        """The value that excludes a scan."""
        return list(self.values)[-1]

    def holds(self, value: float) -> bool:
        """Return whether ``value`` may be given."""
        between = self.continuous and min(self.values) <= value <= max(self.values)
        return between or value in self.values

    def level(self, value: float) -> float:
        """Return the level nearest to ``value``; half-way, the one nearer the middle of the scale.

        On MRIQC's slider: exclude under 1.5, poor under 2.5, acceptable up to 3.5, excellent above.

        Examples
        --------
        >>> scale = SCALES["mriqc-4"]
        >>> scale.values[scale.level(2.6)]
        'acceptable'
        """
        middle = (min(self.values) + max(self.values)) / 2
        return min(self.values, key=lambda one: (abs(one - value), abs(one - middle)))


#: The scales of the field, by name.
SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale(
            "three-level",
            "Accept / doubtful / exclude",
            {1.0: "accept", 0.0: "doubtful", -1.0: "exclude"},
            "higher is better",
            "ABIDE and DS030 ratings, Esteban et al. 2017, doi:10.1371/journal.pone.0184661",
            meanings={
                1.0: "to be used as it is",
                0.0: "artefacts that may change a measurement: a second opinion is wanted",
                -1.0: "not to be measured on",
            },
        ),
        Scale(
            "mriqc-4",
            "MRIQC: excellent to exclude",
            {4.0: "excellent", 3.0: "acceptable", 2.0: "poor", 1.0: "exclude"},
            "higher is better",
            "MRIQC rating widget, Provins et al. 2023, doi:10.3389/fnimg.2022.1073734",
            continuous=True,
        ),
        Scale(
            "pass-fail",
            "Pass / fail",
            {1.0: "pass", 0.0: "fail"},
            "higher is better",
            "Common clinical practice",
            meanings={1.0: "good enough for its purpose", 0.0: "to be acquired again, or left out"},
        ),
    )
}


def all_scales(workspace: Workspace) -> dict[str, Scale]:
    """Return the scales of the field and the workspace's own, by name."""
    with database.engine(workspace).connect() as connection:
        return scales_of(connection)


def scales_of(connection: sa.Connection) -> dict[str, Scale]:
    """Return what :func:`all_scales` does, by a connection that is open already."""
    query = sa.select(schema.scales).order_by(schema.scales.c.at, schema.scales.c.name)
    own = [_from_row(row) for row in connection.execute(query)]
    return SCALES | {scale.name: scale for scale in own}


def find_scale(workspace: Workspace, name: str) -> Scale:
    """Return a scale by its name.

    Raises
    ------
    RatingError
        When there is none.
    """
    known = SCALES if name in SCALES else all_scales(workspace)
    if name not in known:
        raise RatingError(f"There is no scale {name!r}; choose one of {', '.join(known)}.")
    return known[name]


@guarded(Action.ADD_SCALE, author="author")
def add_scale(workspace: Workspace, scale: Scale, author: str = "") -> None:
    """Add the study's own scale. It cannot be changed afterwards; the same scale again changes nothing.

    Raises
    ------
    RatingError
        When the scale does not make sense, or another one has its name.
    """
    _store(workspace, scale, author)


@guarded(Action.IMPORT_RATINGS)
def import_scale(workspace: Workspace, scale: Scale) -> None:
    """Add a scale that imported ratings were given on, as :func:`add_scale`; who made it is not known."""
    _store(workspace, scale, "")


def _store(workspace: Workspace, scale: Scale, author: str) -> None:
    words = {float(value): word.strip() for value, word in scale.values.items()}
    scale = replace(
        scale,
        label=scale.label.strip(),
        values=words,
        citation=scale.citation.strip(),
        continuous=False,
        meanings={float(value): said.strip() for value, said in scale.meanings.items()},
    )
    _check(scale)
    row = {
        "name": scale.name,
        "at": database.now(),
        "label": scale.label,
        "words": [
            [value, word, *filter(None, [scale.meanings.get(value)])]
            for value, word in scale.values.items()
        ],
        "direction": scale.direction,
        "citation": scale.citation,
        "author": author.strip(),
        "version": __version__,
    }
    try:
        with database.writing(workspace) as connection:
            connection.execute(schema.scales.insert().values(row))
    except sa.exc.IntegrityError:
        if all_scales(workspace)[scale.name] != scale:
            raise RatingError(
                f"There is another scale named {scale.name!r}, and ratings may have been given on it: "
                "choose another name."
            ) from None


def scale_of_lines(label: str, lines: str, source: str, *, higher: bool) -> Scale:
    """Make a scale of levels that were typed, one a line, best first; they are numbered from 1.

    Parameters
    ----------
    label : str
        What it is called.
    lines : str
        The levels' words, each with what it is given for behind a colon, where that is said.
    source : str
        Where it comes from; may be empty.
    higher : bool
        Whether the best has the highest number.

    Raises
    ------
    RatingError
        Without a name.
    """
    parts = [line.partition(":") for line in lines.splitlines() if line.strip()]
    words = [word.strip() for word, _, _ in parts]
    if not label.strip():
        raise RatingError("Name the scale.")
    numbers = range(len(words), 0, -1) if higher else range(1, len(words) + 1)
    values = {float(number): word for number, word in zip(numbers, words, strict=True)}
    said = {value: text.strip() for value, (_, _, text) in zip(values, parts, strict=True)}
    direction: Literal["higher is better", "higher is worse"]
    direction = "higher is better" if higher else "higher is worse"
    meanings = {value: text for value, text in said.items() if text}
    return Scale(slug(label), label, values, direction, source, meanings=meanings)


def _check(scale: Scale) -> None:
    values, words = list(scale.values), list(scale.values.values())
    if slug(scale.name) != scale.name or len(scale.name) > MAX_NAME or scale.name in SCALES:
        raise RatingError(
            f"{scale.name!r} cannot name a scale: use up to {MAX_NAME} letters, digits, '-', '_' and '.', "
            f"and none of {', '.join(SCALES)}."
        )
    if not 2 <= len(values) <= MAX_LEVELS or not all(math.isfinite(value) for value in values):
        raise RatingError(f"A scale has 2 to {MAX_LEVELS} levels, each a number; choose them anew.")
    if len(set(words)) != len(words) or not all(0 < len(word) <= MAX_WORD for word in words):
        raise RatingError(f"Each level needs a word of its own, of at most {MAX_WORD} letters.")
    if not set(scale.meanings) <= set(values) or any(
        len(said) > MAX_MEANING for said in scale.meanings.values()
    ):
        raise RatingError(f"What a level means is said in at most {MAX_MEANING} letters.")
    if scale.direction not in ("higher is better", "higher is worse"):
        raise RatingError(
            f"A scale's direction is 'higher is better' or 'higher is worse', not {scale.direction!r}."
        )
    if values != sorted(values, reverse=scale.direction == "higher is better"):
        raise RatingError(
            f"Levels come best first, and here {scale.direction}; these are "
            f"{', '.join(f'{value:g}' for value in values)}."
        )


def _from_row(row: sa.Row) -> Scale:
    values = {float(value): word for value, word, *_ in row.words}
    meanings = {float(value): said for value, _, *of_it in row.words for said in of_it[:1]}
    return Scale(row.name, row.label, values, row.direction, row.citation, meanings=meanings)
