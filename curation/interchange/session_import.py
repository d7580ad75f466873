"""Import of rating sessions, checked beforehand, since stored rows are never removed."""

from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from curation.decisions import schema
from curation.errors import RatingError, SessionError
from curation.interchange.rating_export import RATINGS, SESSIONS
from curation.ratings.rating_record import MAX_RATER
from curation.ratings.scales import SCALES, Scale
from curation.sessions import session_plan, unblinding
from curation.storage import bids_tables, files

Given = list[tuple[str, dict[str, Any]]]


def read(path: Path) -> dict[str, Any]:
    """Return the sessions and the study's own scales that were exported beside the ratings.

    Returns
    -------
    dict
        ``scales`` (list of Scale) and ``sessions`` (list of dict, as exported); both empty without a file.

    Raises
    ------
    SessionError
        When the file is not as it was exported.
    """
    try:
        given = files.read_json(path) or {"scales": [], "sessions": []}
        scales = [_scale(one) for one in given["scales"] if one["name"] not in SCALES]
        sessions = [_session(one) for one in given["sessions"]]
        if len({(one["rater"], one["name"]) for one in sessions}) < len(sessions):
            raise ValueError("a session is in it twice")
    except (ValueError, KeyError, TypeError, RecursionError, RatingError) as error:
        raise SessionError(
            f"{path.name} is not as it was exported ({error}). Export anew, or remove it: the ratings are "
            "then imported without their sessions."
        ) from error
    return {"scales": scales, "sessions": sessions}


def _scale(given: dict[str, Any]) -> Scale:
    """Build a scale from an export; it is checked when it is added."""
    words = {float(value): str(word) for value, word in given["values"]}
    texts = {name: str(given[name]) for name in ("name", "label", "direction", "citation")}
    said = {float(value): str(one) for value, one in given.get("meanings", [])}
    return Scale(**given | texts | {"values": words, "meanings": said})


def _session(given: dict[str, Any]) -> dict[str, Any]:
    """Return a session of an export, checked, since stored rows are never removed."""
    session_plan.SessionPlan.from_dict(given["plan"])
    places = given["items"]
    for position, (scan_id, first) in enumerate(places):
        repeats = first is None or (type(first) is int and 0 <= first < position)
        if not isinstance(scan_id, str) or not repeats:
            raise ValueError(f"place {position} of the session {given['name']!r:.60}")
    texts = {name: str(given[name]).strip() for name in ("name", "rater", "version")}
    too_long = max(len(texts["name"]), len(texts["rater"])) > MAX_RATER
    if not places or not texts["name"] or not texts["rater"] or too_long:
        raise ValueError(f"the session {texts['name']!r:.60} of {texts['rater']!r:.60}")
    shown = given.get("unblinded")  # files of versions until 0.12 do not say
    if not isinstance(given.get("taken_back", False), bool):  # those until 0.16 do not say
        raise ValueError(f"whether the session {texts['name']!r:.60} was taken back")
    return (
        given
        | texts
        | {
            "at": bids_tables.MOMENT.read(given["at"]),
            "version": texts["version"][:20],
            "unblinded": None if shown is None else bids_tables.MOMENT.read(shown).isoformat(),
        }
    )


def add(connection: sa.Connection, given: list[dict[str, Any]]) -> dict[tuple, int]:
    """Add the sessions that the database lacks; return the number of each by rater and name.

    A session whose hidden fields were shown stays one: no rating of it is blind from then on.

    Raises
    ------
    SessionError
        When a rater has another session of a name.
    """
    table, items = schema.sessions, schema.session_items
    there = {(row.rater, row.name): row for row in connection.execute(sa.select(table))}
    numbers = {}
    for one in given:
        key = (one["rater"], one["name"])
        found = there.get(key)
        if found is not None and (found.at, found.plan) != (one["at"], one["plan"]):
            raise SessionError(
                f"{one['rater']} has another session named {one['name']!r} in this workspace. Rename the one "
                f"in the files, in {SESSIONS} and {RATINGS}."
            )
        if found is None:
            row = {name: one[name] for name in ("at", "name", "rater", "plan", "version")}
            insert = table.insert().values(row).returning(table.c.id)
            numbers[key] = connection.execute(insert).scalar_one()
            places = [
                {"session_id": numbers[key], "position": place, "scan_id": scan, "repeat_of": first}
                for place, (scan, first) in enumerate(one["items"])
            ]
            connection.execute(items.insert(), places)
        else:
            numbers[key] = found.id
        if one["unblinded"] and unblinding.moment_of(connection, numbers[key]) is None:
            detail = {"name": one["name"], "at": one["unblinded"]}
            unblinding.note(connection, numbers[key], one["rater"], detail)
        if one.get("taken_back") and unblinding.can_be_taken_back(connection, numbers[key]):
            detail = {"name": one["name"]}
            unblinding.note_taken_back(connection, numbers[key], one["rater"], detail)
    return numbers


def place(rows: Given, numbers: dict[tuple, int]) -> None:
    """Give the ratings of sessions the number of their session here, and the key that it knows them by."""
    attempts: Counter[tuple] = Counter()
    for _, row in rows:
        number = numbers.get((row["rater"], row.pop("session", None)))
        position = row.get("position")
        if number is not None and position is not None:
            attempt = attempts[number, position]
            attempts[number, position] += 1
            row["session_id"] = number
            row["key"] = f"session {number} position {position} attempt {attempt}"
        else:
            row.pop("position", None)
