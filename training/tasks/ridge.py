"""Ridge regression of the outcome on a few volumes of the brain: the baseline that needs no network.

One of two values is regressed on as 0 and 1, which orders people as a linear discriminant does.

Volumes come from the prepared images: three tissues fitted under the template's priors
(:mod:`curation.imaging.tissue_segmentation`), in ml of the person's own head (the alignment's scaling
undone).
"""

import time
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from curation import __version__
from curation.imaging import prepared_volume
from curation.imaging.template import template
from curation.imaging.tissue_segmentation import find_tissues
from curation.storage import files, json_lines
from curation.storage.workspace import Workspace
from training.held_out.age_metrics import Scale, epoch_figure, result_of, scale_of
from training.results.external_test import external_result
from training.settings import volume_grid
from training.settings.preset import Preset
from training.studies import prepare_volumes
from training.studies.planned_study import Study
from training.studies.run_status import Status
from training.studies.runs import Run
from training.tasks import combat, site_probe

#: Features that the outcome is regressed on.
FEATURES = (
    "head_ml",
    "csf_share",
    "grey_share",
    "white_share",
    "ventricle_csf_share",
    "rim_csf_share",
)
#: Fluid this near the middle of the ventricles, or this near the brain's surface, is counted apart, mm.
VENTRICLES_MM, REACH_MM, RIM_MM = (0.0, -16.0, 18.0), 32.0, 12.0
#: Lower is no signal, share of white matter's intensity.
_SIGNAL = 0.02


def fit_run(workspace: Workspace, study: Study, run: Run) -> None:
    """Fit on the training folds, test on the held-out fold, and write ``result.json``."""
    started = time.monotonic()
    status = Status(run.status_path)
    status.write("running", epoch=0, epochs=1)
    train, test, _ = study.split(run.arm, run.seed, run.fold or 0)
    outcome, scale = study.outcome, scale_of(study.outcome, train)
    train_features, test_features = (features_of(workspace, study, s) for s in (train, test))
    if study.arm(run.arm).harmonised:
        train_features, test_features = combat.harmonised(
            train_features, test_features, train, test
        )
    model = fit(train_features, train[outcome.column].to_numpy(dtype=float))
    predicted = model.predict(test_features.to_numpy())
    figure = epoch_figure(outcome, test, predicted)
    seconds = round(time.monotonic() - started, 3)
    line = {
        "epoch": 1,
        "step": 1,
        "loss": _loss(model, train_features, train[outcome.column], scale),
    }
    run.metrics_path.unlink(missing_ok=True)
    json_lines.append(
        run.metrics_path,
        line | figure | {"seconds": seconds, "time": time.time()},
    )
    about = {name: getattr(run, name) for name in ("kind", "arm", "seed", "fold")}
    header = {
        "run_id": run.id,
        **about,
        "steps": 1,
        "seconds": seconds,
        "device": "cpu",
        "tierscope": __version__,
    }
    coefficients = dict(zip(FEATURES, model[-1].coef_.tolist(), strict=True))
    result = result_of(outcome, train, test, predicted, scale)
    if run.fold == 0:
        everybody = np.concatenate([train_features.to_numpy(), test_features.to_numpy()])
        found = site_probe.probe(everybody, pd.concat([train, test]))
        result |= {"site_probe": found} if found else {}
    for cohort_id, scans in study.external().items():
        outside = model.predict(features_of(workspace, study, scans).to_numpy())
        result |= external_result(cohort_id, scans, outside, result)
    files.write_json(
        run.result_path,
        header | {"alpha": float(model[-1].alpha_), "coefficients": coefficients} | result,
    )
    status.write("finished", epoch=1, epochs=1, **figure, seconds=seconds)


def fit(features: pd.DataFrame, ages: NDArray[np.float64]) -> Pipeline:
    """Fit ridge regression on standardised features.

    The penalty is chosen by leave-one-out on the training people alone; what could not be measured is
    taken as their mean.
    """
    model = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(),
        RidgeCV(alphas=np.logspace(-2, 3, 21)),
    )
    return model.fit(features.to_numpy(), ages)


def features_of(workspace: Workspace, study: Study, scans: pd.DataFrame) -> pd.DataFrame:
    """Return :data:`FEATURES` of scans, a row each."""
    paths = prepare_volumes.volume_paths(workspace, study, scans["scan_id"])
    rows = []
    for path, affine in zip(paths, scans["template_affine"], strict=True):
        volume = volume_grid.read(path, mapped=True).astype(np.float32)
        growth = np.linalg.det(np.asarray(affine, dtype=float).reshape(4, 4)[:3, :3])
        rows.append(measure(volume, abs(growth), study.preset))
    return pd.DataFrame(rows, columns=list(FEATURES))


def measure(volume: NDArray[np.float32], growth: float, preset: Preset) -> dict[str, float]:
    """Measure one prepared volume.

    Parameters
    ----------
    volume : array of float32, shape ``preset.shape``
        As :mod:`training.studies.prepare_volumes` makes it.
    growth : float
        How many times larger the head became when it was aligned to the template, by volume.
    preset : Preset
        Gives the grid.

    Returns
    -------
    dict
        ``head_ml``, the template's brain in the person's own size · the other shares, 0 to 1: tissues of
        all brain, fluid of what lies about the ventricles, and of the rim. NaN where there are too few
        voxels with signal.
    """
    where, priors, places, middle, rim = _grid(preset)
    head_ml = where.sum() * preset.spacing_mm**3 / 1000 / growth
    values = (volume[where] * prepared_volume.SCALE + prepared_volume.OFFSET).astype(np.float32)
    seen = values > _SIGNAL
    values, priors, places, middle, rim = (
        one[seen] for one in (values, priors, places, middle, rim)
    )
    tissues = find_tissues(values, priors, places)
    if tissues is None:
        return dict.fromkeys(FEATURES, np.nan) | {"head_ml": head_ml}
    share = tissues.posterior(values, priors, places)
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-6)
    csf, grey, white = share.mean(axis=0).tolist()
    numbers = (head_ml, csf, grey, white, share[middle, 0].mean(), share[rim, 0].mean())
    return dict(zip(FEATURES, map(float, numbers), strict=True))


@lru_cache(maxsize=4)
def _grid(preset: Preset) -> tuple[NDArray, NDArray, NDArray, NDArray, NDArray]:
    """Return the brain on a preset's grid; of its voxels: priors, places, by the ventricles, in the rim."""
    finest, affine = template(2), prepared_volume.grid_affine(preset)
    to_voxel = np.linalg.inv(finest.affine) @ affine
    maps = [
        ndimage.affine_transform(
            ndimage.gaussian_filter(layer, preset.spacing_mm / 4),
            to_voxel[:3, :3],
            to_voxel[:3, 3],
            output_shape=preset.shape,
            order=1,
        )
        for layer in (
            finest.brain.astype(np.float32),
            finest.csf,
            finest.gm,
            finest.wm,
            finest.signed_distance_mm,
        )
    ]
    where = maps[0] > 0.5
    index = np.argwhere(where)
    world = index @ affine[:3, :3].T + affine[:3, 3]
    places = (2 * (index - index.min(0)) / np.ptp(index, axis=0) - 1).astype(np.float32)
    priors = np.stack([layer[where] for layer in maps[1:4]], axis=1).astype(np.float32)
    middle = np.linalg.norm(world - np.array(VENTRICLES_MM), axis=1) < REACH_MM
    return where, priors, places, middle, maps[4][where] < RIM_MM


def _loss(model: Pipeline, known: pd.DataFrame, values: pd.Series, scale: Scale) -> float:
    """Return the mean absolute error of the standardised outcome on the people it was fitted to."""
    pair = (model.predict(known.to_numpy()), values.to_numpy(dtype=float))
    predicted, true = (scale.standardise(one) for one in pair)
    return float(np.abs(predicted - true).mean())
