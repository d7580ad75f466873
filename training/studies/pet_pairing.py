"""Pairing of PET with T1w: the PET of the same person and session, which lies in the space of the T1w.

A PET has neither score nor tier: cohorts are of T1w, and each brings its PET along.
"""

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.cohorts import cohort_integrity
from curation.errors import StudyError, VolumeError
from curation.imaging import prepared_volume, volumes
from curation.sources import image_modality
from curation.sources.duplicates import some
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.wording import plural
from training.settings import input_images, volume_grid
from training.settings.preset import Preset

#: Columns of a study's scans besides, where it looks at PET: of the PET that goes with the T1w.
PAIR_COLUMNS = ("pet_scan_id", "pet_sha256")
#: Share of the T1w's brain that the field of view of its PET has to cover.
COVERED = 0.8
#: The cohorts of a study by role, each learned from no later than those after it.
_COHORTS = {
    "pool": "pretraining pool",
    "target": "target cohort",
    "external": "external cohorts",
}
_MEND = "Mend the sources, then ingest them again."
#: So many places of the brain are looked up.
_PLACES = 2000


def with_pets(workspace: Workspace, scans: pd.DataFrame, preset: Preset) -> pd.DataFrame:
    """Give each scan of a study its PET.

    Parameters
    ----------
    workspace : Workspace
        Whose PETs.
    scans : pandas.DataFrame
        The columns of :data:`training.studies.study_scans.SCAN_COLUMNS`.
    preset : Preset
        Says what is looked at.

    Returns
    -------
    pandas.DataFrame
        With :data:`PAIR_COLUMNS`; unchanged where the study looks at no PET. Of alternating modalities the
        target, of which the T1w alone is looked at, gets none.

    Raises
    ------
    StudyError
        When a scan has no PET or several, or one that does not lie in the space of its T1w; or a PET is in
        two of the study's cohorts, or of two people of the target.
    """
    if "pet" not in preset.modalities:
        return scans
    needed = scans["role"].eq("pool") | ("pet" in input_images.shown(preset))
    found = find(workspace, scans["scan_id"]).reset_index(drop=True)
    chosen = scans.assign(**{name: found[name].where(needed, None) for name in PAIR_COLUMNS})
    _refuse_without(workspace, scans[needed], found[needed])
    _refuse_elsewhere(workspace, scans[needed], found.loc[needed, "pet_path"], preset)
    _refuse_changed(workspace, chosen.loc[needed, list(PAIR_COLUMNS)])
    _refuse_in_both(chosen, found)
    return chosen


def find(workspace: Workspace, scan_ids: Iterable[str]) -> pd.DataFrame:
    """Look for the PET of each T1w: of the same person (hence source) and session.

    Returns
    -------
    pandas.DataFrame
        A row a T1w, in their order, indexed by ``scan_id``: ``pets``, how many there are, and of a single one
        ``pet_scan_id, pet_sha256, pet_image_hash, pet_path``, otherwise ``None``.
    """
    every = tables.read_scans(workspace)
    session = every["session_id"].fillna("")
    whose = pd.Series(list(zip(every["subject_id"], session, strict=True)), every.index)
    is_pet = every["status"] == "pet"
    pets = every[is_pet].assign(whose=whose[is_pet])
    counts = pets["whose"].value_counts()
    single = pets[pets["whose"].map(counts) == 1].set_index("whose")
    asked = pd.Series(whose.to_numpy(), every["scan_id"]).reindex(list(scan_ids))
    table = pd.DataFrame({"pets": asked.map(counts).fillna(0).astype(int)})
    for name in ("scan_id", "sha256", "image_hash", "path"):
        values = asked.map(single[name])
        table[f"pet_{name}"] = values.astype(object).where(values.notna(), None)
    return table


def _refuse_in_both(chosen: pd.DataFrame, found: pd.DataFrame) -> None:
    """Refuse a PET that would be judged on what was learned from it, by its voxels or by its file."""
    needed = chosen["pet_scan_id"].notna().to_numpy()
    whose = chosen.loc[needed, ["role", "subject_id"]].reset_index(drop=True)
    for column in ("pet_image_hash", "pet_sha256"):
        held = whose.assign(pet=found.loc[needed, column].to_numpy()).dropna(subset="pet")
        of_role = {role: set(held.loc[held["role"] == role, "pet"]) for role in _COHORTS}
        for one, other in combinations(_COHORTS, 2):
            if shared := len(of_role[one] & of_role[other]):
                raise StudyError(
                    f"{plural(shared, 'PET')} of the {_COHORTS[other]} also in the {_COHORTS[one]}: the "
                    f"model would be judged on what it was trained on. {_MEND}"
                )
        people = held[held["role"] == "target"].groupby("pet")["subject_id"].nunique()
        if twice := int((people > 1).sum()):
            raise StudyError(
                f"{plural(twice, 'PET')} of several people of the target cohort: one would be judged on what "
                f"the model learned of another. {_MEND}"
            )


def _refuse_without(workspace: Workspace, scans: pd.DataFrame, found: pd.DataFrame) -> None:
    count = found["pets"].to_numpy()
    if (count > 1).any():
        several = scans.loc[count > 1, "scan_id"].tolist()
        raise StudyError(
            f"{len(several)} of {len(scans)} scans have several PETs of the same person and session, and "
            f"which one is meant cannot be told: {some(several)}. Leave one in the source (a manifest can "
            "list the files that count), then ingest it again."
        )
    if (count == 0).any():
        without = scans.loc[count == 0, "scan_id"].tolist()
        raise StudyError(
            f"{len(without)} of {len(scans)} scans have no PET of the same person and session: "
            f"{some(without)}.{_broken(workspace, scans.loc[count == 0])} Add the PETs to the source of the "
            "T1w and ingest it again, or ingest a manifest of those who have both and freeze them."
        )


def _broken(workspace: Workspace, scans: pd.DataFrame) -> str:
    """Name the PETs of these people that cannot be used."""
    every = tables.read_scans(workspace)
    theirs = every["subject_id"].isin(scans["subject_id"]) & every["status"].isin(tables.TROUBLES)
    bad = every[
        theirs & every["modality"].map(image_modality.modality_of_table).eq(image_modality.PET)
    ]
    told = [f"{row.scan_id} ({row.reason})" for row in bad.itertuples()]
    return f" Of them cannot be used: {some(told)}." if told else ""


def _refuse_elsewhere(
    workspace: Workspace, scans: pd.DataFrame, paths: pd.Series, preset: Preset
) -> None:
    """Refuse PETs whose field of view lies elsewhere than the brain of their T1w."""
    brain_mm = _places(workspace, preset)
    bad = []
    for scan, path in zip(scans.itertuples(), paths, strict=True):
        try:
            header = volumes.read_header(Path(path))
        except VolumeError as error:
            bad.append(f"{scan.scan_id} ({error})")
            continue
        to_template = np.array(scan.template_affine, dtype=float).reshape(4, 4)
        voxel = (np.linalg.inv(to_template @ header.affine) @ brain_mm)[:3].T
        inside = ((voxel > -0.5) & (voxel < np.array(header.shape) - 0.5)).all(axis=1).mean()
        if inside < COVERED:
            bad.append(f"{scan.scan_id} ({inside:.0%} of the brain lies within the PET)")
    if bad:
        raise StudyError(
            f"{len(bad)} of {len(scans)} PETs do not lie where the brain of their T1w is: {some(bad)}. A "
            "PET has to be in the space of the T1w: co-register a copy of it first (in SPM: Coregister, "
            "Estimate, with the T1w as the reference; its name has to stay), then ingest the source again."
        )


def _refuse_changed(workspace: Workspace, scans: pd.DataFrame) -> None:
    """Refuse PETs that are no longer the files that were ingested; the T1w are looked at as a cohort."""
    kept = scans.set_axis(["scan_id", "sha256"], axis=1)
    changed = cohort_integrity.changed_scan_files(workspace, kept)["scan_id"].tolist()
    if changed:
        raise StudyError(
            f"{len(changed)} PETs have changed since they were ingested: {some(changed)}. Bring the files "
            "back, or ingest their source again."
        )


def _places(workspace: Workspace, preset: Preset) -> NDArray[np.float64]:
    """Return places all over the template's brain, mm, homogeneous, shape (4, P)."""
    voxels = np.argwhere(volume_grid.brain_mask(workspace, preset))
    sampled = voxels[:: max(1, len(voxels) // _PLACES)]
    return prepared_volume.grid_affine(preset) @ np.c_[sampled, np.ones(len(sampled))].T
