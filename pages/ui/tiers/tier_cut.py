"""Fields of the cut-offs on Tiers: column, number of tiers, sliders in step with the lines, suggestion."""

from typing import Any

import numpy as np
import streamlit as st

from curation.metrics import METRICS
from curation.sessions import passed_on_cutoff
from curation.sessions.suggested_cutoff import Suggestion
from curation.storage.workspace import Workspace
from curation.tiers import rule_columns, tier_rule
from curation.tiers.rule_checks import MAX_TIERS, MIN_TIERS, UNUSABLE
from curation.tiers.rule_columns import SCORE
from curation.tiers.tier_rule import TierRule
from curation.wording import plural
from pages.ui.rate import cutoff_panel
from pages.ui.scan_table import scan_arrays, tried_rule
from pages.ui.scan_table.cutoff_axis import Axis
from pages.ui.scan_table.scan_arrays import ScanTable
from pages.ui.shell import cache, formatting, html_marks, state
from pages.ui.tiers import rule_text_panel

#: The part that these fields are, see :func:`pages.ui.scan_table.tried_rule.change`.
PART = "cutoffs"
_IN_COMMON = "All sites alike"


def slider_key(position: int) -> str:
    """Return the key of the slider of one cut-off, counted from 0."""
    return f"cutoff_slider_{position}"


def number_key(position: int) -> str:
    """Return the key of the number field of one cut-off, counted from 0."""
    return f"cutoff_number_{position}"


def name_key(position: int) -> str:
    """Return the key of the field of one tier's name, counted from 0."""
    return f"tier_name_{position}"


def show(scan_table: ScanTable, rule: TierRule) -> None:
    """Draw the fields; they make the rule of :func:`pages.ui.scan_table.tried_rule.current`."""
    values = tried_rule.fields()
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _column(scan_table, values)
            _count(scan_table, values)
            _names(values)
            st.button(
                "Default cut-offs", on_click=_default, args=(scan_table,), icon=":material/undo:"
            )
        axis = scan_table.axis(values["column"])
        for position, value in enumerate(tried_rule.cutoffs()):
            _cutoff(position, value, values["names"], axis)
        rule_text_panel.problem_of(PART)
        _sites(scan_table, rule)


def _column(scan_table: ScanTable, values: dict[str, Any]) -> None:
    known = rule_columns.offered([*scan_table.scans, values["column"]])
    cuttable = [name for name in dict.fromkeys(known) if rule_columns.find(name).can_be_cut]
    state.put(state.COLUMN, values["column"])
    st.selectbox(
        "What is cut",
        cuttable,
        key=state.COLUMN,
        format_func=column_label,
        width=330,
        on_change=lambda: _start(scan_table, state.get(state.COLUMN, SCORE), len(values["names"])),
    )


def column_label(name: str) -> str:
    """Return the label of a score or metric in a list of them."""
    measure = rule_columns.find(name)
    if name in METRICS:
        return f"{measure.label} ({name})"
    return f"{measure.label} (sub-score)" if measure.is_score and name != SCORE else measure.label


def _count(scan_table: ScanTable, values: dict[str, Any]) -> None:
    state.put(state.TIER_COUNT, len(values["names"]))
    st.segmented_control(
        "Number of tiers",
        list(range(MIN_TIERS, MAX_TIERS + 1)),
        key=state.TIER_COUNT,
        required=True,
        on_change=lambda: _start(
            scan_table,
            tried_rule.fields()["column"],
            state.get(state.TIER_COUNT, len(values["names"])),
        ),
    )


def _default(scan_table: ScanTable) -> None:
    values = tried_rule.fields()
    _start(scan_table, values["column"], len(values["names"]))


def _start(scan_table: ScanTable, column: str, count: int) -> None:
    """Cut a column into so many tiers, anew; gates that lead to a tier that is gone lead to the last one."""
    values = tried_rule.fields()
    spare = [name for name in tier_rule.TIER_NAMES if name not in values["names"]]
    names = [*values["names"], *spare][:count]
    is_score = rule_columns.find(column).is_score
    cutoffs = (
        tried_rule.default_cutoffs(count)
        if is_score
        else scan_arrays.spread(scan_table, column, count)
    )
    known = (*names, UNUSABLE)
    gates = [g if g["tier"] in known else g | {"tier": names[-1]} for g in values["gates"]]
    state.put(state.SITE, None)
    tried_rule.change(
        PART, column=column, names=names, cutoffs=list(cutoffs), gates=gates, by_site={}
    )


def _names(values: dict[str, Any]) -> None:
    with st.popover("Rename", icon=":material/edit:"):
        for position, name in enumerate(values["names"]):
            state.put(name_key(position), name)
            st.text_input(
                f"Tier {position + 1} of {len(values['names'])}, best first"
                if position == 0
                else f"Tier {position + 1}",
                key=name_key(position),
                max_chars=50,
                on_change=_rename,
                args=(position,),
            )


def _rename(position: int) -> None:
    values = tried_rule.fields()
    names, wanted = list(values["names"]), (state.get(name_key(position)) or "").strip()
    before, names[position] = names[position], wanted
    gates = [g | {"tier": wanted} if g["tier"] == before else g for g in values["gates"]]
    tried_rule.change(PART, names=names, gates=gates)


def _cutoff(position: int, value: float, names: list[str], axis: Axis) -> None:
    slider, number = slider_key(position), number_key(position)
    better, worse = (html_marks.tier_label(name) for name in names[position : position + 2])
    measure = rule_columns.find(axis.column)
    begins = "begins here and holds what is lower" if measure.better_is_higher else "begins at"
    label = formatting.escape(f"Between {better} and {worse}: {worse} {begins}")
    state.put(slider, float(np.clip(value, axis.low, axis.high)))
    state.put(number, float(value))
    left, right = st.columns([5, 1], vertical_alignment="bottom")
    left.slider(
        label,
        axis.low,
        axis.high,
        step=axis.step,
        key=slider,
        format=f"%.{axis.digits}f",
        on_change=_move,
        args=(position, slider),
    )
    low, high = (edge if np.isfinite(edge) else None for edge in (measure.low, measure.high))
    right.number_input(
        label,
        low,
        high,
        step=axis.step,
        key=number,
        format="%g",
        label_visibility="collapsed",
        on_change=_move,
        args=(position, number),
    )


def _move(position: int, key: str) -> None:
    wanted = tried_rule.cutoffs()
    if state.get(key) is not None:
        wanted[position] = state.get(key)
        tried_rule.set_cutoffs(wanted, PART)


# ---- sites -------------------------------------------------------------------------------------------


def _sites(scan_table: ScanTable, rule: TierRule) -> None:
    """Draw the cut-offs of single sites, if there are several sites."""
    names = list(scan_table.scores.sites)
    if len(names) < 2 and not rule.by_site:
        return
    names += [site for site in rule.by_site if site not in names]
    own = tried_rule.fields()["by_site"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Whose cut-offs the lines are",
            names,
            index=None,
            placeholder=_IN_COMMON,
            key=state.SITE,
            width=330,
            format_func=lambda site: f"{site} (its own)" if site in own else site,
            persist_state="session",
            help="Choose a site and move a line: from then on it has cut-offs of its own.",
        )
        st.button(
            "Each site its own, same shares",
            on_click=_same_shares,
            args=(scan_table,),
            help="Every site with ten scans or more gets cut-offs at which the same share of its scans "
            "falls into each tier as of all scans now.",
        )
        site = state.get(state.SITE)
        if own and (site is None or site in own):
            text = f"Back to the common ones: {site or 'all sites'}"
            st.button(formatting.escape(text), on_click=_back, args=(site,), icon=":material/undo:")
    if own:
        st.caption(f"{plural(len(own), 'site has', 'sites have')} cut-offs of their own.")


def _same_shares(scan_table: ScanTable) -> None:
    rule, _ = tried_rule.current()
    state.put(state.SITE, None)
    tried_rule.change(PART, by_site=scan_arrays.same_shares(scan_table, rule))


def _back(site: str | None) -> None:
    own = tried_rule.fields()["by_site"]
    tried_rule.change(
        PART, by_site={} if site is None else {s: c for s, c in own.items() if s != site}
    )


# ---- the suggested cut-off -----------------------------------------------------------------------------


def show_suggestion(workspace: Workspace) -> None:
    """Draw the latest cut-off that ratings suggest and that was passed on, if any."""
    suggestion = passed_on_cutoff.latest_suggestion(workspace)
    if suggestion is None:
        return
    if not passed_on_cutoff.is_of(suggestion, cache.scored_scans(workspace)):
        st.caption(_of_other_scores(suggestion))
        return
    with st.container(border=True, key="suggested"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**Raters suggest: exclude from a score of {suggestion.cutoff:.1f}** "
                f"(95 %: {suggestion.low:.1f} to {suggestion.high:.1f})",
                width="stretch",
            )
            _adopt_button(suggestion)
        st.caption(_evidence(suggestion))
        st.caption(
            "Cut-offs move in steps of 0.5. Better tiers that the new cut-off would cross share what lies "
            "below it in equal parts: see how many scans that leaves in each, and move their lines."
        )
        for warning in suggestion.warnings:
            st.caption(f":material/warning: {formatting.escape(warning)}")


def _of_other_scores(suggestion: Suggestion) -> str:
    by = ", ".join(suggestion.references)
    return formatting.escape(
        f"Raters suggested a cut-off of {suggestion.cutoff:.1f}, but of scores by another reference ({by}). "
        "Let them suggest one of the present scores: Rate, part Cut-off."
    )


def _adopt_button(suggestion: Suggestion) -> None:
    rule, _ = tried_rule.current()
    wanted = tried_rule.adopted(suggestion.cutoff)
    if rule.column == SCORE and list(rule.cutoffs) == wanted:
        st.markdown(":material/check: in force", width="content")
        return
    now = rule.cutoffs if rule.column == SCORE else ()
    begin = zip(rule.names[1:], wanted, strict=True)
    moved = [f"{name} begins at {at:g}" for name, at in begin if at not in now]
    st.button(
        f"Take it over: {', '.join(reversed(moved))}",
        on_click=tried_rule.adopt_cutoff,
        args=(suggestion.cutoff, PART),
        type="primary",
    )


def _evidence(suggestion: Suggestion) -> str:
    ceiling = suggestion.ceiling_kappa
    among = "" if ceiling is None else f" (raters among each other {ceiling:.2f})"
    words = (
        f"It finds {100 * suggestion.sensitivity:.0f} % of the bad scans and keeps "
        f"{100 * suggestion.specificity:.0f} % of the good ones, where "
        f"{cutoff_panel.cost_in_words(suggestion.cost_ratio)}; κ {suggestion.kappa:.2f}{among}."
    )
    return f"{formatting.escape(words)} {cutoff_panel.evidence(suggestion)}"
