"""Messages on distortions and random subsets: dose and harm, a ranking, what more scans give."""

import pandas as pd

from curation.wording import number, plural
from training.judging.outcome import Outcome
from training.report.content_results import intervals_of
from training.report.plots import Line, Message, Plot, Series, Table
from training.report.source import ReportSource
from training.results import dose_harm, scaling, study_sets

_BLUE, _ORANGE = "#0072B2", "#B34700"
_COLUMNS = [
    "artefact",
    "label",
    "severity",
    "years_lost",
    "ci_low",
    "ci_high",
    "p",
    "p_holm",
    "detectable_years",
    "n_subjects",
    "n_seeds",
    *dose_harm.EFFECT_COLUMNS,
]
_HOW = (
    "The very same scans of the same people, distorted by simulation, a seed each; aligned as the clean "
    "scans are. Paired by person and seed; that another draw of the distortion would give another number "
    "is not in the intervals. Exploratory."
)


def doses(source: ReportSource) -> Message | None:
    """Show the years lost to each severity of a distortion."""
    lost = dose_harm.dose_harm(source.held_out, dose_harm.effects_by_arm(source.study))
    lines = dose_harm.doses(lost)
    if lines.empty:
        return None
    named = [
        "as it is (0 by definition)"
        if row.severity == 0
        else f"{row.label}, severity {row.severity:g}"
        for row in lines.itertuples()
    ]
    several = lines["series"].nunique() > 1
    rows = [f"{a} ({b})" * several or a for a, b in zip(named, lines["series"], strict=True)]
    table = lines[[*_COLUMNS, "series"]].assign(row=rows)
    return Message(
        "dose-harm",
        "What does a distortion cost, dose by dose?",
        _lead(source),
        plot=_intervals(source, "dose-harm", table),
        points=tuple(filter(None, lines["words"])),
        note=f"{_HOW} {intervals_of(lost)}".strip(),
        faded=not source.conclusion.ranks,
    )


def ranking(source: ReportSource) -> Message | None:
    """Show which distortions cost most, of one severity."""
    ranked = _ranked(source)
    if ranked is None:
        return None
    severity, clean = ranked["severity"].iloc[0], ranked["clean"].iloc[0]
    return Message(
        "harm",
        "Which distortions matter to the model?",
        f"Scans of {clean}, each distortion at severity {severity:g}. {_lead(source)}".strip(),
        plot=_intervals(source, "harm", ranked[_COLUMNS].assign(row=ranked["label"])),
        note=f"{_HOW} {intervals_of(ranked)}".strip(),
        faded=not source.conclusion.ranks,
    )


def effects(source: ReportSource) -> Message | None:
    """Show the harm of each distortion beside what it does to the volume and to the score."""
    ranked = _ranked(source)
    if ranked is None or not ranked["n_changed"].fillna(0).any():
        return None
    digits = source.outcome.number
    rows = tuple(
        (
            str(row.label),
            digits(row.years_lost),
            f"{digits(row.ci_low)} to {digits(row.ci_high)}",
            number(row.p_holm, 3),
            number(row.volume_change, 2),
            f"{number(row.distance_clean, 2)} → {number(row.distance_distorted, 2)}",
            number(row.score_clean, 0),
            number(row.score_distorted, 0),
        )
        for row in ranked.itertuples()
    )
    head = (
        "Distorted by simulation",
        source.outcome.lost,
        "95 % interval",
        "p (Holm)",
        "Change of the volume",
        "Its distance from the pool",
        "Score as it is",
        "Score distorted",
    )
    scored = plural(int(ranked["n_scored"].fillna(0).max()), "scan")
    return Message(
        "harm-and-score",
        "Harm, what the network sees of it, and what the score says",
        dose_harm.agreement(ranked, source.outcome),
        table=Table(head, rows),
        note="Change of the volume: mean squared, within the brain, as a share of the variance between "
        "people. Distance: from the middle of the pool in spreads between people, as it is and distorted. "
        f"Scores: means of up to {scored}, assessed like any other image.",
    )


def more_scans(source: ReportSource) -> Message | None:
    """Show the error of random subsets by size, at equal steps and at equal passes."""
    table = scaling.by_size(source.held_out, study_sets.sizes(source.study))
    if table["n_scans"].nunique() < 2:
        return None
    first = table["of"].iloc[0]
    plot = Plot(
        "scaling",
        "lines",
        table[table["of"] == first],
        x="n_scans",
        y="age_mae_years",
        low="ci_low",
        high="ci_high",
        by="equal",
        x_label="Scans pretrained on",
        y_label=source.outcome.measure_label,
        series=(
            Series("steps", "at equal steps", _BLUE),
            Series("passes", "at equal passes", _ORANGE, "dash", hollow=True),
        ),
        alt=f"{source.outcome.measure_heading} against the number of scans pretrained on, at equal "
        "steps and at equal passes",
    )
    drawn = plural(int(table["n_draws"].max()), "draw")
    bands = "" if plot.bands else " They are not drawn here, where they would hide the lines."
    return Message(
        "scaling",
        "What are more scans of the same quality worth?",
        f"Random subsets of the people of {first}, {drawn} of each size.",
        plot=plot,
        points=tuple(_size_words(row, source.outcome) for _, row in plot.table.iterrows()),
        note=f"{_intervals_of_sizes(plot.table)}{bands}",
        faded=not source.conclusion.ranks,
    )


# ---- parts -----------------------------------------------------------------------------------------


def _intervals_of_sizes(table: pd.DataFrame) -> str:
    """Say over what the intervals of subsets and of the whole are."""
    draws = " and draws" if table["n_draws"].max() > 1 else " alone: one draw"
    seeds = " and seeds" if table["n_seeds"].max() > 1 else " alone: one seed"
    return f"Intervals: 95 %, over people{draws}; of the whole, over people{seeds}."


def _size_words(row: pd.Series, outcome: Outcome) -> str:
    low, high = (number(row[end], outcome.digits) for end in ("ci_low", "ci_high"))
    return (
        f"{row['n_scans']:.0f} scans, equal {row['equal']}: {outcome.measured(row['age_mae_years'])} "
        f"({low} to {high})."
    )


def _ranked(source: ReportSource) -> pd.DataFrame | None:
    """Return the distortions of the first clean arm and severity of which several were tried; else none."""
    lost = dose_harm.dose_harm(source.held_out, dose_harm.effects_by_arm(source.study))
    ranked = dose_harm.ranking(lost)
    if ranked.empty:
        return None
    first = ranked[["clean", "severity"]].iloc[0]
    same = (ranked["clean"] == first["clean"]) & (ranked["severity"] == first["severity"])
    return ranked[same].reset_index(drop=True)


def _lead(source: ReportSource) -> str:
    """Say what may be concluded where no arm learned anything."""
    return "" if source.conclusion.ranks else f"{source.conclusion.headline}."


def _intervals(source: ReportSource, name: str, table: pd.DataFrame) -> Plot:
    return Plot(
        name,
        "intervals",
        table,
        x="years_lost",
        y="row",
        by="row",
        low="ci_low",
        high="ci_high",
        x_label=source.outcome.lost_label,
        y_label="",
        series=tuple(Series(str(row), str(row), _BLUE) for row in dict.fromkeys(table["row"])),
        lines=(Line("x", 0.0, ""),),
        alt=f"{source.outcome.lost} to each distortion against the same scans as they are, with 95 % "
        "intervals",
    )
