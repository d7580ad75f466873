"""What people say of a scan's quality: appended, never overwritten."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from curation import __version__, database
from curation.errors import RatingError
from curation.scales import SCALES, Scale, add_scale, all_scales, find_scale
from curation.workspace import Workspace

__all__ = ["SCALES", "Scale", "add_scale", "all_scales", "find_scale"]

MAX_COMMENT = 2000
MAX_RATER = 100
MAX_CONFIDENCE = 4.0

#: Who speaks: a rater gives an opinion, an adjudicator the verdict on a contested scan.
ROLES = ("rater", "adjudicator")


@dataclass(frozen=True)
class Artefact:
    """Something wrong with a scan that a rater can tag.

    Parameters
    ----------
    key : str
        Stored; MRIQC's where it has one.
    label : str
        What the screen calls it.
    """

    key: str
    label: str


#: Those of MRIQC's rating widget, and two that its users ask for.
ARTEFACTS: dict[str, Artefact] = {
    key: Artefact(key, label)
    for key, label in (
        ("head-motion", "Head motion"),
        ("eye-spillover", "Eye spillover"),
        ("noneye-spillover", "Spillover, not of the eyes"),
        ("coil-failure", "Coil failure"),
        ("noise-global", "Noise everywhere"),
        ("noise-local", "Noise in places"),
        ("em-perturbation", "Electromagnetic interference"),
        ("wrap-around", "Wrap-around"),
        ("ghost-aliasing", "Ghosts of aliasing"),
        ("ghost-other", "Other ghosts"),
        ("inu", "Uneven brightness"),
        ("field-variation", "Field variation"),
        ("signal-dropout", "Signal drop-out"),
        ("incomplete-coverage", "Head not covered whole"),
        ("processing", "Damaged by processing (defacing, for example)"),
        ("uncategorized", "Something else"),
    )
}


def add_rating(
    workspace: Workspace, *, scan_id: str, rater: str, scale: str, value: float, **known: Any
) -> int:
    """Append one rating.

    Parameters
    ----------
    workspace : Workspace
        Where it goes.
    scan_id, rater, scale, value
        What is rated, by whom, on which scale, and the rating.
    **known
        See :func:`prepared`.

    Returns
    -------
    int
        The number of the rating's row, given by the database once it is safely stored.

    Raises
    ------
    RatingError
        When the rater is not named, the scale is unknown, or the value is not on it.
    """
    chosen = find_scale(workspace, scale)
    rows = prepared(chosen, scan_id=scan_id, rater=rater, value=value, **known)
    with database.writing(workspace) as connection:
        return append(connection, [rows])[0]


def add_ratings(workspace: Workspace, given: Sequence[Mapping[str, Any]]) -> None:
    """Append many ratings, all or none.

    Parameters
    ----------
    workspace : Workspace
        Where they go.
    given : sequence of mapping
        Each with ``scan_id``, ``rater``, ``scale``, ``value`` and whatever :func:`prepared` takes.

    Raises
    ------
    RatingError
        See :func:`add_rating`.
    """
    scales = all_scales(workspace)
    rows = []
    for one in given:
        rest = dict(one)
        name = rest.pop("scale")
        if name not in scales:
            raise RatingError(f"There is no scale {name!r}; choose one of {', '.join(scales)}.")
        rows.append(prepared(scales[name], **rest))
    with database.writing(workspace) as connection:
        append(connection, rows)


def adjudicate(
    workspace: Workspace, *, scan_id: str, author: str, scale: str, value: float, reason: str
) -> int:
    """Append the verdict on a contested scan: one more row, which ends the dispute.

    Raises
    ------
    RatingError
        As :func:`add_rating`, and when no reason is given.
    """
    if not reason.strip():
        raise RatingError("A verdict needs a reason: say in a sentence what decided it.")
    return add_rating(
        workspace, scan_id=scan_id, rater=author, scale=scale, value=value, comment=reason,
        role="adjudicator",
    )  # fmt: skip


Prepared = tuple[dict[str, Any], dict[str, Any]]


def prepared(
    scale: Scale,
    *,
    scan_id: str,
    rater: str,
    value: float,
    comment: str = "",
    confidence: float | None = None,
    artefacts: Sequence[str] = (),
    seconds: float | None = None,
    role: str = "rater",
    **stored: Any,
) -> Prepared:
    """Check one rating and make its rows for the tables ``ratings`` and ``rating_details``.

    Parameters
    ----------
    scale : Scale
        The scale.
    scan_id, rater, value, comment
        What is rated, by whom, the rating, and what was written.
    confidence : float, optional
        0 to 4, as in MRIQC's widget.
    artefacts : sequence of str
        Keys of :data:`ARTEFACTS`.
    seconds : float, optional
        Time spent on the scan.
    role : {'rater', 'adjudicator'}
        Who speaks.
    **stored
        ``shown`` (JSON-ready: what was on the screen), ``at``, ``version``, ``label``, ``key``,
        ``session_id``, ``position``, ``repeat``, ``origin``: stored as they are.

    Raises
    ------
    RatingError
        When something is missing or out of its range.
    """
    rater, comment = rater.strip(), comment.strip()
    _check_words(rater, comment)
    _check_numbers(scale, value, confidence, seconds)
    unknown = [key for key in artefacts if key not in ARTEFACTS]
    if unknown or role not in ROLES:
        raise RatingError(
            f"{', '.join(unknown) or role} is not known; choose of "
            f"{', '.join(ARTEFACTS if unknown else ROLES)}."
        )
    rating = {
        "at": stored.get("at") or database.now(),
        "scan_id": scan_id,
        "rater": rater,
        "scale": scale.name,
        "direction": scale.direction,
        "value": float(value),
        "label": scale.values[scale.level(value)],
        "comment": comment,
        "version": stored.get("version", __version__),
    }
    detail = {
        "key": stored.get("key"),
        "role": role,
        "session_id": stored.get("session_id"),
        "position": stored.get("position"),
        "repeat": bool(stored.get("repeat", False)),
        "confidence": confidence,
        "artefacts": list(artefacts),
        "seconds": seconds,
        "shown": stored.get("shown"),
        "origin": stored.get("origin", ""),
    }
    return rating, detail


def _check_words(rater: str, comment: str) -> None:
    if not rater:
        raise RatingError("Say who rates: type your name or initials before saving.")
    if len(rater) > MAX_RATER or len(comment) > MAX_COMMENT:
        raise RatingError(
            f"A name has at most {MAX_RATER} letters and a comment {MAX_COMMENT}; shorten it."
        )


def _check_numbers(
    scale: Scale, value: float, confidence: float | None, seconds: float | None
) -> None:
    if not scale.holds(value):
        raise RatingError(
            f"{value:g} is not on the scale {scale.label!r}; "
            f"choose one of {', '.join(scale.values.values())}."
        )
    if confidence is not None and not 0 <= confidence <= MAX_CONFIDENCE:
        raise RatingError(f"Confidence goes from 0 to {MAX_CONFIDENCE:g}; {confidence:g} came.")
    if seconds is not None and not (math.isfinite(seconds) and seconds >= 0):
        raise RatingError(f"Time on a scan is a number of seconds, 0 or more; {seconds} came.")


def append(connection: sa.Connection, rows: Sequence[Prepared]) -> list[int]:
    """Insert prepared ratings; return their numbers in order."""
    if not rows:
        return []
    insert = database.ratings.insert().returning(
        database.ratings.c.id, sort_by_parameter_order=True
    )
    ids = list(connection.execute(insert, [rating for rating, _ in rows]).scalars())
    details = [
        {"rating_id": number} | detail for number, (_, detail) in zip(ids, rows, strict=True)
    ]
    connection.execute(database.details.insert(), details)
    return ids


def list_ratings(
    workspace: Workspace, scan_id: str | None = None, *, withdrawn: bool = False
) -> pd.DataFrame:
    """Read the ratings, oldest first.

    Parameters
    ----------
    workspace : Workspace
        Where they are.
    scan_id : str, optional
        Only those of one scan.
    withdrawn : bool
        With those that were taken back.

    Returns
    -------
    pandas.DataFrame
        One row a rating: the columns of the tables ``ratings`` and ``rating_details``, ``level`` (the
        level of the scale that the value belongs to), ``excluded`` (whether that is the worst one) and
        ``withdrawn`` (when it was taken back, else ``None``).
    """
    query = _joined()
    if scan_id is not None:
        query = query.where(database.ratings.c.scan_id == scan_id)
    if not withdrawn:
        query = query.where(database.withdrawals.c.id.is_(None))
    with database.engine(workspace).connect() as connection:
        rows = connection.execute(query)
        table = pd.DataFrame(rows.all(), columns=list(rows.keys()), dtype=object)
    return _typed(table, all_scales(workspace))


def _joined() -> sa.Select:
    ratings, details, withdrawals = database.ratings, database.details, database.withdrawals
    more = [column for column in details.c if column.name != "rating_id"]
    joined = ratings.outerjoin(details, details.c.rating_id == ratings.c.id).outerjoin(
        withdrawals, withdrawals.c.rating_id == ratings.c.id
    )
    columns = (*ratings.c, *more, withdrawals.c.at.label("withdrawn"))
    return sa.select(*columns).select_from(joined).order_by(ratings.c.id)


def _typed(table: pd.DataFrame, scales: Mapping[str, Scale]) -> pd.DataFrame:
    """Fill in what older ratings lack, and say of each what it means on its scale."""
    table["role"] = table["role"].fillna(ROLES[0])
    table["repeat"] = table["repeat"].fillna(False).astype(bool)
    table["origin"] = table["origin"].fillna("")
    table["artefacts"] = [tuple(keys) if keys else () for keys in table["artefacts"]]
    for name in ("value", "confidence", "seconds"):
        table[name] = table[name].astype("float64")
    table["id"] = table["id"].astype("int64")
    for name in ("session_id", "position"):
        table[name] = table[name].astype("Int64")
    pairs = list(zip(table["scale"], table["value"], strict=True))
    known = [(scales.get(name), value) for name, value in pairs]
    table["level"] = pd.Series(
        [scale.level(value) if scale else value for scale, value in known], dtype="float64"
    )
    worst = [scale is not None and scale.level(value) == scale.worst for scale, value in known]
    table["excluded"] = pd.Series(worst, dtype="bool")
    return table


def current(ratings: pd.DataFrame) -> pd.DataFrame:
    """Return the ratings that stand.

    Parameters
    ----------
    ratings : pandas.DataFrame
        See :func:`list_ratings`.

    Returns
    -------
    pandas.DataFrame
        Not withdrawn; of each rater's ratings of a scan in a session, on a scale and in a role, the newest.
        A hidden repeat stands beside the first. Ratings outside sessions count as one session.
    """
    standing = ratings[ratings["withdrawn"].isna()].sort_values("id")
    one = ["rater", "scan_id", "scale", "role", "session_id", "repeat"]
    return standing.drop_duplicates(one, keep="last").reset_index(drop=True)


def newest(workspace: Workspace) -> int:
    """Return a number that grows with each rating and each withdrawal; 0 before the first."""
    counts = [
        sa.select(sa.func.coalesce(sa.func.max(table.c.id), 0)).scalar_subquery()
        for table in (database.ratings, database.withdrawals)
    ]
    with database.engine(workspace).connect() as connection:
        return connection.execute(sa.select(counts[0] + counts[1])).scalar_one()


def rated_scans(workspace: Workspace) -> frozenset[str]:
    """Return the ids of the scans that have a rating that stands."""
    ratings, withdrawals = database.ratings, database.withdrawals
    taken_back = sa.select(withdrawals.c.rating_id)
    query = sa.select(ratings.c.scan_id).where(ratings.c.id.not_in(taken_back)).distinct()
    with database.engine(workspace).connect() as connection:
        return frozenset(connection.execute(query).scalars())
