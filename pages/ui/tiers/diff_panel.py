"""Panel of a frozen cohort against another one or today: who entered, who left, who moved, and why."""

import streamlit as st

from curation.cohorts import cohort_diff
from curation.cohorts.cohort_diff import CAUSES, ENTERED, LEFT, MOVED, CohortDiff
from curation.cohorts.frozen_cohort import Cohort, CohortHeader
from curation.storage.workspace import Workspace
from pages.ui.scan_table import tried_rule
from pages.ui.shell import cache, controls, formatting, frame, html_marks, state

_NOTHING, _OWN, _TRIED = "nothing", "own", "tried"
_TODAY = {
    _NOTHING: "nothing",
    _OWN: "today, by its own rule",
    _TRIED: "today, by the rule of the plot above",
}
_LISTED = 200


def show(workspace: Workspace, cohort: Cohort, headers: list[CohortHeader]) -> None:
    """Draw what the cohort is compared with, and what differs."""
    others = [
        header.id for header in headers if header.role == cohort.role and header.id != cohort.id
    ]
    chosen = controls.choose(
        st.selectbox,
        "Compare this cohort with",
        [*_TODAY, *others],
        key=state.DIFF_WITH,
        format_func=lambda name: _TODAY.get(name, name),
        width=480,
    )
    if chosen == _NOTHING:
        return
    with frame.in_words():
        with st.spinner("Comparing …"):
            found = _compared(workspace, cohort, chosen)
        _draw(found, cohort)


def _compared(workspace: Workspace, cohort: Cohort, chosen: str) -> CohortDiff:
    if chosen not in _TODAY:
        return cohort_diff.compare(workspace, cohort, cache.cohort(workspace, chosen))
    rule = tried_rule.current()[0] if chosen == _TRIED else cohort.rule
    return cohort_diff.compare(workspace, cohort, cohort_diff.today(workspace, cohort, rule))


def _draw(found: CohortDiff, cohort: Cohort) -> None:
    st.markdown(f"**{formatting.escape(found.sentence())}**")
    if found.scans.empty:
        return
    rows = [
        (CAUSES[cause].capitalize(), *(counts[name] or formatting.DASH for name in _CHANGES))
        for cause, counts in found.by_cause().items()
    ]
    st.html(html_marks.table(("Why", *map(str.capitalize, _CHANGES)), rows, numeric=(1, 2, 3)))
    told = found.in_words()
    st.dataframe(
        told.head(_LISTED).rename(columns=_HEAD), hide_index=True, placeholder=formatting.DASH
    )
    if len(told) > _LISTED:
        st.caption(f"The first {_LISTED} of {len(told):,} scans; the file holds all.")
    controls.offer_tables(f"{cohort.id}-against-{found.after}", {"who-is-elsewhere": told})


_CHANGES = (ENTERED, LEFT, MOVED)
#: Columns of the table on the screen; the file keeps its own.
_HEAD = {
    "scan_id": "Scan",
    "change": "Change",
    "tier_before": "Tier before",
    "tier_after": "Tier now",
    "cause": "Why",
    "value_before": "Value before",
    "value_after": "Value now",
}
