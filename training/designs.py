"""Designs: which arms answer which question. A design names arms, to be planned as they are or changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from curation.cohorts import CohortHeader
from training.arms import ALL, BASELINES, SCRATCH, available_arms, find

#: Shares of the scans kept by a sweep, and of the people whose ages are learned from, %.
KEPT_PERCENT = (80, 60, 40, 20)
LABEL_PERCENT = (50, 25, 10)


@dataclass(frozen=True)
class Design:
    """A kind of study.

    Parameters
    ----------
    name, label : str
        Key in :data:`DESIGNS`, and its name in words.
    question : str
        What it answers.
    build : callable
        ``build(cohort, percents)`` returns names of arms.
    percents : tuple of int
        The usual shares; none where the design has no shares.
    """

    name: str
    label: str
    question: str
    build: Callable[[CohortHeader, Sequence[int]], list[str]]
    percents: tuple[int, ...] = ()

    def arms(self, cohort: CohortHeader, percents: Sequence[int] | None = None) -> list[str]:
        """Return the names of the arms that a cohort can carry of this design.

        Parameters
        ----------
        cohort : Cohort or CohortHeader
            The pretraining pool.
        percents : sequence of int, optional
            Shares to take instead of the usual ones, 1 to 99.
        """
        names = self.build(cohort, self.percents if percents is None else percents)
        return [name for name in dict.fromkeys(names) if find(cohort, name)]


def best_tier(cohort: CohortHeader) -> str | None:
    """Return the arm of the best tier alone; none where there is one tier only."""
    return next((arm.name for arm in available_arms(cohort) if arm.kind == "tiers"), None)


def _tiers(cohort: CohortHeader, _: Sequence[int]) -> list[str]:
    best = best_tier(cohort)
    return [SCRATCH, *([best] if best not in (None, ALL) else []), ALL, f"control-{best}"]


def _sweep(cohort: CohortHeader, percents: Sequence[int]) -> list[str]:
    kept = [f"keep-{percent}" for percent in sorted(percents, reverse=True)]
    return [SCRATCH, ALL, *kept, *(f"control-{name}" for name in kept)]


def _labels(cohort: CohortHeader, percents: Sequence[int]) -> list[str]:
    best = best_tier(cohort)
    bases = [SCRATCH, *([best] if best not in (None, ALL) else []), ALL]
    shares = sorted(percents, reverse=True)
    return [*bases, *(f"{base}-labels-{percent}" for percent in shares for base in bases)]


def _baselines(cohort: CohortHeader, _: Sequence[int]) -> list[str]:
    return [SCRATCH, ALL, f"probe-{ALL}", *BASELINES]


#: All designs by name.
DESIGNS: dict[str, Design] = {
    design.name: design
    for design in (
        Design(
            "tiers",
            "Tiers",
            "Is the best tier worth more than all scans, or than as many at random?",
            _tiers,
        ),
        Design(
            "sweep",
            "Cut-off sweep",
            "How many of the worst scans should be left out? Each share stands beside as many at random.",
            _sweep,
            KEPT_PERCENT,
        ),
        Design(
            "labels",
            "Fewer labels",
            "What is pretraining worth when few people's ages are known?",
            _labels,
            LABEL_PERCENT,
        ),
        Design(
            "baselines",
            "Against simpler ways",
            "Is a pretrained network better than its frozen encoder, a plain 3D network or tissue volumes?",
            _baselines,
        ),
    )
}
