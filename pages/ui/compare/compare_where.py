"""Subgroup errors on Compare: tier × tier, errors against properties of scans, age gap, sweeps."""

from dataclasses import replace
from functools import partial

import pandas as pd
import streamlit as st

from curation.cohorts import cohort_diff
from curation.scoring.comparison_groups import SOURCE
from curation.storage.workspace import Workspace
from curation.wording import number
from pages.ui.compare import comparison_charts, picked_points, strata_charts
from pages.ui.compare.comparison_data import Comparison
from pages.ui.shell import cache, controls, formatting, state
from training.held_out import age_metrics
from training.judging.outcome import Outcome
from training.results import error_strata, study_sets, study_summary
from training.results.error_strata import GROUPS, NOT_KNOWN
from training.theme import MUTED, Style

_AGAINST = {
    "distortion_score": "Distortion score",
    "age_years": "Age",
    "sex": "Sex",
    "site": "Site",
    "predicted": "Predicted and true",
    "gap": "Gap",
}
#: Of them those that say nothing of one of two values.
_OF_NUMBERS = ("predicted", "gap")


def show(workspace: Workspace, shown: Comparison, name: str) -> None:
    """Draw the part; parameters as :func:`pages.ui.compare.compare_answer.show`."""
    final = shown.left(study_summary.summarise(shown.held_out))
    if final.empty:
        st.caption("No data yet: the first fine-tuning is not finished.")
        return
    _tiers(workspace, shown, name)
    _closely(workspace, shown, final, name)
    _sweeps(workspace, shown, name)


def _tiers(workspace: Workspace, shown: Comparison, name: str) -> None:
    st.subheader("Tier × tier")
    _rules_differ(workspace, shown)
    table = shown.left(error_strata.tier_by_tier(shown.held_out))
    tiers = sorted(set(table["tier"]) - {NOT_KNOWN}) + [NOT_KNOWN] * (
        NOT_KNOWN in set(table["tier"])
    )
    outcome = shown.outcome
    figure = comparison_charts.tier_by_tier(table, shown.arms_with_predictions, tiers, outcome)
    alt = f"{_capital(outcome.scan_error)} of each arm on the test scans of each tier"
    cells = picked_points.figure(figure, key="tier-by-tier", alt=alt)
    if len(tiers) == 1:
        which = "of unknown tier" if tiers == [NOT_KNOWN] else f"of tier {tiers[0]}"
        alone = f"All test scans are {which}: a target with scans of several tiers tells where an arm errs."
        st.caption(formatting.escape(alone))
    st.caption(
        formatting.escape(
            f"{_mean_error(outcome)}, its interval, and how many people. Read a column down: "
            f"the same scans, another pretraining. {error_strata.colours_said(table)} Across a row "
            "people differ "
            "too, so a worse column need not be the scans' doing. Click on a cell to list its scans."
        )
    )
    for arm, tier in {(str(cell[0]), str(cell[1])) for cell in cells}:
        scans = error_strata.errors_by_scan(shown.held_out, arm)
        scans = scans[scans["tier"].fillna(NOT_KNOWN) == tier]
        what = f"{comparison_charts.plain(arm, outcome)}, test scans of tier {tier}"
        picked_points.scans(
            workspace, scans, what=what, key=f"scans-of-{arm}-{tier}", outcome=outcome
        )
    named = {"tier-by-tier": _of_scans(table, outcome)}
    controls.offer_tables(name, named, left_out=shown.left_out)


def _mean_error(outcome: Outcome) -> str:
    if outcome.two_valued:
        return f"Mean {outcome.scan_error} (0 is sure and right)"
    return f"Mean absolute error in {outcome.unit or outcome.name}"


def _of_scans(table: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """Return a table of the errors of scans as it is handed on: they are no AUC."""
    return replace(outcome, kind="numeric").named(table)


def _better_side(outcome: Outcome) -> str:
    return "above" if outcome.higher_is_better else "below"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _rules_differ(workspace: Workspace, shown: Comparison) -> None:
    """Warn where pool and target have tiers of the same names by different rules."""
    cohorts = {header.id: header for header in cache.cohort_headers(workspace)[0]}
    for name, study in shown.parts.items():
        pool, target = cohorts.get(study.cohort_id), cohorts.get(study.target_id)
        if pool and target and (text := cohort_diff.letters_differ(pool, target)):
            whose = f"{name}: " if len(shown.parts) > 1 else ""
            st.warning(formatting.escape(f"{whose}{text}"), icon=":material/warning:")


# ---- one arm ---------------------------------------------------------------------------------------


def _closely(workspace: Workspace, shown: Comparison, final: pd.DataFrame, name: str) -> None:
    st.subheader("One arm, closely")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        outcome = shown.outcome
        best = outcome.best_first(final)["arm"].tolist()
        arm = controls.choose(
            st.selectbox,
            "Arm",
            best,
            key=state.COMPARE_ARM,
            width=260,
            format_func=partial(comparison_charts.plain, outcome=outcome),
        )
        against = controls.choose_segment(
            "Its error against",
            [key for key in _AGAINST if key not in _OF_NUMBERS or not outcome.two_valued],
            key=state.COMPARE_AGAINST,
            format_func=lambda key: (
                f"{_capital(outcome.name)} gap" if key == "gap" else _AGAINST[key]
            ),
            show_label=True,
        )
        scans = error_strata.errors_by_scan(shown.held_out, arm)
        able = bool(scans["corrected_gap_years"].notna().any())
        corrected = (
            against == "gap"
            and able
            and st.toggle(
                f"Without the {outcome.name} bias",
                key=state.COMPARE_CORRECTED,
                persist_state="session",
            )
        )
    if against == "gap" and not able:
        st.caption(
            formatting.escape(
                f"These predictions {age_metrics.shrink_said(outcome)}: there is no correction for it."
            )
        )
    style = shown.styles.get(arm, Style("", MUTED))
    key = f"{arm}-{against}"
    chosen = _figure(shown, arm, scans, against, style, bool(corrected), key=f"closely-{key}")
    if len(chosen):
        what = f"{comparison_charts.plain(arm, outcome)}, chosen"
        picked_points.scans(
            workspace, chosen, what=what, key=f"scans-chosen-{key}", outcome=outcome
        )
    named = {"errors-of-scans": _of_scans(scans.assign(arm=arm), outcome)}
    controls.offer_tables(name, named, left_out=shown.left_out)


def _figure(
    shown: Comparison,
    arm: str,
    scans: pd.DataFrame,
    against: str,
    style: Style,
    corrected: bool,
    *,
    key: str,
) -> pd.DataFrame:
    """Draw the figure with its caption; return the scans picked on it."""
    outcome = shown.outcome
    if against in GROUPS:
        table = error_strata.by_group(shown.held_out, arm, against)
        figure = strata_charts.error_by_group(table, against, style, outcome)
        alt = f"{_capital(outcome.scan_error)} by {GROUPS[against]}"
        points = picked_points.figure(figure, key=key, alt=alt)
        st.caption(
            "In brackets the number of people. Groups may "
            f"differ in age and score, too. {_stand_in(scans, against)}Click on a point to list its scans."
        )
        wanted = {str(point[0]) for point in points}
        return scans[scans[against].fillna(NOT_KNOWN).isin(wanted)]
    column = "true_value" if against in _OF_NUMBERS else against
    if against == "predicted":
        figure = strata_charts.predicted_against_true(scans, style, outcome)
        value, words = (
            "predicted_age_years",
            f"On the dashed line, a prediction is the true {outcome.name}.",
        )
    elif against == "gap":
        figure = strata_charts.age_gap(scans, style, corrected=corrected, outcome=outcome)
        value = "corrected_gap_years" if corrected else "age_gap_years"
        words = (
            "The correction takes out, fold by fold, the line fitted on the other folds."
            if corrected
            else f"Where the cloud falls, predictions shrink towards the mean {outcome.name}"
            + ": the young are taken for older, the old for younger." * outcome.is_age
            + "." * (not outcome.is_age)
        )
    else:
        trend = error_strata.along(shown.held_out, arm, against)
        figure = strata_charts.error_along(scans, trend, against, style, outcome)
        value, words = (
            "error_years",
            "The line joins means of equally many scans.",
        )
    points = picked_points.figure(
        figure, key=key, alt=f"Scans: {value} against {column}", many=True
    )
    st.caption(
        formatting.escape(
            f"A point a scan, mean over seeds. {words} {_correlation(scans, column, value)} Draw a box, "
            "or click, to list scans."
        )
    )
    return scans[scans["scan_id"].isin({str(point[0]) for point in points})]


def _stand_in(scans: pd.DataFrame, against: str) -> str:
    """Say that a source stands in for a site, where one does."""
    by_source = against == "site" and scans["site"].astype(str).str.startswith(SOURCE).any()
    return "Where no site is known, the source stands in for it. " if by_source else ""


def _correlation(scans: pd.DataFrame, column: str, value: str) -> str:
    rho, p, people = error_strata.rank_correlation(scans, column, value)
    if people < 3 or rho != rho:
        return "Too few people for a correlation."
    shown = "< 0.001" if p < 0.001 else f"= {p:.3f}"
    return f"Spearman's ρ = {number(rho, 2)} (p {shown}, {people} people)."


# ---- sweeps ----------------------------------------------------------------------------------------


def _sweeps(workspace: Workspace, shown: Comparison, name: str) -> None:
    size = shown.left(study_sets.by_size(shown.held_out, shown.sizes()))
    labels = shown.left(study_sets.by_labels(shown.held_out))
    chosen: list[str] = []
    with st.container(horizontal=True, key="split-sweeps", gap="medium"):
        with st.container(width="stretch"):
            st.subheader("Better, or only more?")
            if (size["role"] == "kept").sum() < 2:
                st.caption(
                    "No sweep in this study: plan one on Train with arms that keep different shares of the "
                    "scans (or several tiers) and their random controls."
                )
            else:
                figure = comparison_charts.by_size(size, shown.outcome)
                alt = f"{_capital(shown.outcome.measure)} against the number of scans pretrained on"
                chosen += [str(p[0]) for p in picked_points.figure(figure, key="by-size", alt=alt)]
                st.caption(
                    f"Where the line runs {_better_side(shown.outcome)} the band, that hints at better "
                    "scans, not only more, fewer or younger ones; whether they are better is told by each "
                    "arm's comparison with its control, under **The answer**. "
                    f"Each control is of the same {shown.controls_match}, drawn at random."
                )
        with st.container(width="stretch"):
            st.subheader("With fewer labels")
            if labels.empty:
                st.caption("No arm of this study was fine-tuned on a share of the people only.")
            else:
                figure = comparison_charts.by_labels(labels, shown.styles, shown.outcome)
                alt = f"{_capital(shown.outcome.measure)} against the share of people fine-tuned on"
                chosen += [
                    str(p[0]) for p in picked_points.figure(figure, key="by-labels", alt=alt)
                ]
                st.caption("The test people are the same throughout.")
    for arm in dict.fromkeys(chosen):
        scans = error_strata.errors_by_scan(shown.held_out, arm)
        what = f"Test scans of {comparison_charts.plain(arm)}"
        key = f"scans-of-sweep-{arm}"
        picked_points.scans(workspace, scans, what=what, key=key, outcome=shown.outcome)
    named = {"error-by-size": size, "error-by-labels": labels}
    named = {kind: shown.outcome.named(table) for kind, table in named.items()}
    controls.offer_tables(name, named, left_out=shown.left_out)
