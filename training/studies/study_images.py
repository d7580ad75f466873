"""Images that a study reads: T1w and PET of its scans, and scans distorted by simulation."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import pandas as pd

from curation.imaging.volumes import Volume
from curation.simulation import artefacts
from training.arms.distortion import Distortion
from training.settings import input_images
from training.studies.planned_study import Study


class StudyImage(NamedTuple):
    """An image of a scan of a study, and what is done to it before it is prepared.

    Parameters
    ----------
    scan : mapping
        A row of the study's scans.
    modality : str
        ``T1w`` or ``pet``.
    distortion : Distortion, optional
        Of a T1w; its seed is that of the scan.
    """

    scan: Mapping[str, Any]
    modality: str
    distortion: Distortion | None = None

    @property
    def scan_id(self) -> str:
        """Id of the image itself: of a PET, that of the PET."""
        return str(self.scan["pet_scan_id" if self.modality == "pet" else "scan_id"])

    @property
    def sha256(self) -> str:
        """Hash of its file."""
        return str(self.scan["pet_sha256" if self.modality == "pet" else "sha256"])

    @property
    def pet_sha256(self) -> str | None:
        """Hash of its file where it is a PET; else none."""
        return self.sha256 if self.modality == "pet" else None

    @property
    def distorted(self) -> str:
        """Artefact, severity and seed; empty where the image stays as it is."""
        done = self.distortion
        if done is None:
            return ""
        return f"{done.artefact}/{done.severity:g}/{self.scan['distortion_seed']}"

    def distort(self, volume: Volume) -> Volume:
        """Return the image distorted; the volume, in RAS order, stays as it is."""
        done = self.distortion
        if done is None:
            return volume
        seed = int(self.scan["distortion_seed"])
        return replace(
            volume, data=artefacts.apply(done.artefact, volume.data, done.severity, seed)
        )


#: Rows of a table that are made into mappings at once.
_AT_ONCE = 1000


def rows_of(scans: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table of scans, a few of them at a time in memory."""
    for start in range(0, len(scans), _AT_ONCE):
        yield from scans.iloc[start : start + _AT_ONCE].to_dict("records")


def images_of(study: Study) -> Iterator[StudyImage]:
    """Yield every image that a study reads; ridge regression measures tissues on the T1w, always."""
    ridge = any(arm.method == "ridge" for arm in study.arms)
    scans = study.scans()
    for scan in rows_of(scans):
        kinds = (
            study.preset.modalities if scan["role"] == "pool" else input_images.shown(study.preset)
        )
        more = ("T1w",) if ridge and scan["role"] != "pool" else ()
        yield from (StudyImage(scan, modality) for modality in dict.fromkeys((*kinds, *more)))
    yield from distorted_images(study, scans)


def distorted_images(study: Study, scans: pd.DataFrame) -> list[StudyImage]:
    """Return the distorted images of a study, once a scan, artefact and severity.

    Parameters
    ----------
    study : Study
        Whose arms say what is distorted.
    scans : pandas.DataFrame
        The study's.
    """
    wanted = {
        (arm.distortion.artefact, arm.distortion.severity, scan_id): arm.distortion
        for arm in study.arms
        if arm.distortion and arm.base is None
        for scan_id in study.pretraining_scans(arm.name, study.seeds[0])
    }
    distorted = scans[scans["scan_id"].isin({scan_id for _, _, scan_id in wanted})]
    by_id = {scan["scan_id"]: scan for scan in rows_of(distorted)}
    return [
        StudyImage(by_id[scan_id], "T1w", distortion)
        for (_, _, scan_id), distortion in wanted.items()
    ]
