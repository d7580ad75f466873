"""MRIQC's results into a workspace: scans without images, but with metrics, scores and ratings."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curation import files, listing, mriqc_tables, parts, people, ratings, references, tables
from curation.errors import SourceError
from curation.ingest import IngestSummary, gone, known_source
from curation.metrics import METRICS, METRICS_VERSION
from curation.mriqc_tables import RATING_SCALE, MriqcTable
from curation.workspace import ROLES, Role, Source, Workspace, slug


@dataclass(frozen=True)
class TableSummary(IngestSummary):
    """What importing MRIQC's results did.

    Parameters
    ----------
    ratings : int
        Ratings that were added to the database.
    notes : tuple of str
        What was left out, in sentences.
    """

    ratings: int = 0
    notes: tuple[str, ...] = ()

    @property
    def problems(self) -> pd.DataFrame:
        """The scans that cannot be used, with their reasons."""
        return self.scans[self.scans["status"] != "table"]


def import_table(
    workspace: Workspace,
    path: str | Path,
    *,
    name: str | None = None,
    role: Role = "pool",
    participants: str | Path | None = None,
    raters: str = "",
) -> TableSummary:
    """List the scans of MRIQC's results in the workspace, with their metrics, scores and ratings.

    Parameters
    ----------
    workspace : Workspace
        Where the scans are listed.
    path : path
        See :func:`curation.mriqc_tables.read`.
    name : str, optional
        Short name of the source; the file's or folder's name by default.
    role : {'pool', 'target'}
        Pretraining pool or external target cohort.
    participants : path, optional
        Table of people to join.
    raters : str
        Put before the raters' names, so that ``rater_1`` of two tables is not taken for one person.

    Returns
    -------
    TableSummary

    Raises
    ------
    SourceError
        When nothing can be read. Single rows that cannot be used are scans with a reason instead.
    """
    source = _describe(workspace, Path(path), name, role, participants)
    known_people = people.participants(Path(source.participants)) if source.participants else None
    table = mriqc_tables.read(Path(source.path), known_people)
    scans = _scans(source, table)
    with files.lock(workspace.root / ".ingest.lock"):
        before = tables.read_scans(workspace)
        known = before[before["source"] == source.name].set_index("scan_id")
        rows = pd.concat([scans, gone(known, scans)], ignore_index=True)
        others = before[before["source"] != source.name]
        usable = scans["status"].eq("table").to_numpy()
        part = workspace.metrics_dir / f"part-table-{source.name}.parquet"
        parts.write(part, _metrics(scans[usable], table.rows[usable]))
        tables.write_scans(workspace, pd.concat([others, rows], ignore_index=True))
        workspace.put_source(source)
    added_ratings = _add_ratings(workspace, scans, table, raters)
    references.freeze_experts(workspace)
    references.rescore(workspace)
    listed = tables.read_scans(workspace).query("source == @source.name")
    added = int((~listed["scan_id"].isin(known.index)).sum())
    return TableSummary(source, listed, added, table.ignored_columns, added_ratings, table.notes)


def _describe(
    workspace: Workspace, path: Path, name: str | None, role: Role, participants: str | Path | None
) -> Source:
    path = path.expanduser().resolve()
    if role not in ROLES:
        raise SourceError(f"A source is of a role, one of {', '.join(ROLES)}; not {role!r}.")
    if participants and not Path(participants).expanduser().is_file():
        raise SourceError(f"There is no table of people at {participants}. Check the path.")
    people_path = str(Path(participants).expanduser().resolve()) if participants else ""
    source = Source(slug(name or path.stem), str(path), "mriqc", role, participants=people_path)
    return known_source(workspace, source)


def _scans(source: Source, table: MriqcTable) -> pd.DataFrame:
    """Return the rows of the scans table; a name that comes again is a duplicate, with its reason."""
    rows = table.rows
    keys = [listing.scan_id(source.name, key) for key in rows["key"]]
    repeat = pd.Series(keys).groupby(pd.Series(keys)).cumcount()
    scans = rows[["participant_id", "session_id", "modality", "age_years", "sex", "group", "site",
                  "note", "shape", "spacing_mm"]].assign(
        scan_id=[f"{key}-copy{n + 1}" if n else key for key, n in zip(keys, repeat, strict=True)],
        subject_id=[f"{source.name}:{person}" for person in rows["participant_id"]],
        source=source.name,
        role=source.role,
        sha256=_content(rows),
        simulated=False,
        status="table",
        reason=None,
    )  # fmt: skip
    unusable = rows["problem"].notna().to_numpy()
    scans.loc[unusable, "status"] = "unreadable"
    scans.loc[unusable, "reason"] = rows["problem"][unusable]
    again = repeat.to_numpy() > 0
    scans.loc[again, "status"] = "duplicate"
    scans.loc[again, "reason"] = "the table names this scan more than once; its first row is used"
    return scans


def _content(rows: pd.DataFrame) -> list[str]:
    """Return a hash of each row's metrics, in the place of the hash of an image."""
    names = [name for name in METRICS if name in rows]
    values = rows[names].to_numpy(dtype=np.float64).round(12)
    return [
        files.short_hash(f"{key} {row.tolist()}", 64)
        for key, row in zip(rows["key"], values, strict=True)
    ]


def _metrics(scans: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
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


def _add_ratings(workspace: Workspace, scans: pd.DataFrame, table: MriqcTable, raters: str) -> int:
    """Append the ratings of usable scans that the database does not hold yet; return how many."""
    found = table.ratings.assign(
        scan_id=scans["scan_id"].to_numpy()[table.ratings["row"]],
        rater=raters + table.ratings["rater"].astype("str"),
        usable=scans["status"].eq("table").to_numpy()[table.ratings["row"]],
    )
    held = ratings.list_ratings(workspace)
    seen = set(zip(held["scan_id"], held["rater"], held["scale"], held["value"], strict=True))
    new = [
        {"scan_id": row.scan_id, "rater": row.rater, "scale": RATING_SCALE.name, "value": row.value}
        for row in found[found["usable"]].itertuples()
        if (row.scan_id, row.rater, RATING_SCALE.name, row.value) not in seen
    ]
    ratings.add_ratings(workspace, new)
    return len(new)
