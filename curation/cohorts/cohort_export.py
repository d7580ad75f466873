"""Export of frozen cohorts for other programs: a list of paths, a folder of links, BIDS derivatives.

Unusable scans are in none of the lists and links; the BIDS table has them, as the record of exclusions.
"""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.cohorts import cohort_draft, cohort_integrity, flow_svg
from curation.cohorts.frozen_cohort import Cohort
from curation.decisions import actions
from curation.errors import CohortError
from curation.storage import bids_tables, files, tables, tag_columns, text_tables
from curation.storage.bids_tables import NUMBER, TRUTH, Column, bids_names
from curation.storage.files import slug
from curation.storage.workspace import Workspace
from curation.tiers import rule_columns, rule_yaml, tier_rule
from curation.wording import plural

#: What each way of exporting makes, by its name.
EXPORT_FORMATS = {
    "list": "a text file of paths, one scan a line",
    "links": "a folder of links to the images, one folder a tier",
    "bids": "BIDS derivatives: a table with dictionary, the rule, the flow chart",
}

_COLUMNS: tuple[Column, ...] = (
    Column("participant_id", "The person, as the source spells it."),
    Column("session_id", "The session, where the source tells it."),
    Column("bids_name", "The scan's file name without ending."),
    Column("scan_id", "The scan, as in the workspace."),
    Column("subject_id", "The person, unique over sources."),
    Column("source", "The data set that the scan comes from."),
    Column("sha256", "SHA-256 of the image, or of its metrics where there is no image."),
    Column("modality", "BIDS suffix."),
    Column("site", "Where it was scanned."),
    Column(
        "age_years",
        f"Age at the scan; {text_tables.OLDEST_YEARS} for all who are that old or older.",
        NUMBER,
        units="years",
    ),
    Column("sex", "As the source tells it."),
    Column("group", "As the source tells it."),
    Column("simulated", "Whether the scan is simulated and of nobody.", TRUTH),
    Column("distortion_score", "0 pristine to 100 unusable.", NUMBER),
    Column(
        "unusual_anatomy",
        "0 usual to 100, from 50 on to be looked at: anatomy, or a bent image. No part of the score.",
        NUMBER,
    ),
)
_BY_HAND = Column(
    "tier_by_hand",
    "Why the tier was given by hand, whatever the rule says; n/a where the rule gave it.",
)


@guarded(Action.EXPORT_COHORT)
def export(workspace: Workspace, cohort: Cohort, kind: str, tiers: Sequence[str] = ()) -> Path:
    """Export a cohort; return the file or folder, which is written anew.

    Parameters
    ----------
    workspace : Workspace
        Knows where the images are; the export lies under its ``exports/``.
    cohort : Cohort
        Frozen.
    kind : str
        A key of :data:`EXPORT_FORMATS`.
    tiers : sequence of str, optional
        Those that a list or links are of; all by default. BIDS derivatives are the record of all.

    Raises
    ------
    CohortError
        For another kind, or a tier that the cohort does not have; where there is no image to list or link, or
        one is no longer what it was.
    """
    if kind not in EXPORT_FORMATS:
        raise CohortError(
            f"A cohort is exported as one of {', '.join(EXPORT_FORMATS)}; not {kind!r}."
        )
    if unknown := [tier for tier in tiers if tier not in cohort.rule.names]:
        raise CohortError(
            f"{cohort.id} has no tier {unknown[0]!r}; it has {', '.join(cohort.rule.names)}."
        )
    if kind == "bids":
        made, tiers = _as_bids(workspace, cohort), ()
    else:
        tiers = () if set(tiers) == set(cohort.rule.names) else tiers
        made = {"list": _as_list, "links": _as_links}[kind](workspace, cohort, tiers)
    actions.note(workspace, "cohort exported", cohort.id, kind=kind, tiers=list(tiers) or None)
    return made


def _called(cohort: Cohort, tiers: Sequence[str]) -> str:
    """Return a name that tells which tiers of a cohort it is of."""
    return "_".join([cohort.id, *(["tiers", *map(slug, tiers)] if tiers else [])])


def _as_list(workspace: Workspace, cohort: Cohort, tiers: Sequence[str]) -> Path:
    path = workspace.exported_cohorts_dir / f"{_called(cohort, tiers)}.txt"
    lines = [str(image) for _, _, image in _images(workspace, cohort, tiers)]
    files.write_text(path, "\n".join(lines) + "\n")
    return path


def _as_links(workspace: Workspace, cohort: Cohort, tiers: Sequence[str]) -> Path:
    """Make ``TIER/SCAN_ID.nii.gz`` links in a new folder that takes the old one's place."""
    folder = workspace.exported_cohorts_dir / _called(cohort, tiers)
    images = list(_images(workspace, cohort, tiers))
    making = folder.with_name(f".{folder.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    for scan_id, tier, image in images:
        inside = making / slug(tier)
        inside.mkdir(parents=True, exist_ok=True)
        (inside / f"{scan_id}{_ending(image)}").symlink_to(image)
    if folder.exists():
        shutil.rmtree(folder)  # holds links only, never an image
    making.replace(folder)
    return folder


def _ending(image: Path) -> str:
    return ".nii.gz" if image.name.endswith(".nii.gz") else image.suffix


def _images(
    workspace: Workspace, cohort: Cohort, tiers: Sequence[str]
) -> Iterator[tuple[str, str, Path]]:
    """Yield scan, tier and path of every usable image of a cohort, or of tiers of it, in its order."""
    scans = tables.read_scans(workspace).set_index("scan_id")
    chosen = cohort_draft.included(cohort.scans)
    chosen = chosen[chosen["scan_id"].isin(scans.index[scans["status"] == "ok"])]
    if tiers:
        chosen = chosen[chosen["tier"].isin(tiers)]
    if chosen.empty:
        of = f"Tier {' and '.join(tiers)} of cohort" if tiers else "Cohort"
        raise CohortError(
            f"{of} {cohort.id} has no image to list: its scans came from a table, or are gone. Export "
            "it as BIDS derivatives instead."
        )
    changed = cohort_integrity.changed_files(workspace, cohort)
    if len(changed):
        told = "; ".join(f"{row.scan_id}: {row.reason}" for row in changed.head(3).itertuples())
        raise CohortError(
            f"Cohort {cohort.id} has {plural(len(changed), 'scan')} gone or changed since it was frozen "
            f"({told}). Bring the files back, or ingest their source and freeze it again."
        )
    for scan_id, tier in zip(chosen["scan_id"], chosen["tier"], strict=True):
        yield scan_id, tier, Path(scans.at[scan_id, "path"])


def _as_bids(workspace: Workspace, cohort: Cohort) -> Path:
    bids_tables.derivatives_folder(workspace)  # made, with the description of the derivatives
    path = workspace.cohort_derivatives_dir / f"{cohort.id}.tsv"
    columns = _columns(cohort)
    names = bids_names(tables.read_scans(workspace))
    sessions = tables.read_scans(workspace).set_index("scan_id")["session_id"]
    table = cohort.scans.join(names[["participant_id", "bids_name"]], on="scan_id")
    table = table.join(sessions, on="scan_id")
    table = text_tables.with_capped_ages(table)
    reasons = {one.scan_id: one.reason for one in cohort.by_hand or ()}
    table = table.assign(tier_by_hand=[reasons.get(scan_id) for scan_id in table["scan_id"]])
    bids_tables.write(path, columns, table.to_dict("records"))
    files.write_json(path.with_suffix(".json"), bids_tables.dictionary(columns))
    files.write_text(path.with_name(f"{cohort.id}_rule.yaml"), rule_yaml.to_yaml(cohort.rule))
    header = files.read_json(workspace.cohort_path(cohort.id))
    files.write_json(path.with_name(f"{cohort.id}_provenance.json"), header)
    if cohort.flow is not None:
        chart = flow_svg.svg(cohort.flow, tier_rule.colours(cohort.rule), f"Cohort {cohort.id}")
        files.write_text(path.with_name(f"{cohort.id}_flow.svg"), chart)
    return path


def _columns(cohort: Cohort) -> tuple[Column, ...]:
    """Describe the columns of this cohort's table, those that its rule reads included."""
    known = {column.name for column in _COLUMNS}
    looked_at = [
        Column(
            name,
            _told(name),
            NUMBER,
            units=rule_columns.find(name).unit,
        )
        for name in cohort.rule.columns
        if name not in known
    ]
    order = f"Best to worst: {', '.join(cohort.rule.tiers)}."
    tier = Column("tier", f"Quality tier by the rule beside. {order}")
    if cohort.by_hand is None:  # not known: no column that would say that there are none
        return (*_COLUMNS, *looked_at, tier)
    tier = Column("tier", f"Quality tier by the rule beside, or by hand. {order}")
    return (*_COLUMNS, *looked_at, _BY_HAND, tier)


def _told(name: str) -> str:
    if (tag := tag_columns.tag_of(name)) is not None:
        return f"Whether the scan had the tag {tag!r} when the cohort was frozen: 1 or 0."
    return f"{rule_columns.find(name).label}; {rule_columns.find(name).direction}."
