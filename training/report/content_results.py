"""Messages on a study's results: curves, errors with intervals, differences with verdicts, and limits.

The last message of a report: what the study cannot say, from its own numbers.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from curation.scoring.comparison_groups import site_summary
from curation.storage.files import slug
from curation.tier_effects.selection_bias import NOTABLE
from curation.tier_effects.standardised_differences import continuous_smd, null_smd
from curation.wording import number, plural
from training.judging.measures import MEASURE_WORDS
from training.report.plots import Line, Message, Plot, Table
from training.report.source import ReportSource, ages_of, tiers_of
from training.results import conclusions, error_curves
from training.results.predictions import BASELINE
from training.studies import arm_overlap


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def intervals_of(table: pd.DataFrame) -> str:
    """Describe the intervals of a table in words; empty where it has none."""
    if table["ci_low"].isna().all():
        return ""
    if table["n_seeds"].max() < 2:
        return "Intervals: 95 %, over people alone: one seed."
    return "Intervals: 95 %, over people and seeds (two-way random effects)."


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
        singles=tuple(error_curves.single_seeds(table)),
        alt=f"{_capital(outcome.measure)} on held-out people against the epoch of fine-tuning, a line an arm",
    )
    return Message(
        "curves",
        error_curves.course(table, outcome),
        f"{'AUC' if outcome.two_valued else 'Error'} on people that are held out, mean over folds and seeds.",
        plot=plot,
        note=_bands(plot),
    )


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
        final[columns],
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
        note=f"{intervals_of(final)} As a table: the next message.".strip(),
    )


def figures(source: ReportSource) -> Message | None:
    """Show every figure of each arm as a table."""
    if source.final.empty:
        return None
    outcome, digits = source.outcome, source.outcome.digits
    with_corrected = source.options.corrected and not outcome.two_valued
    rows = tuple(
        (
            row["label"] if row["arm"] == BASELINE else row["arm"],
            number(row["age_mae_years"], digits),
            f"{number(row['ci_low'], digits)} to {number(row['ci_high'], digits)}",
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
        " Bias-corrected: fitted on the other folds' held-out predictions; a dash where predictions do not "
        f"follow {outcome.name}."
    )
    slope = f"Slope: of the error on {outcome.name}, 0 is no bias."
    said = MEASURE_WORDS[outcome.kind] if outcome.two_valued else slope
    note = f"{intervals_of(source.final)} {said}"
    return Message(
        "figures",
        "The figures of each arm",
        table=Table(head, rows),
        note=(note + corrected * with_corrected).strip(),
    )


def mean_age(source: ReportSource) -> Message | None:
    """Show each arm against predicting the mean age: was anything learned?"""
    table = source.compared.mean_age
    if table.empty:
        return None
    better = int((table["verdict"] == "better").sum())
    outcome = source.outcome
    title = (
        f"{better} of {len(table)} arms predict {outcome.noun} better than {outcome.no_model_does}"
    )
    if (table["verdict"] == "withheld").any():
        title = f"Each arm against {outcome.no_model}"
    lead = f"What learned nothing of {outcome.name} cannot tell tiers apart."
    return _compared(source, "mean-age", title, table, lead, faded=False)


def differences(source: ReportSource) -> Message | None:
    """Show each arm's paired difference to the reference, with its verdict in words."""
    table = source.compared.reference
    if table.empty:
        return None
    return _compared(source, "differences", f"Each arm against {source.reference}", table, "")


def controls(source: ReportSource) -> Message | None:
    """Show each arm against as many random scans: better, or only more, fewer or younger?"""
    table = source.compared.controls
    if table.empty:
        return None
    said = {
        "better": "Better than as many random scans",
        "worse": "Worse than as many random scans",
    }
    kinds = [said[kind] for kind in table["verdict"] if kind in said]
    title = (
        kinds[0]
        if len(table) == 1 and kinds and source.conclusion.ranks
        else "Better, or only bigger? Each arm against its control"
    )
    lead = "A control holds as many scans as its arm, at random from all tiers."
    if matched := arm_overlap.controls_matched_on(source.study):
        lead = (
            f"A control is of the same {matched.words} as its arm, at random from all tiers. "
            f"{matched.note}".strip()
        )
    message = _compared(source, "controls", title, table, lead)
    shared = tuple(one.words for one in arm_overlap.of_study(source.study))
    return replace(message, points=(*message.points, *shared))


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
        note=f"{intervals_of(table)} Paired by person and seed; verdicts after Holm's correction.".strip(),
        faded=faded,
    )


def limits(source: ReportSource) -> Message:
    """State the limits of the study."""
    study, target = source.study, source.of("target")
    people = plural(target["subject_id"].nunique(), "person", "people")
    points = [
        *_state(source),
        f"Judged on {people}, {ages_of(target)}: nothing is said of others.",
        conclusions.detectable(source.compared.reference, source.outcome),
        _seeds(len(study.seeds)),
        _sites(source),
        _ages(source),
        f"All arms were fine-tuned{' and judged' * (not study.judging.external)} on this one target "
        "cohort: another could shift all at once.",
        "The distortion score sorts scans for research; it is no medical device and no "
        "radiologist's eye.",
    ]
    return Message("limits", "What this study cannot say", points=tuple(filter(None, points)))


def _state(source: ReportSource) -> list[str]:
    """Return the state of the data and of the study, which comes first."""
    points = []
    if not source.study.result_path.exists():
        points.append("The study is not finished: arms may stand on different runs.")
    if source.study.simulated:
        points.append("The scans are simulated. No number here says anything about patients.")
    points += [conclusions.outdated([source.study]), conclusions.try_out([source.study])]
    if source.conclusion.headline and not source.conclusion.ranks:
        points.append(f"{source.conclusion.headline}.")
    return points


def _seeds(count: int) -> str:
    if count == 1:
        return "One seed: how far training again would move the numbers is not known."
    return f"{count} seeds: how far training again would move the numbers is known only so well."


def _sites(source: ReportSource) -> str:
    """State the consequences of unknown sites; nothing where they are known."""
    note = site_summary(source.of("pool")).note
    return f"{note} A tier may be a scanner." if note else ""


def _ages(source: ReportSource) -> str:
    """State whether the best tier differs in age; nothing where all scans are of one tier."""
    pool = source.of("pool")
    tiers = tiers_of(pool)
    if len(tiers) < 2:
        return ""
    best = pool["tier"] == tiers[0]
    size = f"Tier {tiers[0]} holds {int(best.sum()):,} of {plural(len(pool), 'scan')}"
    ages = [_of_people(pool[members]) for members in (best, ~best)]
    apart = continuous_smd(*((each.mean(), each.var(ddof=1)) for each in ages))
    if apart != apart:
        return f"{size}. Too few ages are known to tell whether it is also another age."
    told = f"{ages[0].mean():.1f} against {ages[1].mean():.1f} years on average"
    first, second = (np.array([len(each)]) for each in ages)
    by_chance = null_smd(first, second, 1)[0]
    if abs(apart) < max(NOTABLE, by_chance):
        return f"{size}; its people are about as old as the others ({told})."
    which = "younger" if apart < 0 else "older"
    return (
        f"{size}, and its people are {which} ({told}): what it is worth may be their age's doing."
    )


def _of_people(scans: pd.DataFrame) -> pd.Series:
    return scans.dropna(subset=["age_years"]).groupby("subject_id")["age_years"].mean()
