"""Studies in worlds with known truth, run as any study is; one part of :mod:`.truth`.

Each scenario is a workspace of its own in a folder: what is finished there is not done again.
"""

import os
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from curation.cohorts.frozen_cohort import Cohort
from curation.storage.workspace import Workspace
from curation.tier_effects import selection_bias, tier_balance
from tests.helpers import launched_studies
from training.cli import world
from training.held_out import stored_predictions
from training.held_out.predictions import Predictions
from training.results import study_summary
from training.results.crossed_effects import Estimate
from training.studies.planned_study import Study
from training.world import world_workspace
from training.world.dials import Dials

#: Doses of the interventional arms and of the worlds that are built with them; a step apart.
DOSES = (0.25, 0.5, 0.75, 1.0)
ARTEFACT = "dropped_slab"
_POLL_S = 5.0
#: Seeds where errors are read and nothing is tested: an even number keeps two cores busy to the end.
_EVEN = 4


class Scenario(NamedTuple):
    """A world, the arms of its study, and how many seeds each is trained with.

    Parameters
    ----------
    dials : Dials
        Of the world.
    arms : tuple of str
        What is compared.
    seeds : int
        More where a gain has to be shown beside what seeds and people add, or harm beside what a draw adds.
    """

    dials: Dials
    arms: tuple[str, ...]
    seeds: int = 5


#: By name: nothing planted (most scans are good, so that A is nearly as many as all, and what people share
#: is fainter, so that pretraining is worth more); harm planted; quality that goes with the site, and harms
#: nothing; the good scans distorted by intervention; worlds built with each dose.
SCENARIOS: Mapping[str, Scenario] = {
    "harmless": Scenario(Dials(pool=1000, share=0.35, strength=0.5), world.ARMS, seeds=8),
    "harmful": Scenario(Dials(dose=1.0), (*world.ARMS, "C"), seeds=8),
    "confounded": Scenario(
        Dials(share=0.5, confounded="site", confounding=0.7, batch_effect=1.0),
        ("A", "C", "control-A"),
    ),
    "dose": Scenario(
        Dials(share=0.5), ("scratch", "A", *(f"A~{ARTEFACT}-{dose:g}" for dose in DOSES)), _EVEN
    ),
} | {
    f"built-{dose:g}": Scenario(
        Dials(share=0.5, dose=dose, artefacts=(ARTEFACT,)), ("scratch", "C"), _EVEN
    )
    for dose in DOSES
}


class Finished(NamedTuple):
    """A finished study with its workspace, its pool, and what it predicted."""

    workspace: Workspace
    study: Study
    pool: Cohort
    held_out: Predictions


def run(folder: Path, name: str, seeds: int | None = None) -> Finished:
    """Make the world of a scenario, run its study to the end, and read it; finished work is read alone.

    Raises
    ------
    StudyError
        When the study ends otherwise than finished.
    """
    scenario, started = SCENARIOS[name], time.monotonic()
    workspace = world_workspace.make(folder / name, scenario.dials)
    pool, _ = world_workspace.cohorts(workspace)
    primary = ("A", "all") if {"A", "all"} <= set(scenario.arms) else None
    study = world.plan(
        workspace,
        name=name,
        arms=scenario.arms,
        seeds=range(seeds or scenario.seeds),
        primary=primary,
    )
    launched_studies.finish(workspace, study, every_s=_POLL_S)
    held_out = stored_predictions.read(workspace, study)
    table = study_summary.summarise(held_out)[["arm", "age_mae_years", "ci_low", "ci_high"]]
    print(f"{name} ({(time.monotonic() - started) / 60:.1f} min, load {os.getloadavg()[0]:.1f})")
    print(table.round(2).to_string(index=False), flush=True)
    return Finished(workspace, study, pool, held_out)


def difference(found: Finished, arm: str, reference: str) -> Estimate:
    """Return the error of an arm less that of another, and print it."""
    seen = study_summary.compare(found.held_out, arm, reference).estimate
    print(
        f"  {arm} less {reference}: {seen.mean:+.2f} years ({seen.low:+.2f} to {seen.high:+.2f}), "
        f"p = {seen.p:.4f}"
    )
    return seen


def warned(pool: Cohort) -> bool:
    """Tell whether Tiers warns that the tiers of a pool differ in age, site or group."""
    scans = pool.scans.reset_index(drop=True)
    traits = tier_balance.prepare(scans)
    levels, _, _ = selection_bias.levels_of_quality(
        scans["distortion_score"].to_numpy(dtype=float),
        traits.categories["site"],
        np.full(len(scans), np.nan),
    )
    names = tuple(tier for tier in pool.counts if (scans["tier"] == tier).any())
    codes = np.array([names.index(tier) for tier in scans["tier"]])
    found = selection_bias.selections(traits.with_quality(levels).tally(codes, names))
    return any(one.warns or one.differs for one in found)


def crossing(errors: Mapping[float, float], scratch: float) -> float:
    """Return the dose at which pretraining is worth nothing any more, between doses by a straight line.

    Parameters
    ----------
    errors : mapping of float to float
        Error by dose.
    scratch : float
        Error without pretraining.

    Returns
    -------
    float
        The smallest such dose; infinite where no dose reaches it.

    Examples
    --------
    >>> crossing({0.0: 6.0, 0.5: 7.0, 1.0: 9.0}, 8.0)
    0.75
    >>> crossing({0.0: 6.0, 1.0: 7.0}, 8.0)
    inf
    """
    doses = sorted(errors)
    if errors[doses[0]] >= scratch:
        return doses[0]
    for below, above in pairwise(doses):
        if errors[above] >= scratch:
            share = (scratch - errors[below]) / (errors[above] - errors[below])
            return below + share * (above - below)
    return float("inf")
