"""Forgetting of a person: out of every table, picture and decision; and taking a source out of the list.

Each has its line in the audit.
"""

import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.assessment import metric_shards
from curation.decisions import actions, database, erasure
from curation.dicom import last_look, people_table
from curation.errors import WorkspaceError
from curation.faces import defacing
from curation.sources import duplicates, joined_tables
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.wording import plural

#: Suffixes of files that hold text in which a name is looked for.
_READ = (".tsv", ".csv", ".json", ".jsonl", ".yaml", ".toml", ".txt", ".log", ".html", ".parquet")
#: Shorter ids, such as 1, are no names of files.
_SHORTEST = 3


@dataclass(frozen=True)
class Forgotten:
    """What was done.

    Parameters
    ----------
    scans : int
        Number of scans that were removed.
    decisions : int
        Number of decisions out of which the person was taken.
    left : tuple of str
        What still names the person: files and links that are called so or have it in them (cohorts, studies
        and exports, whose content is what they are), and texts of decisions on others.
    """

    scans: int
    decisions: int
    left: tuple[str, ...]


@guarded(Action.FORGET)
def forget(workspace: Workspace, person: str, reason: str) -> Forgotten:
    """Take a person out of a workspace.

    Scans, measurements, scores, pictures, images made of DICOM files and rows of joined tables are removed.
    Of ratings and tiers by hand stays what was decided, without comment and of a scan that has no name any
    more. Caches are emptied, since they do not say whose each file is, and so are copies of before an
    upgrade. The data set itself is only read: what is in it is listed again by the next ingest.

    Parameters
    ----------
    workspace : Workspace
        Which.
    person : str
        Subject or participant id.
    reason : str
        Why, without a name: it stands in the audit.

    Raises
    ------
    WorkspaceError
        When there is no such person, the id is that of several, or there is no reason.
    """
    if not reason.strip():
        raise WorkspaceError("Say why, without naming anybody (--reason): it stands in the audit.")
    with files.lock(workspace.ingest_lock_path):
        scans = tables.read_scans(workspace)
        own = _own(scans, person)
        ids = set(own["scan_id"])
        participants = set(own["source"] + ":" + own["participant_id"].fillna(""))
        with database.writing(workspace) as connection:
            changed = erasure.erase(connection, ids, participants, reason.strip())
        erasure.leave_nothing_behind(workspace)
        joined_tables.drop_rows(workspace, ids)
        _remove_files(workspace, own)
        _remove_rows(workspace, ids)
        tables.write_scans(workspace, _without(scans.drop(own.index), ids))
        joined_tables.update(workspace)
    names = {*ids, person, *own["participant_id"].dropna()}
    with database.engine(workspace).connect() as connection:
        told = erasure.still_naming(connection, _whole(names))
    return Forgotten(len(ids), changed, (*_naming(workspace, names), *told))


@guarded(Action.INGEST)
def take_out(workspace: Workspace, name: str) -> int:
    """Take a source out of the workspace's list of scans, and return how many rows it had.

    What was measured and decided stays, and is there again with the source; frozen cohorts hold what they
    held. A scan that was left out for the same image in this source is used again.

    Raises
    ------
    WorkspaceError
        When there is no source of that name.
    """
    there = {source.name: source for source in workspace.sources()}
    if name not in there:
        raise WorkspaceError(
            f"There is no source {name!r} here; there are: {', '.join(sorted(there)) or 'none'}."
        )
    with files.lock(workspace.ingest_lock_path):
        scans = tables.read_scans(workspace)
        kept = scans[scans["source"] != name]
        asked = {source.name: source.modality for source in there.values()}
        in_use = set(kept.loc[kept["status"] == "ok", "scan_id"])
        tables.write_scans(workspace, duplicates.mark(kept, in_use, asked))
        workspace.drop_source(name)
        joined_tables.update(workspace)
    count = len(scans) - len(kept)
    actions.note(workspace, "source taken out", name, before=asdict(there[name]), scans=count)
    return count


def _own(scans: pd.DataFrame, person: str) -> pd.DataFrame:
    """Return the rows of a person."""
    own = scans[scans["subject_id"] == person]
    if own.empty:
        own = scans[scans["participant_id"] == person]
    subjects = sorted(own["subject_id"].dropna().unique())
    if own.empty:
        raise WorkspaceError(
            f"There is nobody {person!r} among the "
            f"{plural(scans['subject_id'].nunique(), 'person', 'people')} here. Give an id as the table of "
            "scans has it."
        )
    if len(subjects) > 1:
        raise WorkspaceError(
            f"{person!r} is the id of {len(subjects)} people: {', '.join(subjects)}. Name one of them."
        )
    return own


def _without(scans: pd.DataFrame, ids: set[str]) -> pd.DataFrame:
    """Return scans whose reasons name none of these, as that of a second copy does."""
    pattern = "|".join(re.escape(one) for one in sorted(ids, key=len, reverse=True))
    told = scans["reason"].str.replace(pattern, "a scan that was forgotten", regex=True)
    return scans.assign(reason=told)


def _remove_files(workspace: Workspace, own: pd.DataFrame) -> None:
    """Remove pictures and links of a person's scans, and empty what does not say whose it is."""
    for row in own.itertuples():
        for folder in (workspace.previews_dir, workspace.head_previews_dir):
            (folder / workspace.preview_path(str(row.scan_id)).name).unlink(missing_ok=True)
        for path in defacing.files_of(workspace, str(row.scan_id)):
            path.unlink(missing_ok=True)
        link = Path(str(row.path))
        if link.is_symlink() and link.is_relative_to(workspace.links_dir):
            link.unlink()
        if link.is_relative_to(workspace.converted_dir):
            _remove_converted(link, str(row.participant_id))
    nameless = (workspace.vectors_dir("brain"), workspace.vectors_dir("prepared"))
    for folder in (*nameless, workspace.cache_dir):
        for path in folder.rglob("*") if folder.is_dir() else ():
            if path.is_file():
                path.unlink(missing_ok=True)
    shutil.rmtree(workspace.earlier_dir, ignore_errors=True)  # decisions and tables with all people
    for log in workspace.tasks_dir.rglob("*.log"):
        log.unlink(missing_ok=True)
    last_look.forget(workspace)


def _remove_converted(image: Path, person: str) -> None:
    """Remove an image that was made of DICOM files, with its sidecar and its person's row beside it."""
    image.unlink(missing_ok=True)
    image.with_name(image.name.removesuffix(".nii.gz") + ".json").unlink(missing_ok=True)
    people_table.take_out(image.parent, person)


def _remove_rows(workspace: Workspace, ids: set[str]) -> None:
    """Remove the rows of scans from the tables of measurements, scores and learned numbers."""
    with files.lock(workspace.metrics_lock_path):
        kept = tables.read_metrics(workspace).query("scan_id not in @ids")
        for scan_id in ids:
            metric_shards.shard_path(workspace, scan_id).unlink(missing_ok=True)
        if workspace.metrics_shards():
            metric_shards.write(workspace.gathered_path, kept)
    for path in (workspace.scores_path, workspace.learned_path):
        if path.exists():
            table = pd.read_parquet(path)
            files.write_parquet(path, table[~table["scan_id"].isin(ids)])


def _naming(workspace: Workspace, names: Iterable[str]) -> list[str]:
    """Return the files and links of a workspace that still are called, or hold, one of these names."""
    wanted = _whole(names)
    called = _whole(one for one in names if len(one) >= _SHORTEST)
    return [
        str(path.relative_to(workspace.root))
        for path in sorted(workspace.root.rglob("*"))
        if called.search(path.name)
        or (path.suffix in _READ and path.is_file() and wanted.search(_text(path)))
    ]


def _whole(names: Iterable[str]) -> re.Pattern[str]:
    """Return what finds names as whole words: ``sub-01`` is not in ``sub-010``."""
    each = "|".join(map(re.escape, sorted(names))) or "(?!)"
    return re.compile(rf"(?<![A-Za-z0-9])(?:{each})(?![A-Za-z0-9])")


def _text(path: Path) -> str:
    if path.suffix == ".parquet":
        table = pd.read_parquet(path)
        return "\n".join(
            table[name].astype(str).str.cat(sep="\n") for name in table.select_dtypes("str")
        )
    return files.read_text(path, errors="replace")
