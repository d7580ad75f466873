"""On Tiers: what is cut, into how many tiers, and a slider and a field a cut-off, in step with the lines."""

from typing import Any

import numpy as np
import streamlit as st

from curation.tiers import rule_columns, tier_rule
from curation.tiers.rule_checks import MAX_TIERS, MIN_TIERS, UNUSABLE
from curation.tiers.rule_columns import RULE_COLUMNS, SCORE
from curation.tiers.tier_rule import TierRule
from pages.ui.scan_table import scan_arrays
from pages.ui.scan_table.cutoff_axis import Axis
from pages.ui.scan_table.scan_arrays import ScanTable
from pages.ui.shell import formatting, html_marks, state
from pages.ui.tiers import rule_text_panel

#: The part that these fields are, see :func:`pages.ui.shell.state.try_rule`.
PART = "cutoffs"
_CUTTABLE = [name for name, measure in RULE_COLUMNS.items() if measure.can_be_cut]
_IN_COMMON = "All sites alike"


def show(ground: ScanTable, rule: TierRule) -> None:
    """Draw the fields; :func:`pages.ui.shell.state.rule` says what they make."""
    values = state.tried()
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _column(ground, values)
            _count(ground, values)
            _names(values)
            st.button("Default cut-offs", on_click=_default, args=(ground,), icon=":material/undo:")
        axis = ground.axis(values["column"])
        for position, value in enumerate(state.cutoffs()):
            _cutoff(position, value, values["names"], axis)
        rule_text_panel.at(PART)
        _sites(ground, rule)


def _column(ground: ScanTable, values: dict[str, Any]) -> None:
    state.put(state.COLUMN, values["column"])
    st.selectbox(
        "What is cut",
        _CUTTABLE,
        key=state.COLUMN,
        format_func=column_label,
        width=330,
        on_change=lambda: _start(ground, state.get(state.COLUMN), len(values["names"])),
    )


def column_label(name: str) -> str:
    """Return what a score or metric is called in a list of them."""
    measure = RULE_COLUMNS[name]
    if name == SCORE:
        return measure.label
    return f"{measure.label} (sub-score)" if measure.is_score else f"{measure.label} ({name})"


def _count(ground: ScanTable, values: dict[str, Any]) -> None:
    state.put(state.TIER_COUNT, len(values["names"]))
    st.segmented_control(
        "Number of tiers",
        list(range(MIN_TIERS, MAX_TIERS + 1)),
        key=state.TIER_COUNT,
        required=True,
        on_change=lambda: _start(ground, state.tried()["column"], state.get(state.TIER_COUNT)),
    )


def _default(ground: ScanTable) -> None:
    values = state.tried()
    _start(ground, values["column"], len(values["names"]))


def _start(ground: ScanTable, column: str, count: int) -> None:
    """Cut a column into so many tiers, anew; gates that lead to a tier that is gone lead to the last one."""
    values = state.tried()
    spare = [name for name in tier_rule.TIER_NAMES if name not in values["names"]]
    names = [*values["names"], *spare][:count]
    is_score = rule_columns.find(column).is_score
    cutoffs = state.usual_cutoffs(count) if is_score else scan_arrays.spread(ground, column, count)
    known = (*names, UNUSABLE)
    gates = [g if g["tier"] in known else g | {"tier": names[-1]} for g in values["gates"]]
    state.put(state.SITE, None)
    state.try_rule(PART, column=column, names=names, cutoffs=list(cutoffs), gates=gates, by_site={})


def _names(values: dict[str, Any]) -> None:
    with st.popover("Rename", icon=":material/edit:"):
        for position, name in enumerate(values["names"]):
            state.put(state.name_key(position), name)
            st.text_input(
                f"Tier {position + 1} of {len(values['names'])}, best first"
                if position == 0
                else f"Tier {position + 1}",
                key=state.name_key(position),
                max_chars=50,
                on_change=_rename,
                args=(position,),
            )


def _rename(position: int) -> None:
    values = state.tried()
    names, wanted = list(values["names"]), (state.get(state.name_key(position)) or "").strip()
    before, names[position] = names[position], wanted
    gates = [g | {"tier": wanted} if g["tier"] == before else g for g in values["gates"]]
    state.try_rule(PART, names=names, gates=gates)


def _cutoff(position: int, value: float, names: list[str], axis: Axis) -> None:
    slider, number = state.slider_key(position), state.number_key(position)
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
    wanted = state.cutoffs()
    if state.get(key) is not None:
        wanted[position] = state.get(key)
        state.set_cutoffs(wanted, PART)


# ---- sites -------------------------------------------------------------------------------------------


def _sites(ground: ScanTable, rule: TierRule) -> None:
    """Offer cut-offs of single sites, where there are several."""
    names = list(ground.scores.sites)
    if len(names) < 2 and not rule.by_site:
        return
    names += [site for site in rule.by_site if site not in names]
    own = state.tried()["by_site"]
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
            args=(ground,),
            help="Every site with ten scans or more gets cut-offs at which the same share of its scans "
            "falls into each tier as of all scans now.",
        )
        site = state.get(state.SITE)
        if own and (site is None or site in own):
            said = f"Back to the common ones: {site or 'all sites'}"
            st.button(formatting.escape(said), on_click=_back, args=(site,), icon=":material/undo:")
    if own:
        st.caption(
            f"{formatting.plural(len(own), 'site has', 'sites have')} cut-offs of their own."
        )


def _same_shares(ground: ScanTable) -> None:
    rule, _ = state.rule()
    state.put(state.SITE, None)
    state.try_rule(PART, by_site=scan_arrays.same_shares(ground, rule))


def _back(site: str | None) -> None:
    own = state.tried()["by_site"]
    state.try_rule(
        PART, by_site={} if site is None else {s: c for s, c in own.items() if s != site}
    )
