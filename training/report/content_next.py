"""Message on what the next useful study would be, from what this one came to."""

import math
from collections.abc import Sequence
from functools import lru_cache

from curation.wording import plural
from training.arms.study_arms import Arm
from training.held_out.predictions import Predictions
from training.report.plots import Message
from training.report.source import ReportSource
from training.results import conclusions, design_power
from training.results.design_power import ErrorSpread
from training.results.primary_comparison import Primary

#: Seeds, and times as many people, up to which it is looked how many would do.
_MOST_SEEDS, _MOST_TIMES = 30, 20
_STEP = 1.1
_STEPS = math.floor(math.log(_MOST_TIMES, _STEP))
_OPEN, _ANSWERED = ("open", "leaning", "not worse"), ("better", "worse", "equivalent")


def next_study(source: ReportSource) -> Message | None:
    """Say what to do next; nothing before all runs are finished."""
    told = advice(source.held_out, source.primary, source.study.arms)
    return Message("next", "What would tell more", points=(told,)) if told else None


def advice(held_out: Predictions, primary: Primary | None, arms: Sequence[Arm]) -> str:
    """Say what the next useful study would be, and why.

    Parameters
    ----------
    held_out : Predictions
        Of the whole study.
    primary : Primary or None
        Its primary comparison.
    arms : sequence of Arm
        Of the study.

    Returns
    -------
    str
        One or two sentences; empty before all runs are finished, or where some are filtered out.
    """
    if not conclusions.whole(held_out):
        return ""
    if len(held_out.seeds) < 2:
        return "Plan it with three seeds or more: with one there is no verdict, whatever the difference."
    outcome = held_out.outcome
    if conclusions.too_easy(held_out):
        return (
            f"Choose another outcome, or a target on which it is harder: {outcome.name} is told without a "
            "mistake whatever was pretrained on, so no tier can be worth more."
        )
    if primary is None:
        return (
            "Plan the next study with a primary comparison: it is then tested by itself, and can show that "
            "a difference does not matter."
        )
    if not primary.conclusion.ranks:
        return (
            f"First a model has to learn {outcome.name}: let it learn from more people (here "
            f"{plural(primary.difference.people, 'person', 'people')} in all), train longer, or compare "
            "presets on this target with the arm scratch (no pretraining) alone, which is quick."
        )
    if primary.verdict.outcome in _OPEN:
        return _more(held_out, primary)
    return _why(primary, arms) if primary.verdict.outcome in _ANSWERED else ""


def _more(held_out: Predictions, primary: Primary) -> str:
    """Say how many seeds or people would find a difference of the margin."""
    seen, margin, outcome = primary.difference, primary.plan.margin_years, held_out.outcome
    if margin != margin:
        return "More seeds or more people would tell; state a margin to learn how many."
    spread = design_power.spread_of(held_out, primary.pair, "this study")
    if spread is None:
        return "More people have to be judged before it can be said how many would tell."
    sides = 1 if primary.plan.one_sided else 2
    seeds, people = enough(spread, seen.people, seen.seeds, margin, sides)
    size = outcome.bound(margin)
    if seeds == seen.seeds:
        return (
            f"A difference of {size} would have been found in four of five such studies: if there is one, it "
            "is likely smaller. State a smaller margin, or ask another question."
        )
    ways = [f"{seeds} seeds with these {seen.people} people"] if seeds else []
    ways += [f"{people} people with {seen.seeds} seeds"] if people else []
    if not ways:
        return (
            f"Neither {_MOST_SEEDS} seeds nor {_MOST_TIMES} times as many people would find a difference of "
            f"{size} with this spread of errors: a model that errs less has to come first."
        )
    return (
        f"To find a difference of {size} in four of five studies, it would take {' or '.join(ways)}, if "
        "errors spread as they did here."
    )


@lru_cache(maxsize=64)
def enough(
    spread: ErrorSpread, people: int, seeds: int, margin_years: float, sides: int = 2
) -> tuple[int | None, int | None]:
    """Return how many seeds with the same people, and people with the same seeds, find a difference.

    Parameters
    ----------
    spread : ErrorSpread
        Of the paired difference.
    people, seeds : int
        Of the study that was done, 2 or more each.
    margin_years : float
        The difference, above 0.
    sides : {2, 1}
        Of the test for it.

    Returns
    -------
    tuple of int or None
        Seeds, and people to within a tenth; none where 30 seeds, or 20 times as many people, do not do.
    """

    def finds(people: int, seeds: int) -> bool:
        found = design_power.of_design(
            people, seeds, spread, margin_years=margin_years, sides=sides
        )
        return found.detectable_years <= margin_years

    more_seeds = range(seeds, _MOST_SEEDS + 1)
    more_people = (round(people * _STEP**n) for n in range(_STEPS + 1))
    return (
        next((number for number in more_seeds if finds(people, number)), None),
        next((number for number in more_people if finds(number, seeds)), None),
    )


def _why(primary: Primary, arms: Sequence[Arm]) -> str:
    """Say which question follows on an answer."""
    arm, reference = primary.pair
    if any(one.distortion for one in arms):
        return "Whether it holds elsewhere, another target cohort tells."
    dose = "a study of the design 'dose' tells: it distorts the same scans by known severities."
    if primary.verdict.outcome == "equivalent":
        return f"How much distortion it would take to tell {arm} and {reference} apart, {dose}"
    return f"Whether it is distortion that sets {arm} and {reference} apart, or what goes with it, {dose}"
