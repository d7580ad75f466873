"""Messages on a study's results: curves, errors with intervals, and differences with verdicts."""

from dataclasses import replace

import pandas as pd

from curation.storage.files import slug
from curation.wording import error_is_told, number, plural, span_of_error
from training.held_out import age_metrics
from training.held_out.predictions import BASELINE
from training.judging.measures import MEASURE_WORDS
from training.report.plots import MOST_SERIES, Line, Message, Plot, Table
from training.report.source import ReportSource, sites_said
from training.results import conclusions, error_curves, study_summary
from training.studies import arm_overlap

_AS_TABLE = "As a table: the next message."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def intervals_of(table: pd.DataFrame) -> str:
    """Describe the intervals of a table in words; empty where it has none."""
    over = conclusions.intervals_over(table)
    return f"Intervals: {over}." if over else ""


def told_intervals(final: pd.DataFrame) -> pd.DataFrame:
    """Return final errors with the intervals that are drawn: those that a table tells, too.

    Parameters
    ----------
    final : pandas.DataFrame
        As :func:`training.results.study_summary.summarise` gives. An interval of which
        :func:`curation.wording.span_of_error` says that it cannot be told has no ends.
    """
    told = [error_is_told(row.ci_low, row.n_seeds) for row in final.itertuples()]
    ends = ["ci_low", "ci_high"]
    return final.assign(**final[ends].where(pd.Series(told, final.index, dtype=bool), axis=0))


def untold_said(final: pd.DataFrame) -> str:
    """Say of which arms the interval of the final error cannot be told and is not drawn; else empty."""
    untold = final[final["ci_low"].notna() & told_intervals(final)["ci_low"].isna()]
    if untold.empty:
        return ""
    return (
        f"Of {' and '.join(untold['arm'])} no interval is drawn: it cannot be told with "
        f"{untold['n_seeds'].min():.0f} seeds."
    )


def _of_final(final: pd.DataFrame) -> str:
    """Describe the intervals of final errors, and say of whom there is none, and why."""
    return " ".join(filter(None, [intervals_of(final), study_summary.unbounded_said(final)]))


def curves(source: ReportSource) -> Message | None:
    """Show the age error while fine-tuning."""
    read = error_curves.age_error_curves(source.workspace, source.study.id)
    table = error_curves.age_error_band(read, source.study.arms, outcome=source.outcome)
    if table.empty:
        return None
    outcome = source.outcome
    baseline = source.final.loc[source.final["arm"] == BASELINE, "age_mae_years"]
    lines = [Line("y", float(at), f"{outcome.no_model}: {outcome.measured(at)}") for at in baseline]
    plot = Plot(
        f"{slug(outcome.measure)}-curves",
        "lines",
        table,
        x="epoch",
        y="age_mae_years",
        low="low",
        high="high",
        by="arm",
        x_label="Epoch of fine-tuning",
        y_label=outcome.measure_label,
        series=source.series,
        lines=tuple(lines),
        singles=() if len(source.series) > MOST_SERIES else tuple(error_curves.single_seeds(table)),
        alt=f"{_capital(outcome.measure)} on held-out people against the epoch of fine-tuning, a line an arm",
    )
    return Message(
        "curves",
        error_curves.course(read, outcome),
        f"{'AUC' if outcome.two_valued else 'Error'} on people that are held out, mean over folds and seeds.",
        plot=plot,
        note=" ".join(filter(None, [_bands(plot), _lengths(read)])),
    )


def _lengths(curves: pd.DataFrame) -> str:
    """Say that runs differ in length, and what the title is of; empty where they do not."""
    said = error_curves.lengths_said(curves)
    return said and f"{said} The title is of the last epoch of each run."


def _bands(plot: Plot) -> str:
    """Describe the bands of a plot of means over seeds in words."""
    if plot.singles:
        return "Thick lines: mean over seeds. Thin lines: single seeds, too few for a band."
    if plot.bands:
        return "Bands: 95 % over seeds (t)."
    if plot.table[plot.low].isna().all():
        return "One seed: no band."
    return "No bands (95 % over seeds, t) are drawn: they would hide the lines."


def answer(source: ReportSource) -> Message | None:
    """Show the final error of each arm, under the conclusion of the study."""
    final = source.final
    if final.empty:
        return None
    outcome = source.outcome
    columns = [
        "arm",
        "label",
        "age_mae_years",
        "ci_low",
        "ci_high",
        "r",
        "r2",
        "mean_error_years",
        "slope",
        *["corrected_mae_years"] * source.options.corrected,
        "seed_sd_years",
        "n_subjects",
        "n_seeds",
        "n_runs",
    ]
    plot = Plot(
        "final-errors",
        "intervals",
        told_intervals(final)[columns],
        x="age_mae_years",
        y="arm",
        by="arm",
        low="ci_low",
        high="ci_high",
        x_label=outcome.measure_label,
        y_label="",
        series=source.series,
        from_zero=not outcome.two_valued,
        digits=outcome.digits,
        alt=f"Final {outcome.measure} of each arm with its 95 % interval, the best on top",
    )
    return Message(
        "answer",
        source.conclusion.headline,
        f"Final {outcome.measure} on people that the model never saw.",
        plot=plot,
        points=source.conclusion.beside,
        note=" ".join(
            filter(None, [_of_final(final), untold_said(final), conclusions.PAIRED, _AS_TABLE])
        ),
    )


def figures(source: ReportSource) -> Message | None:
    """Show every figure of each arm as a table."""
    if source.final.empty:
        return None
    outcome, digits = source.outcome, source.outcome.digits
    with_corrected = source.options.corrected and not outcome.two_valued
    rows = tuple(
        (
            source.called(row["arm"]),
            number(row["age_mae_years"], digits),
            span_of_error(row["ci_low"], row["ci_high"], row["n_seeds"], digits),
            *(number(row[name], 2) for name in ("r", "r2")),
            number(row["mean_error_years"], digits),
            *[number(row["slope"], 2)] * (not outcome.two_valued),
            *[number(row["corrected_mae_years"], digits)] * with_corrected,
            number(row["n_runs"], 0),
        )
        for _, row in source.final.iterrows()
    )
    unit = f" ({outcome.unit})" * bool(outcome.unit)
    head = (
        "Arm",
        "AUC" if outcome.two_valued else f"MAE{unit}",
        "95 % interval",
        *outcome.figure_headings[1:],
        *[f"MAE, bias-corrected{unit}"] * with_corrected,
        "Runs",
    )
    corrected = (
        " Bias-corrected: the pull towards the mean taken out, fitted on the other folds' held-out "
        f"predictions; {age_metrics.STRETCHED} A dash where predictions {age_metrics.shrink_said(outcome)}."
    )
    slope = f"Slope of the error on {outcome.name}: 0 is no bias, −1 one and the same prediction for all."
    said = MEASURE_WORDS[outcome.kind] if outcome.two_valued else slope
    note = f"{_of_final(source.final)} {said}"
    return Message(
        "figures",
        _smallest_and_largest(source),
        table=Table(head, rows),
        note=(note + corrected * with_corrected).strip(),
    )


def _smallest_and_largest(source: ReportSource) -> str:
    """Say which arms err least and most, where arms can be ranked."""
    trained = source.final[source.final["arm"] != BASELINE]
    if len(trained) < 2 or not source.conclusion.ranks:
        return "The figures of each arm"
    best, worst = trained.iloc[0], trained.iloc[-1]
    outcome = source.outcome
    first, last = (
        f"{source.made_as(row['arm'])} ({outcome.measured(float(row['age_mae_years']))})"
        for row in (best, worst)
    )
    ends = ("highest", "lowest") if outcome.higher_is_better else ("smallest", "largest")
    return f"The {outcome.judged_by} is {ends[0]} {first} and {ends[1]} {last}"


def mean_age(source: ReportSource) -> Message | None:
    """Show each arm against predicting the mean age: was anything learned?"""
    table = source.compared.mean_age
    if table.empty:
        return None
    better = int((table["verdict"] == "better").sum())
    outcome = source.outcome
    title = (
        f"{better} of {len(table)} arms are shown to predict {outcome.noun} better than "
        f"{outcome.no_model_does}"
    )
    if (table["verdict"] == "withheld").any():
        title = f"Each arm against {outcome.no_model}"
    lead = f"What is not shown to have learned {outcome.name} cannot tell tiers apart."
    if conclusions.too_easy(source.held_out):
        lead = "No arm makes a mistake: there is nothing that a tier could be worth here."
    return _compared(source, "mean-age", title, table, lead, faded=False)


def differences(source: ReportSource) -> Message | None:
    """Show each arm's paired difference to the reference, with its verdict in words."""
    table = source.compared.reference
    if table.empty:
        return None
    lead = "The primary comparison is confirmatory, all others are exploratory."
    if source.primary is None:
        lead = "Exploratory: no primary comparison was declared when the study was planned."
    reference = source.what_of(str(table["reference"].iloc[0]))
    title = _told_apart(source, table, reference, f"Each arm against {reference}")
    return _compared(source, "differences", title, table, lead)


def controls(source: ReportSource) -> Message | None:
    """Show each arm against as many random scans: better, or only more, fewer or younger?"""
    table = source.compared.controls
    if table.empty:
        return None
    title = _told_apart(
        source,
        table,
        "as many scans at random",
        "Better, or only bigger? Each arm against its control",
    )
    lead = f"A control holds as many scans as its arm, at random from all tiers{_apart(source)}."
    if matched := arm_overlap.controls_matched_on(source.study):
        lead = (
            f"A control is of the same {matched.words} as its arm, at random from all "
            f"tiers{_apart(source)}. "
            f"{sites_said('pool', matched.note)}".strip()
        )
    message = _compared(source, "controls", title, table, lead)
    shared = tuple(one.words for one in arm_overlap.of_study(source.study))
    return replace(message, points=(*message.points, *shared))


def _told_apart(source: ReportSource, table: pd.DataFrame, what: str, unranked: str) -> str:
    """Say how many arms are told apart from what they are compared with, where arms can be ranked."""
    if not source.conclusion.ranks or table["verdict"].isin(["withheld", "unknown"]).all():
        return unranked
    better, worse = (int((table["verdict"] == kind).sum()) for kind in ("better", "worse"))
    if not better + worse:
        return f"By the {source.outcome.judged_by}, no arm is told apart from {what}"
    counts = ((better, "better"), (worse, "worse"))
    parts = [f"{count} {'is' if count == 1 else 'are'} {kind}" for count, kind in counts if count]
    of_arms = f"of {plural(len(table), 'arm')} {' and '.join(parts)} than {what}"
    return f"By the {source.outcome.judged_by}, {of_arms}"


def _apart(source: ReportSource) -> str:
    """Say where controls that share no scan with their arm come from; nothing without any."""
    apart = any(arm.apart for arm in source.study.arms)
    return ", those named not- from the scans that their arm does not hold" * apart


def _compared(
    source: ReportSource,
    name: str,
    title: str,
    table: pd.DataFrame,
    lead: str,
    *,
    faded: bool | None = None,
) -> Message:
    faded = not source.conclusion.ranks if faded is None else faded
    outcome = source.outcome
    table = outcome.shown(
        table.sort_values("difference_years", ignore_index=True), "difference_years"
    )
    columns = [
        "arm",
        "reference",
        "role",
        "difference_years",
        "ci_low",
        "ci_high",
        "p",
        "p_holm",
        "p_flip",
        "detectable_years",
        "n_subjects",
        "n_seeds",
        "verdict",
    ]
    plot = Plot(
        name,
        "intervals",
        table[columns],
        x="difference_years",
        y="arm",
        by="arm",
        low="ci_low",
        high="ci_high",
        x_label=outcome.difference_label,
        digits=outcome.digits,
        y_label="",
        series=source.series,
        lines=(Line("x", 0.0, ""),),
        alt=f"Paired difference of the {outcome.measure} with its 95 % interval, the best on top",
    )
    return Message(
        name,
        title,
        f"{source.conclusion.headline}. {lead}".strip() if faded else lead,
        plot=plot,
        points=tuple(table["words"]),
        note=f"{intervals_of(table)} Paired by person and seed; exploratory verdicts after Holm's "
        "correction, intervals without.".strip(),
        faded=faded,
    )
