"""Message on the primary comparison: its intervals against 0 and the margin, and what they mean.

Sentences on the analysis for the methods, and what no interval of a study covers.
"""

import pandas as pd

from training.arms import arm_scans
from training.report.plots import Line, Message, Plot, Series, Shade
from training.report.source import ReportSource
from training.results import conclusions, verdicts
from training.results.crossed_effects import ALPHA
from training.results.primary_comparison import Primary
from training.studies.planned_study import Study
from training.theme import INK, MUTED

#: Rows of the plot: what each interval decides.
_DIFFERENT, _WITHIN = "95 %: is there a difference?", "90 %: is it within the margin?"


def primary(source: ReportSource) -> Message | None:
    """Show the primary comparison; nothing where none was declared, or nothing can be compared yet."""
    found = source.primary
    if found is None or found.verdict.outcome == "unknown":
        return None
    by_name = {arm.name: arm for arm in source.study.arms}
    told = [arm_scans.what_of(by_name[name]) for name in found.plan.pair]
    return Message(
        "primary",
        f"Declared beforehand, judged by the {found.plan.outcome.judged_by}: {' against '.join(told)}: "
        f"{conclusions.CALLED[found.verdict.outcome]}",
        f"{found.plan.words} It was declared when the study was planned; no filter changes it.",
        plot=None if found.difference.no_variance else plot(found),
        points=(found.verdict.words, *answers(found)),
        note="Confirmatory: its p-value is not corrected for the other comparisons, which are exploratory.",
        faded=not source.conclusion.ranks,
    )


def answers(found: Primary) -> tuple[str, ...]:
    """Answer in words what each interval of the plot decides; nothing where there is none."""
    seen, margin = found.difference, found.plan.margin_years
    tests = verdicts.margin_tests(seen, margin)
    if seen.no_variance or not seen.low < seen.high or found.verdict.outcome == "withheld":
        return ()
    there = "yes, it leaves out 0" if seen.low > 0 or seen.high < 0 else "not shown, it holds 0"
    told = [f"{_DIFFERENT} {there[0].upper()}{there[1:]}."]
    if margin == margin:
        within = f"Not shown: it reaches beyond the margin of {found.plan.margin_words}."
        if tests.p_equivalent <= ALPHA:
            within = f"Yes, all of it is within {found.plan.margin_words} about 0."
        elif tests.high < -margin or tests.low > margin:
            within = f"No, all of it is beyond the margin of {found.plan.margin_words}."
        told.append(f"{_WITHIN} {within}")
    return tuple(told)


def plot(found: Primary) -> Plot:
    """Return the intervals of a primary comparison against 0 and the margin, to be drawn."""
    seen, margin = found.difference, found.plan.margin_years
    tests = verdicts.margin_tests(seen, margin)
    rows = [(_DIFFERENT, seen.low, seen.high), (_WITHIN, tests.low, tests.high)]
    outcome = found.plan.outcome
    table = outcome.shown(
        pd.DataFrame(
            [(name, seen.mean, low, high) for name, low, high in rows],
            columns=["interval", "difference_years", "low", "high"],
        ),
        "difference_years",
    )
    arm, reference = found.plan.pair
    shaded = None
    if margin == margin:
        shaded = Shade(-margin, margin, f"shaded: margin of ± {outcome.bound(margin)} about 0")
    return Plot(
        "primary-comparison",
        "intervals",
        table,
        x="difference_years",
        y="interval",
        by="interval",
        low="low",
        high="high",
        x_label=f"{arm} − {reference} ({outcome.measure_unit}; {outcome.favours} {arm} is better)",
        y_label="",
        series=(Series(_DIFFERENT, _DIFFERENT, INK), Series(_WITHIN, _WITHIN, MUTED, hollow=True)),
        lines=(Line("x", 0.0, ""),),
        shaded=shaded,
        alt=f"Difference of {arm} to {reference} with its 95 % and 90 % intervals, and the margin",
    )


def analysis_in_words(study: Study) -> str:
    """Describe for the methods what was declared, and how it is judged."""
    plan = study.analysis
    if plan.primary is None:
        return (
            "No primary comparison was declared when the study was planned; all comparisons are "
            "exploratory."
        )
    arm, reference = plan.primary
    judged = (
        "one-sided at 5 % (better, or not worse by the margin)"
        if plan.one_sided
        else "two-sided at 5 %, else for equivalence by two one-sided tests at 5 % each, else for not being "
        "worse by the margin at 5 %"
    )
    tested = f"it was tested {judged}, without correction"
    if len(study.seeds) == 1:
        tested = f"it would have been tested {judged}, without correction; with one seed no verdict is given"
    elif not study.result_path.exists():
        tested = f"it is tested {judged}, without correction, once all runs are finished"
    return (
        f"The primary comparison, {arm} against {reference}, and the margin of {plan.margin_words} "
        f"were declared when the study was planned, before any training; {tested}. All other comparisons are "
        "exploratory."
    )


def pool_in_words(study: Study) -> str:
    """Describe what of the sampling of pretraining scans is in the intervals, and what is not."""
    drawn = any(arm.kind == "control" for arm in study.arms)
    controls = (
        " Controls were drawn anew for each seed, so that their draw is within the spread of seeds; against "
        "its own control an arm counts as one draw, too."
        if drawn and len(study.seeds) > 1
        else ""
    )
    return (
        "The pool is one fixed set of scans: what another pool of the same kind would have given is in no "
        f"interval.{controls}"
    )
