"""People of a world: latents, ages, sites and planted quality, and their scans as the scanner gives them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.simulation import artefacts
from training.world import anatomy
from training.world.anatomy import Anatomy, Floats
from training.world.dials import Dials

#: Sites of the pool; the target is of the second.
SITES = ("North", "South")
#: Planted quality of a scan as it is and of one that is bad by its quality, and how far each kind spreads.
GOOD, BAD, SPREAD = 10.0, 75.0, 4.0
#: Share of the contrast between tissues that a batch effect of 1 takes from site ``North``.
_FAINTER = 0.95

_POOL, _TARGET, _NOISE = 1, 2, 3


@dataclass(frozen=True)
class People:
    """The people of a pool or a target, a scan each.

    Parameters
    ----------
    role : str
        ``pool`` or ``target``.
    latents : array of shape (N, K)
        What differs between them, standard normal.
    age_years : array of shape (N,)
        Ages.
    known_years : array of shape (N,)
        What the latents tell of them: the best possible prediction.
    site : array of int, shape (N,)
        Index in :data:`SITES`.
    bad : array of bool, shape (N,)
        Bad by the planted quality; distorted as the dose says.
    quality : array of shape (N,)
        The planted number that stands for a distortion score, 0 to 100; higher is worse.
    """

    role: str
    latents: Floats
    age_years: NDArray[np.float64]
    known_years: NDArray[np.float64]
    site: NDArray[np.intp]
    bad: NDArray[np.bool_]
    quality: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.latents)


def pool(dials: Dials) -> People:
    """Draw the pool of a world: as many bad scans as its share says, whom the confounding says."""
    rng = np.random.default_rng([dials.seed, _POOL])
    latents, untold = _drawn(rng, dials.pool)
    ages = anatomy.ages(latents, untold)
    site = rng.permutation(np.arange(dials.pool) % 2)
    goes_with = {
        "nothing": np.zeros(dials.pool),
        "age": (ages - ages.mean()) / ages.std(),
        "site": np.where(site == 0, 1.0, -1.0),
    }[dials.confounded]
    chance = rng.normal(size=dials.pool) * np.sqrt(1 - dials.confounding**2)
    worst = np.argsort(-(dials.confounding * goes_with + chance), kind="stable")[: dials.distorted]
    bad = np.zeros(dials.pool, dtype=bool)
    bad[worst] = True
    return _people("pool", rng, latents, untold, site, bad)


def target(dials: Dials) -> People:
    """Draw the target of a world: other people, nothing distorted, all of site ``South``."""
    rng = np.random.default_rng([dials.seed, _TARGET])
    latents, untold = _drawn(rng, dials.target)
    site = np.ones(dials.target, dtype=np.intp)
    return _people("target", rng, latents, untold, site, np.zeros(dials.target, dtype=bool))


def scans(
    people: People, dials: Dials, body: Anatomy, dose: float | None = None
) -> Iterator[Floats]:
    """Yield the scan of each person: noise, what the site does to it, and its artefact.

    Parameters
    ----------
    people : People
        Of the pool or of the target.
    dials : Dials
        Give strength, artefacts, dose and batch effect.
    body : Anatomy
        Of all worlds.
    dose : float, optional
        Another than the dials'.

    Yields
    ------
    array of float32, shape :data:`training.world.anatomy.SHAPE`
        Relative intensities; 0 outside the brain.
    """
    dose = dials.dose if dose is None else dose
    part, bad_before = (_POOL if people.role == "pool" else _TARGET), 0
    for number, latents in enumerate(people.latents):
        rng = np.random.default_rng([dials.seed, _NOISE, part, number])
        tissue = body.tissue(np.float32(dials.strength) * latents)
        if people.site[number] == 0:
            tissue *= np.float32(1 - _FAINTER * dials.batch_effect)
        tissue = tissue + anatomy.NOISE * rng.standard_normal(tissue.shape, dtype=np.float32)
        scan = body.volume(tissue)
        if people.bad[number]:
            name = dials.artefacts[bad_before % len(dials.artefacts)] if dials.artefacts else ""
            bad_before += 1
            if dose:
                scan = artefacts.apply(name, scan, dose, seed=int(rng.integers(2**31)))
        yield scan


def _drawn(rng: np.random.Generator, count: int) -> tuple[Floats, NDArray[np.float64]]:
    return rng.standard_normal((count, anatomy.LATENTS)).astype(np.float32), rng.normal(size=count)


def _people(
    role: str,
    rng: np.random.Generator,
    latents: Floats,
    untold: NDArray[np.float64],
    site: NDArray[np.intp],
    bad: NDArray[np.bool_],
) -> People:
    quality = np.clip(np.where(bad, BAD, GOOD) + rng.normal(0, SPREAD, len(bad)), 0, 100)
    return People(
        role=role,
        latents=latents,
        age_years=anatomy.ages(latents, untold),
        known_years=anatomy.ages(latents, np.zeros(len(latents))),
        site=site,
        bad=bad,
        quality=quality,
    )
