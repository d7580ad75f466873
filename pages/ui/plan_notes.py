"""On Train, where a study is planned: what controls share with their arms, and what is doubtful."""

from collections.abc import Sequence

import streamlit as st

from curation.cohorts import CohortHeader
from curation.workspace import Workspace
from pages.ui import cached, frame, text
from training import plan_advice
from training.arms import find


def show_plan_notes(
    workspace: Workspace, pool: CohortHeader, target: CohortHeader, names: Sequence[str], seeds: int
) -> None:
    """Draw the notes of a plan; nothing where there is nothing to say.

    Parameters
    ----------
    workspace : Workspace
        Where the cohorts are.
    pool, target : CohortHeader
        What is pretrained and judged on.
    names : sequence of str
        Of the arms.
    seeds : int
        How many.
    """
    with frame.in_words():
        said, doubts = _notes(workspace, pool.id, target.id, tuple(names), seeds)
        if said:
            st.caption(text.escape(said))
        if doubts:
            st.warning("\n\n".join(map(text.escape, doubts)), icon=":material/warning:")


@st.cache_data(max_entries=32, show_spinner=False, hash_funcs={Workspace: lambda w: str(w.root)})
def _notes(
    workspace: Workspace, pool_id: str, target_id: str, names: tuple[str, ...], seeds: int
) -> tuple[str, list[str]]:
    pool, target = (cached.cohort(workspace, one) for one in (pool_id, target_id))
    arms = [arm for name in names if (arm := find(pool, name))]
    return (
        plan_advice.controls_said(pool, arms, range(seeds)),
        plan_advice.doubts(pool, target, arms, range(seeds)),
    )
