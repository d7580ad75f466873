"""What people say of a scan's quality: appended, never overwritten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa

from curation import __version__, database
from curation.errors import RatingError
from curation.workspace import Workspace

MAX_COMMENT = 2000
MAX_RATER = 100


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
        What may be given, with the word for each, best first.
    direction : str
        Stored with each rating, because 1 is best on some scales and worst on others.
    citation : str
        Where the scale comes from.
    """

    name: str
    label: str
    values: dict[float, str]
    direction: Literal["higher is better", "higher is worse"]
    citation: str


SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale(
            "three-level",
            "Accept / doubtful / exclude",
            {1.0: "accept", 0.0: "doubtful", -1.0: "exclude"},
            "higher is better",
            "ABIDE and DS030 ratings, Esteban et al. 2017, doi:10.1371/journal.pone.0184661",
        ),
        Scale(
            "mriqc-4",
            "MRIQC: excellent to exclude",
            {4.0: "excellent", 3.0: "acceptable", 2.0: "poor", 1.0: "exclude"},
            "higher is better",
            "MRIQC rating widget, Provins et al. 2023, doi:10.3389/fnimg.2022.1073734",
        ),
        Scale(
            "pass-fail",
            "Pass / fail",
            {1.0: "pass", 0.0: "fail"},
            "higher is better",
            "Common clinical practice",
        ),
    )
}


def add_rating(
    workspace: Workspace, *, scan_id: str, rater: str, scale: str, value: float, comment: str = ""
) -> int:
    """Append one rating.

    Returns
    -------
    int
        The number of the rating's row, given by the database once it is safely stored.

    Raises
    ------
    RatingError
        When the rater is not named, the scale is unknown, or the value is not on it.
    """
    row = _row(scan_id, rater, scale, value, comment)
    with database.engine(workspace).begin() as connection:
        insert = database.ratings.insert().values(row).returning(database.ratings.c.id)
        return connection.execute(insert).scalar_one()


def add_ratings(workspace: Workspace, given: Sequence[Mapping[str, Any]]) -> None:
    """Append many ratings, all or none.

    Parameters
    ----------
    workspace : Workspace
        Where they go.
    given : sequence of mapping
        Each with ``scan_id``, ``rater``, ``scale`` and ``value``.

    Raises
    ------
    RatingError
        See :func:`add_rating`.
    """
    rows = [_row(**one) for one in given]
    if rows:
        with database.engine(workspace).begin() as connection:
            connection.execute(database.ratings.insert(), rows)


def _row(scan_id: str, rater: str, scale: str, value: float, comment: str = "") -> dict[str, Any]:
    rater = rater.strip()
    if not rater:
        raise RatingError("Say who rates: type your name or initials before saving.")
    if len(rater) > MAX_RATER or len(comment) > MAX_COMMENT:
        raise RatingError(
            f"A name has at most {MAX_RATER} letters and a comment {MAX_COMMENT}; shorten it."
        )
    if scale not in SCALES:
        raise RatingError(f"There is no scale {scale!r}; choose one of {', '.join(SCALES)}.")
    chosen = SCALES[scale]
    if value not in chosen.values:
        raise RatingError(
            f"{value:g} is not on the scale {chosen.label!r}; "
            f"choose one of {', '.join(chosen.values.values())}."
        )
    return {
        "at": database.now(),
        "scan_id": scan_id,
        "rater": rater,
        "scale": scale,
        "direction": chosen.direction,
        "value": value,
        "label": chosen.values[value],
        "comment": comment.strip(),
        "version": __version__,
    }


def list_ratings(workspace: Workspace, scan_id: str | None = None) -> pd.DataFrame:
    """Read the ratings, oldest first.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    scan_id : str, optional
        Only those of one scan.

    Returns
    -------
    pandas.DataFrame
        One row a rating with the columns of the ``ratings`` table.
    """
    query = sa.select(database.ratings).order_by(database.ratings.c.id)
    if scan_id is not None:
        query = query.where(database.ratings.c.scan_id == scan_id)
    with database.engine(workspace).connect() as connection:
        rows = connection.execute(query)
        return pd.DataFrame(rows.all(), columns=list(rows.keys()))


def newest(workspace: Workspace) -> int:
    """Return the number of the last rating, 0 before the first: it changes when there are more."""
    query = sa.select(sa.func.max(database.ratings.c.id))
    with database.engine(workspace).connect() as connection:
        return connection.execute(query).scalar() or 0


def rated_scans(workspace: Workspace) -> frozenset[str]:
    """Return the ids of the scans that have a rating."""
    query = sa.select(database.ratings.c.scan_id).distinct()
    with database.engine(workspace).connect() as connection:
        return frozenset(connection.execute(query).scalars())
