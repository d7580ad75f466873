"""Files of reconstructions: maps of one scan, and one error a scan.

Written by :mod:`training.reconstruction.reconstruct` (with torch), read here without it. Everything lies in
the study's folder under a name that follows from the model, the scan and its alignment, so nothing stale is
read.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from curation.errors import StudyError
from curation.storage import files, json_lines, learned_columns, tables
from curation.storage.workspace import Workspace
from curation.tier_effects import metric_pca
from training.settings import input_images
from training.settings.objectives import OBJECTIVES
from training.studies import pet_pairing, prepare_volumes, runs
from training.studies.planned_study import Study
from training.studies.runs import Run

#: Part of every name; raised when the maps or the error change.
VERSION = 1
#: How often patches are removed anew: every patch is predicted several times.
MASK_SAMPLES = 8

#: Maps of one scan -> what each shows.
MAPS: dict[str, str] = {
    "input": "the scan as the model gets it: on the template, the brain alone",
    "masked": "what the model sees of it in one draw: grey blocks are removed",
    "reconstruction": "the removed blocks as the model fills them in",
    "error": f"how far off it is: mean of {MASK_SAMPLES} draws, black is right",
}

#: Columns of the table that scored scans take their learned error from.
ERROR_COLUMNS = ("scan_id", "sha256", "reconstruction_error", "pretrained_on", "study", "run")
_ROW = ["scan_id", "key", "reconstruction_error", "features", "reason"]


@dataclass(frozen=True)
class ReconstructionRecord:
    """One scan as a model sees it.

    Parameters
    ----------
    maps_of : dict of str to dict of str to Path
        For each image that the model is shown (``T1w``, ``pet``) a NIfTI file for each of :data:`MAPS`; in
        shares of white matter's brightness (0 to 1.5), of a PET in shares of twice the brain's mean uptake.
    facts : dict
        ``reconstruction_error`` (mean squared error of removed patches, as the pretraining loss),
        ``error_share`` (mean absolute error of the first image, in the maps' shares), ``error_shares`` (of
        each image; not there before 0.3), ``pretrained_on``
        (whether the model has seen this person), ``masking_ratio``, ``draws``, ``model``, ``version``.
    """

    maps_of: dict[str, dict[str, Path]]
    facts: dict[str, Any]

    @property
    def maps(self) -> dict[str, Path]:
        """The maps of the first image."""
        return next(iter(self.maps_of.values()))

    def error_share(self, image: str) -> float:
        """Return the mean absolute error of one image, in the shares of its maps."""
        return self.facts.get("error_shares", {}).get(image, self.facts["error_share"])


@dataclass(frozen=True)
class ReconstructionProgress:
    """How far the errors of a run are: scans done, all scans, and those that could not be used."""

    done: int
    total: int
    failed: int


def finished_pretrainings(study: Study) -> list[Run]:
    """Return the finished pretrainings of a study that still have their weights."""
    return [
        run
        for run in runs.runs_of(study)
        if run.kind == "pretrain" and run.result_path.exists() and run.model_path.exists()
    ]


def why_not(study: Study) -> str:
    """Return the reason why models of a study reconstruct nothing; empty where they do."""
    objective = OBJECTIVES[study.preset.objective]
    if objective.reconstructs:
        return ""
    return (
        f"The encoders of {study.id} were pretrained by contrast alone, without a decoder, so there is no "
        "reconstruction to look at. Studies that pretrain by reconstruction, alone or with the contrast, "
        "have one."
    )


def folder_of(study: Study, run: Run) -> Path:
    """Return the folder of the reconstructions by one model.

    Raises
    ------
    StudyError
        When the run is no finished pretraining, or has no decoder.
    """
    if why := why_not(study):
        raise StudyError(why)
    if run.kind != "pretrain" or not run.result_path.exists():
        raise StudyError(
            f"{run.id} has no finished model to look through. Choose a finished pretraining of the study."
        )
    made = run.result_path.read_text(encoding="utf-8")
    return study.reconstructions_dir / f"{run.id}-{files.short_hash(f'{VERSION}/{made}')}"


def usable_scans(workspace: Workspace, study: Study, run: Run) -> pd.DataFrame:
    """Return every scan with an image and an alignment, whether or not it is part of the study.

    Through a model that is shown PET, those that have one PET beside them.

    Returns
    -------
    pandas.DataFrame
        ``scan_id, subject_id, role, path, sha256, template_affine`` and ``pretrained_on``: whether the
        model was trained on a scan of this person; through a model that is shown PET also
        ``pet_scan_id, pet_sha256, pet_path``.
    """
    scans = tables.read_scans(workspace)
    metrics = tables.read_metrics(workspace)
    if "template_affine" not in metrics:
        return scans.iloc[:0].assign(template_affine=None, pretrained_on=False)
    aligned = metrics.loc[
        metrics["template_affine"].map(_whole), ["scan_id", "sha256", "template_affine"]
    ]
    table = scans[scans["status"] == "ok"].merge(aligned, on=["scan_id", "sha256"])
    seen = set((files.read_json(run.config_path) or {}).get("scans", []))
    people = set(scans.loc[scans["scan_id"].isin(seen), "subject_id"])
    columns = ["scan_id", "subject_id", "role", "path", "sha256", "template_affine"]
    usable = table[columns].assign(pretrained_on=table["subject_id"].isin(people))
    return (
        usable if "pet" not in input_images.shown(study.preset) else _with_pets(workspace, usable)
    )


def _with_pets(workspace: Workspace, scans: pd.DataFrame) -> pd.DataFrame:
    found = pet_pairing.find(workspace, scans["scan_id"]).drop(columns="pets")
    return scans.join(found, on="scan_id").dropna(subset="pet_path").reset_index(drop=True)


def scan_folder(study: Study, run: Run, scan: pd.Series) -> Path:
    """Return the folder of the maps of one scan, a row of :func:`usable_scans`."""
    pet_sha256 = scan["pet_sha256"] if "pet" in input_images.shown(study.preset) else None
    key = prepare_volumes.sample_key(
        scan["sha256"], scan["template_affine"], study.preset, pet_sha256
    )
    return folder_of(study, run) / key


def read(study: Study, run: Run, scan: pd.Series) -> ReconstructionRecord | None:
    """Return the maps of one scan; ``None`` where they were not made yet."""
    folder = scan_folder(study, run, scan)
    facts = files.read_json(folder / "facts.json")
    if facts is None:
        return None
    made = {
        image: {name: map_path(folder, name, image if place else "") for name in MAPS}
        for place, image in enumerate(input_images.shown(study.preset))
    }
    return ReconstructionRecord(made, facts)


def map_path(folder: Path, name: str, image: str = "") -> Path:
    """Return the file of a map; ``image`` names the second of those that a model is shown."""
    return folder / (f"{image}-{name}.nii.gz" if image else f"{name}.nii.gz")


# ---- one error a scan ----------------------------------------------------------------------------


def errors_path(study: Study, run: Run) -> Path:
    """Return the file that errors are appended to, a line a scan."""
    return folder_of(study, run) / "errors.jsonl"


def progress_of(workspace: Workspace, study: Study, run: Run) -> ReconstructionProgress:
    """Return the progress of the errors of a run."""
    wanted = usable_scans(workspace, study, run)
    rows = read_errors(study, run)
    there = rows[rows["key"].isin(keys_of(study, wanted))]
    failed = int(there["reconstruction_error"].isna().sum())
    return ReconstructionProgress(len(there), len(wanted), failed)


def read_errors(study: Study, run: Run) -> pd.DataFrame:
    """Return ``scan_id, key, reconstruction_error, features, reason`` of every scan that was measured.

    ``features`` are the encoder's, a list a scan; ``None`` where a version up to 0.9 measured it.
    """
    rows = json_lines.read(errors_path(study, run))
    table = pd.DataFrame(rows, columns=_ROW)
    table["reconstruction_error"] = table["reconstruction_error"].astype("float64")
    return table.drop_duplicates("key", keep="last", ignore_index=True)


def keys_of(study: Study, scans: pd.DataFrame) -> list[str]:
    """Return the cache key of each scan's input images."""
    pets_of = scans.get("pet_sha256", pd.Series(None, scans.index, dtype=object))
    rows = zip(scans["sha256"], scans["template_affine"], pets_of, strict=True)
    return [prepare_volumes.sample_key(sha, affine, study.preset, pet) for sha, affine, pet in rows]


def offer(workspace: Workspace, study: Study, run: Run) -> pd.DataFrame:
    """Make a run's errors the column ``reconstruction_error`` of the scored scans, and return them.

    Returns
    -------
    pandas.DataFrame
        The columns of :data:`ERROR_COLUMNS`, a row a scan; and, where the encoder's features are known,
        those of :data:`curation.storage.learned_columns.ENCODER_AXES`.
    """
    scans = usable_scans(workspace, study, run)
    read = read_errors(study, run).set_index("key")
    keys = pd.Series(keys_of(study, scans), scans.index)
    found = keys.map(read["reconstruction_error"])
    table = scans.assign(reconstruction_error=found, study=study.id, run=run.id)[
        list(ERROR_COLUMNS)
    ]
    table = _with_axes(table, keys.map(read["features"]))
    files.write_parquet(workspace.learned_path, table)
    return table


def _with_axes(table: pd.DataFrame, features: pd.Series) -> pd.DataFrame:
    """Add where each scan lies by the two principal components of the encoder's features."""
    known = features.map(lambda one: isinstance(one, list)).to_numpy(dtype=bool)
    widths = {len(one) for one in features[known]}
    if len(widths) != 1:
        return table
    values = np.full((len(table), widths.pop()), np.nan)
    values[known] = np.array(features[known].tolist(), dtype=float)
    layout = metric_pca.embed([str(place) for place in range(values.shape[1])], values)
    if layout is None:
        return table
    return table.assign(**dict(zip(learned_columns.ENCODER_AXES, layout.points.T, strict=True)))


# ---- how it goes with the score ------------------------------------------------------------------


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation with its 95 % interval; NaN for fewer than 5 people."""

    rho: float
    low: float
    high: float
    people: int


def correlation(table: pd.DataFrame, first: str, second: str) -> Correlation:
    """Return how two columns go together over people (their scans averaged).

    Notes
    -----
    The interval is Fisher's z with the variance (1 + ρ²/2)/(n − 3) of Bonett and Wright 2000,
    doi:10.1007/BF02294183. Constant columns have no correlation.
    """
    known = table[["subject_id", first, second]].dropna().groupby("subject_id").mean()
    n = len(known)
    if n < 5 or known[first].nunique() < 2 or known[second].nunique() < 2:
        return Correlation(math.nan, math.nan, math.nan, n)
    rho = float(known[first].corr(known[second], method="spearman"))
    return Correlation(rho, *interval(rho, n), n)


def interval(rho: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a rank correlation over ``n`` people, 4 or more."""
    z = np.arctanh(np.clip(rho, -0.999999, 0.999999))
    half = 1.959964 * math.sqrt((1 + rho**2 / 2) / (n - 3))
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def _whole(affine: Any) -> bool:
    return affine is not None and np.size(affine) == 16 and bool(np.all(np.isfinite(affine)))
