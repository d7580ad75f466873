"""Bounded caches of tables, references, ratings and cohorts, keyed by path and time of change.

Tables are shared between sessions and not copied: pages derive new ones and never write into them.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from curation.cohorts import cohort_integrity, frozen_cohort
from curation.decisions import scan_tags
from curation.errors import TierscopeError
from curation.ratings import agreement, rating_log
from curation.ratings.scales import Scale, find_scale
from curation.references import fit_from_ratings, reference_library
from curation.references.reference_library import ReferenceHeader
from curation.scoring.score_reference import Reference
from curation.sessions import saved_lists, session_log, suggested_cutoff
from curation.sessions.saved_lists import ScanList
from curation.sessions.suggested_cutoff import Suggestion
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.tier_effects import tier_images
from curation.tier_effects.tier_images import TierImages
from pages.ui.shell import summaries
from training.jobs import cost_estimate, study_status
from training.settings.preset import Preset
from training.studies.planned_study import Study
from training.world import planted

Stamp = tuple[int, int, int]

#: For ``hash_funcs`` of streamlit's caches: workspaces and studies are identified by their folders.
BY_FOLDER: dict[Any, Any] = {
    Workspace: lambda workspace: str(workspace.root),
    Study: lambda study: str(study.folder),
}


def stamp(path: Path) -> Stamp:
    """Return a stamp that changes when a file is replaced or a folder's entries change."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_size, status.st_ino)


def scans(workspace: Workspace) -> pd.DataFrame:
    """Return the scans table."""
    return _scans(workspace, stamp(workspace.scans_path))


def metrics(workspace: Workspace) -> pd.DataFrame:
    """Return the metrics table."""
    return _metrics(workspace, stamp(workspace.metrics_dir))


def metrics_row(workspace: Workspace, scan_id: str) -> pd.Series | None:
    """Return the row of metrics of one scan; ``None`` where it is not measured."""
    table = metrics(workspace)
    found = table[table["scan_id"] == scan_id]
    return None if found.empty else found.iloc[0]


def reference(workspace: Workspace, reference_id: str | None = None) -> Reference:
    """Return a reference by its id; the active one without."""
    if reference_id is None:
        return _active(workspace, stamp(workspace.references_dir))
    path = workspace.references_dir / f"{reference_id}.json"
    return _reference(workspace, reference_id, stamp(path))


def keep_scores_current(workspace: Workspace) -> None:
    """Replace scores of an earlier way of scoring (``reference_library.bring_up_to_date``)."""
    _keep_scores_current(workspace, stamp(workspace.scores_path))


def label_count(workspace: Workspace) -> int:
    """Return how many ratings a reference can be learned from: those of scored scans that count."""
    return _label_count(workspace, rating_log.newest(workspace), stamp(workspace.scores_path))


def reference_headers(workspace: Workspace) -> list[ReferenceHeader]:
    """Return the references that can be chosen."""
    return _reference_headers(workspace, stamp(workspace.references_dir))


def scored_scans(workspace: Workspace) -> pd.DataFrame:
    """Return the scans with their scores beside them."""
    return _scored(workspace, tuple(map(stamp, workspace.score_paths)))


def all_ratings(workspace: Workspace) -> pd.DataFrame:
    """Return all ratings that were not taken back, see :func:`curation.ratings.rating_log.list_ratings`."""
    return _all_ratings(workspace, rating_log.newest(workspace))


def raters(workspace: Workspace) -> frozenset[str]:
    """Return who has rated, or has a session."""
    sessions = session_log.list_sessions(workspace)
    return frozenset((*all_ratings(workspace)["rater"], *sessions["rater"]))


def counted_ratings(workspace: Workspace) -> pd.DataFrame:
    """Return the ratings that are set against scores, see :func:`curation.ratings.rating_log.counted`."""
    return _counted(workspace, rating_log.newest(workspace))


def not_counted(workspace: Workspace) -> tuple[int, int]:
    """Return how many ratings wait, see :func:`curation.ratings.rating_log.not_counted`."""
    return _not_counted(workspace, rating_log.newest(workspace))


def pairs(workspace: Workspace, scale: Scale) -> pd.DataFrame:
    """Return the agreement of each two raters, see :func:`curation.ratings.agreement.pairs`."""
    return _pairs(workspace, scale.name, rating_log.newest(workspace))


def suggestion(workspace: Workspace, cost_ratio: float) -> Suggestion:
    """Return :func:`curation.sessions.suggested_cutoff.from_ratings`, cached."""
    changed = (rating_log.newest(workspace), stamp(workspace.scores_path))
    return _suggestion(workspace, cost_ratio, changed)


def rated(workspace: Workspace) -> frozenset[str]:
    """Return the ids of the scans that have a rating, of a session that is running left out."""
    return _rated(workspace, rating_log.newest(workspace))


def rating_words(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Return the words of each scan's ratings, see :func:`pages.ui.shell.summaries.rating_words`."""
    return _rating_words(workspace, rating_log.newest(workspace))


def scan_lists(workspace: Workspace) -> list[ScanList]:
    """Return the saved lists of scans, newest first."""
    return _scan_lists(workspace, saved_lists.newest(workspace))


def listed_scans(workspace: Workspace, list_ids: Collection[int]) -> frozenset[str]:
    """Return the ids of the scans that are on any of some lists, which never change."""
    return frozenset[str]().union(*(_listed(workspace, number) for number in list_ids))


def tags(workspace: Workspace) -> dict[str, frozenset[str]]:
    """Return the scans of each tag, see :func:`curation.decisions.scan_tags.in_force`."""
    return _tags(workspace, scan_tags.newest(workspace))


def cohort_headers(
    workspace: Workspace,
) -> tuple[list[frozen_cohort.CohortHeader], list[TierscopeError | OSError]]:
    """Return the headers of the frozen cohorts, newest first, and the errors of unreadable ones."""
    return _cohort_headers(workspace, stamp(workspace.cohorts_dir))


def cohort(workspace: Workspace, cohort_id: str) -> frozen_cohort.Cohort:
    """Return one frozen cohort with its scans."""
    path = workspace.cohorts_dir / f"{cohort_id}.tsv"
    return _cohort(workspace, cohort_id, stamp(path))


def images(workspace: Workspace, cohort_id: str) -> TierImages:
    """Return what images the tiers of a frozen cohort hold, see :mod:`curation.tier_effects.tier_images`."""
    return _images(workspace, cohort_id, _scored_at(workspace))


def outdated(workspace: Workspace, cohort_id: str) -> tuple[str, ...]:
    """Return what a frozen cohort was made with otherwise than now.

    Nothing is said of one that cannot be read, or of a simulated world.
    """
    if planted.has(workspace, cohort_id):
        return ()
    headers, _ = cohort_headers(workspace)
    header = next((one for one in headers if one.id == cohort_id), None)
    if header is None:
        return ()
    listed = stamp(workspace.cohorts_dir / f"{cohort_id}.tsv")
    return _outdated(workspace, header, listed, _scored_at(workspace))


def _scored_at(workspace: Workspace) -> tuple[Stamp, ...]:
    return (*map(stamp, workspace.score_paths), stamp(workspace.metrics_dir))


def study_state(workspace: Workspace, study_id: str) -> str:
    """Return the state of a study as it was at most five seconds ago, for lists of many."""
    return _study_state(workspace, study_id)


def seconds_a_run(workspace: Workspace, preset: Preset) -> dict[str, float]:
    """Return :func:`training.jobs.cost_estimate.seconds_a_run`, a minute old at most."""
    return _seconds_a_run(workspace, preset)


def forget_study_states() -> None:
    """Read the states of studies anew: one was just started or stopped here."""
    _study_state.clear()


@st.cache_data(max_entries=8, show_spinner=False, hash_funcs=BY_FOLDER)
def _images(workspace: Workspace, cohort_id: str, scored: tuple[Stamp, ...]) -> TierImages:
    return tier_images.of_cohort(workspace, cohort(workspace, cohort_id))


@st.cache_data(
    max_entries=256,
    show_spinner=False,
    hash_funcs=BY_FOLDER | {frozen_cohort.CohortHeader: lambda header: header.id},
)
def _outdated(
    workspace: Workspace,
    header: frozen_cohort.CohortHeader,
    listed: Stamp,
    scored: tuple[Stamp, ...],
) -> tuple[str, ...]:
    try:
        listed_scans = frozen_cohort.load(workspace, header.id).scans
    except (TierscopeError, OSError):  # told where the cohort is opened
        return ()
    now = cohort_integrity.made_with(_makers(workspace, scored), listed_scans)
    return cohort_integrity.outdated(header, now)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=BY_FOLDER)
def _makers(workspace: Workspace, scored: tuple[Stamp, ...]) -> pd.DataFrame:
    return cohort_integrity.makers(workspace)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _scans(workspace: Workspace, changed: Stamp) -> pd.DataFrame:
    return tables.read_scans(workspace)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _metrics(workspace: Workspace, changed: Stamp) -> pd.DataFrame:
    return tables.read_metrics(workspace)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _scored(workspace: Workspace, changed: tuple[Stamp, ...]) -> pd.DataFrame:
    return tables.read_scored_scans(workspace)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _keep_scores_current(workspace: Workspace, scored_at: Stamp) -> bool:
    return reference_library.bring_up_to_date(workspace)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _active(workspace: Workspace, changed: Stamp) -> Reference:
    return reference_library.active(workspace)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _reference_headers(workspace: Workspace, changed: Stamp) -> list[ReferenceHeader]:
    return reference_library.available(workspace)


@st.cache_resource(max_entries=8, show_spinner=False, hash_funcs=BY_FOLDER)
def _reference(workspace: Workspace, reference_id: str, changed: Stamp) -> Reference:
    return reference_library.load(workspace, reference_id)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _all_ratings(workspace: Workspace, newest: int) -> pd.DataFrame:
    return rating_log.list_ratings(workspace)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _counted(workspace: Workspace, newest: int) -> pd.DataFrame:
    return rating_log.counted(_all_ratings(workspace, newest))


@st.cache_data(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _not_counted(workspace: Workspace, newest: int) -> tuple[int, int]:
    return rating_log.not_counted(workspace)


@st.cache_resource(max_entries=8, show_spinner="Comparing the ratings …", hash_funcs=BY_FOLDER)
def _pairs(workspace: Workspace, scale: str, newest: int) -> pd.DataFrame:
    return agreement.pairs(rating_log.list_ratings(workspace), find_scale(workspace, scale))


@st.cache_resource(max_entries=32, show_spinner="Reading the ratings …", hash_funcs=BY_FOLDER)
def _suggestion(workspace: Workspace, cost_ratio: float, changed: tuple[int, Stamp]) -> Suggestion:
    return suggested_cutoff.from_ratings(workspace, cost_ratio)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _rated(workspace: Workspace, newest: int) -> frozenset[str]:
    return rating_log.rated_scans(workspace, running=False)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _rating_words(workspace: Workspace, newest: int) -> dict[str, tuple[str, ...]]:
    return summaries.rating_words(_counted(workspace, newest))


@st.cache_data(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _label_count(workspace: Workspace, newest: int, scored_at: Stamp) -> int:
    scored = tables.read_scores(workspace)["scan_id"]
    given = rating_log.counted(rating_log.list_ratings(workspace))
    return len(fit_from_ratings.labels_of(given, scored))


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _scan_lists(workspace: Workspace, newest: int) -> list[ScanList]:
    return saved_lists.list_lists(workspace)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _tags(workspace: Workspace, newest: int) -> dict[str, frozenset[str]]:
    return scan_tags.in_force(workspace)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_FOLDER)
def _listed(workspace: Workspace, number: int) -> frozenset[str]:
    return frozenset(saved_lists.scans_of(workspace, number))


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=BY_FOLDER)
def _cohort_headers(
    workspace: Workspace, changed: Stamp
) -> tuple[list[frozen_cohort.CohortHeader], list[TierscopeError | OSError]]:
    return frozen_cohort.read_cohorts(workspace)


@st.cache_resource(max_entries=16, show_spinner=False, hash_funcs=BY_FOLDER)
def _cohort(workspace: Workspace, cohort_id: str, changed: Stamp) -> frozen_cohort.Cohort:
    return frozen_cohort.load(workspace, cohort_id)


@st.cache_data(ttl=5, max_entries=1000, show_spinner=False, hash_funcs=BY_FOLDER)
def _study_state(workspace: Workspace, study_id: str) -> str:
    return study_status.status(workspace, study_id).state


@st.cache_data(ttl=60, max_entries=16, show_spinner=False, hash_funcs=BY_FOLDER | {Preset: repr})
def _seconds_a_run(workspace: Workspace, preset: Preset) -> dict[str, float]:
    return cost_estimate.seconds_a_run(workspace, preset)
