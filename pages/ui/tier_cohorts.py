"""On Tiers: freezing a cohort, and those that are frozen."""

import streamlit as st

from curation import cohort_lists, cohorts, errors, overlaps, target_rules
from curation.cohorts import Cohort, CohortHeader
from curation.tiers import TierRule
from curation.workspace import Role, Workspace
from pages.ui import cached, cohort_panel, frame, marks, state, text
from pages.ui.ground import Ground

_LISTED = 20
#: Whose rule cuts a target: the newest pool's, or that of the page.
_POOLS, _HERE = "pool", "here"


def show(workspace: Workspace, ground: Ground, role: Role, rule: TierRule) -> None:
    """Draw the form that freezes, and what is frozen."""
    _freeze(workspace, ground, role, rule)
    headers, troubles = cached.cohort_headers(workspace)
    for trouble in troubles:  # here, as this part is also drawn by itself
        st.warning(text.escape(errors.in_words(trouble)))
    if headers:
        st.subheader("Frozen cohorts")
        _table(headers)
        cohort_panel.show(workspace, headers)


def _freeze(workspace: Workspace, ground: Ground, role: Role, rule: TierRule) -> None:
    st.subheader("Freeze a cohort")
    st.caption(
        "A frozen cohort is a named list of these scans with their tiers, hashes and the rule. It does "
        "not change when you move a cut-off later; studies are trained on frozen cohorts only."
    )
    with st.form("freeze", border=True):
        by = _rule(workspace, rule) if role == "target" else rule
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("Name", value=role, max_chars=60)
            author = st.text_input("Who decides", value=state.get(state.PERSON, ""), max_chars=100)
            images_only = _images_only(ground)
            sent = st.form_submit_button(f"Freeze this {role} cohort", type="primary")
    if sent:
        with frame.in_words():
            draft = cohort_lists.draft(workspace, role, by, images_only=images_only)
            cohort = cohorts.freeze_draft(workspace, draft, name=name, author=author)
            _say_frozen(cohort, author)
            for note in overlaps.notes(workspace, set(cohort.scans["source"])):
                st.warning(text.escape(note), icon=":material/group:")
            if draft.doubts:
                st.warning(
                    text.escape(" ".join(doubt.message for doubt in draft.doubts)),
                    icon=":material/warning:",
                )


def _rule(workspace: Workspace, rule: TierRule) -> TierRule:
    """Let people choose whose rule cuts a target: the newest pool's, unless they want that of this page."""
    pool = target_rules.newest_pool(cached.cohort_headers(workspace)[0])
    if pool is None:
        st.caption("There is no pool cohort yet: freeze the target again by its rule later.")
        return rule
    if target_rules.same(pool.rule, rule):
        st.caption(text.escape(f"By the same rule as the newest pool cohort, {pool.id}."))
        return rule
    words = {
        _POOLS: f"As the newest pool cohort, {pool.id}: {target_rules.in_words(pool.rule)}",
        _HERE: f"As on this page: {target_rules.in_words(rule)}",
    }
    chosen = st.radio(
        "Tiers of the target",
        list(words),
        format_func=lambda key: text.escape(words[key]),
        help="By another rule than the pool's, the same letter is not the same quality in both.",
    )
    return pool.rule if chosen == _POOLS else rule


def _images_only(ground: Ground) -> bool:
    """Offer to leave out scans that cannot be trained on, where there are both kinds."""
    without = int((ground.scans["status"] == "table").sum())
    if not 0 < without < len(ground.scans):
        return False
    return st.checkbox(f"Leave out {text.plural(without, 'scan')} without image", value=True)


def _say_frozen(cohort: Cohort, author: str) -> None:
    state.put(state.PERSON, author.strip())
    state.put(state.PENDING_COHORT, cohort.id)
    st.success(text.escape(f"Frozen as {cohort.id}: {text.plural(cohort.size, 'scan')}."))
    frame.link("train", "Train on frozen cohorts")


def _table(headers: list[CohortHeader]) -> None:
    rows = [
        (
            header.id,
            header.role,
            f"{header.size:,}",
            _counts_in_words(header),
            header.rule.brief(),
            header.author,
            text.moment(header.created),
        )
        for header in headers[:_LISTED]
    ]
    head = ("Cohort", "Role", "Scans", "Per tier", "Rule", "By", "When (UTC)")
    st.html(marks.table(head, rows, numeric=(2,)))
    if len(headers) > _LISTED:
        st.caption(f"The newest {_LISTED} of {len(headers):,}; all are in the list below.")


def _counts_in_words(header: CohortHeader) -> str:
    return " · ".join(f"{tier} {count:,}" for tier, count in header.counts.items())
