"""Content of a report: its messages in order, each from the tables of ``training``."""

from collections.abc import Callable
from dataclasses import replace

from curation.storage.workspace import Workspace
from training.judging.outcome import Outcome
from training.report import (
    content_alignment,
    content_data,
    content_dose,
    content_judging,
    content_limits,
    content_next,
    content_primary,
    content_results,
    content_where,
    methods,
    source,
)
from training.report.plots import Message, Report
from training.report.source import Options, ReportSource
from training.results import conclusions

#: What is said, in order; a message that a study has nothing for is left out.
MESSAGES: tuple[Callable[[ReportSource], Message | None], ...] = (
    content_data.question,
    content_results.answer,
    content_results.figures,
    content_primary.primary,
    content_data.flow,
    content_data.tiers,
    content_results.curves,
    content_results.mean_age,
    content_results.differences,
    content_results.controls,
    content_dose.doses,
    content_dose.ranking,
    content_dose.effects,
    content_dose.more_scans,
    content_where.tier_by_tier,
    content_where.along_score,
    content_where.predicted,
    content_where.by_site,
    content_where.by_size,
    content_where.by_labels,
    content_where.learned,
    content_judging.external,
    content_judging.sites,
    content_alignment.doubtful,
    content_next.next_study,
    content_limits.limits,
)


def build(workspace: Workspace, study_id: str, options: Options | None = None) -> Report:
    """Build the report of a study; of one that still runs, what there is so far.

    Raises
    ------
    StudyError
        When there is no study of that id.
    """
    options = options or Options()
    read = source.read(workspace, study_id, options)
    made = (message for make in MESSAGES if (message := make(read)))
    messages = tuple(_named(message, read.outcome) for message in made)
    pictures = any(message.pictures for message in messages)
    return Report(
        study=source.short(read.study.id),
        date=read.study.created[:10],
        simulated=read.study.simulated,
        finished=read.study.result_path.exists(),
        try_out=conclusions.try_out([read.study]),
        messages=messages,
        methods=methods.paragraphs(read),
        removed=source.removed(sites_kept=options.sites, pictures=pictures),
    )


#: Plots of the errors of single scans, which are no AUC.
_OF_SCANS = ("tier-by-tier", "error-along-score", "error-by-site")


def _named(message: Message, outcome: Outcome) -> Message:
    """Name the columns of a plot, which are those of age in the code, for another outcome."""
    plot = message.plot
    if plot is None or outcome.is_age:
        return message
    of_what = replace(outcome, kind="numeric") if plot.name in _OF_SCANS else outcome
    before = list(plot.table.columns)
    table = of_what.named(plot.table)
    names = dict(zip(before, table.columns, strict=True))
    parts = {
        part: names.get(getattr(plot, part), getattr(plot, part))
        for part in ("x", "y", "by", "low", "high", "value", "shade", "people")
    }
    return replace(message, plot=replace(plot, table=table, **parts))
