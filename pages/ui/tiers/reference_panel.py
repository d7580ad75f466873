"""Reference panel of Tiers: choice of the reference, and fitting one to the own scans or ratings."""

import pandas as pd
import streamlit as st

from curation.access import guard
from curation.access.actions import Action
from curation.references import fit_from_ratings, reference_library
from curation.references.reference_library import ReferenceHeader
from curation.scoring import cohort_anchors
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.wording import plural
from pages.ui.scan_table import tried_rule
from pages.ui.shell import cache, controls, formatting, frame, state

#: What the kinds of reference compare a scan with, in words.
REFERENCE_KINDS: dict[str, str] = {
    "builtin": "The same good and bad values for every scan",
    "cohort": f"Compared with the scans of its site, of a site of fewer than {cohort_anchors.MIN_COHORT} "
    "with those of all sites",
    "learned": "The chance that people would exclude the scan, or what good and bad values say of other "
    "damage, whichever is more",
}


def show(workspace: Workspace, scans: pd.DataFrame) -> None:
    """Draw the reference in use, the choice of another, and the fits."""
    active = cache.reference(workspace)
    if note := state.get(state.REFERENCE_NOTE):
        state.put(state.REFERENCE_NOTE, None)
        state.put(state.REFERENCE, active.id)
        st.success(formatting.escape(note), icon=":material/check:")
    with st.expander(
        formatting.escape(f"Judged by: {_in_use(workspace, scans)}"), icon=":material/balance:"
    ):
        if told := who_judges(scans, active.label, active.id, _labels(workspace, scans)):
            st.markdown(formatting.escape(told))
        _choose(workspace, cache.reference_headers(workspace), active.id)
        with st.container(horizontal=True, key="split-references", gap="large"):
            with st.container(width="stretch"):
                _from_scans(workspace, scans)
            with st.container(width="stretch"):
                _from_ratings(workspace)


def _in_use(workspace: Workspace, scans: pd.DataFrame) -> str:
    """Return the references behind the scores in words: several where the chosen one cannot judge all."""
    counts = scans.loc[scans["distortion_score"].notna(), "reference"].value_counts()
    named = [
        f"{cache.reference(workspace, str(key)).label} ({key})"
        + (f": {plural(count, 'scan')}" if len(counts) > 1 else "")
        for key, count in counts.items()
    ]
    return " · ".join(named)


def _labels(workspace: Workspace, scans: pd.DataFrame) -> dict[str, str]:
    found = scans["reference"].dropna().unique()
    return {str(key): cache.reference(workspace, str(key)).label for key in found}


def who_judges(
    scans: pd.DataFrame, label: str, reference_id: str, labels: dict[str, str]
) -> str | None:
    """Say which reference judges scans with an image, and which those of tables, where these are two.

    Parameters
    ----------
    scans : pandas.DataFrame
        With ``status``, ``reference`` and ``distortion_score``.
    label, reference_id : str
        Of the chosen reference.
    labels : dict of str to str
        The label of each reference that scans are judged by.
    """
    scored = scans[scans["distortion_score"].notna()]
    tables = scored[scored["status"] == "table"]
    others = sorted(set(tables["reference"].dropna().astype(str)) - {reference_id})
    if not others:
        return None
    images = len(scored) - len(tables)
    named = " and ".join(f"{labels[key]} ({key})" for key in others)
    return (
        f"Two references are in use. {plural(images, 'scan')} with an image: {label} ({reference_id}), which "
        f"is chosen below. {plural(len(tables), 'scan')} of tables, which it cannot judge: {named}."
    )


def evidence(header: ReferenceHeader) -> str:
    """Return the measured accuracy of a reference in words, where there is one."""
    found = header.evidence
    if "auc" not in found:
        return REFERENCE_KINDS[header.kind] + "."
    return (
        f"{REFERENCE_KINDS[header.kind]}. AUC {found['auc']:.2f} (95 % interval {found['low']:.2f}–"
        f"{found['high']:.2f}) on held-out {found['held_out']}s; "
        f"{plural(found['ratings'], 'rating')} of {plural(found['scans'], 'scan')}, "
        f"{plural(found['excluded'], 'exclusion')}."
        + (" Applied to this workspace's scans." if "." in header.id else "")
    )


def _choose(workspace: Workspace, headers: list[ReferenceHeader], active: str) -> None:
    by_id = {header.id: header for header in headers}
    chosen = controls.choose(
        st.radio,
        "A score is relative to what it is judged by",
        list(by_id),
        key=state.REFERENCE,
        first=active,
        format_func=lambda key: f"{formatting.escape(by_id[key].label)} ({formatting.escape(key)})",
        captions=[formatting.escape(evidence(header)) for header in by_id.values()],
    )
    st.caption(formatting.escape(by_id[chosen].description))
    label = "This one is chosen" if chosen == active else f"Judge by {by_id[chosen].label}"
    if st.button(label, type="primary", disabled=chosen == active or not _may()):
        with frame.in_words():
            _switch(workspace, chosen)


def _from_scans(workspace: Workspace, scans: pd.DataFrame) -> None:
    st.markdown("**From this workspace's scans**")
    scored = int(scans["distortion_score"].notna().sum())
    missing = cohort_anchors.MIN_COHORT - scored
    st.caption(
        "Each metric is judged by how far it lies from what is usual at its site, or at all sites together "
        f"where the site has fewer than {cohort_anchors.MIN_COHORT} scans. It finds the odd "
        "ones out; apart from damage such as ghosts or missing brain, it cannot see what is wrong with all "
        "of them." + (f" {plural(missing, 'scored scan')} more are needed." if missing > 0 else "")
    )
    if st.button(
        "Fit to the scans", disabled=missing > 0 or not _may(), icon=":material/straighten:"
    ):
        _make(workspace, reference_library.fit_cohort, "Comparing the scans with each other …")


def _from_ratings(workspace: Workspace) -> None:
    st.markdown("**From this workspace's ratings**")
    count = cache.label_count(workspace)
    missing = fit_from_ratings.MIN_RATINGS - count
    st.caption(
        f"{plural(count, 'rating')} of scored scans so far. "
        + (
            f"{missing} more are needed, the doubtful and the bad ones too."
            if missing > 0
            else "The score becomes the chance that you would exclude the scan, or what good and bad values "
            "say of other damage, such as missing slices, whichever is more; how well the chance is "
            "foretold on scans not learned from stands beside it."
        )
    )
    if st.button(
        "Learn from the ratings", disabled=missing > 0 or not _may(), icon=":material/school:"
    ):
        _make(workspace, reference_library.fit_ratings, "Learning, and testing on scans left out …")


def _may() -> bool:
    return guard.may(Action.CHOOSE_REFERENCE)


def _make(workspace: Workspace, fit, words: str) -> None:  # type: ignore[no-untyped-def]
    with frame.in_words():
        with st.spinner(words, show_time=True):
            made = fit(workspace)
        _switch(workspace, made.id)


def _switch(workspace: Workspace, reference_id: str) -> None:
    """Score all scans by another reference and note how many changed their tier."""
    before = cache.scored_scans(workspace)
    with st.spinner("Scoring all scans anew …"):
        chosen = reference_library.choose(workspace, reference_id)
    after = cache.scored_scans(workspace)
    rule, _ = tried_rule.current()
    old, new = (
        overrides.tiers_with_overrides(workspace, table, rule).set_axis(table["scan_id"])
        for table in (before, after)
    )
    scored = int(after["distortion_score"].notna().sum())
    state.put(
        state.REFERENCE_NOTE,
        f"Judged by {chosen.label} ({chosen.id}) from now on: {plural(scored, 'scan')} scored "
        f"anew, {int((old != new.reindex(old.index)).sum()):,} of them in another tier than before. "
        "Frozen cohorts stay as they are.",
    )
    st.rerun()
