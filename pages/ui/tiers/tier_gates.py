"""Gates on Tiers: limits that no scan passes, whatever its score."""

import math
from typing import Any

import numpy as np
import streamlit as st

from curation.storage import tag_columns
from curation.tiers import rule_columns
from curation.tiers.rule_checks import UNUSABLE, WITH_TAG, WITHOUT_TAG
from curation.tiers.rule_columns import RULE_COLUMNS
from curation.tiers.tier_rule import TierRule
from curation.wording import plural
from pages.ui.scan_table import tried_rule
from pages.ui.scan_table.scan_arrays import ScanTable
from pages.ui.shell import cache, formatting, state
from pages.ui.tiers import rule_text_panel, tier_cut

#: The part that these fields are, see :func:`pages.ui.scan_table.tried_rule.change`.
PART = "gates"
_OVER, _UNDER = "over", "under"
_SIDES = {_OVER: "above", _UNDER: "below"}
#: The sides of a gate on a tag, with the limit of each.
_THERE, _MISSING = "there", "not there"
_TAG_SIDES = {_THERE: WITH_TAG, _MISSING: WITHOUT_TAG}
#: What a new gate offers, first what no score may outweigh.
_OFFERED = (("incompleteness", 20.0), ("geometry", 20.0))


def gate_key(position: int, part: str) -> str:
    """Return the key of one field (``column side limit tier``) of one gate, counted from 0."""
    return f"gate_{part}_{position}"


def show(scan_table: ScanTable, rule: TierRule) -> None:
    """Draw a row a gate, and how many scans each holds."""
    values = tried_rule.fields()
    with st.container(border=True):
        st.markdown("**Gates** – limits that no scan passes, whatever its score")
        used = [gate["column"] for gate in values["gates"]]
        tags = [*cache.tags(scan_table.workspace), *filter(None, map(tag_columns.tag_of, used))]
        columns = [
            *rule_columns.offered([*scan_table.scans, *used]),
            *map(tag_columns.column_of, tags),
        ]
        columns = list(dict.fromkeys(columns))
        for position, gate in enumerate(values["gates"]):
            _row(position, gate, values, columns)
        if rule.gates:
            st.caption(" · ".join(_held(scan_table, gate) for gate in rule.gates))
        st.button("Add a gate", on_click=_add, args=(scan_table,), icon=":material/add:")
        rule_text_panel.problem_of(PART)


def _row(position: int, gate: dict[str, Any], values: dict[str, Any], columns: list[str]) -> None:
    of_tag = tag_columns.tag_of(gate["column"]) is not None
    sides = list(_TAG_SIDES if of_tag else _SIDES)
    side = sides[0] if "above" in gate else sides[1]
    names = [*values["names"][1:], *([] if UNUSABLE in values["names"] else [UNUSABLE])]
    if gate["tier"] not in names:
        names.append(gate["tier"])
    column, where, limit, tier = (
        gate_key(position, part) for part in ("column", "side", "limit", "tier")
    )
    shown: dict[str, Any] = {column: gate["column"], where: side, tier: gate["tier"]}
    shown |= {} if of_tag else {limit: _limit(gate)}
    for key, value in shown.items():
        state.put(key, value)
    with st.container(horizontal=True, vertical_alignment="bottom", key=f"gate-{position}"):
        st.selectbox(
            "If",
            columns,
            key=column,
            format_func=tier_cut.column_label,
            width=300,
            on_change=_change,
            args=(position,),
        )
        st.selectbox("is", sides, key=where, width=130, on_change=_change, args=(position,))
        if not of_tag:
            st.number_input(
                "the limit", key=limit, format="%g", width=150, on_change=_change, args=(position,)
            )
        st.selectbox(
            "then the tier is", names, key=tier, width=170, on_change=_change, args=(position,)
        )
        st.button(
            "Remove",
            key=gate_key(position, "remove"),
            on_click=_remove,
            args=(position,),
            icon=":material/close:",
            help="Remove this gate",
        )


def _limit(gate: dict[str, Any]) -> float:
    return float(gate[_SIDES[_OVER] if "above" in gate else _SIDES[_UNDER]])


def _change(position: int) -> None:
    gates = list(tried_rule.fields()["gates"])
    column, side, limit, tier = (
        state.get(gate_key(position, part)) for part in ("column", "side", "limit", "tier")
    )
    gates[position] = {"column": column, **_limits(str(column), side, limit), "tier": tier}
    tried_rule.change(PART, gates=gates)


def _limits(column: str, side: str, limit: float | None) -> dict[str, float]:
    """Return the limit of a gate as its fields say; of a column that was just changed, one that fits it."""
    if tag_columns.tag_of(column) is None:
        return {_SIDES.get(side, "above"): math.nan if limit is None else float(limit)}
    above, below = _TAG_SIDES.get(side, WITH_TAG)
    return {"above": above} if above is not None else {"below": below or 0.0}


def _remove(position: int) -> None:
    gates = list(tried_rule.fields()["gates"])
    tried_rule.change(PART, gates=[*gates[:position], *gates[position + 1 :]])


def _add(scan_table: ScanTable) -> None:
    """Add a gate on a score that is measured here and has none yet."""
    gates = list(tried_rule.fields()["gates"])
    used = {gate["column"] for gate in gates}
    scores = [(name, 50.0) for name, measure in RULE_COLUMNS.items() if measure.is_score]
    free = [pair for pair in (*_OFFERED, *scores) if pair[0] not in used]
    known = [pair for pair in free if np.isfinite(scan_table.values(pair[0])).any()]
    column, limit = [*known, *free, *_OFFERED][0]
    tried_rule.change(PART, gates=[*gates, {"column": column, "above": limit, "tier": UNUSABLE}])


def _held(scan_table: ScanTable, gate: Any) -> str:
    held = int(np.count_nonzero(gate.holds(scan_table.values(gate.column))))
    return f"{formatting.escape(gate.describe())}: {plural(held, 'scan')}"
