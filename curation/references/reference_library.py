"""Library of a workspace's references: those available, the active one, and new ones from its scans.

A reference made here is frozen into ``WORKSPACE/references/ID.json``, so that scoring stays a pure function
of a row of metrics and a file. ``references/active.json`` names the active one.
"""

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import pandas as pd

from curation import errors
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions
from curation.errors import TierscopeError
from curation.ratings import rating_log
from curation.references import fit_from_ratings
from curation.scoring import cohort_anchors
from curation.scoring.comparison_groups import MRIQC_POOL, POOLED, groups_of, sites_of
from curation.scoring.distortion_score import SCORING_VERSION, score
from curation.scoring.reference_population import ABOUT, Population
from curation.scoring.score_reference import (
    ASSETS,
    Reference,
    ReferenceKind,
    builtin,
    earlier_builtin,
    read_reference,
)
from curation.storage import files, tables
from curation.storage.files import slug
from curation.storage.workspace import Workspace


@dataclass(frozen=True)
class ReferenceHeader:
    """Header of a reference.

    Parameters
    ----------
    id, kind, label, description : str
        See :class:`curation.scoring.score_reference.Reference`.
    evidence : dict
        For a learned one ``auc``, ``low``, ``high`` (95 %), ``held_out``, ``ratings``, ``excluded`` and
        ``scans``; empty for others.
    """

    id: str
    kind: ReferenceKind
    label: str
    description: str
    evidence: dict[str, Any]


#: Whom the experts' ratings are of: ABIDE and DS030, see ``docs/benchmarks.md``.
_RATED = Population(
    modalities=("T1w",),
    ages_years=(6, 64),
    voxel_mm=(0.5, 1.5),
    words="Whole heads of children and adults of 6 to 64 years, T1-weighted, from 17 sites of ABIDE and 2 of "
    "DS030. The tables do not name scanners.",
)


# ---- what there is ----------------------------------------------------------------------------------


#: The models of the experts' ratings that came with Tierscope, the present one last. Scores keep the one that
#: they were made by.
EXPERTS = ("experts-1", "experts-2")


@lru_cache(maxsize=len(EXPERTS))
def experts(reference_id: str = EXPERTS[-1]) -> Reference:
    """Return a model of the experts' ratings that comes with Tierscope; the present one by default.

    Families that it has no metric of are judged by the built-in anchors, but on MRIQC's rows by
    ``experts-2`` none.
    """
    held = read_reference(ASSETS / f"{reference_id}.json")
    return replace(_with_anchors(held), population=_RATED)


def available(workspace: Workspace) -> list[ReferenceHeader]:
    """Return the references that can be chosen: those of Tierscope, then the workspace's own.

    Of the experts' earlier models, and of the copies that were made for the scans of the time, only those in
    use. What cannot be read is left out; whoever asks for it by its id is told.
    """
    used = _settings(workspace).values()
    earlier = [experts(each) for each in EXPERTS[:-1] if each in used]
    paths = sorted(workspace.references_dir.glob("*-*.json"))
    found, _ = errors.read_each(paths, read_reference)
    own = [each for each in found if each.name != experts().name or each.id in used]
    return [
        ReferenceHeader(each.id, each.kind, each.label, each.description, each.evidence)
        for each in (builtin(), experts(), *earlier, *own, *earlier_builtin())
    ]


def load(workspace: Workspace, reference_id: str) -> Reference:
    """Return a reference by its id.

    Raises
    ------
    TierscopeError
        When there is none of that id.
    """
    for reference in (builtin(), *map(experts, EXPERTS), *earlier_builtin()):
        if reference.id == reference_id:
            return reference
    if slug(reference_id) != reference_id:
        raise TierscopeError(f"{reference_id!r} is no name of a reference. Choose another one.")
    return read_reference(workspace.reference_path(reference_id))


def active(workspace: Workspace) -> Reference:
    """Return the reference that scans are scored by; the built-in one unless another was chosen."""
    return load(workspace, _settings(workspace)["active"])


@guarded(Action.CHOOSE_REFERENCE)
def choose(workspace: Workspace, reference_id: str) -> Reference:
    """Make a reference the active one and score all scans anew.

    Returns
    -------
    Reference
        The active one. For an experts' model it is a copy that knows the workspace's scans.

    Raises
    ------
    TierscopeError
        When there is none of that id.
    """
    _refuse_planted(workspace)
    reference = load(workspace, reference_id)
    if reference.id in EXPERTS:
        reference = freeze_experts(workspace, reference)
    before = _settings(workspace)["active"]
    _put_settings(workspace, active=reference.id)
    rescore(workspace)
    actions.note(workspace, "reference chosen", reference.id, before=before, after=reference.id)
    return reference


def rescore(workspace: Workspace) -> None:
    """Write ``scores.parquet`` anew from the metrics and the active reference.

    Scans that MRIQC measured are scored by the experts' model, as it knows their sites now, where the
    active reference cannot judge them: the built-in anchors are for our own metrics.
    """
    _refuse_planted(workspace)
    with files.lock(workspace.references_lock_path):
        metrics, scans = _metrics_and_scans(workspace)
        if metrics.empty:
            return
        sites, about = _sites(scans, metrics["scan_id"]), _about(scans, metrics["scan_id"])
        reference = active(workspace)
        scores = score(metrics, reference, sites, about)
        foreign = groups_of(metrics).ne(POOLED).to_numpy()
        lost = foreign & (
            (reference.name in {builtin().name, experts().name})
            | scores["distortion_score"].isna().to_numpy()
            | scores["reference"].isin(_builtin_ids()).to_numpy()
        )
        if lost.any():
            again = score(metrics[lost], for_tables(workspace), sites[lost], about[lost])
            scores = pd.concat([scores[~lost], again]).sort_values("scan_id", ignore_index=True)
        files.write_parquet(workspace.scores_path, scores)


def mend(workspace: Workspace) -> bool:
    """Rewrite a damaged file of scores from the metrics; return whether it was rewritten."""
    if tables.scores_are_whole(workspace) or not workspace.writable:
        return False
    rescore(workspace)
    return tables.scores_are_whole(workspace)


def bring_up_to_date(workspace: Workspace) -> bool:
    """Score all scans anew where their scores were made in an earlier way, and say whether they were.

    Scores follow from the metrics, so nothing is measured for it. Frozen cohorts keep what they were frozen
    with.
    """
    made_by = tables.scoring_version(workspace)
    if made_by in (None, SCORING_VERSION) or workspace.world_path.exists():
        return False
    rescore(workspace)
    return True


def for_tables(workspace: Workspace) -> Reference:
    """Return the reference of scans measured by MRIQC while the active one cannot judge them."""
    return load(workspace, _settings(workspace)["tables"])


@guarded(Action.CHOOSE_REFERENCE)
def freeze_experts(workspace: Workspace, general: Reference | None = None) -> Reference:
    """Freeze an experts' model, the present one by default, with what it takes from the workspace's scans.

    ``experts-1`` takes the distributions of its sites; ``experts-2`` only the level of MRIQC's tables, where
    these lie beyond all rated sites. Tables are judged by it from then on.
    """
    general = general or experts()
    if general.model is None:
        raise TierscopeError(f"{general.id} holds no model. Restore the file.")
    model = general.model.frozen_to(*_measured(workspace))
    label = f"{general.label}, for the scans of this workspace"
    frozen = replace(general, model=model, label=label)
    reference = _keep(workspace, frozen, f"{general.version}.")
    _put_settings(workspace, tables=reference.id)
    return reference


# ---- new ones ----------------------------------------------------------------------------------------


@guarded(Action.CHOOSE_REFERENCE)
def fit_cohort(workspace: Workspace) -> Reference:
    """Make and save a reference from the workspace's own scans; see :mod:`curation.scoring.cohort_anchors`.

    It is made of, and holds for, the kind of image that most of them are.

    Raises
    ------
    TierscopeError
        When fewer than 20 scans are scored.
    """
    metrics, groups = _measured(workspace)
    scans = tables.read_scans(workspace)
    about = _about(scans, metrics["scan_id"])
    kinds = about["modality"].value_counts()
    if len(kinds):
        same = about["modality"].eq(kinds.index[0]) | about["modality"].isna()
        metrics, groups, about = (
            part[same].reset_index(drop=True) for part in (metrics, groups, about)
        )
    return _keep(workspace, cohort_anchors.from_cohort(metrics, groups, _population(about)))


@guarded(Action.CHOOSE_REFERENCE)
def fit_ratings(workspace: Workspace) -> Reference:
    """Learn a reference from the workspace's ratings and save it; see :mod:`.fit_from_ratings`.

    Raises
    ------
    TierscopeError
        When fewer than 50 ratings are of scored scans, or all of them say the same.
    """
    metrics, groups = _measured(workspace)
    scans = tables.read_scans(workspace).set_index("scan_id")
    subjects = metrics["scan_id"].map(scans["subject_id"])
    given = rating_log.counted(rating_log.list_ratings(workspace))
    labels = fit_from_ratings.labels_of(given, metrics["scan_id"])
    reference = fit_from_ratings.learn_reference(
        fit_from_ratings.training_set(metrics, groups, subjects, labels)
    )
    own = _with_anchors(reference)
    return _keep(workspace, replace(own, sites={MRIQC_POOL: {}}))  # anchors are of our own metrics


def _with_anchors(learned: Reference) -> Reference:
    """Return a learned reference with what judges the families that its model knows nothing of."""
    general = builtin()
    return replace(
        learned,
        anchors=general.anchors,
        combination=general.combination,
        anatomy=general.anatomy,
        kinds=general.kinds,
    )


def _refuse_planted(workspace: Workspace) -> None:
    """Refuse to score the scans of a simulated world: what stands there for a score is no measurement."""
    if workspace.world_path.exists():
        raise TierscopeError(
            f"{workspace.root} is a simulated world: the quality of its scans was planted, not measured, and "
            "scoring would replace it. Score scans in a workspace of their own."
        )


def _settings(workspace: Workspace) -> dict[str, str]:
    chosen = files.read_note(workspace.active_reference_path)
    return {"active": builtin().id, "tables": experts().id} | chosen


def _put_settings(workspace: Workspace, **changes: str) -> None:
    files.write_json(workspace.active_reference_path, _settings(workspace) | changes)


def _keep(workspace: Workspace, reference: Reference, version: str = "") -> Reference:
    """Save a reference under a version that ends with the hash of its content."""
    held = json.dumps(reference.as_dict() | {"version": "", "evidence": {}}, sort_keys=True)
    named = replace(reference, version=version + files.short_hash(held))
    files.write_json(workspace.reference_path(named.id), named.as_dict())
    return named


def _metrics_and_scans(workspace: Workspace) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return both tables; of scans that are listed only, such as a FLAIR, the metrics do not count."""
    metrics, scans = tables.read_metrics(workspace), tables.read_scans(workspace)
    listed = scans.loc[scans["status"].isin(tables.LISTED), "scan_id"]
    return metrics[~metrics["scan_id"].isin(listed)].reset_index(drop=True), scans


def _measured(workspace: Workspace) -> tuple[pd.DataFrame, pd.Series]:
    """Return the metrics of all measured scans and their groups."""
    metrics, scans = _metrics_and_scans(workspace)
    if "failure" in metrics:
        metrics = metrics[metrics["failure"].isna()].reset_index(drop=True)
    return metrics, groups_of(metrics, _sites(scans, metrics["scan_id"]))


def _population(about: pd.DataFrame) -> Population:
    """Return the population of the scans themselves, as far as it is known."""
    ages, tesla = about["age_years"].dropna(), about["field_strength_t"].dropna()
    kinds = tuple(sorted(about["modality"].dropna().unique()))
    span = (float(ages.min()), float(ages.max())) if len(ages) else None
    return Population(
        modalities=kinds,
        ages_years=span,
        field_strengths_t=tuple(sorted({round(value, 1) for value in tesla.tolist()})),
        words=f"The {len(about)} scans of this workspace that it was made of: "
        f"{', '.join(kinds) or 'of an unknown kind'}"
        + (f", {span[0]:.0f} to {span[1]:.0f} years." if span else ", of unknown ages."),
    )


def _about(scans: pd.DataFrame, scan_ids: pd.Series) -> pd.DataFrame:
    """Return what a reference may ask of some scans, with the index of ``scan_ids``."""
    rows = scans.set_index("scan_id").reindex(scan_ids)[list(ABOUT)]
    return rows.set_axis(scan_ids.index)


def _builtin_ids() -> set[str]:
    return {each.id for each in (builtin(), *earlier_builtin())}


def _sites(scans: pd.DataFrame, scan_ids: pd.Series) -> pd.Series:
    """Return the sites of some scans, see :func:`curation.scoring.comparison_groups.sites_of`."""
    return scan_ids.map(sites_of(scans.set_index("scan_id")))
