"""What the consequences of a rule are worked out from: made once from tables and ratings, then kept.

On Tiers, below the plot: what a cut-off selects besides quality, and what is doubtful about the rule.
"""

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from curation.ratings import rating_log
from curation.ratings.scales import all_scales
from curation.sessions import suggested_cutoff
from curation.storage.workspace import Workspace
from curation.tier_effects import cutoff_stability, selection_bias, tier_balance
from curation.tier_effects.cutoff_stability import RaterSpread
from curation.tier_effects.selection_bias import Selection
from curation.tier_effects.tier_balance import Tally, Traits
from curation.tiers import rule_warnings
from curation.tiers.rule_columns import SCORE
from pages.ui.scan_table.scan_arrays import ScanTable, SortedScans
from pages.ui.shell import cache, formatting, html_marks
from pages.ui.tiers import balance_panel, selection_words


@dataclass(frozen=True)
class TierFacts:
    """What does not depend on the rule.

    Parameters
    ----------
    traits : Traits
        Of the people, with levels of quality.
    quality_reason : str
        Where the levels come from, a sentence.
    """

    traits: Traits
    quality_reason: str

    def tally(self, sorted_: SortedScans) -> Tally:
        """Count the scans of each tier."""
        return self.traits.tally(sorted_.codes, sorted_.rule.tiers)


def of(ground: ScanTable) -> TierFacts:
    """Return the facts of a ground."""
    return _facts(ground, ground.key, rating_log.newest(ground.workspace))


def spread(ground: ScanTable, column: str) -> RaterSpread:
    """Return one rater's standard deviation in the unit of a column."""
    metrics_at = cache.stamp(ground.workspace.metrics_dir)
    return _spread(ground, ground.key, column, rating_log.newest(ground.workspace), metrics_at)


def ceiling(workspace: Workspace) -> float | None:
    """Return how well raters agree among each other (Cohen's kappa); ``None`` where it cannot be told."""
    return _ceiling(workspace, rating_log.newest(workspace))


@st.cache_data(max_entries=4, show_spinner=False, hash_funcs={Workspace: lambda w: str(w.root)})
def _ceiling(workspace: Workspace, newest: int) -> float | None:
    return suggested_cutoff.ceiling(workspace, cache.all_ratings(workspace))


@st.cache_resource(max_entries=4, show_spinner="Reading who they are …")
def _facts(_ground: ScanTable, key: tuple[Hashable, ...], newest: int) -> TierFacts:
    traits = tier_balance.prepare(_ground.scans)
    said = selection_bias.rated_quality(
        cache.all_ratings(_ground.workspace), list(all_scales(_ground.workspace).values())
    )
    found = said.reindex(_ground.scores.scan_ids).to_numpy(dtype=np.float64)
    levels, _, reason = selection_bias.levels_of_quality(
        _ground.values(SCORE), traits.categories["site"], found
    )
    return TierFacts(traits.with_quality(levels), reason)


@st.cache_resource(max_entries=16, show_spinner=False)
def _spread(
    _ground: ScanTable, key: tuple[Hashable, ...], column: str, newest: int, metrics_at: cache.Stamp
) -> RaterSpread:
    workspace: Workspace = _ground.workspace
    return cutoff_stability.rater_spread(
        cache.all_ratings(workspace),
        list(all_scales(workspace).values()),
        _ground.values(column),
    )


def show(ground: ScanTable, sorted_: SortedScans) -> None:
    """Draw what tiers differ in, and the warnings, with their numbers; one quiet line where there is none."""
    facts = of(ground)
    tally = facts.tally(sorted_)
    found = selection_bias.selections(tally)
    said = [*selection_words.warnings(found), *selection_words.differences(found, tally)]
    if said:
        st.warning("\n\n".join(said), icon=":material/balance:")
    doubts = rule_warnings.problems(
        sorted_.rule, ground.arrays(sorted_.rule.columns), sorted_.codes
    )
    if doubts:
        told = [formatting.escape(doubt.message) for doubt in doubts]
        st.warning("\n\n".join(told), icon=":material/warning:")
    if found:
        summary = selection_words.calm(found) or "What cut-offs select, against quality and chance:"
        with st.container(horizontal=True, vertical_alignment="center", key="selection"):
            st.markdown(f":material/balance: {summary}", width="content")
            with st.popover("The numbers"):
                _numbers(found, facts.quality_reason)
    if missing := selection_words.not_told(found, tally):
        st.caption(formatting.escape(" ".join(missing)))


def _numbers(found: list[Selection], reason: str) -> None:
    rows = [
        (
            f"{one.better} | {one.worse}",
            one.trait,
            balance_panel.smd(one.seen),
            balance_panel.smd(one.explained),
            formatting.number(one.null_quantile, 2),
            _percent(one.share_by_trait),
            _percent(one.share_by_quality),
        )
        for one in found
    ]
    head = (
        "Cut-off",
        "In",
        "Difference",
        "By quality alone",
        "By chance",
        "Between sites",
        "Between qualities",
    )
    st.html(html_marks.table(head, rows, numeric=range(2, 7)))
    st.caption(
        f"{formatting.escape(reason)} Differences are standardised; by chance: what 95 of 100 random cuts "
        "stay below. The last two columns are shares of the variance of lying beyond the cut-off."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if math.isfinite(share) else formatting.DASH
