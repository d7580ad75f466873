"""What was measured on one scan: what makes its score, every metric, and why some have no value."""

import json
import math

import pandas as pd
import streamlit as st

from curation import scores as scores_
from curation.metrics import METRICS, Metric
from curation.workspace import Workspace
from pages.ui import cached, marks, scan_panel, state, text

_DRIVERS, _ALL = "drivers", "all"
_DRIVERS_SHOWN, _LEAST_SHARE = 6, 0.01
_HEAD = ("Metric", "Value", "Unit", "How bad (0–100)", "Direction", "What it says")


def show(workspace: Workspace, scan: pd.Series) -> None:
    """Draw what makes the score of a scan, or every metric: value, direction, meaning, why there is none."""
    st.subheader("What was measured")
    table = cached.metrics(workspace)
    found = table[table["scan_id"] == scan["scan_id"]]
    if found.empty:
        st.caption("This scan is not measured yet. The page Cohort starts the scoring.")
        return
    row = found.iloc[0]
    if isinstance(row.get("failure"), str):
        st.error(f"Measuring failed: {text.escape(row['failure'])}")
        return
    views = {_DRIVERS: "What makes the score", _ALL: f"All {len(METRICS)} metrics"}
    view = state.keep_one_of(state.METRICS_VIEW, list(views))
    st.segmented_control(
        "Metrics", list(views), key=state.METRICS_VIEW, required=True, format_func=lambda name: views[name],
        label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    _drivers(row) if view == _DRIVERS else _all_metrics(row)


def _drivers(row: pd.Series) -> None:
    """Draw the metrics that count most in the score of this scan, and what could not be measured."""
    parts = scores_.explain(row, scores_.builtin())
    badness, reasons = parts.set_index("metric")["badness"], _reasons(row)
    names = parts.loc[parts["share_of_score"] >= _LEAST_SHARE, "metric"].head(_DRIVERS_SHOWN)
    lines = [_line(METRICS[name], row, badness, reasons) for name in names]
    st.html(marks.table(_HEAD, lines, numeric=(1,), whole=(3, 4)))
    if reasons:
        said = "; ".join(sorted(set(reasons.values())))
        st.caption(
            text.escape(
                f"{text.plural(len(reasons), 'metric')} not measurable on this scan: {said}."
            )
        )


def _all_metrics(row: pd.Series) -> None:
    badness = scores_.explain(row, scores_.builtin()).set_index("metric")["badness"]
    reasons = _reasons(row)
    lines: list[tuple[object, ...]] = []
    for family in scores_.SUBSCORES:
        lines.append((scan_panel.FAMILIES.get(family, family),))
        of_family = (metric for metric in METRICS.values() if metric.family == family)
        lines += [_line(metric, row, badness, reasons) for metric in of_family]
    st.html(marks.table(_HEAD, lines, numeric=(1,), whole=(3, 4)))
    st.caption(
        "Not scored: shown for comparison with other tools; another metric of the family counts."
    )


def _reasons(row: pd.Series) -> dict[str, str]:
    return json.loads(row.get("reasons") or "{}")


def _line(
    metric: Metric, row: pd.Series, badness: pd.Series, reasons: dict[str, str]
) -> tuple[object, ...]:
    value = scan_panel.value_of(row, metric.name)
    if not math.isfinite(value):
        why = reasons.get(metric.name, "no reason was noted")
        nothing = marks.Cell(marks.track(math.nan))
        return (
            metric.label,
            text.DASH,
            "not measurable",
            nothing,
            metric.direction,
            _sentence(why),
        )
    scored = metric.name in badness.index
    bar: object = marks.Cell(marks.track(float(badness[metric.name]))) if scored else "not scored"
    shown = text.significant(value)
    return (metric.label, shown, metric.unit, bar, metric.direction, metric.meaning)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
