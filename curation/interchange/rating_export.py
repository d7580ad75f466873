"""Export of ratings and overrides as BIDS derivatives and as files of MRIQC's rating widget.

``WORKSPACE/exports/derivatives/tierscope/`` holds ``ratings.tsv``, ``overrides.tsv`` and ``tags.tsv`` with
dictionaries, ``sessions.json`` (scales, and sessions with when what they hid was shown), and
``mriqc/rater-NAME/SUBJECT.json`` with the name in ``rater.txt``.
The import reads the same columns, so that nothing is lost or doubled.
"""

import datetime
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions, database, scan_tags, schema
from curation.errors import RatingError
from curation.interchange import mriqc_widget
from curation.ratings import artefact_places, rating_log
from curation.ratings.scales import Scale, all_scales
from curation.sessions import session_log, unblinding
from curation.storage import bids_tables, files, tables
from curation.storage.bids_tables import INTEGER, JSON, KEYS, MOMENT, NUMBER, TRUTH, Column
from curation.storage.workspace import Workspace
from curation.tiers import overrides

RATING_COLUMNS: tuple[Column, ...] = (
    Column("scan_id", "The scan that was rated, as in the workspace.", required=True),
    Column("participant_id", "The person on the scan; not read when ratings are imported."),
    Column("bids_name", "The scan's file name without ending; not read when ratings are imported."),
    Column("rater", "Who rated.", required=True),
    Column("at", "When, in UTC.", MOMENT),
    Column("scale", "Name of the scale; the scales are in sessions.json.", required=True),
    Column("direction", "Whether a higher value is better or worse on this scale."),
    Column("value", "The rating.", NUMBER, required=True),
    Column("label", "The word for it; not read when ratings are imported."),
    Column("confidence", "How sure the rater was, 0 to 4.", NUMBER),
    Column("artefacts", "What was seen: MRIQC's keys and two more, with commas between.", KEYS),
    Column(
        "comment",
        "What was written; backslash, tab and line break have a backslash before, and what a "
        "spreadsheet would run has an apostrophe before.",
    ),
    Column("time_sec", "Time spent on the scan.", NUMBER, units="s"),
    Column("role", "rater, or adjudicator: who settled a scan that raters disagree on."),
    Column("rating_session", "Name of the rating session."),
    Column("position", "Place in the session's list, from 0.", INTEGER),
    Column(
        "repeat",
        "Whether the scan was shown a second time, hidden, to see if the rater agrees "
        "with himself.",
        TRUTH,
    ),
    Column("blinded", "Whether name, age, group, site and scores were hidden.", TRUTH),
    Column("seed", "Of the session's draw.", INTEGER),
    Column("shown", "What was on the screen.", JSON),
    Column(
        "places",
        "Where the rater marked artefacts: x, y, z in mm of the scan's own space; not read when ratings are "
        "imported, since shown has them.",
        JSON,
    ),
    Column("withdrawn", "When the rating was taken back, in UTC; it does not count then.", MOMENT),
    Column("origin", "The file from which the rating was imported, if it was."),
    Column("version", "Version of Tierscope that stored it."),
)

OVERRIDE_COLUMNS: tuple[Column, ...] = (
    Column("scan_id", "The scan whose tier was decided by hand.", required=True),
    Column("author", "Who decided.", required=True),
    Column("at", "When, in UTC.", MOMENT, required=True),
    Column("tier", "The tier; n/a gives the scan back to the rule."),
    Column("reason", "Why.", required=True),
    Column("version", "Version of Tierscope that stored it."),
)


TAG_COLUMNS: tuple[Column, ...] = (
    Column("scan_id", "The scan that has the tag.", required=True),
    Column("tag", "The tag.", required=True),
    Column("author", "Who put it on.", required=True),
    Column("at", "When, in UTC.", MOMENT, required=True),
)


RATINGS, OVERRIDES, SESSIONS = "ratings.tsv", "overrides.tsv", "sessions.json"
TAGS = "tags.tsv"
#: Columns of the files that are named otherwise in the database.
RENAMED = {"time_sec": "seconds", "rating_session": "session"}


@guarded(Action.EXPORT_RATINGS)
def export_ratings(workspace: Workspace, *, force: bool = False) -> Path:
    """Write all ratings, those taken back included, overrides and tags; return the folder.

    Everything in the folder is written anew. It can be copied beside a BIDS data set as it is.

    Parameters
    ----------
    workspace : Workspace
        Whose ratings.
    force : bool
        Write also where the files that are there hold more.

    Raises
    ------
    RatingError
        When the files hold more than the database: what is only appended never becomes less, so that the
        database is not the one that they were written from.
    """
    given = rating_log.list_ratings(workspace, withdrawn=True)
    decided = overrides.list_overrides(workspace).to_dict("records")
    sessions = _sessions(workspace)
    if not force:
        now = {"ratings": len(given), "tiers by hand": len(decided)}
        _refuse_fewer(workspace, now | {"sessions": len(sessions["sessions"])})
    folder = bids_tables.derivatives_folder(workspace)
    names = bids_tables.bids_names(tables.read_scans(workspace))
    _write(folder / RATINGS, RATING_COLUMNS, _rating_rows(given, names))
    _write(folder / OVERRIDES, OVERRIDE_COLUMNS, decided)
    _write(folder / TAGS, TAG_COLUMNS, scan_tags.table(workspace).to_dict("records"))
    files.write_json(folder / SESSIONS, sessions)
    mriqc_widget.export(folder / "mriqc", given, names)
    actions.note(workspace, "ratings exported", RATINGS, ratings=len(given))
    return folder


def _refuse_fewer(workspace: Workspace, now: dict[str, int]) -> None:
    folder = workspace.derivatives_dir
    sessions = files.read_note(folder / SESSIONS).get("sessions", ())
    before = {
        "ratings": _rows_in(folder / RATINGS),
        "tiers by hand": _rows_in(folder / OVERRIDES),
        "sessions": len(sessions),
    }
    fewer = [f"{before[what]} {what}, now {now[what]}" for what in now if now[what] < before[what]]
    if fewer:
        raise RatingError(
            f"The export in {folder} holds more than the database: {'; '.join(fewer)}. It is left as it "
            "is. See whether the database is the right one; exported ratings come back with 'python -m "
            "curation import-ratings'. To write over it all the same: 'python -m curation export-ratings "
            "--force'."
        )


def _rows_in(path: Path) -> int:
    """Return how many rows a table holds below its header; 0 where there is none."""
    try:
        with path.open("rb") as lines:
            return max(sum(1 for line in lines if line.strip()) - 1, 0)
    except FileNotFoundError:
        return 0


def _write(path: Path, columns: tuple[bids_tables.Column, ...], rows: list[dict[str, Any]]) -> None:
    bids_tables.write(path, columns, rows)
    files.write_json(path.with_suffix(".json"), bids_tables.dictionary(columns))


def _rating_rows(given: pd.DataFrame, names: pd.DataFrame) -> list[dict[str, Any]]:
    table = given.rename(columns={ours: theirs for theirs, ours in RENAMED.items()})
    table = table.join(names[["participant_id", "bids_name"]], on="scan_id")
    in_sessions = table["rating_session"].notna()
    # outside a session nobody was blinded and nothing drawn: missing, not false
    columns = {
        name: table[name].astype(object) for name in ("blinded", "position", "seed", "withdrawn")
    }
    table = table.assign(
        **{
            name: column.where(in_sessions & column.notna(), None)
            for name, column in columns.items()
        }
    )
    table["places"] = [[*map(list, artefact_places.of(each))] or None for each in given["shown"]]
    table["withdrawn"] = given["withdrawn"].astype(object).where(given["withdrawn"].notna(), None)
    return table.to_dict("records")


def _sessions(workspace: Workspace) -> dict[str, Any]:
    """Return the sessions that can be read with their lists, and the workspace's own scales."""
    items = schema.session_items
    listed: dict[int, list] = {}
    with database.engine(workspace).connect() as connection:
        known, _ = session_log.stored_sessions(connection)
        for row in connection.execute(
            sa.select(items).order_by(items.c.session_id, items.c.position)
        ):
            listed.setdefault(row.session_id, []).append([row.scan_id, row.repeat_of])
        shown = {row.id: unblinding.moment_of(connection, row.id) for row, _ in known}
        withdrawn = unblinding.taken_back(connection)
    scales = all_scales(workspace).values()
    return {
        "scales": [_scale(scale) for scale in scales],
        "sessions": [
            {
                "name": row.name,
                "rater": row.rater,
                "at": row.at.isoformat(),
                "plan": row.plan,
                "version": row.version,
                "items": listed.get(row.id, []),
                "unblinded": shown[row.id],
                "taken_back": rating_log.session_subject(row.id) in withdrawn,
            }
            for row, _ in reversed(known)
        ],
    }


def _scale(scale: Scale) -> Mapping[str, Any]:
    return asdict(scale) | {
        name: [list(pair) for pair in getattr(scale, name).items()]
        for name in ("values", "meanings")
    }


def fingerprint(row: Mapping[str, Any]) -> tuple:
    """Return the identity of a rating, independent of the database that holds it."""
    at = row.get("at")
    moment = at.astimezone(datetime.UTC).isoformat() if at is not None else None
    return (moment, *without_time(row))


def without_time(row: Mapping[str, Any]) -> tuple:
    """Return the same for files that do not say when a rating was given."""
    keys = ("scan_id", "rater", "scale", "value", "confidence", "seconds", "comment", "artefacts")
    values = [row.get(key) for key in keys]
    return tuple(None if _empty(value) else value for value in values)


def _empty(value: Any) -> bool:
    return value in (None, "", ()) or value != value
