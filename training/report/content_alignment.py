"""Message on doubtful alignments: the figures with and without them; left out where a study has none."""

from curation.wording import number
from training.held_out.predictions import BASELINE
from training.report.plots import Message, Table
from training.report.source import ReportSource
from training.results import doubtful_alignments
from training.results.doubtful_alignments import EXPLORATORY, RULE


def doubtful(source: ReportSource) -> Message | None:
    """Show every arm's error and difference with and without scans whose alignment is in doubt."""
    found = doubtful_alignments.find(source.workspace, source.study)
    if not found.target or source.final.empty:
        return None
    table = doubtful_alignments.compare(source.held_out, found.target, source.reference)
    head = (
        "Arm",
        source.outcome.measure_heading,
        f"{source.outcome.measure_heading} without",
        f"Less {source.reference} ({source.outcome.unit_words})",
        "The same without",
    )
    rows = tuple(
        (
            row["label"] if row["arm"] == BASELINE else row["arm"],
            number(row["age_mae_years"], source.outcome.digits),
            number(row["age_mae_years_without"], source.outcome.digits),
            doubtful_alignments.difference_in_words(row, "", source.outcome.digits),
            doubtful_alignments.difference_in_words(row, "_without", source.outcome.digits),
        )
        for _, row in table.iterrows()
    )
    return Message(
        "alignment",
        "The same figures without scans whose alignment is in doubt",
        found.words,
        table=Table(head, rows),
        note=f"{EXPLORATORY} {RULE} The models are the same: only whom they are judged on differs.",
    )


def in_words(source: ReportSource) -> str:
    """Return the sentences of the methods on how well scans are aligned."""
    found = doubtful_alignments.find(source.workspace, source.study)
    if found.unknown == found.scans:
        return ""
    return f"{RULE} {found.words}"
