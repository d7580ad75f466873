"""Real people of the two splits of the study, and seeded distorted copies of their scans."""

import csv
import gzip
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
import pandas as pd

from curation.imaging import volumes
from curation.simulation import artefacts
from curation.simulation.artefacts import ARTEFACTS
from curation.storage import files, processes

#: Severities of the two distorted copies of each scan of a pool.
SEVERITIES = (0.4, 0.8)
SEED = 251201310
SPLITS = ("first", "second")


class Person(NamedTuple):
    """A person with one T1w.

    Parameters
    ----------
    participant_id : str
        Data set and person.
    path : Path
        The image, 2 mm.
    age_years : float
        As the data set says.
    sex : str
        ``F`` or ``M``.
    site : str
        Data set.
    """

    participant_id: str
    path: Path
    age_years: float
    sex: str
    site: str


class Copy(NamedTuple):
    """A distorted copy of a scan.

    Parameters
    ----------
    person : Person
        Whose.
    artefact : str
        Key of :data:`curation.simulation.artefacts.ARTEFACTS`.
    severity : float
        0 to 1.
    seed : int
        Of what is drawn.
    """

    person: Person
    artefact: str
    severity: float
    seed: int

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.person.participant_id}_{self.artefact}-{self.severity:g}.nii.gz"


class Split(NamedTuple):
    """Who is pretrained on, and who is judged.

    Parameters
    ----------
    pool, target : list of Person
        Nobody is in both.
    """

    pool: list[Person]
    target: list[Person]


def split(data: Path, name: str) -> Split:
    """Return a split: both other data sets and half of ds002748 to pretrain on, its other half to be judged.

    Parameters
    ----------
    data : Path
        Folder of the real scans.
    name : {'first', 'second'}
        Which half is pretrained on: people by age, every other one.
    """
    depression, faces = _manifest(data, "ds002748"), _manifest(data, "ds000011")
    by_age = sorted(depression, key=lambda one: (one.age_years, one.participant_id))
    halves = by_age[0::2], by_age[1::2]
    pooled = SPLITS.index(name)
    return Split([*faces, *_ixi(data), *halves[pooled]], halves[1 - pooled])


def copies(people: Iterable[Person]) -> list[Copy]:
    """Plan two distorted copies of each person: every claimed artefact in turn, in a seeded order."""
    rng = np.random.default_rng(SEED)
    claimed = [name for name, one in ARTEFACTS.items() if one.claimed]
    turn = cycle(rng.permutation(claimed).tolist())
    ordered = sorted(people)
    return [
        Copy(person, next(turn), severity, SEED + number)
        for number, person in enumerate(ordered)
        for severity in SEVERITIES
    ]


def write_copies(folder: Path, planned: list[Copy], jobs: int) -> None:
    """Write the distorted copies that are not there yet."""
    missing = [(folder, one) for one in planned if not (folder / one.name).exists()]
    with processes.workers(jobs, spawned=False) as pool:
        list(pool.map(_write, missing, chunksize=4))


def write_manifest(path: Path, people: Iterable[Person], scans: Iterable[Path]) -> None:
    """Write a manifest of scans, one of each person in the same order."""
    rows = [
        {
            "path": str(scan),
            "participant_id": one.participant_id,
            "person": one.participant_id,  # a scan and its copies, in any source, are of one
            "age_years": one.age_years,
            "sex": one.sex,
            "site": one.site,
        }
        for one, scan in zip(people, scans, strict=True)
    ]
    with files.replacing(path) as temporary:
        pd.DataFrame(rows).to_csv(temporary, index=False)


def _write(task: tuple[Path, Copy]) -> None:
    folder, copy = task
    image = volumes.conform(volumes.load(copy.person.path))
    data = artefacts.apply(copy.artefact, image.data, copy.severity, copy.seed)
    written = nib.Nifti1Image(data.astype(np.float32), image.affine)
    written.header.set_xyzt_units("mm")
    written.header["descrip"] = b"real anatomy, distorted by simulation"
    with files.replacing(folder / copy.name) as temporary:
        temporary.write_bytes(gzip.compress(written.to_bytes(), compresslevel=1, mtime=0))


def _manifest(data: Path, site: str) -> list[Person]:
    folder = data / "t1w_2mm"
    return [
        Person(
            row["file"].removesuffix("_T1w_2mm.nii.gz"),
            folder / row["file"],
            float(row["age"]),
            row["sex"],
            site,
        )
        for row in _rows(folder / "manifest.csv")
        if row["file"].startswith(site)
    ]


def _ixi(data: Path) -> list[Person]:
    folder = data / "ixi_2mm"
    return [
        Person(
            row["MRID"],
            folder / f"{row['MRID']}-T1_ds.nii.gz",
            float(row["Age"]),
            row["Sex"],
            "IXI",
        )
        for row in _rows(folder / "IXI_demog_n10.csv")
    ]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))
