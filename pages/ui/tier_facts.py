"""What the consequences of a rule are worked out from: made once from tables and ratings, then kept."""

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from curation import balance, cutoffs, ratings, selection, stability
from curation.balance import Tally, Traits
from curation.measures import SCORE
from curation.scales import all_scales
from curation.stability import RaterSpread
from curation.workspace import Workspace
from pages.ui import cached
from pages.ui.ground import Ground, Sorted


@dataclass(frozen=True)
class Facts:
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

    def tally(self, sorted_: Sorted) -> Tally:
        """Count the scans of each tier."""
        return self.traits.tally(sorted_.codes, sorted_.rule.tiers)


def of(ground: Ground) -> Facts:
    """Return the facts of a ground."""
    return _facts(ground, ground.key, ratings.newest(ground.workspace))


def spread(ground: Ground, column: str) -> RaterSpread:
    """Return one rater's standard deviation in the unit of a column."""
    metrics_at = cached.stamp(ground.workspace.metrics_dir)
    return _spread(ground, ground.key, column, ratings.newest(ground.workspace), metrics_at)


def ceiling(workspace: Workspace) -> float | None:
    """Return how well raters agree among each other (Cohen's kappa); ``None`` where it cannot be told."""
    return _ceiling(workspace, ratings.newest(workspace))


@st.cache_data(max_entries=4, show_spinner=False, hash_funcs={Workspace: lambda w: str(w.root)})
def _ceiling(workspace: Workspace, newest: int) -> float | None:
    return cutoffs.ceiling(workspace, cached.all_ratings(workspace))


@st.cache_resource(max_entries=4, show_spinner="Reading who they are …")
def _facts(_ground: Ground, key: tuple[Hashable, ...], newest: int) -> Facts:
    traits = balance.prepare(_ground.scans)
    said = selection.rated_quality(
        cached.all_ratings(_ground.workspace), list(all_scales(_ground.workspace).values())
    )
    found = said.reindex(_ground.scores.scan_ids).to_numpy(dtype=np.float64)
    levels, _, reason = selection.levels_of_quality(
        _ground.values(SCORE), traits.categories["site"], found
    )
    return Facts(traits.with_quality(levels), reason)


@st.cache_resource(max_entries=16, show_spinner=False)
def _spread(
    _ground: Ground, key: tuple[Hashable, ...], column: str, newest: int, metrics_at: cached.Stamp
) -> RaterSpread:
    workspace: Workspace = _ground.workspace
    return stability.rater_spread(
        cached.all_ratings(workspace),
        list(all_scales(workspace).values()),
        _ground.values(column),
    )
