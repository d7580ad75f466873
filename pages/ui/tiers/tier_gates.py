"""Gates on Tiers: limits that no scan passes, whatever its score."""

import math
from typing import Any

import numpy as np
import streamlit as st

from curation.errors import RuleError
from curation.storage import tag_columns
from curation.tiers import rule_columns
from curation.tiers.rule_checks import UNUSABLE, WITH_TAG, WITHOUT_TAG
from curation.tiers.rule_columns import RULE_COLUMNS
from curation.tiers.tier_rule import TierRule
from curation.wording import plural
from pages.ui.scan_table import tried_rule
from pages.ui.scan_table.scan_arrays import ScanTable
from pages.ui.shell import cache, formatting, state
from pages.ui.shell.state import Key
from pages.ui.tiers import rule_text_panel, tier_cut

#: The part that these fields are, see :func:`pages.ui.scan_table.tried_rule.change`.
PART = "gates"
#: The gate that is being made, and does nothing yet.
_DRAFT = Key[dict[str, Any]]("gate_draft")
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
        rule_text_panel.problem_of(PART)
        if (draft := state.get(_DRAFT)) is None:
            st.button("Add a gate", on_click=_begin, args=(scan_table,), icon=":material/add:")
        else:
            _show_draft(scan_table, draft, values, columns)


def _show_draft(
    scan_table: ScanTable, draft: dict[str, Any], values: dict[str, Any], columns: list[str]
) -> None:
    """Draw the gate that is being made, and what it would do: it is in force from its button on."""
    _row(len(values["gates"]), draft, values, columns)
    tried, problem = values | {"gates": [*values["gates"], draft]}, None
    try:
        gate = TierRule.from_dict(tried).gates[-1]
        st.caption(f"Not in force yet. It would hold {_held(scan_table, gate)}.")
    except RuleError as error:
        problem = str(error)
        st.error(formatting.escape(f"{problem} Choose otherwise, or cancel."))
    st.button(
        "Use this gate",
        type="primary",
        on_click=_use,
        icon=":material/check:",
        disabled=problem is not None,
    )


def _use() -> None:
    gates, draft = list(tried_rule.fields()["gates"]), state.get(_DRAFT)
    state.put(_DRAFT, None)
    if draft is not None:
        tried_rule.change(PART, gates=[*gates, draft])


def _row(position: int, gate: dict[str, Any], values: dict[str, Any], columns: list[str]) -> None:
    """Draw the fields of a gate; that of the one past the last is the gate that is being made."""
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
            "Cancel" if position == len(values["gates"]) else "Remove",
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
    changed = {"column": column, **_limits(str(column), side, limit), "tier": tier}
    if position >= len(gates):
        state.put(_DRAFT, changed)
    else:
        gates[position] = changed
        tried_rule.change(PART, gates=gates)


def _limits(column: str, side: str, limit: float | None) -> dict[str, float]:
    """Return the limit of a gate as its fields say; of a column that was just changed, one that fits it."""
    if tag_columns.tag_of(column) is None:
        return {_SIDES.get(side, "above"): math.nan if limit is None else float(limit)}
    above, below = _TAG_SIDES.get(side, WITH_TAG)
    return {"above": above} if above is not None else {"below": below or 0.0}


def _remove(position: int) -> None:
    gates = list(tried_rule.fields()["gates"])
    if position >= len(gates):
        state.put(_DRAFT, None)
    else:
        tried_rule.change(PART, gates=[*gates[:position], *gates[position + 1 :]])


def _begin(scan_table: ScanTable) -> None:
    """Begin a gate, on a score that is measured here and has none yet."""
    gates = list(tried_rule.fields()["gates"])
    used = {gate["column"] for gate in gates}
    scores = [(name, 50.0) for name, measure in RULE_COLUMNS.items() if measure.is_score]
    free = [pair for pair in (*_OFFERED, *scores) if pair[0] not in used]
    known = [pair for pair in free if np.isfinite(scan_table.values(pair[0])).any()]
    column, limit = [*known, *free, *_OFFERED][0]
    state.put(_DRAFT, {"column": column, "above": limit, "tier": UNUSABLE})


def _held(scan_table: ScanTable, gate: Any) -> str:
    held = int(np.count_nonzero(gate.holds(scan_table.values(gate.column))))
    return f"{formatting.escape(gate.describe())}: {plural(held, 'scan')}"
