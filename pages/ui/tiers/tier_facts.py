"""Warnings on Tiers, and the cached covariates and rater spread that they and other panels use.

What does not depend on the rule is computed once from tables and ratings, and cached.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from curation import errors
from curation.errors import DamagedError
from curation.ratings import agreement, rating_log
from curation.ratings.scales import all_scales
from curation.storage.workspace import Workspace
from curation.tier_effects import (
    cutoff_stability,
    repeat_error,
    selection_bias,
    tier_balance,
    tier_images,
)
from curation.tier_effects.cutoff_stability import RaterSpread
from curation.tier_effects.repeat_error import RepeatError
from curation.tier_effects.selection_bias import Selection
from curation.tier_effects.tier_balance import Tally, Traits
from curation.tier_effects.tier_images import ImageKinds
from curation.tiers import rule_warnings
from curation.tiers.rule_checks import UNUSABLE
from curation.tiers.rule_columns import SCORE
from curation.wording import number
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import cache, formatting, frame, html_marks
from pages.ui.tiers import balance_panel, scan_notes, selection_words

# ---- the panel -----------------------------------------------------------------------------------


def show(scan_table: ScanTable, sorted_scans: SortedScans, *, trained: bool) -> None:
    """Draw differences between tiers and warnings, with their numbers; one quiet line without any.

    ``trained`` tells whether arms are trained on these scans. While a line is dragged, assets/cutoffs.css
    marks what stands here as being counted anew.
    """
    with st.container(key="tier-facts"):
        _show(scan_table, sorted_scans, trained=trained)


def _show(scan_table: ScanTable, sorted_scans: SortedScans, *, trained: bool) -> None:
    facts = facts_of(scan_table)
    if facts.damaged:
        frame.report(facts.damaged)
    tally = facts.tally(sorted_scans)
    found, basis = selection_bias.selections(tally), selection_bias.basis(tally)
    texts = [
        *selection_words.warnings(found),
        *selection_words.differences(found, basis),
    ]
    if texts:
        st.warning("\n\n".join(texts), icon=":material/balance:")
    if kinds := kinds_said(tally):
        st.warning(formatting.escape(kinds), icon=":material/content_cut:")
    rule = sorted_scans.rule
    arrays = scan_table.arrays(rule.columns)
    doubts = rule_warnings.problems(rule, arrays, sorted_scans.codes, trained=trained)
    if doubts:
        messages = [formatting.escape(doubt.message) for doubt in doubts]
        st.warning("\n\n".join(messages), icon=":material/warning:")
    scan_notes.show(scan_table, sorted_scans)
    if found:
        summary = (
            selection_words.small_differences(found)
            or "What cut-offs select, against quality and chance:"
        )
        with st.container(horizontal=True, vertical_alignment="center", key="selection"):
            st.markdown(f":material/balance: {summary}", width="content")
            with st.popover("How this is told"):
                _numbers(found, selection_words.quality_told(basis, facts.unrated_reason))
    if missing := selection_words.not_assessable(found, tally, _sorted_as(sorted_scans)):
        st.caption(formatting.escape(" ".join(missing)))


def kinds_said(tally: Tally) -> str:
    """Say that tiers differ in how their images were prepared; empty where they do not, or by chance."""
    kept = [place for place, name in enumerate(tally.names) if name != UNUSABLE]
    counts = tally.counts("image")[kept]
    kinds = dict(zip(tally.traits.categories["image"].names, counts.T.tolist(), strict=False))
    return ImageKinds(tuple(tally.names[place] for place in kept), kinds).said


def _sorted_as(sorted_scans: SortedScans) -> tuple[str, str]:
    by_score = sorted_scans.rule.rule_column.is_score
    return selection_words.SCORED if by_score else selection_words.VALUED


def _numbers(found: list[Selection], reason: str) -> None:
    rows = [
        (
            f"{one.better} | {one.worse}",
            one.trait,
            f"{one.counted - one.above:,} | {one.above:,}",
            number(one.years, 1),
            balance_panel.smd(one.seen),
            balance_panel.smd(one.explained),
            number(one.null_quantile, 2),
            _percent(one.share_by_trait),
            _percent(one.share_by_quality),
        )
        for one in found
    ]
    head = (
        "Cut-off",
        "In",
        "Scans",
        "Years",
        "Difference",
        "By quality alone",
        "By chance",
        "Between levels",
        "Between qualities",
    )
    st.html(html_marks.table(head, rows, numeric=range(2, 9)))
    st.caption(
        f"{formatting.escape(reason)} All scans on the better side of a cut-off are compared with all on its "
        "worse side, but for those whose age, site or group is not known. Differences are in standard "
        "deviations; by chance: what 95 of 100 random cuts stay below. The last two columns are shares of "
        "the variance of lying beyond the cut-off."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else formatting.DASH


# ---- cached facts --------------------------------------------------------------------------------


@dataclass(frozen=True)
class TierFacts:
    """Facts that do not depend on the rule.

    Parameters
    ----------
    traits : Traits
        Of the people, with levels of quality.
    unrated_reason : str
        Why no levels come from ratings, a sentence; empty where they do.
    damaged : str
        Why it is not known how images were prepared, where the metrics cannot be read; else empty.
    """

    traits: Traits
    unrated_reason: str
    damaged: str

    def tally(self, sorted_scans: SortedScans) -> Tally:
        """Count the scans of each tier."""
        return self.traits.tally(sorted_scans.codes, sorted_scans.rule.tiers)


def facts_of(scan_table: ScanTable) -> TierFacts:
    """Return the facts of a scan table; cached."""
    workspace = scan_table.workspace
    metrics_at = cache.stamp(workspace.metrics_dir)
    return _read_facts(scan_table, scan_table.key, rating_log.newest(workspace), metrics_at)


@st.cache_resource(max_entries=4, show_spinner="Reading who they are …")
def _read_facts(
    _scan_table: ScanTable, key: tuple[Hashable, ...], newest: int, metrics_at: cache.Stamp
) -> TierFacts:
    scans = _scan_table.scans
    kinds, damaged = pd.Series(None, scans.index, dtype=object), ""
    try:
        kinds = tier_images.kinds_of(_scan_table.workspace, scans)
    except DamagedError as error:  # no kind is known then, and the cut can be made all the same
        damaged = errors.in_words(error)
    traits = tier_balance.prepare(scans.assign(image=kinds))
    quality = selection_bias.rated_quality(
        cache.counted_ratings(_scan_table.workspace),
        list(all_scales(_scan_table.workspace).values()),
    )
    found = quality.reindex(_scan_table.scores.scan_ids).to_numpy(dtype=np.float64)
    levels, _, reason = selection_bias.levels_of_quality(
        _scan_table.values(SCORE), traits.categories["site"], found
    )
    return TierFacts(traits.with_quality(levels), reason, damaged)


def rater_spread(scan_table: ScanTable, column: str) -> RaterSpread:
    """Return one rater's standard deviation in the unit of a column."""
    metrics_at = cache.stamp(scan_table.workspace.metrics_dir)
    return _spread(
        scan_table, scan_table.key, column, rating_log.newest(scan_table.workspace), metrics_at
    )


@st.cache_resource(max_entries=16, show_spinner=False)
def _spread(
    _scan_table: ScanTable,
    key: tuple[Hashable, ...],
    column: str,
    newest: int,
    metrics_at: cache.Stamp,
) -> RaterSpread:
    workspace: Workspace = _scan_table.workspace
    return cutoff_stability.rater_spread(
        cache.counted_ratings(workspace),
        list(all_scales(workspace).values()),
        _scan_table.values(column),
    )


def repeat_error_of(scan_table: ScanTable, column: str) -> RepeatError:
    """Return by how much a column differs when a scan is measured again."""
    metrics_at = cache.stamp(scan_table.workspace.metrics_dir)
    return _repeat_error(scan_table, scan_table.key, column, metrics_at)


@st.cache_resource(max_entries=16, show_spinner=False)
def _repeat_error(
    _scan_table: ScanTable, key: tuple[Hashable, ...], column: str, metrics_at: cache.Stamp
) -> RepeatError:
    people = _scan_table.scans["subject_id"].astype("str")
    kinds = _scan_table.scans["modality"].astype("str")
    return repeat_error.of_number(
        column,
        (people + "\n" + kinds).to_numpy(),
        _scan_table.values(column),
        cache.reference(_scan_table.workspace),
    )


def rater_ceiling(workspace: Workspace) -> float | None:
    """Return the agreement among raters (Cohen's kappa); ``None`` where it is undefined."""
    return _ceiling(workspace, rating_log.newest(workspace))


@st.cache_data(max_entries=4, show_spinner=False, hash_funcs=cache.BY_FOLDER)
def _ceiling(workspace: Workspace, newest: int) -> float | None:
    return agreement.ceiling(cache.counted_ratings(workspace), all_scales(workspace))
