"""Last message of a report: what the study cannot say, from its own numbers."""

import numpy as np
import pandas as pd

from curation.scoring.comparison_groups import site_summary
from curation.tier_effects.standardised_differences import NOTABLE, continuous_smd, null_smd
from curation.wording import plural
from training.report import content_primary
from training.report.plots import Message
from training.report.source import ReportSource, ages_of, sites_said, tiers_of
from training.results import conclusions


def limits(source: ReportSource) -> Message:
    """State the limits of the study."""
    study, target = source.study, source.of("target")
    people = plural(target["subject_id"].nunique(), "person", "people")
    points = [
        *_state(source),
        f"Judged on {people}, {ages_of(target)}: nothing is said of others.",
        *_images(source),
        conclusions.detectable(source.compared.reference, source.outcome),
        _seeds(len(study.seeds)),
        _sites(source),
        ages_apart(source.of("pool"))[0],
        f"All arms were fine-tuned{' and judged' * (not study.judging.external)} on this one target "
        "cohort: another could shift all at once.",
        content_primary.pool_in_words(study),
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


def _images(source: ReportSource) -> list[str]:
    """State where the tiers' scores lie, and what may part them besides quality."""
    images = source.images
    if images is None:
        return []
    where = f"{images.ranges_said} {images.good_said}"
    return [where.strip(), images.kinds.said, images.worse_said]


def _seeds(count: int) -> str:
    if count == 1:
        return "One seed: how far training again would move the numbers is not known."
    return f"{count} seeds: how far training again would move the numbers is known only so well."


def _sites(source: ReportSource) -> str:
    """State the consequences of unknown sites; nothing where they are known."""
    note = site_summary(source.of("pool")).note
    return f"{sites_said('pool', note)} A tier may be a scanner." if note else ""


def ages_apart(pool: pd.DataFrame) -> tuple[str, bool]:
    """State whether the best tier differs in age, and whether that leaves a doubt.

    Parameters
    ----------
    pool : pandas.DataFrame
        Scans with ``tier subject_id age_years``.

    Returns
    -------
    said : str
        Empty where all scans are of one tier.
    doubtful : bool
        Whether what the tier is worth may be its people's age.
    """
    tiers = tiers_of(pool)
    if len(tiers) < 2:
        return "", False
    best = pool["tier"] == tiers[0]
    size = f"Tier {tiers[0]} holds {int(best.sum()):,} of {plural(len(pool), 'scan')}"
    ages = [_of_people(pool[members]) for members in (best, ~best)]
    apart = continuous_smd(*((each.mean(), each.var(ddof=1)) for each in ages))
    if apart != apart:
        return f"{size}. Too few ages are known to tell whether it is also another age.", False
    own, others = (float(each.mean()) for each in ages)
    told = f"{own:.1f} against {others:.1f} years on average"
    if abs(apart) < NOTABLE:
        return f"{size}; its people are about as old as the others ({told}).", False
    which = f"{abs(own - others):.1f} years {'younger' if apart < 0 else 'older'} than the others"
    first, second = (np.array([len(each)]) for each in ages)
    if abs(apart) < null_smd(first, second, 1)[0]:
        chance = (
            "no more than chance gives with so few: what it is worth may still be their age's doing"
        )
        return f"{size}; its people are {which} ({told}), {chance}.", True
    doing = "what it is worth may be their age's doing"
    return f"{size}, and its people are {which} ({told}): {doing}.", True


def _of_people(scans: pd.DataFrame) -> pd.Series:
    return scans.dropna(subset=["age_years"]).groupby("subject_id")["age_years"].mean()
