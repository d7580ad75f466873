"""Power of a design before it is run: the difference that it finds, and whether it can show equivalence.

The test that the results will get (:mod:`training.results.crossed_effects`) is made on simulated mean
squares, whose distributions are known, with the standard error and degrees of freedom that each draw would
give. How far errors spread has to be assumed: as in studies of the workspace that are finished, else stated
values.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from curation import errors
from training.held_out.predictions import BASELINE, Predictions
from training.judging.outcome import AGE, Outcome
from training.results import crossed_effects, study_summary
from training.results.crossed_effects import ALPHA, POWER
from training.studies import analysis_plan
from training.studies.planned_study import Study

_DRAWS = 4000
#: Below so many people, what a study says of the spread of errors is not used.
_ENOUGH = 10


class ErrorSpread(NamedTuple):
    """Spread of the paired difference of two arms' errors, as variances in the squared unit of the outcome.

    Parameters
    ----------
    person : float
        Between people, of what all seeds share.
    seed : float
        Between trainings, of what all people share; both arms' together.
    rest : float
        Of one person in one training.
    source : str
        Where it is from, in words.
    draw : float, optional
        Of an arm against its own control: what a draw of scans adds, which the control has once a seed, and
        the arm once.
    draw_known : bool
        Whether a study told it; else it is taken to be as much as a training adds.
    """

    person: float
    seed: float
    rest: float
    source: str
    draw: float | None = None
    draw_known: bool = True


#: Of age. Rounded from a study of 72 people with three seeds (``docs/first-study.md``), whose seeds differed
#: less.
STATED = ErrorSpread(
    4.5, 0.25, 18.0, "values rounded from a study of 72 people, as none is finished here"
)


def spread_in(
    studies: Iterable[tuple[str, Predictions]], outcome: Outcome = AGE, *, own_control: bool = False
) -> ErrorSpread | None:
    """Return the spread of differences in finished studies, the mean over all pairs of their arms.

    Parameters
    ----------
    studies, outcome : iterable of tuple, Outcome
        Names and predictions, and what is predicted. One seed, one arm or fewer than ten people say nothing.
    own_control : bool
        Whether it is for an arm and its own control: then it is the mean over such pairs, if any.

    Returns
    -------
    ErrorSpread or None
        Where no study says anything, :data:`STATED` of age, and none of another outcome.
    """
    found: list[ErrorSpread] = []
    for name, held_out in studies:
        arms = [arm for arm in held_out.there if arm != BASELINE]
        pairs = combinations(arms, 2)
        told = [spread_of(held_out, pair, name, least=_ENOUGH) for pair in pairs]
        found += [one for one in told if one is not None]
    drawn = [one for one in found if one.draw is not None]
    spread = _mean(drawn if own_control and drawn else found) or (
        STATED if outcome.is_age else None
    )
    if spread is None or not own_control:
        return spread and spread._replace(draw=None)
    return spread if drawn else spread._replace(draw=spread.seed / 2, draw_known=False)


def _mean(found: Sequence[ErrorSpread]) -> ErrorSpread | None:
    """Return the mean of spreads; what a draw adds is 0 at least, and none where one has none."""
    if not found:
        return None
    person, seed, rest = (float(part) for part in np.mean([one[:3] for one in found], axis=0))
    named = ", ".join(dict.fromkeys(one.source for one in found))
    drawn = [one.draw for one in found if one.draw is not None]
    draw = max(0.0, float(np.mean(drawn))) if drawn else None
    return ErrorSpread(person, seed, rest, f"as in {named}", draw)


def spread_of(
    held_out: Predictions, pair: tuple[str, str], source: str, *, least: int = 2
) -> ErrorSpread | None:
    """Return the spread of the difference of two arms of a study.

    Parameters
    ----------
    held_out, pair, source : Predictions, tuple of str, str
        Of the study; the two arms; the study in words.
    least : int
        People without whom it says nothing.

    Returns
    -------
    ErrorSpread or None
        Of an arm and its own control with what a draw adds, which may be below 0. None with one seed.
    """
    found = study_summary.compare(held_out, *pair)
    people = found.estimate.people
    if len(found.spreads) < 2 or people < least:
        return None
    control, draw = analysis_plan.own_control(held_out.arms, pair), None
    if control is not None and not control.apart:
        first, second = (spread.mean_square / people for spread in found.spreads)
        draw = second - first if control.name == pair[1] else first - second
    plain = found.as_given
    return ErrorSpread(plain.person, plain.seed, plain.rest, source, draw)


class DesignPower(NamedTuple):
    """What a design can show.

    Parameters
    ----------
    detectable_years : float
        The smallest true difference that four of five such studies find.
    shows_equivalence, shows_not_worse : float
        Where two arms are worth the same, the probability that they are shown to be equivalent within the
        margin, and that one is shown not to be worse by it, 0 to 1.
    """

    detectable_years: float
    shows_equivalence: float
    shows_not_worse: float


def of_design(
    people: int, seeds: int, spread: ErrorSpread, *, margin_years: float, sides: int = 2
) -> DesignPower:
    """Return the power of a comparison of two arms.

    Parameters
    ----------
    people, seeds : int
        Of the target cohort, and of each arm, 2 or more each.
    spread : ErrorSpread
        Assumed.
    margin_years : float
        Difference that would matter, above 0.
    sides : {2, 1}
        Of the test for a difference.
    """
    sd, se, df = _draws(people, seeds, spread)
    bounds = stdtrit(df, 1 - ALPHA / sides) * se
    room = margin_years - stdtrit(df, 1 - ALPHA) * se
    return DesignPower(
        _found_with(POWER, bounds, sd),
        float(np.maximum(2 * ndtr(room / sd) - 1, 0).mean()),
        float(ndtr(room / sd).mean()),
    )


def _draws(
    people: int, seeds: int, spread: ErrorSpread
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the true standard deviation of a difference; standard errors and degrees of freedom of draws."""
    rng = np.random.default_rng(seeds)  # the same draws of trainings for any number of people
    draw = max(spread.draw or 0.0, 0.0)
    per_arm = (people * max(spread.seed - draw, 0.0) + spread.rest) / 2
    first = per_arm * _chi(rng, seeds - 1)
    second = (per_arm + people * draw) * _chi(rng, seeds - 1)
    if spread.draw is None:
        of_seed, df_seed = crossed_effects.welch(
            first, second, of_first=seeds - 1, of_second=seeds - 1
        )
    else:
        of_seed, df_seed = study_summary.with_draw(first, second, df=seeds - 1, seeds=seeds)
    of_person = (seeds * spread.person + spread.rest) * _chi(rng, people - 1)
    of_rest = spread.rest * _chi(rng, (seeds - 1) * (people - 1))
    se, df = crossed_effects.standard_error(
        of_seed, df_seed, of_person, of_rest, seeds=seeds, people=people
    )
    of_trainings = max(spread.seed, draw) / seeds + draw
    variance = of_trainings + spread.person / people + spread.rest / (seeds * people)
    return float(np.sqrt(variance)), se, df


def _chi(rng: np.random.Generator, df: int) -> NDArray[np.float64]:
    return rng.chisquare(df, _DRAWS) / df


def _found_with(power: float, bounds: NDArray[np.float64], sd: float) -> float:
    """Return the true difference that leaves the bounds of the draws with a probability."""
    low, high = 0.0, float(bounds.max()) + 5 * sd
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if ndtr((middle - bounds) / sd).mean() > power else (middle, high)
    return high


def words(
    people: int,
    seeds: int,
    spread: ErrorSpread | None,
    *,
    margin_years: float,
    one_sided: bool = False,
    outcome: Outcome = AGE,
) -> str:
    """Describe the power of a design in sentences, with what was assumed.

    Parameters
    ----------
    people, seeds, spread
        As of :func:`of_design`; without a spread nothing can be said.
    margin_years : float
        As there; NaN where none is stated, as of another outcome than age it may be.
    one_sided : bool
        Whether *better* and *not worse* alone are asked.
    outcome : Outcome
        What is predicted.
    """
    if seeds < 2 or people < 2:
        return (
            "With one seed there will be no verdict, whatever the difference: how far training again would "
            "move it stays unknown."
        )
    if spread is None:
        return (
            f"Which difference this design finds is not known: no study that predicts {outcome.noun} is "
            "finished here, by which to tell how far differences spread."
        )
    found = of_design(people, seeds, spread, margin_years=margin_years, sides=1 if one_sided else 2)
    sides, chance, shown = (
        ("one", found.shows_not_worse, "that the arm is not worse by the margin")
        if one_sided
        else ("two", found.shows_equivalence, "that they are equivalent within the margin")
    )
    size = outcome.amount(found.detectable_years, outcome.coarse_digits)
    none = (
        f" Where there is none, {100 * chance:.0f} % of studies show {shown} of "
        f"{outcome.bound(margin_years)}."
        if margin_years == margin_years
        else ""
    )
    pair = "two arms" if spread.draw is None else "an arm with its own control"
    return (
        f"With {people} people and {seeds} seeds, a comparison of {pair} finds a true difference of "
        f"{size} or more in four of five studies ({sides}-sided, 5 %).{none} {spread_words(spread, outcome)}."
    )


def spread_words(spread: ErrorSpread, outcome: Outcome = AGE) -> str:
    """Say which spread of differences is assumed; no full stop."""
    person, rest, seed, draw = (
        outcome.number(part**0.5, outcome.coarse_digits)
        for part in (spread.person, spread.rest, spread.seed, max(spread.draw or 0.0, 0.0))
    )
    luck = f", and errors by {draw} from one draw of scans to another" * (spread.draw is not None)
    luck += ", which no study here tells: as much as by training again" * (not spread.draw_known)
    return (
        f"Assumed is that differences spread by {person} {outcome.unit_words} between people, {rest} within "
        f"a person from training to training, and {seed} between trainings as a whole{luck} (standard "
        f"deviations; {spread.source})"
    )


def of_study(study: Study, studies: Sequence[Study], read: Callable[[Study], Predictions]) -> str:
    """Describe the power of a study that is planned or runs; parameters as of :func:`assumed`."""
    spread = assumed(
        studies,
        read,
        target_id=study.target_id,
        preset=study.preset.name,
        outcome=study.outcome,
        own_control=study.analysis.counts_draw(study.arms),
    )
    target = study.scans().query("role == 'target'")
    return words(
        target["subject_id"].nunique(),
        len(study.seeds),
        spread,
        margin_years=study.analysis.margin_years,
        one_sided=study.analysis.one_sided,
        outcome=study.outcome,
    )


def assumed(
    studies: Sequence[Study],
    read: Callable[[Study], Predictions],
    *,
    target_id: str,
    preset: str,
    outcome: Outcome = AGE,
    own_control: bool = False,
) -> ErrorSpread | None:
    """Return the spread of errors that is assumed for a study that is planned.

    Parameters
    ----------
    studies : sequence of Study
        Of the workspace; those whose results cannot be read say nothing.
    read : callable
        Returns the predictions of one.
    target_id, preset : str
        Of the study that is planned, see :func:`like`.
    outcome : Outcome
        What it predicts: studies of another one say nothing.
    own_control : bool
        Whether its primary comparison is of an arm with its own control.
    """
    same = [one for one in studies if one.outcome == outcome]
    near = like(same, target_id=target_id, preset=preset)
    found, _ = errors.read_each(near, lambda one: (one.name, read(one)))
    return spread_in(found, outcome, own_control=own_control)


def like(studies: Iterable[Study], *, target_id: str, preset: str) -> list[Study]:
    """Return the finished studies that tell most of the spread of errors in one that is planned.

    At most three, the newest first, of several seeds: of the same target and preset, else of the same target,
    else any.
    """
    told = [one for one in studies if one.result_path.exists() and len(one.seeds) > 1]
    closest = max((_closeness(one, target_id, preset) for one in told), default=0)
    near = [one for one in told if _closeness(one, target_id, preset) == closest]
    return sorted(near, key=lambda one: (one.created, one.id), reverse=True)[:3]


def _closeness(study: Study, target_id: str, preset: str) -> int:
    same_target = study.target_id == target_id
    return same_target + (same_target and study.preset.name == preset)
