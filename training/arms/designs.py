"""Designs of studies: a question and the arms that answer it."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from curation.cohorts.frozen_cohort import CohortHeader
from curation.errors import StudyError
from curation.simulation.artefacts import ARTEFACTS
from training.arms import distortion
from training.arms.distortion import Distortion
from training.arms.random_subset import Subset
from training.arms.study_arms import (
    ALL,
    BASELINES,
    SCRATCH,
    available_arms,
    counts,
    filled_tiers,
    find,
    scan_set,
    what_it_carries,
)

#: Draws of a random subset, at most.
MOST_DRAWS = 99


@dataclass(frozen=True)
class Choices:
    """What a design can be told; none (``None``) stands for its usual choice.

    Parameters
    ----------
    percents : tuple of int, optional
        Shares of the scans that are kept or drawn, or of the people whose ages are learned from, 1 to 99.
    artefact : str, optional
        Key in :data:`curation.simulation.artefacts.ARTEFACTS`.
    severities : tuple of float, optional
        Above 0, at most 1.
    of : str, optional
        The arm whose scans are distorted or drawn from; usually the best tier, or all scans where no tier is
        better than another.
    draws : int, optional
        Random subsets of each size, 1 to :data:`MOST_DRAWS`.
    """

    percents: tuple[int, ...] | None = None
    artefact: str | None = None
    severities: tuple[float, ...] | None = None
    of: str | None = None
    draws: int | None = None


#: What each choice is called where it is refused.
_CALLED = {
    "percents": "shares (percents)",
    "artefact": "an artefact",
    "severities": "severities",
    "of": "an arm whose scans are taken",
    "draws": "a number of draws",
}


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
        ``build(cohort, choices)`` returns names of arms; every choice that the design has is made.
    usual : Choices
        The usual choices; none where the design has no such choice.
    compares_tiers : bool
        Whether the question is of the best tier against the others.
    """

    name: str
    label: str
    question: str
    build: Callable[[CohortHeader, Choices], list[str]]
    usual: Choices = Choices()
    compares_tiers: bool = False

    def has(self, choice: str) -> bool:
        """Tell whether the design has a choice, by its name in :class:`Choices`."""
        return getattr(self.usual, choice) is not None

    def why_not(self, cohort: CohortHeader, choices: Choices | None = None) -> str:
        """Return the reason why the question cannot be asked of a cohort, and a remedy; empty where it can.

        Parameters
        ----------
        cohort, choices
            As :meth:`arms` takes them.
        """
        if self.compares_tiers and best_tier(cohort) is None:
            return (
                f"The design {self.name!r} asks: {self.question} It cannot be asked of cohort {cohort.id}: "
                f"{counts(cohort)}, so no tier is better than another. {what_it_carries(cohort)} Move the "
                "cut-offs and freeze again, or ask something else of it."
            )
        choices = choices or Choices()
        for name, called in _CALLED.items():
            if getattr(choices, name) is not None and not self.has(name):
                return f"The design {self.name!r} takes no {called.removeprefix('a ').removeprefix('an ')}."
        return self._wrong_choice(cohort, self._made(cohort, choices))

    def _wrong_choice(self, cohort: CohortHeader, made: Choices) -> str:
        if made.percents == ():
            return f"The design {self.name!r} compares shares: name at least one, 1 to 99 %."
        if made.severities == ():
            return (
                f"The design {self.name!r} distorts scans: name at least one severity, such as 0.5."
            )
        if made.artefact is not None and made.artefact not in ARTEFACTS:
            return f"There is no artefact {made.artefact!r}; there are {', '.join(ARTEFACTS)}."
        if made.draws is not None and not 1 <= made.draws <= MOST_DRAWS:
            return f"A design takes 1 to {MOST_DRAWS} draws, not {made.draws}."
        if made.of is not None and scan_set(made.of, filled_tiers(cohort)) is None:
            return (
                f"{made.of!r} is no set of scans of cohort {cohort.id} ({counts(cohort)}). Take tiers (A, "
                "A+B), all, keep-80 or worst-20."
            )
        wrong = map(distortion.severity_problem, made.severities or ())
        return next(filter(None, wrong), "")

    def arms(self, cohort: CohortHeader, choices: Choices | None = None) -> list[str]:
        """Return the names of the arms that a cohort can carry of this design.

        Parameters
        ----------
        cohort : Cohort or CohortHeader
            The pretraining pool.
        choices : Choices, optional
            Other than the usual ones.

        Raises
        ------
        StudyError
            Where the arms that make the question are not there, or a choice does not fit, see
            :meth:`why_not`.
        """
        if why := self.why_not(cohort, choices):
            raise StudyError(why)
        names = self.build(cohort, self._made(cohort, choices or Choices()))
        return [name for name in dict.fromkeys(names) if find(cohort, name)]

    def _made(self, cohort: CohortHeader, choices: Choices) -> Choices:
        """Return the choices with the usual ones where none was made."""
        given = {f.name: getattr(choices, f.name) for f in fields(Choices)}
        made = replace(self.usual, **{name: one for name, one in given.items() if one is not None})
        return replace(made, of=best_tier(cohort) or ALL) if made.of == "" else made


def best_tier(cohort: CohortHeader) -> str | None:
    """Return the arm of the best tier alone; none where one tier holds all scans."""
    arms = (arm for arm in available_arms(cohort) if arm.kind == "tiers" and arm.name != ALL)
    return next((arm.name for arm in arms), None)


def _tiers(cohort: CohortHeader, _: Choices) -> list[str]:
    best = best_tier(cohort)
    return [SCRATCH, str(best), ALL, f"control-{best}"]


def _sweep(cohort: CohortHeader, choices: Choices) -> list[str]:
    kept = [f"keep-{percent}" for percent in sorted(choices.percents or (), reverse=True)]
    return [SCRATCH, ALL, *kept, *(f"control-{name}" for name in kept)]


def _worst(cohort: CohortHeader, choices: Choices) -> list[str]:
    """Return best and worst tier; of each share the best, the worst, and as many that are not the best."""
    best, worst = best_tier(cohort), filled_tiers(cohort)[-1]
    names = [SCRATCH, ALL, str(best), worst]
    for percent in sorted(choices.percents or (), reverse=True):
        names += [f"keep-{percent}", f"worst-{percent}", f"not-keep-{percent}"]
    return names


def _lost_in_distortion(cohort: CohortHeader, choices: Choices) -> list[str]:
    """Return every tier alone and all that is as good or better, each with a control; doses; baselines."""
    tiers = filled_tiers(cohort)
    sets = [*tiers, *("+".join(tiers[: count + 1]) for count in range(1, len(tiers) - 1))]
    plain = [name for name, arm in BASELINES.items() if arm.method != "cnn" and not arm.harmonised]
    doses = [name for name in _dose(cohort, choices) if name not in (SCRATCH, choices.of)]
    controls = [f"control-{name}" for name in sets]
    return [SCRATCH, *sets, ALL, *controls, *doses, *plain]


def _labels(cohort: CohortHeader, choices: Choices) -> list[str]:
    best = best_tier(cohort)
    bases = [SCRATCH, *([best] if best else []), ALL]
    shares = sorted(choices.percents or (), reverse=True)
    return [*bases, *(f"{base}-labels-{percent}" for percent in shares for base in bases)]


def _baselines(cohort: CohortHeader, _: Choices) -> list[str]:
    plain = [name for name, arm in BASELINES.items() if not arm.harmonised]  # ComBat asks for sites
    return [SCRATCH, ALL, f"probe-{ALL}", *plain]


def _dose(cohort: CohortHeader, choices: Choices) -> list[str]:
    doses = sorted(set(choices.severities or ()))
    return _distorted(choices, [(str(choices.artefact), severity) for severity in doses])


def _harm(cohort: CohortHeader, choices: Choices) -> list[str]:
    doses = sorted(set(choices.severities or ()))
    return _distorted(choices, [(artefact, dose) for dose in doses for artefact in ARTEFACTS])


def _distorted(choices: Choices, doses: list[tuple[str, float]]) -> list[str]:
    clean = str(choices.of)
    return [SCRATCH, clean, *(Distortion(*dose, of=clean).name for dose in doses)]


def _scaling(cohort: CohortHeader, choices: Choices) -> list[str]:
    """Return each share in each draw, at as many steps and then at as many passes."""
    whole, draws = str(choices.of), range(1, (choices.draws or 0) + 1)
    subsets = [
        Subset(whole, percent, draw, equal_passes).name
        for equal_passes in (False, True)
        for percent in sorted(choices.percents or ())
        for draw in draws
    ]
    return [SCRATCH, whole, *subsets]


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
            Choices(percents=(80, 60, 40, 20)),
        ),
        Design(
            "worst",
            "Only the worst",
            "Are the worst scans alone of any worth, and are the best worth more than as many of the others?",
            _worst,
            Choices(percents=(20,)),
            compares_tiers=True,
        ),
        Design(
            "lost-in-distortion",
            "Lost in Distortion",
            "Do scans of lower quality help or hinder, alone and together, and is it their distortion?",
            _lost_in_distortion,
            Choices(artefact="motion", severities=(0.3, 0.6, 0.9), of=""),
            compares_tiers=True,
        ),
        Design(
            "dose",
            "Dose of a distortion",
            "How many years does a distortion cost, of the very same people, as it grows?",
            _dose,
            Choices(artefact="motion", severities=(0.25, 0.5, 0.75), of=""),
        ),
        Design(
            "harm",
            "Every distortion",
            "Which distortions matter to the model, of the very same people, each at the same severity?",
            _harm,
            Choices(severities=(0.5,), of=""),
        ),
        Design(
            "scaling",
            "More scans",
            "What are more scans of the same quality worth, at equal steps and at equal passes?",
            _scaling,
            Choices(percents=(25, 50), of="", draws=3),
        ),
        Design(
            "labels",
            "Fewer labels",
            "What is pretraining worth when few people's ages are known?",
            _labels,
            Choices(percents=(50, 25, 10)),
        ),
        Design(
            "baselines",
            "Against simpler ways",
            "Is a pretrained network better than its frozen encoder, random features, a plain 3D network "
            "or tissue volumes?",
            _baselines,
        ),
    )
}
