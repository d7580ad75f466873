"""The answer: curves, errors with intervals, differences with verdicts, and what they cannot say."""

from dataclasses import replace

import pandas as pd

from curation.groups import places_of
from training import curves as curves_
from training import overlap, statistics
from training.predictions import BASELINE
from training.report.plots import Line, Message, Plot, Table
from training.report.source import Source, ages_of, number, plural

ERROR = "Age error (MAE, years; lower is better)"
DIFFERENCE = "Difference (years; below 0 is better)"
_INTERVALS = "Intervals: 95 %, over people and seeds (two-way random effects)."


def curves(source: Source) -> Message | None:
    """Show the age error while fine-tuning."""
    table = curves_.band(
        curves_.age_error_curves(source.workspace, source.study.id), "age_mae_years"
    )
    if table.empty:
        return None
    baseline = source.final.loc[source.final["arm"] == BASELINE, "age_mae_years"]
    lines = [Line("y", float(at), f"predicting the mean age: {at:.2f} years") for at in baseline]
    table = table.rename(columns={"mean": "age_mae_years", "n": "seeds"})
    plot = Plot(
        "age-error-curves", "lines", table, x="epoch", y="age_mae_years", low="low", high="high", by="arm",
        x_label="Epoch of fine-tuning", y_label=ERROR, series=source.series, lines=tuple(lines),
        alt="Age error on held-out people against the epoch of fine-tuning, a line an arm",
    )  # fmt: skip
    return Message(
        "curves",
        "How the age error falls while each arm is fine-tuned",
        "Error on people that are held out, mean over folds and seeds.",
        plot=plot,
        note="Bands: 95 % over seeds (t), left out where they would hide the lines.",
    )


def answer(source: Source) -> Message | None:
    """Show the final error of each arm, with the verdict that matters most as the title."""
    final = source.final
    if final.empty:
        return None
    table = final.sort_values("age_mae_years", ignore_index=True)
    columns = ["arm", "label", "age_mae_years", "ci_low", "ci_high", "r", "r2", "mean_error_years", "slope",
               "corrected_mae_years", "n_subjects", "n_seeds", "n_runs"]  # fmt: skip
    plot = Plot(
        "final-errors", "intervals", table[columns], x="age_mae_years", y="arm", by="arm", low="ci_low",
        high="ci_high", x_label=ERROR, y_label="", series=source.series, from_zero=True,
        alt="Final age error of each arm with its 95 % interval, the smallest on top",
    )  # fmt: skip
    return Message(
        "answer", headline(source), "Final age error on people that the model never saw.", plot=plot,
        note=f"{_INTERVALS} As a table: the next message.",
    )  # fmt: skip


def figures(source: Source) -> Message | None:
    """Show every figure of each arm as a table."""
    if source.final.empty:
        return None
    rows = tuple(
        (
            row["label"] if row["arm"] == BASELINE else row["arm"], number(row["age_mae_years"]),
            f"{number(row['ci_low'])} to {number(row['ci_high'])}",
            *(number(row[name]) for name in ("r", "r2", "mean_error_years", "slope")),
            number(row["corrected_mae_years"]), number(row["n_runs"], 0),
        )
        for _, row in source.final.sort_values("age_mae_years").iterrows()
    )  # fmt: skip
    head = ("Arm", "MAE (years)", "95 % interval", "r", "R²", "Mean error (years)", "Slope on age",
            "MAE, bias-corrected", "Runs")  # fmt: skip
    return Message(
        "figures", "The figures of each arm", table=Table(head, rows),
        note=f"{_INTERVALS} Slope: of the error on age, 0 is no bias. Bias-corrected: fitted on the other "
        "folds' held-out predictions.",
    )  # fmt: skip


def headline(source: Source) -> str:
    """Say in a sentence what the study came to."""
    found = _differences(source)
    trained = found[found["arm"] != BASELINE]
    people = int(source.final["n_subjects"].max())
    better = trained[trained["verdict"] == "better"].sort_values("difference_years")
    if len(better):
        return str(better.iloc[0]["words"])
    worse = trained[trained["verdict"] == "worse"].sort_values("difference_years")
    if len(worse):
        return str(worse.iloc[-1]["words"])
    if trained.empty:
        return f"Age error with these {people} people"
    return f"No arm is distinguishable from {source.reference} with these {people} people"


def differences(source: Source) -> Message | None:
    """Show each arm's paired difference to the reference, with its verdict in words."""
    table = _differences(source)
    if table.empty:
        return None
    return _compared(
        source, "differences", f"Each arm against {source.reference}, person by person", table
    )


def controls(source: Source) -> Message | None:
    """Show each arm against as many random scans: better, or only more, fewer or younger?"""
    table = statistics.against_controls(source.held_out)
    if table.empty:
        return None
    said = {
        "better": "Better than as many random scans",
        "worse": "Worse than as many random scans",
    }
    kinds = [said[kind] for kind in table["verdict"] if kind in said]
    title = (
        kinds[0]
        if len(table) == 1 and kinds
        else "Better, or only bigger? Each arm against its control"
    )
    lead = "A control holds as many scans as its arm, at random from all tiers."
    if matched := overlap.controls_matched_on(source.study):
        lead = (
            f"A control is of the same {matched.words} as its arm, at random from all tiers. "
            f"{matched.note}".strip()
        )
    message = _compared(source, "controls", title, table, lead)
    shared = tuple(one.words for one in overlap.of_study(source.study))
    return replace(message, points=(*message.points, *shared))


def _differences(source: Source) -> pd.DataFrame:
    if source.reference is None:
        return pd.DataFrame(columns=list(statistics.DIFFERENCE_COLUMNS))
    return statistics.differences(source.held_out, source.reference)


def _compared(
    source: Source, name: str, title: str, table: pd.DataFrame, lead: str = ""
) -> Message:
    table = table.sort_values("difference_years", ignore_index=True)
    columns = ["arm", "reference", "difference_years", "ci_low", "ci_high", "p", "p_holm", "p_flip",
               "n_subjects", "n_seeds", "verdict"]  # fmt: skip
    plot = Plot(
        name, "intervals", table[columns], x="difference_years", y="arm", by="arm", low="ci_low",
        high="ci_high", x_label=DIFFERENCE, y_label="", series=source.series, lines=(Line("x", 0.0, ""),),
        alt="Paired difference of the age error with its 95 % interval, the best on top",
    )  # fmt: skip
    return Message(
        name, title, lead, plot=plot, points=tuple(table["words"]),
        note=f"{_INTERVALS} Verdicts after Holm's correction for the number of trained arms.",
    )  # fmt: skip


def limits(source: Source) -> Message:
    """Say what the study cannot say."""
    study, target = source.study, source.of("target")
    people = plural(target["subject_id"].nunique(), "person", "people")
    points = [
        f"Judged on {people}, {ages_of(target)}: nothing is said of others.",
        f"{plural(len(study.seeds), 'seed')}: how far training again would move the numbers is "
        "known only so well.",
        "Quality falls with age. A strict tier is also a younger and a smaller one; only the "
        "difference to its "
        "control is of quality.",
        "All folds share most of their training people: another target cohort could shift all arms "
        "at once.",
        "The distortion score sorts scans for research; it is no medical device and no "
        "radiologist's eye.",
    ]
    if note := places_of(source.of("pool")).note:
        points.insert(2, f"{note} A tier may be a scanner.")
    if study.simulated:
        points.insert(0, "The scans are simulated. No number here says anything about patients.")
    if not study.result_path.exists():
        points.insert(0, "The study is not finished: arms may stand on different runs.")
    return Message("limits", "What this study cannot say", points=tuple(points))
