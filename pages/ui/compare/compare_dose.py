"""Dose and size on Compare: what distortions cost, and what more scans of the same quality give."""

import pandas as pd
import streamlit as st

from curation.storage.workspace import Workspace
from curation.wording import number, plural
from pages.ui.compare import dose_charts, picked_points
from pages.ui.compare.comparison_data import Comparison
from pages.ui.compare.verdict_lines import p_value
from pages.ui.shell import controls, formatting, html_marks
from training.judging.outcome import Outcome
from training.results import dose_harm, scaling

HOW = (
    "Each distorted arm is pretrained on the very same scans of the same people as its clean arm, "
    "distorted by simulation with a seed for each scan, and aligned as the clean scan is. Differences are "
    "paired by person and seed; intervals are 95 %, and leave out that another draw of the distortion would "
    "give another number. All of it is exploratory."
)


def applies(shown: Comparison) -> bool:
    """Tell whether any arm distorts its scans or is a random subset."""
    return any(arm.distortion or arm.subset for arm in shown.arms)


def show(workspace: Workspace, shown: Comparison, name: str) -> None:
    """Draw the part; parameters as :func:`pages.ui.compare.compare_answer.show`."""
    lost = shown.left(dose_harm.dose_harm(shown.held_out, shown.effects()))
    sizes = shown.sizes()
    of_size = scaling.by_size(shown.held_out, sizes)
    draws = shown.left(scaling.single_draws(shown.held_out, sizes))
    if lost.empty and draws.empty:
        st.caption(
            "No data yet: no such arm has a finished fine-tuning beside the one it is compared with."
        )
        return
    tables = {}
    if len(lost):
        _distortions(lost, shown.outcome)
        tables["dose-harm"] = lost
    if len(draws):
        _scaling(of_size, draws, shown.outcome)
        tables |= {"error-by-size-of-subset": of_size, "error-of-single-draws": draws}
    tables = {kind: shown.outcome.named(table) for kind, table in tables.items()}
    controls.offer_tables(name, tables, left_out=shown.left_out)


# ---- distortions -----------------------------------------------------------------------------------


def _distortions(lost: pd.DataFrame, outcome: Outcome) -> None:
    lines, ranked = dose_harm.doses(lost), dose_harm.ranking(lost)
    if len(lines):
        st.subheader("Dose and harm")
        alt = f"{outcome.lost} against the severity of the distortion, with 95 % intervals"
        picked_points.figure(dose_charts.dose_curves(lines, outcome), key="dose-curves", alt=alt)
    for (clean, severity), rows in ranked.groupby(["clean", "severity"], sort=False):
        st.subheader("Which distortions matter to the model?")
        st.caption(
            formatting.escape(f"Scans of {clean}, each distortion at severity {severity:g}.")
        )
        figure = dose_charts.ranking(rows, outcome)
        alt = f"{outcome.lost} to each distortion with its 95 % interval, the most harmful on top"
        picked_points.figure(figure, key=f"harm-{clean}-{severity}", alt=alt)
        if told := dose_harm.agreement(rows, outcome):
            st.caption(formatting.escape(told))
    st.html(_table(lost.sort_values("years_lost", ascending=False), outcome))
    st.caption(formatting.escape(f"{HOW} {_measured_words(lost, outcome)}"))
    if withheld := sorted(set(filter(None, lost["withheld"]))):
        st.caption(formatting.escape(f"Nothing is to be concluded yet: {'; '.join(withheld)}."))


def _table(lost: pd.DataFrame, outcome: Outcome) -> str:
    digits = outcome.digits
    several = lost["clean"].nunique() > 1
    rows = [
        (
            f"{row.label}{' (augmentation)' * bool(row.clean_too)}{f', of {row.clean}' * several}",
            f"{row.severity:g}",
            f"{number(row.years_lost, digits)} ({number(row.ci_low, digits)} to "
            f"{number(row.ci_high, digits)})",
            p_value(row.p_holm),
            number(row.detectable_years, outcome.coarse_digits),
            number(row.volume_change, 2),
            f"{number(row.distance_clean, 2)} → {number(row.distance_distorted, 2)}",
            f"{number(row.score_clean, 0)} → {number(row.score_distorted, 0)}",
        )
        for row in lost.itertuples()
    ]
    head = (
        "Distorted by simulation",
        "Severity",
        f"{outcome.lost} (95 %)",
        "p (Holm)",
        f"Would be found ({outcome.unit_words})",
        "Volume changed",
        "Distance",
        "Score",
    )
    return html_marks.table(head, rows, numeric=range(1, len(head)))


def _measured_words(lost: pd.DataFrame, outcome: Outcome) -> str:
    scored = int(lost["n_scored"].fillna(0).max())
    if not lost["n_changed"].fillna(0).any():
        return "What the distortions do to volumes and score was not measured in this study."
    undone = set(lost["artefact"]) & set(dose_harm.UNDONE_BY_ALIGNMENT)
    geometry = (
        " A registration of the distorted scans would take back part of shear and wrong voxel size."
        if undone
        else ""
    )
    return (
        f"Would be found: the true loss, {outcome.unit_words}, that four of five such studies would find. "
        "Volume changed: mean squared, within the brain, as a share of the variance between people. "
        "Distance: of the volumes as they are, then distorted, from the middle of the pool, in standard "
        "deviations between people. Score: of the scans as they are, then distorted; means of up to "
        f"{plural(scored, 'scan')} each, assessed like any other image.{geometry}"
    )


# ---- random subsets --------------------------------------------------------------------------------


def _scaling(of_size: pd.DataFrame, draws: pd.DataFrame, outcome: Outcome) -> None:
    st.subheader("More scans of the same quality")
    alt = f"{outcome.measure_heading} against the number of scans, with every draw"
    picked_points.figure(dose_charts.scaling(of_size, draws, outcome), key="scaling", alt=alt)
    st.caption(
        "Random subsets of people, a smaller one of a draw within its larger ones. At equal steps, fewer "
        "scans are seen more often; at equal passes, each scan is seen as often, in fewer steps. Bars: 95 %, "
        "over people and draws (a draw's seeds are averaged first); of the whole, over people and seeds."
    )
