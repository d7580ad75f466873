"""Import of ratings from files: all or none, and none that the database holds already."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions, database, scan_tags, schema
from curation.errors import RatingError, TagError
from curation.interchange import mriqc_widget, session_import
from curation.interchange.rating_export import (
    OVERRIDE_COLUMNS,
    OVERRIDES,
    RATING_COLUMNS,
    RATINGS,
    RENAMED,
    SESSIONS,
    TAG_COLUMNS,
    TAGS,
    fingerprint,
    without_time,
)
from curation.interchange.session_import import Given
from curation.ratings import rating_log, rating_record
from curation.ratings.rating_record import Rating
from curation.ratings.scales import Scale, all_scales, import_scale
from curation.sources import allowed_roots
from curation.storage import bids_tables, folder_walk, tables, typed_paths
from curation.storage.bids_tables import Column, bids_names
from curation.storage.workspace import Workspace

#: Held on PostgreSQL while ratings are imported, in the place of a session's number.
_IMPORTING = 0


@dataclass(frozen=True)
class Imported:
    """Result of an import.

    Parameters
    ----------
    added : int
        Ratings that were added.
    known : int
        Ratings that were there already.
    overrides : int
        Tiers by hand that were added.
    tags : int
        Tags that were put on scans.
    unknown : tuple of str
        Scans that this workspace does not have; their ratings were left out.
    """

    added: int
    known: int
    overrides: int = 0
    tags: int = 0
    unknown: tuple[str, ...] = ()


@guarded(Action.IMPORT_RATINGS)
def import_ratings(
    workspace: Workspace, path: str | Path, rater: str | None = None, *, uploaded: bool = False
) -> Imported:
    """Add the ratings of a file that the database does not hold yet.

    Parameters
    ----------
    workspace : Workspace
        Where they go; it has to know the scans.
    path : path
        A folder that :func:`curation.interchange.rating_export.export_ratings` wrote, a table like its
        ``ratings.tsv`` (at least ``scan_id``, ``rater``, ``scale`` and ``value``), or a file or folder of
        MRIQC's widget.
    rater : str, optional
        Who rated, for files that do not say.
    uploaded : bool
        The files were sent, and lie where the server put them.

    Raises
    ------
    SourceError
        When the path lies outside of what may be read.
    RatingError
        When something in a file is wrong, naming the line; then nothing is imported.
    """
    path = typed_paths.expanded(path)
    if not uploaded:
        _refuse_outside(workspace, path)
    if path.suffix.lower() == ".json" or (path.is_dir() and not (path / RATINGS).exists()):
        return _from_widget(workspace, path, rater)
    return _from_table(workspace, path / RATINGS if path.is_dir() else path, rater)


def _refuse_outside(workspace: Workspace, path: Path) -> None:
    """Refuse a path, or a file in its folder, that lies outside of what may be read."""
    allowed = allowed_roots.of(workspace)
    allowed.refuse_others(path)
    beside = (OVERRIDES, SESSIONS, TAGS, mriqc_widget.RATER_FILE)
    for name in beside:  # are read, too, where they lie beside it
        allowed.refuse_others(path.with_name(name))
    if allowed.named is not None and path.is_dir():
        for file in folder_walk.walk(path).files:
            allowed.refuse_others(file)


# ---- MRIQC's widget --------------------------------------------------------------------------------


def _from_widget(workspace: Workspace, path: Path, rater: str | None) -> Imported:
    if not path.exists():
        raise RatingError(f"There is nothing at {path}. Check the path.")
    given = mriqc_widget.read(path, rater)
    if not given:
        raise RatingError(
            f"There is no {RATINGS} and no JSON file in {path}. Name a folder of exported ratings, or of "
            "files of MRIQC's rating widget."
        )
    find = _finder(tables.read_scans(workspace))
    unknown = []
    rows: Given = []
    for where, row in given:
        scan_id = find(where, row.pop("dataset"), row["subject"])
        subject = row.pop("subject")
        if scan_id is None:
            unknown.append(subject)
        elif not row["rater"]:
            raise RatingError(
                f"{where}: the file does not say who rated. Name the rater, or the file's folder "
                "rater-NAME.",
                option="--rater",
            )
        else:
            rows.append((where, row | {"scan_id": scan_id}))
    with database.writing(workspace) as connection:
        added = _add(workspace, connection, rows, path.name)
        _note(connection, path, ratings=added)
    return Imported(added, len(rows) - added, unknown=tuple(unknown))


def _finder(scans: pd.DataFrame) -> Callable[[str, str, str], str | None]:
    """Return a function that finds the scan of a subject's name, in words where there are two."""
    names = bids_names(scans).reset_index()
    candidates: dict[str, list[tuple[str, str]]] = {}
    for row in names.itertuples():
        for name in {row.scan_id, row.bids_name, row.participant_id} - {None}:
            candidates.setdefault(name, []).append((row.source, row.scan_id))

    def find(where: str, dataset: str, subject: str) -> str | None:
        found = candidates.get(subject, [])
        of_dataset = [one for one in found if one[0] == dataset]
        matching = of_dataset or found
        if len(matching) > 1:
            raise RatingError(
                f"{where}: {subject} may be {matching[0][1]} or {matching[1][1]}. Write the scan's id of "
                "this workspace as 'subject'."
            )
        return matching[0][1] if matching else None

    return find


# ---- tables ----------------------------------------------------------------------------------------


def _from_table(workspace: Workspace, path: Path, rater: str | None) -> Imported:
    columns = [
        Column(c.name, c.description, c.kind, c.required and not (rater and c.name == "rater"))
        for c in RATING_COLUMNS
    ]
    given = [
        (
            f"{path.name}, line {line}",
            {"rater": rater} | {RENAMED.get(k, k): v for k, v in row.items()},
        )
        for line, row in bids_tables.read(path, columns)
    ]
    decided = _beside(path, OVERRIDES, OVERRIDE_COLUMNS)
    tagged = _beside(path, TAGS, TAG_COLUMNS)
    sessions = session_import.read(path.with_name(SESSIONS))
    for scale in sessions["scales"]:
        import_scale(workspace, scale)
    here = set(tables.read_scans(workspace)["scan_id"])
    here |= rating_log.rated_scans(workspace)
    rows = [(where, row) for where, row in given if row["scan_id"] in here]
    unknown = tuple(dict.fromkeys(row["scan_id"] for _, row in given if row["scan_id"] not in here))
    with database.writing(workspace) as connection:
        database.take_turn(connection, _IMPORTING)
        numbers = session_import.add(connection, sessions["sessions"])
        session_import.place(rows, numbers)
        added = _add(workspace, connection, rows, path.name)
        overridden = _add_overrides(
            connection, [row for _, row in decided if row["scan_id"] in here]
        )
        tags = _add_tags(connection, [one for one in tagged if one[1]["scan_id"] in here])
        _note(connection, path, ratings=added, tiers_by_hand=overridden, tags=tags)
    return Imported(added, len(rows) - added, overridden, tags, unknown)


def _beside(path: Path, name: str, columns: Sequence[Column]) -> list[tuple[int, dict[str, Any]]]:
    """Return the rows of a table that was exported beside another, with their lines; none without it."""
    table = path.with_name(name)
    return bids_tables.read(table, columns) if table.exists() else []


def _add_tags(connection: sa.Connection, given: list[tuple[int, dict[str, Any]]]) -> int:
    try:
        return scan_tags.add_from_file(connection, [row for _, row in given])
    except TagError as error:
        raise RatingError(f"{TAGS}: {error} Nothing was imported.") from error


def _note(connection: sa.Connection, path: Path, **added: int) -> None:
    """Note who imported, since the raters are those whom the files name."""
    if any(added.values()):
        actions.note_within(connection, "ratings imported", path.name, **added)


# ---- rows ------------------------------------------------------------------------------------------


def _add(workspace: Workspace, connection: sa.Connection, rows: Given, origin: str) -> int:
    """Insert the ratings that the database lacks; return how many.

    As many equal ones as the files hold, and no more: without a time, a rating and its hidden repeat may be
    equal.
    """
    database.take_turn(connection, _IMPORTING)
    scales = all_scales(workspace)
    there = rating_log.list_ratings(workspace, withdrawn=True).to_dict("records")
    held = {
        fingerprint: Counter(map(fingerprint, there)),
        without_time: Counter(map(without_time, there)),
    }
    new, withdrawn = [], []
    for where, row in rows:
        known = held[fingerprint if "at" in row else without_time]
        mark = (fingerprint if "at" in row else without_time)(row | {"value": float(row["value"])})
        if known[mark] > 0:
            known[mark] -= 1
            continue
        new.append(_checked(where, scales, row, origin))
        withdrawn.append(row.get("withdrawn"))
    try:
        ids = rating_record.append(connection, new)
    except sa.exc.IntegrityError as error:
        raise RatingError(
            f"{origin} holds another rating of a place in a session that is rated here already. Undo one of "
            "them, then import again. Nothing was imported."
        ) from error
    taken_back = [
        {"at": at, "rating_id": number, "author": rating["rater"], "version": rating["version"]}
        for number, at, (rating, _) in zip(ids, withdrawn, new, strict=True)
        if at is not None
    ]
    if taken_back:
        connection.execute(schema.withdrawals.insert(), taken_back)
    return len(ids)


def _checked(
    where: str, scales: dict[str, Scale], row: dict[str, Any], origin: str
) -> rating_record.RatingRows:
    scale = scales.get(row["scale"])
    if scale is None:
        raise RatingError(
            f"{where}: there is no scale {row['scale']!r}; known are {', '.join(scales)}."
        )
    if row.get("direction", scale.direction) != scale.direction:
        raise RatingError(
            f"{where}: the direction is {row['direction']!r}, but on the scale {scale.name!r} "
            f"{scale.direction}. Say which scale is meant."
        )
    names = {item.name for item in fields(Rating)}
    given = {name: value for name, value in row.items() if name in names}
    try:
        return rating_record.checked_rows(Rating(**{"origin": origin} | given), scale)
    except RatingError as error:
        raise RatingError(f"{where}: {error}") from error


def _add_overrides(connection: sa.Connection, given: Iterable[dict[str, Any]]) -> int:
    table = schema.overrides
    names = ("at", "scan_id", "author", "tier", "reason", "version")
    there = {
        tuple(row) for row in connection.execute(sa.select(*(table.c[name] for name in names)))
    }
    rows = [dict.fromkeys(names) | {"version": ""} | row for row in given]
    new = [row for row in rows if tuple(row[name] for name in names) not in there]
    if new:
        connection.execute(table.insert(), new)
    return len(new)
