"""One rating as rows of the database: what it consists of, checked before it is stored."""

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

#: Who speaks: a rater gives an opinion, an adjudicator the verdict on a contested scan.
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
    if unknown or role not in RATING_ROLES:
        raise RatingError(
            f"{', '.join(unknown) or role} is not known; choose of "
            f"{', '.join(ARTEFACTS if unknown else RATING_ROLES)}."
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
    insert = schema.ratings.insert().returning(schema.ratings.c.id, sort_by_parameter_order=True)
    ids = list(connection.execute(insert, [rating for rating, _ in rows]).scalars())
    details = [
        {"rating_id": number} | detail for number, (_, detail) in zip(ids, rows, strict=True)
    ]
    connection.execute(schema.details.insert(), details)
    return ids
