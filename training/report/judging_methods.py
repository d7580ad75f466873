"""Methods of the judging in sentences: outcome, loss, measure, folds by site, repeats, external cohorts."""

from curation.scoring.comparison_groups import site_summary
from curation.wording import plural
from training.judging.judging import Judging
from training.judging.outcome import Outcome
from training.report.source import ReportSource, ages_of, count_of, external_name, sites_said
from training.results import site_probes
from training.studies import pool_target_separation


def told(source: ReportSource) -> str:
    """Return what differs from folds of people judged on their age; each sentence with a space before."""
    found = [
        _left_out(source),
        _sites(source),
        _repeats(source),
        *_external(source),
        _probe(source),
    ]
    return "".join(f" {sentence}" for sentence in found if sentence)


def _probe(source: ReportSource) -> str:
    if site_probes.read(source.study).empty:
        return ""
    return (
        "How well the features of each arm tell the site of the target's people before fine-tuning was "
        "measured by ridge classification in cross-validation, against permuted sites."
    )


def loss(outcome: Outcome) -> str:
    """Return what fine-tuning makes small."""
    if outcome.two_valued:
        return f"binary cross-entropy of {outcome.noun} (ridge regression: on 0 and 1)"
    return f"absolute error of standardised {outcome.name}"


def measure(judged: Judging) -> str:
    """Return how arms are judged where it is not by absolute errors of one partition."""
    words = ""
    if judged.outcome.two_valued:
        words += (
            " Arms were judged by the AUC of pairs of people held out together, since outputs of two models "
            "are on no common scale; each person entered with their structural component (DeLong et al. "
            "1988), so that intervals and differences are of people and seeds as those of errors are "
            "(Obuchowski & Rockette 1995)."
        )
    if judged.repeats > 1:
        words += (
            " A person's loss was averaged over the partitions first: they are the same people, and count "
            "once."
        )
    return words


def _left_out(source: ReportSource) -> str:
    outcome = source.study.outcome
    if outcome.is_age or source.target is None:
        return ""
    lost = len(source.target.scans) - source.target.unusable - len(source.of("target"))
    return (
        f"{plural(lost, 'scan')} without a known {outcome.name} were left out." if lost > 0 else ""
    )


def _sites(source: ReportSource) -> str:
    if source.study.judging.folds_by != "site":
        return ""
    note = site_summary(source.of("target")).note
    return (
        "No site was in two folds, so every person is of a site that fine-tuning never learned from. "
        f"{sites_said('target', note)}".strip()
    )


def _repeats(source: ReportSource) -> str:
    if source.study.judging.repeats == 1:
        return ""
    return "Each partition was drawn with another seed, alike in what is predicted and in age."


def _external(source: ReportSource) -> list[str]:
    return [
        f"The model of every fold also predicted the {external_name(cohort_id)}, "
        f"{count_of(scans)} ({ages_of(scans)}), which nothing was learned from; a person's loss was averaged "
        "over these models. "
        f"{pool_target_separation.words_outside(source.study.separation, cohort_id)}"
        for cohort_id, scans in source.study.external().items()
    ]
