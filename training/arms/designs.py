"""Designs of studies: a question and the arms that answer it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from curation.cohorts.frozen_cohort import CohortHeader
from curation.errors import StudyError
from training.arms.study_arms import (
    ALL,
    BASELINES,
    SCRATCH,
    available_arms,
    counts,
    find,
    what_it_carries,
)

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
    compares_tiers : bool
        Whether the question is of the best tier against the others.
    """

    name: str
    label: str
    question: str
    build: Callable[[CohortHeader, Sequence[int]], list[str]]
    percents: tuple[int, ...] = ()
    compares_tiers: bool = False

    def why_not(self, cohort: CohortHeader, percents: Sequence[int] | None = None) -> str:
        """Return the reason why the question cannot be asked of a cohort, and a remedy; empty where it can.

        Parameters
        ----------
        cohort, percents
            As :meth:`arms` takes them.
        """
        if self.compares_tiers and best_tier(cohort) is None:
            return (
                f"The design {self.name!r} asks: {self.question} It cannot be asked of cohort {cohort.id}: "
                f"{counts(cohort)}, so no tier is better than another. {what_it_carries(cohort)} Move the "
                "cut-offs and freeze again, or ask something else of it."
            )
        if self.percents and percents is not None and not percents:
            return f"The design {self.name!r} compares shares: name at least one, 1 to 99 %."
        return ""

    def arms(self, cohort: CohortHeader, percents: Sequence[int] | None = None) -> list[str]:
        """Return the names of the arms that a cohort can carry of this design.

        Parameters
        ----------
        cohort : Cohort or CohortHeader
            The pretraining pool.
        percents : sequence of int, optional
            Shares to take instead of the usual ones, 1 to 99.

        Raises
        ------
        StudyError
            Where the arms that make the question are not there, see :meth:`why_not`.
        """
        if why := self.why_not(cohort, percents):
            raise StudyError(why)
        names = self.build(cohort, self.percents if percents is None else percents)
        return [name for name in dict.fromkeys(names) if find(cohort, name)]


def best_tier(cohort: CohortHeader) -> str | None:
    """Return the arm of the best tier alone; none where one tier holds all scans."""
    arms = (arm for arm in available_arms(cohort) if arm.kind == "tiers" and arm.name != ALL)
    return next((arm.name for arm in arms), None)


def _tiers(cohort: CohortHeader, _: Sequence[int]) -> list[str]:
    best = best_tier(cohort)
    return [SCRATCH, str(best), ALL, f"control-{best}"]


def _sweep(cohort: CohortHeader, percents: Sequence[int]) -> list[str]:
    kept = [f"keep-{percent}" for percent in sorted(percents, reverse=True)]
    return [SCRATCH, ALL, *kept, *(f"control-{name}" for name in kept)]


def _labels(cohort: CohortHeader, percents: Sequence[int]) -> list[str]:
    best = best_tier(cohort)
    bases = [SCRATCH, *([best] if best else []), ALL]
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
            compares_tiers=True,
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
