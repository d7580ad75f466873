"""Metrics panel of Review: the parts of a scan's score, each metric with its formula and source."""

import html
import math
from collections.abc import Iterator

import pandas as pd
import streamlit as st

from curation.metrics import METRICS, Metric
from curation.metrics.registry import FAMILIES, PREPARED
from curation.scoring.score_reference import Anchor
from curation.tiers import rule_columns
from curation.tiers.rule_columns import PREPARED_DISTANCE
from curation.wording import plural
from pages.ui.review import scan_panel
from pages.ui.review.scan_judgement import ScanJudgement
from pages.ui.shell import controls, flags, formatting, html_marks, state

_DRIVERS, _ALL, _PREPARED = "drivers", "all", "prepared"
_DRIVERS_SHOWN, _LEAST_SHARE = 6, 0.01
_SHORT_UNIT = 8  # letters; a longer one stands below its value
_PREPARED_HEAD = ("Metric", "Value", "Better", "What it says")
_PREPARED_MEANING = (
    "What of a distortion is left once the scan is aligned, smoothed to 3 mm and masked, as for training. "
    "None of it counts for the score, which judges the image as it was acquired."
)
_DISTANCE_MEANING = (
    "How far the network's input lies from those of the pretraining pool, in spreads between people: near 1 "
    "for a scan like the others. Large for an unusual brain as well. Told from ten people on."
)
_BETTER = {"higher is worse": "lower", "higher is better": "higher"}
_HEAD = ("Metric", "Value", "Good", "Bad", "How bad (0–100)", "Share of the score", "What it says")


def show(scan: pd.Series, judgement: ScanJudgement, *, waiting: str) -> None:
    """Draw the metrics that make most of the score, or all, each with its formula and source.

    ``waiting`` says how a scan that is not measured yet will be.
    """
    st.subheader("How the score came about")
    if judgement.failure:
        st.error(f"There are no metrics of this scan: {formatting.escape(judgement.failure)}")
        return
    if not judgement.measured:
        st.caption(f"This scan is not measured yet. {waiting}")
        return
    of_image = sum(metric.family in FAMILIES for metric in METRICS.values())
    views = {
        _DRIVERS: "What makes the score",
        _ALL: f"All {of_image} metrics",
        _PREPARED: "As the network sees it",
    }
    with st.container(horizontal=True, vertical_alignment="center"):
        view = controls.choose_segment(
            "Metrics",
            list(views),
            key=state.METRICS_VIEW,
            format_func=lambda name: views[name],
        )
        with st.popover("Judged by", icon=":material/balance:"):
            _reference(judgement)
    if judgement.outdated:
        st.caption("Measured by an older version of the metrics. The page Cohort scores anew.")
    if view == _PREPARED:
        st.caption(_PREPARED_MEANING)
        lines = _prepared(scan, judgement)
        st.html(html_marks.table(_PREPARED_HEAD, lines, numeric=(1,)))
        return
    lines = _drivers(scan, judgement) if view == _DRIVERS else _all_metrics(scan, judgement)
    st.html(html_marks.table(_HEAD, lines, numeric=(1, 2, 3), whole=(4, 5)))
    _missing(judgement)


def _reference(judgement: ScanJudgement) -> None:
    reference = judgement.reference
    st.markdown(f"**{formatting.escape(reference.label)}** ({formatting.escape(reference.id)})")
    st.markdown(formatting.escape(reference.description))
    if reference.population.words:
        st.markdown(f"**For whom it holds.** {formatting.escape(reference.population.words)}")
    joined = (
        "the worst alone makes them as bad as it is"
        if reference.combination == "any"
        else "the worst counting most each time"
    )
    st.caption(
        "How bad a metric is runs from 0 to 100: 20 where the reference calls it good, 80 where it calls "
        f"it bad. A sub-score joins the metrics of its kind, the score joins the sub-scores; {joined}. "
        "How usual the brain is counts for no score. The reference is chosen on the page Tiers."
    )


# ---- lines -----------------------------------------------------------------------------------------


def _drivers(scan: pd.Series, judgement: ScanJudgement) -> Iterator[tuple[object, ...]]:
    """Yield the metrics that count most, under the sub-scores that they make."""
    parts = judgement.parts[judgement.parts["share_of_score"] >= _LEAST_SHARE].head(_DRIVERS_SHOWN)
    for family in parts["family"].unique():
        yield (_family_title(family, scan, judgement),)
        for name in parts.loc[parts["family"] == family, "metric"]:
            yield _line(METRICS[name], judgement)


def _all_metrics(scan: pd.Series, judgement: ScanJudgement) -> Iterator[tuple[object, ...]]:
    """Yield every metric, those that count first in each family."""
    counted = judgement.parts["metric"].tolist()
    for family in FAMILIES:
        yield (_family_title(family, scan, judgement),)
        its = [metric for metric in METRICS.values() if metric.family == family]
        for metric in sorted(its, key=lambda metric: metric.name not in counted):
            yield _line(metric, judgement)


def _prepared(scan: pd.Series, judgement: ScanJudgement) -> Iterator[tuple[object, ...]]:
    """Yield what was measured on the prepared volume, its distance to the pool first."""
    distance = rule_columns.find(PREPARED_DISTANCE)
    value = scan_panel.value_of(scan, distance.name)
    shown = f"{value:.2f}" if math.isfinite(value) else formatting.DASH
    yield distance.label, shown, "lower", _DISTANCE_MEANING
    for metric in METRICS.values():
        if metric.family == PREPARED:
            value = scan_panel.value_of(judgement.row, metric.name)
            known = math.isfinite(value)
            shown_with_unit = _with_unit(value, metric) if known else formatting.DASH
            says = html_marks.Cell(_says(metric, judgement, known))
            yield metric.label, shown_with_unit, _BETTER[metric.direction], says


def _family_title(family: str, scan: pd.Series, judgement: ScanJudgement) -> str:
    score = formatting.score(scan_panel.value_of(scan, family))
    parts = judgement.parts
    share = parts.loc[parts["family"] == family, "share_of_score"].sum()
    title = scan_panel.FAMILY_NAMES[family]
    return f"{title}: sub-score {score}, makes {100 * share:.0f} % of the score"


def _line(metric: Metric, judgement: ScanJudgement) -> tuple[object, ...]:
    value = scan_panel.value_of(judgement.row, metric.name)
    part = judgement.parts[judgement.parts["metric"] == metric.name]
    good, bad = good_and_bad(judgement.anchors.get(metric.name))
    if math.isfinite(usual := judgement.usual(metric.name)):
        good = f"usual {formatting.significant(usual, digits=3)}"
    says = html_marks.Cell(_says(metric, judgement, math.isfinite(value)))
    if not math.isfinite(value):
        return (
            metric.label,
            formatting.DASH,
            good,
            bad,
            html_marks.Cell(html_marks.track(math.nan)),
            "",
            says,
        )
    if part.empty:
        return (metric.label, _with_unit(value, metric), "", "", "not scored", "", says)
    share, points = part["share_of_score"].iloc[0], part["points"].iloc[0]
    return (
        metric.label,
        _with_unit(value, metric),
        good,
        bad,
        html_marks.Cell(html_marks.track(float(part["penalty"].iloc[0]))),
        _share(share, points),
        says,
    )


def good_and_bad(anchor: Anchor | None) -> tuple[str, str]:
    """Say which values are good and which are bad, e.g. ``('≤ 0.6', '≥ 1.2')``."""
    if anchor is None:
        return "", ""
    good, bad = (formatting.significant(value, digits=3) for value in (anchor.good, anchor.bad))
    rises = anchor.bad > anchor.good
    return (f"≤ {good}", f"≥ {bad}") if rises else (f"≥ {good}", f"≤ {bad}")


def _with_unit(value: float, metric: Metric) -> html_marks.Cell:
    unit = f'<span class="ts-muted">{html.escape(metric.unit)}</span>' if metric.unit else ""
    between = " " if len(metric.unit) <= _SHORT_UNIT else "<br>"
    return html_marks.Cell(html.escape(formatting.significant(value)) + between + unit)


def _share(share: float, points: float) -> str:
    """Return the share of the score as it is given to a sub-score too: all metrics together are 100 %."""
    if share >= 0.005:
        return f"{100 * share:.0f} %"
    return "speaks for it" if points <= -0.5 else formatting.DASH


def _says(metric: Metric, judgement: ScanJudgement, known: bool) -> str:
    """Return the meaning, or the reason of a missing value; it opens to formula and source."""
    text = metric.meaning if known else f"Not measurable: {judgement.reason(metric.name)}."
    anchor = judgement.anchors.get(metric.name)
    facts = {
        "Name": metric.name,
        "Formula": metric.formula,
        "Direction": metric.direction,
        "Meaning": "" if known else metric.meaning,
        "Citation": metric.citation,
        "Good, bad": f"{judgement.reference.id}: {anchor.source}"
        if anchor and anchor.source
        else "",
    }
    rows = (f"<dt>{name}</dt><dd>{html.escape(fact)}</dd>" for name, fact in facts.items() if fact)
    return f"<details><summary>{html.escape(text)}</summary><dl>{''.join(rows)}</dl></details>"


def _of_them_judged(judgement: ScanJudgement) -> str:
    """Return how many of the metrics without a value the score would be judged by."""
    without, count = judgement.parts["value"].isna(), len(judgement.reasons)
    lacking = int(judgement.parts.loc[without, "metric"].isin(list(judgement.reasons)).sum())
    if not lacking:
        return (
            ", none of which counts for the score" if count > 1 else ", which counts for no score"
        )
    of_them = f"{lacking:,} of " * (lacking < count)
    return f", {of_them}which {'counts' if lacking == 1 else 'count'} for the score"


def _missing(judgement: ScanJudgement) -> None:
    reasons = judgement.reasons
    if reasons:
        text = "; ".join(sorted(set(reasons.values())))
        count = plural(len(reasons), "metric")
        of_them = _of_them_judged(judgement)
        st.caption(formatting.escape(f"{count} not measurable on this scan{of_them}: {text}."))
    if judgement.flags:
        st.caption(formatting.escape(flags.consequences(judgement.flags)))
    st.caption(
        "A line opens to its formula and source. A metric that is just good counts 20 of 100, a bad one 80: "
        "on a good scan it is good metrics that make the score. Shares add up to 100 %; the worst counts "
        "most by far, so a score hardly moves where something else gets a little worse. Not scored: shown "
        "for comparison with other tools; another metric of its kind counts."
    )
