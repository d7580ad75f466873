"""A rating, its checks, and its rows in the database."""

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from curation import __version__
from curation.decisions import database, schema
from curation.errors import RatingError
from curation.ratings.scales import Scale

MAX_COMMENT = 2000
MAX_RATER = 100
MAX_CONFIDENCE = 4.0

#: A rater gives an opinion, an adjudicator decides on a scan that raters disagree on.
RATING_ROLES = ("rater", "adjudicator")


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
        ("eye-spillover", "Eye-movement ghosting"),
        ("noneye-spillover", "Pulsation or flow ghosting"),
        ("coil-failure", "Coil failure"),
        ("noise-global", "Noise everywhere"),
        ("noise-local", "Noise in places"),
        ("em-perturbation", "Electromagnetic interference"),
        ("wrap-around", "Wrap-around"),
        ("ghost-aliasing", "Parallel-imaging ghosts"),
        ("ghost-other", "Other ghosting"),
        ("inu", "Intensity inhomogeneity (bias field)"),
        ("field-variation", "Susceptibility, B0 variation"),
        ("signal-dropout", "Signal drop-out"),
        ("incomplete-coverage", "Incomplete coverage (FOV cut)"),
        ("processing", "Processing error (defacing, for example)"),
        ("uncategorized", "Something else"),
    )
}


@dataclass(frozen=True)
class Opinion:
    """A rater's entries on one scan.

    Parameters
    ----------
    value : float
        The rating, one of the scale's.
    comment : str
        Free text.
    confidence : float, optional
        0 to 4, as in MRIQC's widget.
    artefacts : sequence of str
        Keys of :data:`ARTEFACTS`.
    seconds : float, optional
        Time spent on the scan.
    shown : JSON-ready, optional
        The state of the screen: views, overlays, hidden fields.
    """

    value: float
    comment: str = ""
    confidence: float | None = None
    artefacts: Sequence[str] = ()
    seconds: float | None = None
    shown: Any = None


@dataclass(frozen=True, kw_only=True)
class Rating(Opinion):
    """One rating as it is stored.

    Parameters
    ----------
    scan_id, rater, scale : str
        The scan, the person and the name of the scale.
    role : {'rater', 'adjudicator'}
        An opinion, or the label that ends a dispute.
    key : str, optional
        Identity of the rating, however often it is sent: unique in the database.
    session_id, position : int, optional
        Place in a session.
    repeat : bool
        Whether the scan was shown before in the session.
    origin : str
        File that it was imported from.
    at : datetime, optional
        Moment of the rating; now by default.
    version : str
        Tierscope that stored it.
    """

    scan_id: str
    rater: str
    scale: str
    role: str = RATING_ROLES[0]
    key: str | None = None
    session_id: int | None = None
    position: int | None = None
    repeat: bool = False
    origin: str = ""
    at: datetime.datetime | None = None
    version: str = __version__


#: One row each for the tables ``ratings`` and ``rating_details``.
RatingRows = tuple[dict[str, Any], dict[str, Any]]


def checked_rows(rating: Rating, scale: Scale) -> RatingRows:
    """Check one rating and make its rows for the tables ``ratings`` and ``rating_details``.

    Parameters
    ----------
    rating : Rating
        As it was given.
    scale : Scale
        The scale of its name.

    Raises
    ------
    RatingError
        When something is missing or out of its range.
    """
    rater, comment = rating.rater.strip(), rating.comment.strip()
    _check_words(rater, comment)
    _check_numbers(scale, rating.value, rating.confidence, rating.seconds)
    unknown = [key for key in rating.artefacts if key not in ARTEFACTS]
    if unknown or rating.role not in RATING_ROLES:
        raise RatingError(
            f"{', '.join(unknown) or rating.role} is not known; choose of "
            f"{', '.join(ARTEFACTS if unknown else RATING_ROLES)}."
        )
    row = {
        "at": rating.at or database.now(),
        "scan_id": rating.scan_id,
        "rater": rater,
        "scale": scale.name,
        "direction": scale.direction,
        "value": float(rating.value),
        "label": scale.values[scale.level(rating.value)],
        "comment": comment,
        "version": rating.version,
    }
    detail = {
        "key": rating.key,
        "role": rating.role,
        "session_id": rating.session_id,
        "position": rating.position,
        "repeat": bool(rating.repeat),
        "confidence": rating.confidence,
        "artefacts": list(rating.artefacts),
        "seconds": rating.seconds,
        "shown": rating.shown,
        "origin": rating.origin,
    }
    return row, detail


def _check_words(rater: str, comment: str) -> None:
    if not rater:
        raise RatingError("Say who rates: type your name or initials before saving.")
    if "\0" in rater + comment:  # which not every database holds, and no eye tells from none
        raise RatingError("A name or comment holds a NUL character; remove it.")
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


def append(connection: sa.Connection, rows: Sequence[RatingRows]) -> list[int]:
    """Insert ratings; return their numbers in order."""
    if not rows:
        return []
    insert = schema.ratings.insert().returning(schema.ratings.c.id, sort_by_parameter_order=True)
    ids = list(connection.execute(insert, [row for row, _ in rows]).scalars())
    details = [
        {"rating_id": number} | detail for number, (_, detail) in zip(ids, rows, strict=True)
    ]
    connection.execute(schema.details.insert(), details)
    return ids
