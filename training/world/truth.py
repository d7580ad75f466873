"""What is true of a world, found without a network: the best possible error, and that of closed forms.

All errors are of the target's people, each predicted by what the other half of them taught, as in a study of
two folds: mean absolute errors in years.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.world import people
from training.world.anatomy import Anatomy
from training.world.dials import Dials
from training.world.planted import Truth

#: Principal components that stand for an encoder: twice as many as there are latents.
COMPONENTS = 32
_PENALTIES = np.logspace(-2, 5, 15)
_FOLDS = 2


def find(dials: Dials, body: Anatomy) -> Truth:
    """Find what is true of a world.

    Parameters
    ----------
    dials : Dials
        Of the world.
    body : Anatomy
        Of all worlds.
    """
    pool, target = people.pool(dials), people.target(dials)
    ages = target.age_years
    seen = np.stack([scan[body.brain] for scan in people.scans(target, dials, body)])
    pretrained_on = np.stack([scan[body.brain] for scan in people.scans(pool, dials, body)])
    return Truth(
        best=float(np.abs(ages - target.known_years).mean()),
        latents=halves_error(target.latents, ages),
        components=halves_error(components_of(pretrained_on)(seen), ages),
        voxels=halves_error(seen, ages),
        mean=halves_error(np.zeros((len(ages), 1)), ages),
    )


def components_of(pool: NDArray, count: int = COMPONENTS) -> Callable[[NDArray], NDArray]:
    """Return the closed form of a pretraining: the map to the principal components of a pool's voxels.

    Parameters
    ----------
    pool : array of shape (N, V)
        Scans.
    count : int
        Components, fewer where there are fewer scans.
    """
    fitted = PCA(min(count, len(pool) - 1), svd_solver="randomized", random_state=0).fit(pool)
    return fitted.transform


def halves_error(features: NDArray, ages: NDArray[np.float64]) -> float:
    """Return the mean absolute error of ridge regression, each half predicted by the other, years."""
    return float(np.abs(predicted_by_halves(features, ages) - ages).mean())


def predicted_by_halves(features: NDArray, ages: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ages that ridge regression predicts of each half from the other.

    Parameters
    ----------
    features : array of shape (N, F)
        Of people.
    ages : array of shape (N,)
        Theirs, years.

    Notes
    -----
    The penalty is chosen among the people learned from by leaving out one at a time.
    """
    half = np.arange(len(ages)) % _FOLDS
    predicted = np.empty(len(ages))
    for held_out in range(_FOLDS):
        learned, test = half != held_out, half == held_out
        model = make_pipeline(StandardScaler(), RidgeCV(_PENALTIES))
        predicted[test] = model.fit(features[learned], ages[learned]).predict(features[test])
    return predicted
