"""Tiers: where do I cut? The score's distribution, movable cut-offs, what they do, frozen cohorts."""

import pandas as pd
import streamlit as st

from curation import cohorts, overrides, tiers
from curation.tiers import MAX_TIERS, MIN_TIERS, TierRule
from curation.workspace import ROLES, Role, Workspace
from pages.ui import (
    cached,
    charts,
    frame,
    marks,
    progress,
    reference_panel,
    state,
    suggested_cutoff,
    summaries,
    text,
)


def body(workspace: Workspace) -> None:
    """Draw the page."""
    progress.background_note(workspace, workspace.scores_path)
    usable = scans = summaries.usable(cached.scored_scans(workspace))
    if not scans["distortion_score"].notna().any():
        frame.nothing_yet(
            "No scan is scored yet.",
            "Tiers are cut from the distortion score. Start the scoring on the page Cohort.",
            "cohort",
        )
        return
    role = _choose_role(scans)
    scans = scans[scans["role"] == role]
    reference_panel.show(workspace, usable)
    plot = st.container()
    suggested_cutoff.show(workspace)
    rule = _choose_cutoffs()
    tiered = scans.assign(tier=overrides.assigned(workspace, scans, rule))
    marked = summaries.open_scan(scans, state.get(state.SCAN))
    with plot:
        _counts(tiered, rule)
        frame.figure(
            charts.score_histogram(scans["distortion_score"], rule, marked=marked), key="histogram",
            alt="Histogram of the distortion score, coloured by tier, with the cut-offs as lines",
        )  # fmt: skip
        if marked:
            st.caption(
                f"▲ {text.escape(marked[0])}, the scan that is open on Review: "
                f"score {text.number(marked[1], 0)}."
            )
    _by_hand(tiered, rule)
    _consequences(tiered, rule)
    _freeze(workspace, scans, role, rule)
    _frozen(workspace)


def _choose_role(scans: pd.DataFrame) -> Role:
    roles = [role for role in ROLES if (scans["role"] == role).any()]
    role: Role = state.keep_one_of(state.ROLE, roles)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.segmented_control(
            "Scans", roles, key=state.ROLE, required=True, label_visibility="collapsed",
            format_func=lambda r: "Pretraining pool" if r == "pool" else "Target cohort",
            persist_state="session",
        )  # fmt: skip
        st.caption(ROLES[role][:1].upper() + ROLES[role][1:])
    return role


# ---- the rule --------------------------------------------------------------------------------------


def _choose_cutoffs() -> TierRule:
    state.keep_one_of(state.TIER_COUNT, [3, *range(MIN_TIERS, MAX_TIERS + 1)])
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            count = st.segmented_control(
                "Number of tiers", list(range(MIN_TIERS, MAX_TIERS + 1)), key=state.TIER_COUNT,
                required=True, persist_state="session", on_change=state.reset_cutoffs,
            )  # fmt: skip
            st.button("Default cut-offs", on_click=state.reset_cutoffs, icon=":material/undo:")
        state.ensure_cutoffs()
        for position, (better, worse) in enumerate(
            zip(tiers.TIER_NAMES[:count], tiers.TIER_NAMES[1:count], strict=False)
        ):
            _cutoff(position, better, worse)
        rule, problem = state.rule()
        if problem:
            st.error(f"{text.escape(problem)} The last good cut-offs stay in force\\.")
    return rule


def _cutoff(position: int, better: str, worse: str) -> None:
    slider, number = state.slider_key(position), state.number_key(position)
    label = f"Between {better} and {worse}: tier {worse} begins at a score of"
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    left.slider(
        label, 0.0, 100.0, step=0.5, key=slider, format="%.1f", persist_state="session",
        on_change=state.follow, args=(slider, number),
    )  # fmt: skip
    right.number_input(
        label, 0.0, 100.0, step=0.5, key=number, format="%.1f", persist_state="session",
        label_visibility="collapsed", on_change=state.follow, args=(number, slider),
    )  # fmt: skip


def _by_hand(tiered: pd.DataFrame, rule: TierRule) -> None:
    """Say how many scans have another tier than the cut-offs give them."""
    by_rule = tiers.assign(tiered["distortion_score"], rule)
    changed = int((tiered["tier"] != by_rule).sum())
    if changed:
        whose = text.plural(changed, "scan has its tier", "scans have their tier")
        st.caption(f"{whose} by hand and not by the cut-offs: see Rate, History.")


# ---- what it does ----------------------------------------------------------------------------------


def _counts(tiered: pd.DataFrame, rule: TierRule) -> None:
    ranges = summaries.tier_ranges(rule)
    cards = [
        marks.Card(
            row.tier, f"{row.scans:,}",
            f"{100 * row.share:.0f} % of scans · score {ranges.get(row.tier, text.DASH)}", row.tier,
        )
        for row in tiers.counts(tiered["tier"], rule).itertuples()
    ]  # fmt: skip
    st.html(marks.cards(cards))


def _consequences(tiered: pd.DataFrame, rule: TierRule) -> None:
    st.subheader("Who is in each tier")
    rows = [
        (
            marks.Cell(marks.tier_chip(row.tier)), f"{row.scans:,}", f"{100 * row.share:.0f} %",
            f"{row.people:,}", _age(row.age_mean_years, row.age_sd_years),
            text.DASH if pd.isna(row.female) else f"{100 * row.female:.0f} %",
        )
        for row in summaries.tier_table(tiered, rule).itertuples()
    ]  # fmt: skip
    head = ("Tier", "Scans", "Share", "People", "Age, mean ± SD (years)", "Female")
    by_site = summaries.tiers_by_site(tiered, rule)
    with st.container(horizontal=True, key="split-tiers", gap="medium"):
        with st.container(width="stretch"):
            st.html(marks.table(head, rows, numeric=(1, 2, 3, 4, 5)))
            st.caption(
                "A strict tier is often also a younger and a smaller one: look before you cut."
            )
        with st.container(width="stretch"):
            if len(by_site) <= _SITES_DRAWN:
                frame.figure(
                    charts.tier_shares(by_site),
                    key="sites",
                    alt="For each site the share of its scans in each tier",
                )
            else:
                st.dataframe(by_site)


_SITES_DRAWN = 20


def _age(mean: float, spread: float) -> str:
    if pd.isna(mean):
        return text.DASH
    return f"{mean:.1f}" if pd.isna(spread) else f"{mean:.1f} ± {spread:.1f}"


# ---- freezing --------------------------------------------------------------------------------------


def _freeze(workspace: Workspace, scans: pd.DataFrame, role: Role, rule: TierRule) -> None:
    st.subheader("Freeze a cohort")
    st.caption(
        "A frozen cohort is a named list of these scans with their tiers, hashes and the rule. It does "
        "not change when you move a cut-off later; studies are trained on frozen cohorts only."
    )
    with st.form("freeze", border=True), st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", value=role, max_chars=60)
        author = st.text_input("Who decides", value=state.get(state.PERSON, ""), max_chars=100)
        images_only = _images_only(scans)
        sent = st.form_submit_button(f"Freeze this {role} cohort", type="primary")
    if sent:
        with frame.in_words():
            cohort = cohorts.freeze(
                workspace, name, role=role, rule=rule, author=author, images_only=images_only
            )
            _say_frozen(cohort, author)


def _images_only(scans: pd.DataFrame) -> bool:
    """Offer to leave out scans that cannot be trained on, where there are both kinds."""
    without = int((scans["status"] == "table").sum())
    if not 0 < without < len(scans):
        return False
    return st.checkbox(f"Leave out {text.plural(without, 'scan')} without image", value=True)


def _say_frozen(cohort: cohorts.Cohort, author: str) -> None:
    state.put(state.PERSON, author.strip())
    cuts = ", ".join(f"{cut:g}" for cut in cohort.rule.cutoffs)
    said = f"Frozen as {cohort.id}: {text.plural(cohort.size, 'scan')}, cut at {cuts}."
    st.success(text.escape(said))
    frame.link("train", "Train on frozen cohorts")


def _frozen(workspace: Workspace) -> None:
    headers = cached.cohort_headers(workspace)
    if not headers:
        return
    st.subheader("Frozen cohorts")
    rows = [
        (
            header.id, header.role, f"{header.size:,}", _counts_in_words(header),
            ", ".join(f"{cut:g}" for cut in header.rule.cutoffs), header.author,
            text.moment(header.created),
        )
        for header in headers
    ]  # fmt: skip
    head = ("Cohort", "Role", "Scans", "Per tier", "Cut at", "By", "When (UTC)")
    st.html(marks.table(head, rows, numeric=(2,)))


def _counts_in_words(header: cohorts.CohortHeader) -> str:
    return " · ".join(f"{tier} {count:,}" for tier, count in header.counts.items())


frame.show("tiers", body)
