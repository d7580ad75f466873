"""Messages on external cohorts and on how well features tell the site."""

import pandas as pd

from curation.wording import number, span
from training.judging.outcome import Outcome
from training.report.plots import Message, Table
from training.report.source import ReportSource, external_name
from training.results import external_test, site_probes, study_summary


def external(source: ReportSource) -> Message | None:
    """Show what arms come to on cohorts that nothing was learned from."""
    table = external_test.summary(source.study, source.reference)
    if table.empty:
        return None
    outcome, digits = source.outcome, source.outcome.digits
    table = table.assign(cohort=[external_name(one) for one in table["cohort"]])

    def told(row, value: str, of: str) -> str:  # type: ignore[no-untyped-def]
        if row[value] != row[value]:
            return "–"
        around = span(row[f"{of}_low"], row[f"{of}_high"], digits)
        return f"{number(row[value], digits)} ({around})"

    rows = tuple(
        (
            row["cohort"],
            source.called(row["arm"]),
            told(row, "age_mae_years", "ci"),
            told(row, "difference_years", "difference"),
            number(row["n_subjects"], 0),
        )
        for _, row in table.iterrows()
    )
    difference = f"Difference to {source.reference}" if source.reference else "Difference"
    head = ("Cohort", "Arm", outcome.measure_heading, difference, "People")
    return Message(
        "external-test",
        _title(bool(table["ranks"].any()) or _some_too_easy(table, outcome), outcome),
        " ".join(filter(None, [external_test.caution(table, outcome), external_test.WORDS])),
        table=Table(head, rows, outcome.named(table)),
        note=f"In brackets 95 % intervals. Differences: {outcome.favours} is better. "
        f"{study_summary.unbounded_said(table)}".strip(),
    )


def _some_too_easy(table: pd.DataFrame, outcome: Outcome) -> bool:
    of_cohorts = (rows for _, rows in table.groupby("cohort"))
    return any(external_test.too_easy(rows, outcome) for rows in of_cohorts)


def _title(ranks: bool, outcome: Outcome) -> str:
    if ranks:
        return "And on people of another cohort?"
    better = f"better than {outcome.no_model_does}"
    return f"On people of another cohort no arm is shown to predict {outcome.noun} {better}"


def sites(source: ReportSource) -> Message | None:
    """Show how well the features of each arm tell the site."""
    table = site_probes.read(source.study)
    if table.empty:
        return None
    rows = tuple(
        (
            row.arm,
            number(100 * row.balanced_accuracy, 0),
            f"{number(100 * row.chance, 0)} (95 % up to {number(100 * row.chance_high, 0)})",
            number(row.p, 3),
            *(number(count, 0) for count in (row.sites, row.people, row.seeds)),
        )
        for row in table.itertuples()
    )
    return Message(
        "site-probe",
        "Do features tell the site?",
        site_probes.WORDS,
        table=Table(site_probes.HEAD, rows, table),
        note="Chance: the sites permuted. Shares are averaged over seeds.",
    )
