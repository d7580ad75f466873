"""Verdicts over many simulated studies in worlds with known truth; one part of :mod:`.truth`.

Closed forms stand in for networks: an encoder is the principal components of an arm's scans, fine-tuning is
ridge regression. Worlds, scans, folds, controls of the same size and the statistics are those of any study.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import KernelPCA

from curation.assessment.assess_scan import one_thread
from curation.storage import processes
from curation.storage.workspace import Workspace
from tests.helpers.made_predictions import ALL, CONTROL, A, made
from training.held_out.predictions import Predictions
from training.results import design_power, study_summary
from training.results.crossed_effects import ALPHA, POWER
from training.results.design_power import ErrorSpread
from training.settings import volume_grid
from training.world import people, truth, world_workspace
from training.world.anatomy import Anatomy
from training.world.dials import Dials
from training.world.people import People

STUDIES = 400
SEEDS = 5
#: A second control, which stands for an A that each seed draws anew.
_ANEW = replace(CONTROL, name="control-A-anew")
#: Part of an arm's scans that a seed's components are of, in place of what training differs by.
_PART = 0.7
#: Seed of the first of their worlds.
_FIRST = 1000


def body(workspace: Workspace) -> Anatomy:
    """Return the anatomy of all worlds; the template's brain is kept in a workspace's cache."""
    return Anatomy(volume_grid.brain_mask(workspace, world_workspace.preset()))


def studies(anatomy: Anatomy, count: int = STUDIES, workers: int = 1) -> Iterator[Predictions]:
    """Yield the held-out predictions of studies of A, all and two controls, each in a world of its own.

    They are the same for any number of processes.
    """
    study = partial(_study, anatomy)
    with ExitStack() as stack:
        if workers == 1:
            found = map(study, range(count))
        else:
            found = stack.enter_context(processes.workers(workers)).map(study, range(count))
        for predicted, ages in found:
            yield made(predicted, ages, arms=(A, ALL, CONTROL, _ANEW))


def _study(anatomy: Anatomy, number: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return predictions, shape (arms, seeds, people), and true ages of one study, years."""
    dials = Dials(seed=_FIRST + number)
    pool, target = people.pool(dials), people.target(dials)
    good = np.flatnonzero(~pool.bad)
    predicted = np.empty((4, SEEDS, len(target)))
    with one_thread():
        alike = _alike(dials, anatomy, pool, target)
        for seed in range(SEEDS):
            rng = np.random.default_rng([dials.seed, seed])
            control, anew = (rng.choice(dials.pool, len(good), replace=False) for _ in range(2))
            for place, arm in enumerate((good, np.arange(dials.pool), control, anew)):
                part = rng.choice(arm, round(_PART * len(arm)), replace=False)
                features = components(alike[:, part], part, len(target))
                predicted[place, seed] = truth.predicted_by_halves(features, target.age_years)
    return predicted, target.age_years


def _alike(dials: Dials, anatomy: Anatomy, pool: People, target: People) -> NDArray[np.float64]:
    """Return the inner products of all scans with those of the pool, shape (pool + target, pool)."""
    scans = [
        scan[anatomy.brain] for who in (pool, target) for scan in people.scans(who, dials, anatomy)
    ]
    every = np.stack(scans).astype(np.float64)
    return every @ every[: len(pool)].T


def components(alike: NDArray, part: NDArray[np.intp], targets: int) -> NDArray[np.float64]:
    """Return the target's principal components, those of part of the pool, shape (targets, C).

    They are what :func:`training.world.truth.components_of` gives, but for signs; inner products are made
    once a world, for all arms and seeds.
    """
    fitted = KernelPCA(truth.COMPONENTS, kernel="precomputed", eigen_solver="dense")
    return fitted.fit(alike[part]).transform(alike[-targets:])


def measure(anatomy: Anatomy, count: int = STUDIES, workers: int | None = None) -> dict[str, float]:
    """Print and return false verdicts, and the power that was promised and kept.

    Parameters
    ----------
    anatomy : Anatomy
        Of all worlds.
    count : int
        Studies.
    workers : int, optional
        Processes; one a core when not given.

    Returns
    -------
    dict
        ``false_verdicts``: share of studies at dose 0 in which A and its control, which are worth the same,
        are told apart. ``false_verdicts_given``: the same with A's scans taken as given, where A is one draw
        of scans and its control a new one for each seed. ``false_verdicts_anew``: the same for two controls,
        of which each seed draws both anew. ``power``: share of the same studies in which a difference is
        found that the design, with the mean spread of these studies, finds in 80 %: it is planted in A's
        errors.
    """
    held = list(studies(anatomy, count, workers or os.cpu_count() or 1))
    told = [study_summary.compare(one, "A", "control-A") for one in held]
    false = np.mean([one.estimate.p <= ALPHA for one in told])
    false_given = np.mean([one.as_given.p <= ALPHA for one in told])
    anew = [study_summary.compare(one, _ANEW.name, "control-A").estimate for one in held]
    false_anew = np.mean([one.p <= ALPHA for one in anew])
    design = design_power.of_design(
        told[0].estimate.people, SEEDS, _mean_spread(held), margin_years=1.0
    )
    planted = [_worse(one, design.detectable_years) for one in held]
    again = [study_summary.compare(one, "A", "control-A").estimate for one in planted]
    found = np.mean([one.p <= ALPHA and one.mean > 0 for one in again])
    print(
        f"{count} studies of closed forms: {100 * false:.1f} % false verdicts, "
        f"{100 * false_given:.1f} % with A's scans taken as given, {100 * false_anew:.1f} % where every seed "
        f"draws both sets anew; {design.detectable_years:.2f} years planted, which {100 * POWER:.0f} % "
        f"should find: {100 * found:.1f} %",
        flush=True,
    )
    return {
        "false_verdicts": float(false),
        "false_verdicts_given": float(false_given),
        "false_verdicts_anew": float(false_anew),
        "power": float(found),
    }


def _mean_spread(held: list[Predictions]) -> ErrorSpread:
    told = [design_power.spread_of(one, ("A", "control-A"), "these worlds") for one in held]
    parts = [(one.person, one.seed, one.rest, one.draw) for one in told if one is not None]
    person, seed, rest, draw = np.mean(np.array(parts, dtype=float), axis=0)
    return ErrorSpread(person, seed, rest, "these worlds", draw)


def _worse(held_out: Predictions, years: float) -> Predictions:
    """Return predictions of which those of A err by so many years more."""
    predicted: NDArray[np.float64] = held_out.predicted_years.copy()
    error = predicted[held_out.at("A")] - held_out.truth
    predicted[held_out.at("A")] += np.where(error < 0, -years, years)
    return replace(held_out, predicted_years=predicted)
