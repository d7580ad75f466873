"""The tables of a workspace, typed, empty where there is no file yet.

``scans`` is written by :mod:`curation.sources.ingest`, ``metrics`` and ``scores`` by
:mod:`curation.assessment.assess_workspace`. Everything else reads them through here.
"""

import contextlib
from collections.abc import Collection, Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as pq

from curation import errors
from curation.errors import DamagedError
from curation.storage import files, joined_columns, learned_columns, own_paths
from curation.storage.table_checks import refuse_odd
from curation.storage.workspace import Workspace

#: One row a scan. Text columns hold ``None`` where unknown, numbers NaN.
SCAN_COLUMNS: dict[str, str] = {
    "scan_id": "str",  # unique in the workspace, a plain file name, never a path
    "subject_id": "str",  # who it is: person=NAME where a table names the person, else SOURCE:PARTICIPANT
    "participant_id": "str",  # as the source spells it, never parsed
    "person": "str",  # as a table names the person in all sources
    "session_id": "str",
    "modality": "str",  # T1w, T2w, FLAIR, pet, ...
    "source": "str",
    "role": "str",  # pool | target
    "path": "str",  # absolute; on disk relative where it lies in the workspace
    "sha256": "str",
    "image_hash": "str",  # of the voxels; None up to 0.3, without an image, and where it was not read
    "bytes": "float64",
    "modified": "float64",  # of the file, seconds since the epoch
    "shape": "object",  # list of 3 voxel counts
    "spacing_mm": "object",  # list of 3 voxel edges in mm
    "orientation": "str",  # three letters such as RAS; None where the header gives none
    "site": "str",
    "age_years": "float64",
    "sex": "str",
    "group": "str",
    "manufacturer": "str",  # of the scanner, with its model, as the sidecar says
    "field_strength_t": "float64",
    "simulated": "bool",
    "status": "str",  # one of STATUSES
    "reason": "str",  # why not ok
    "note": "str",  # what was taken differently than written, e.g. an age of 89+
}

#: ``table``: metrics came from a table, there is no image. ``pet``: a readable PET; the scores are for
#: structural MR, so it has neither score nor tier of its own and follows the T1w of its person and session.
#: ``other``: readable too, but of a kind that its source does not ask to have scored, such as a FLAIR.
#: ``world``: a scan of a simulated world that was lent to the workspace, for studies of its cohorts alone.
STATUSES = ("ok", "table", "pet", "other", "world", "unreadable", "missing", "duplicate")
#: Scans that have, or can have, scores.
SCORABLE = ("ok", "table")
#: Scans that are listed and have none.
LISTED = ("pet", "other")
#: What cannot be used at all.
TROUBLES = ("unreadable", "missing", "duplicate")

#: Columns that older tables of scans lack.
_ADDED_SCAN_COLUMNS = ("person", "image_hash", "manufacturer", "field_strength_t")
_FIRST_COLUMNS = {one: kind for one, kind in SCAN_COLUMNS.items() if one not in _ADDED_SCAN_COLUMNS}
#: Columns that older shards of the metrics table lack, and their value before there was a choice.
_ADDED_COLUMNS = {"measured_by": "tierscope", "flags": "{}"}
_TRIES = 5
_SCORE_KINDS = {"scan_id": "str", "sha256": "str", "distortion_score": "float64"}

_SCANS_REMEDY = (
    "Put back a copy of it; or move it away and ingest every source again (workspace.toml names them). What "
    "was measured and decided stays."
)
METRICS_REMEDY = (
    "Put back a copy of it ('python -m curation restore'); or move it out of its folder, and 'python -m "
    "curation assess' measures its scans again; an MRIQC table has to be imported again."
)
_SCORES_REMEDY = "Move it away: 'python -m curation assess --gather' makes it anew."
DISTANCES_REMEDY = "Move it away: it is made anew by 'python -m curation assess'."


def empty_scans() -> pd.DataFrame:
    """Return a scans table without rows."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in SCAN_COLUMNS.items()})


def rows_of(table: pd.DataFrame, scan_ids: pd.Series) -> pd.DataFrame:
    """Return the rows of a table of some scans; pandas would make an object of each of a million names."""
    ids, wanted = (pa.array(one, pa.large_string()) for one in (table["scan_id"], scan_ids))
    found = compute.is_in(ids, value_set=wanted).to_numpy(zero_copy_only=False)
    return table[found.astype(bool)]


def read_scans(workspace: Workspace) -> pd.DataFrame:
    """Read the scans of a workspace, ordered by ``scan_id``.

    Returns
    -------
    pandas.DataFrame
        The columns of :data:`SCAN_COLUMNS`; no rows where nothing was ingested yet.
    """
    if not workspace.scans_path.exists():
        return empty_scans()
    scans = files.read_parquet(workspace.scans_path, _SCANS_REMEDY)
    for name in _ADDED_SCAN_COLUMNS:
        if name not in scans:
            scans[name] = pd.Series(None, scans.index, dtype=SCAN_COLUMNS[name])
    refuse_odd(workspace.scans_path, scans, SCAN_COLUMNS, _SCANS_REMEDY, key="scan_id")
    return _with_absolute_paths(workspace, scans)


def _with_absolute_paths(workspace: Workspace, scans: pd.DataFrame) -> pd.DataFrame:
    if "path" in scans:
        scans["path"] = own_paths.all_read(workspace.root, scans["path"])
    return scans


def write_scans(workspace: Workspace, scans: pd.DataFrame) -> None:
    """Write the scans table with its columns in order, sorted by ``scan_id``."""
    table = scans.reindex(columns=list(SCAN_COLUMNS)).astype(SCAN_COLUMNS)
    table["path"] = own_paths.all_written(workspace.root, table["path"])
    files.write_parquet(workspace.scans_path, table.sort_values("scan_id", ignore_index=True))


def read_metrics(workspace: Workspace, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Read all shards of the metrics as one table, one row a scan (its own shard wins over the gathered one).

    Parameters
    ----------
    workspace : Workspace
        Whose metrics.
    columns : collection of str, optional
        Read these only, where they are, beside ``scan_id`` and ``sha256``.

    Returns
    -------
    pandas.DataFrame
        See :mod:`curation.assessment.assess_workspace` for the columns; no rows where nothing was assessed
        yet.
    """
    wanted = None if columns is None else {"scan_id", "sha256", *columns}
    for _ in range(_TRIES):
        with contextlib.suppress(FileNotFoundError):  # gathered into one file while we read
            return _read_shards(workspace, wanted)
    return _read_shards(workspace, wanted)


def with_metrics(workspace: Workspace, scans: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """Return a table of scans with those of ``columns`` that it lacks, taken from the metrics.

    Parameters
    ----------
    workspace : Workspace
        Whose scans.
    scans : pandas.DataFrame, N rows
        With ``scan_id`` and ``sha256``; not written into.
    columns : iterable of str
        Names of metrics, such as ``rule.columns``.

    Returns
    -------
    pandas.DataFrame, N rows
        In the order and with the index of ``scans``; NaN where a metric could not be measured, or was
        measured on another file than the present one.
    """
    missing = [name for name in dict.fromkeys(columns) if name not in scans]
    if not missing:
        return scans
    metrics = read_metrics(workspace, missing).reindex(columns=["scan_id", "sha256", *missing])
    rows = pd.Index(metrics["scan_id"]).get_indexer(scans["scan_id"])
    found = metrics.iloc[rows] if len(metrics) else metrics.reindex(range(len(scans)))
    same = (rows >= 0) & (found["sha256"].to_numpy() == scans["sha256"].to_numpy())
    values = {name: np.where(same, found[name].to_numpy(np.float64), np.nan) for name in missing}
    return pd.concat([scans, pd.DataFrame(values, scans.index)], axis=1)


def read_shard_columns(workspace: Workspace, columns: Collection[str] | None) -> pa.Table | None:
    """Read all shards of the metrics, the newest last, as they lie on disk; ``None`` where there is none.

    A shard beside the gathered one was written after it or is in it already, whatever the times of the
    files say: clocks are set, and those of several machines differ.

    Raises
    ------
    FileNotFoundError
        When the shards were gathered into one in between: read again.
    """
    gathered = workspace.gathered_path
    shards = sorted(workspace.metrics_shards(), key=lambda shard: (shard != gathered, shard.name))
    if not shards:
        return None
    # joined before pandas sees them: there may be thousands, of one row each
    return pa.concat_tables(
        [files.read_arrow(shard, METRICS_REMEDY, columns) for shard in shards],
        promote_options="permissive",
    )


def _read_shards(workspace: Workspace, columns: Collection[str] | None) -> pd.DataFrame:
    joined = read_shard_columns(workspace, columns)
    if joined is None:
        return pd.DataFrame({"scan_id": pd.Series(dtype="str")})
    table = joined.to_pandas()
    for name, before in _ADDED_COLUMNS.items():
        if columns is None or name in columns:
            table[name] = table[name].fillna(before) if name in table else before
    table = table.drop_duplicates("scan_id", keep="last")
    return table.sort_values("scan_id", ignore_index=True)


def read_scores(workspace: Workspace) -> pd.DataFrame:
    """Read the scores, one row a scan; no rows where nothing was scored yet."""
    if not workspace.scores_path.exists():
        return pd.DataFrame({"scan_id": pd.Series(dtype="str")})
    scores = files.read_parquet(workspace.scores_path, _SCORES_REMEDY)
    return refuse_odd(workspace.scores_path, scores, _SCORE_KINDS, _SCORES_REMEDY, key="scan_id")


def scores_are_whole(workspace: Workspace) -> bool:
    """Return whether the scores can be read, if there are any."""
    try:
        with errors.readable(workspace.scores_path):
            pq.read_metadata(workspace.scores_path)
    except DamagedError:
        return False
    except FileNotFoundError:
        pass
    return True


def scoring_version(workspace: Workspace) -> int | None:
    """Return the least ``scoring_version`` of the scores, 1 before it was kept; none without scores."""
    if not workspace.scores_path.exists():
        return None
    held = files.read_arrow(workspace.scores_path, _SCORES_REMEDY, ("scoring_version",)).to_pandas()
    if "scoring_version" not in held:
        return 1
    return int(held["scoring_version"].min()) if len(held) else None


def read_scored_scans(workspace: Workspace, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Read the scans with their sub-scores and distortion score beside them (NaN: not scored).

    Distances of prepared volumes, a model's errors and joined tables are columns too, where there are any.

    Scores of a file that has changed since (another SHA-256) are left out.

    Parameters
    ----------
    workspace : Workspace
        Whose scans.
    columns : collection of str, optional
        Read these only, where they are, beside ``scan_id``, ``sha256`` and ``distortion_score``.
    """
    wanted = None if columns is None else {"scan_id", "sha256", "distortion_score", *columns}
    scans = read_scans(workspace) if wanted is None else _scans_with(workspace, wanted)
    scores = read_scores(workspace) if wanted is None else _scores_with(workspace, wanted)
    keys = [key for key in ("scan_id", "sha256") if key in scores.columns]
    if scans[keys].equals(scores[keys]):  # all are scored: looking for each would take long
        table = pd.concat([scans, scores.drop(columns=keys)], axis=1)
    else:
        table = scans.merge(scores, on=keys, how="left")
    if "distortion_score" not in table:
        table["distortion_score"] = float("nan")
    return _with_others(workspace, table)


def _scans_with(workspace: Workspace, wanted: Collection[str]) -> pd.DataFrame:
    if not workspace.scans_path.exists():
        return empty_scans()[[name for name in SCAN_COLUMNS if name in wanted]]
    scans = files.read_parquet(workspace.scans_path, _SCANS_REMEDY, wanted)
    kinds = {name: kind for name, kind in _FIRST_COLUMNS.items() if name in wanted}
    refuse_odd(workspace.scans_path, scans, kinds, _SCANS_REMEDY)
    return _with_absolute_paths(workspace, scans)


def _scores_with(workspace: Workspace, wanted: Collection[str]) -> pd.DataFrame:
    if not workspace.scores_path.exists():
        return read_scores(workspace)
    return files.read_parquet(workspace.scores_path, _SCORES_REMEDY, wanted)


#: What :func:`read_usable` reads of each scan, and which of it few different texts make up.
USABLE_COLUMNS = (
    "scan_id",
    "subject_id",
    "sha256",
    "modality",
    "source",
    "site",
    "age_years",
    "sex",
    "group",
    "status",
)
_FEW_TEXTS = ["modality", "source", "site", "sex", "group", "status"]


def read_usable(workspace: Workspace, role: str) -> pd.DataFrame:
    """Read the columns for tiers and their balance of a role's usable scans, in little memory.

    Parameters
    ----------
    workspace : Workspace
        Whose scans.
    role : str
        One of :data:`curation.storage.workspace.ROLES`.

    Returns
    -------
    pandas.DataFrame
        Those rows of :func:`read_scored_scans` that can have scores, in the same order, with
        :data:`USABLE_COLUMNS` (texts that few scans differ in as categories) and all numbers of the scores.
    """
    if not workspace.scans_path.exists():
        scans = empty_scans()[list(USABLE_COLUMNS)]
    else:
        rows = [("role", "==", role), ("status", "in", list(SCORABLE))]
        with errors.readable(workspace.scans_path, _SCANS_REMEDY):
            scans = pq.read_table(
                workspace.scans_path,
                columns=list(USABLE_COLUMNS),
                filters=rows,
                read_dictionary=_FEW_TEXTS,
            ).to_pandas(split_blocks=True, self_destruct=True)
    scores = read_scores(workspace)
    numbers = scores.select_dtypes("number").columns
    if not len(scores):
        return _with_others(workspace, scans.assign(distortion_score=float("nan")))
    if len(scores) == len(scans) and scores["scan_id"].equals(scans["scan_id"]):
        found, there = scores, True
    else:
        places = pd.Index(scores["scan_id"]).get_indexer(scans["scan_id"])
        found, there = scores.iloc[places].reset_index(drop=True), places >= 0
    same = (found["sha256"] == scans["sha256"]).to_numpy(bool) & there
    values = {name: found[name].to_numpy(np.float64) for name in numbers}
    held = {name: np.where(same, column, np.nan) for name, column in values.items()}
    return _with_others(workspace, scans.assign(**held))


def _with_others(workspace: Workspace, table: pd.DataFrame) -> pd.DataFrame:
    """Add the columns that are stored apart from the scores, where they were measured."""
    table, keys = joined_columns.add_to(workspace, table), ["scan_id", "sha256"]
    if workspace.prepared_distance_path.exists():
        found = files.read_parquet(workspace.prepared_distance_path, DISTANCES_REMEDY)
        table = table.merge(found[[*keys, "prepared_distance"]], on=keys, how="left")
    return learned_columns.add_to(workspace, table)
