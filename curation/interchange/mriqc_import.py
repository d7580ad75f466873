"""Import of MRIQC's results: scans without images, but with metrics, scores and ratings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.assessment import metric_shards
from curation.errors import SourceError
from curation.interchange import mriqc_tables
from curation.interchange.mriqc_tables import RATING_SCALE, MriqcTable
from curation.metrics import METRICS, METRICS_VERSION
from curation.ratings import rating_log
from curation.ratings.rating_record import MAX_RATER, Rating
from curation.references import reference_library
from curation.sources import (
    allowed_roots,
    participants_table,
    pseudonyms,
    scan_names,
    who_is_who,
)
from curation.sources import source as sources
from curation.sources.ingest import IngestSummary, gone, note_listed, of_source, put
from curation.storage import files, tables
from curation.storage.workspace import Role, Source, Workspace

#: Statuses of rows whose metrics and ratings are kept.
_KEPT = ("table", "other")


@dataclass(frozen=True)
class TableSummary(IngestSummary):
    """Result of importing MRIQC's results.

    Parameters
    ----------
    ratings : int
        Ratings that were added to the database.
    """

    ratings: int = 0


@guarded(Action.INGEST)
def import_table(
    workspace: Workspace,
    path: str | Path,
    *,
    name: str | None = None,
    role: Role | None = None,
    modality: str | None = None,
    participants: str | Path | None = None,
    raters: str | None = None,
    rater_names: Mapping[str, str] | None = None,
    published: bool = False,
    hide_names: bool | None = None,
) -> TableSummary:
    """List the scans of MRIQC's results in the workspace, with their metrics, scores and ratings.

    Parameters
    ----------
    workspace : Workspace
        Where the scans are listed.
    path : path
        See :func:`curation.interchange.mriqc_tables.read`.
    name : str, optional
        Short name of the source; the file's or folder's name by default.
    role, modality : optional
        See :func:`curation.sources.ingest.ingest`.
    participants : path, optional
        Table of people to join.
    raters : str, optional
        Put before the names of columns with ratings. By default the source's name, before those that only
        number raters: ``rater_1`` of two tables is not one person.
    rater_names : mapping of str to str, optional
        Who rated in which column. A table that came before keeps the names that are stored.
    published : bool
        The table comes with a package, and may be read wherever that lies.
    hide_names : bool, optional
        Give scans and people pseudonyms; by default as before, or as other sources have.

    Returns
    -------
    TableSummary

    Raises
    ------
    SourceError
        When nothing can be read, or a column's ratings are stored under another name than is given. Single
        rows that cannot be used are scans with a reason instead.
    """
    allowed = allowed_roots.EVERYTHING if published else allowed_roots.of(workspace)
    at = sources.absolute(path, allowed)
    source = sources.describe(
        workspace, at, "mriqc", name=name, role=role, modality=modality, participants=participants
    )
    people = source.participants
    known_people = participants_table.participants(Path(people), allowed) if people else None
    earlier = sources.earlier(workspace, source.name)
    hidden = _as_others(workspace, earlier) if hide_names is None and not published else hide_names
    source = pseudonyms.settle(workspace, source, earlier, hidden)
    table = _hidden(workspace, source, mriqc_tables.read(Path(source.path), known_people, allowed))
    with files.lock(workspace.ingest_lock_path):
        before = tables.read_scans(workspace)
        known = before[before["source"] == source.name].set_index("scan_id")
        scans = _scans(source, table, known)
        held = _held(workspace, {*known.index, *scans["scan_id"]})
        stored_as = _rater_names(source, table, held, raters, rater_names or {})
        part = workspace.metrics_shard_path(f"table-{source.name}")
        metric_shards.write(part, _metrics(scans, table))
        rows = pd.concat([scans, gone(known, scans)], ignore_index=True)
        put(workspace, source, rows, before)
    ratings = _add_ratings(workspace, source, scans, table, held, stored_as)
    reference_library.freeze_experts(workspace)
    reference_library.rescore(workspace)
    listed, new = of_source(workspace, source, known)
    note_listed(workspace, earlier, source, scans=len(listed), new=new, ratings=ratings)
    said = pseudonyms.in_words(workspace, source, table.notes)
    return TableSummary(source, listed, new, table.ignored_columns, said, ratings)


def _as_others(workspace: Workspace, earlier: Source | None) -> bool | None:
    """Return whether a new table hides names because other sources do; nothing of one that was listed."""
    if earlier is not None:
        return None
    return any(one.pseudonyms for one in workspace.sources())


def _hidden(workspace: Workspace, source: Source, table: MriqcTable) -> MriqcTable:
    return replace(table, rows=pseudonyms.hide_rows(workspace, source, table.rows))


def _scans(source: Source, table: MriqcTable, known: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the scans table; a name that comes again is a duplicate, with its reason."""
    rows, content = table.rows, _content(table.rows)
    ids, used = scan_names.give_ids(source.name, rows["key"].tolist(), _ids_so_far(known, content))
    whose = zip(rows["participant_id"], rows["person"], strict=True)
    scans = rows[
        [
            "participant_id",
            "session_id",
            "modality",
            "age_years",
            "sex",
            "group",
            "site",
            "person",
            "note",
            "shape",
            "spacing_mm",
        ]
    ].assign(
        scan_id=ids,
        subject_id=[who_is_who.subject_id(source.name, *names) for names in whose],
        source=source.name,
        role=source.role,
        sha256=content,
        simulated=False,
        status=["table" if kind == source.modality else "other" for kind in rows["modality"]],
        reason=None,
    )
    unusable = rows["problem"].notna().to_numpy()
    scans.loc[unusable, "status"] = "unreadable"
    scans.loc[unusable, "reason"] = rows["problem"][unusable]
    again = pd.Series(used).notna().to_numpy()
    scans.loc[again, "status"] = "duplicate"
    scans.loc[again, "reason"] = "the table names this scan more than once; its first row is used"
    return scans


def _ids_so_far(known: pd.DataFrame, content: list[str]) -> list[str | None]:
    """Return the id of each row from before: a scan is never renamed."""
    ids = known[known["status"].isin(_KEPT)].reset_index().drop_duplicates("sha256")
    id_of = dict(zip(ids["sha256"], ids["scan_id"], strict=True))
    return [id_of.pop(each, None) for each in content]


def _content(rows: pd.DataFrame) -> list[str]:
    """Return a hash of each row's metrics, in the place of the hash of an image."""
    names = [name for name in METRICS if name in rows]
    values = rows[names].to_numpy(dtype=np.float64).round(12)
    return [
        files.short_hash(f"{key} {row.tolist()}", 64)
        for key, row in zip(rows["key"], values, strict=True)
    ]


def _metrics(every: pd.DataFrame, table: MriqcTable) -> pd.DataFrame:
    """Return the metrics of the scans that can be used."""
    usable = every["status"].isin(_KEPT).to_numpy()
    scans, rows = every[usable], table.rows[usable]
    names = [name for name in METRICS if name in rows]
    about: dict[str, Any] = {
        "scan_id": scans["scan_id"].to_numpy(),
        "sha256": scans["sha256"].to_numpy(),
        "metrics_version": METRICS_VERSION,
        "measured_by": rows["measured_by"].to_numpy(),
        "template_affine": None,
        "seconds": 0.0,
        "failure": None,
        "reasons": [json.dumps(why, ensure_ascii=False, sort_keys=True) for why in rows["reasons"]],
        "flags": "{}",
    }
    return pd.DataFrame(about).join(rows[names].reset_index(drop=True))


def _held(workspace: Workspace, scan_ids: set[str]) -> pd.DataFrame:
    """Return the ratings of some scans; those that were taken back too, so that they do not come again."""
    given = rating_log.list_ratings(workspace, withdrawn=True)
    return given[given["scan_id"].isin(scan_ids)]


def _origin(source: Source, column: str) -> str:
    """Return where a column's ratings are from, as it is stored with them."""
    return f"{source.name}: {column}"


def _rater_names(
    source: Source,
    table: MriqcTable,
    held: pd.DataFrame,
    prefix: str | None,
    given: Mapping[str, str],
) -> dict[str, str]:
    """Return under which name the ratings of each column are stored: as before, where the table came before.

    Earlier versions stored them under the column's name, and did not say where they are from.
    """
    columns = list(dict.fromkeys(table.ratings["rater"].astype("str")))
    for column in given:
        if column not in columns:
            raise SourceError(
                f"No column {column!r} of {source.name} holds ratings; those that do: "
                f"{', '.join(columns) or 'none'}."
            )
    stored = {rater: rater for rater in held["rater"]} | dict(
        zip(held["origin"], held["rater"], strict=True)
    )
    found = {}
    for column in columns:
        numbered = f"{source.name} " if mriqc_tables.only_numbers(column) else ""
        new = given.get(column, (numbered if prefix is None else prefix) + column).strip()
        name = stored.get(_origin(source, column)) or stored.get(column) or new
        if column in given and name != new:
            raise SourceError(
                f"The ratings of {column} are stored as those of {name!r} already, and what is stored is not "
                f"renamed. Leave this column out of --raters."
            )
        if not 0 < len(name) <= MAX_RATER:
            raise SourceError(
                f"Name who rated in {column}, in at most {MAX_RATER} letters: --raters {column}=NAME."
            )
        found[column] = name
    if len(set(found.values())) < len(found):
        raise SourceError(
            f"Each column with ratings is one person's; {', '.join(found.values())} names one of them twice."
        )
    return found


def _add_ratings(
    workspace: Workspace,
    source: Source,
    scans: pd.DataFrame,
    table: MriqcTable,
    held: pd.DataFrame,
    stored_as: Mapping[str, str],
) -> int:
    """Append the ratings of usable scans that the database does not hold yet; return how many."""
    columns = table.ratings["rater"].astype("str")
    found = table.ratings.assign(
        scan_id=scans["scan_id"].to_numpy()[table.ratings["row"]],
        rater=columns.map(stored_as),
        origin=columns.map(lambda column: _origin(source, column)),
        usable=scans["status"].isin(_KEPT).to_numpy()[table.ratings["row"]],
    )
    seen = set(zip(held["scan_id"], held["rater"], held["scale"], held["value"], strict=True))
    new = [
        Rating(
            scan_id=row.scan_id,
            rater=row.rater,
            scale=RATING_SCALE.name,
            value=row.value,
            origin=row.origin,
        )
        for row in found[found["usable"]].itertuples()
        if (row.scan_id, row.rater, RATING_SCALE.name, row.value) not in seen
    ]
    rating_log.add_ratings(workspace, new)
    return len(new)
