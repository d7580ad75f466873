"""The demo workspace: simulated people with distortions of every family."""

import gzip
import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from curation import __version__
from curation.errors import WorkspaceError
from curation.simulation import artefacts, phantom_pet, phantom_t1w
from curation.simulation.phantom_t1w import SCANNERS, Person
from curation.sources.ingest import ProgressCallback, ingest
from curation.storage import files, processes
from curation.storage.workspace import Workspace

SEED = 20251201
POOL, TARGET = "demo-pool", "demo-target"
POOL_SIZE, TARGET_SIZE = 60, 36
#: Share of the pool that stays as the scanner gave it.
CLEAN_SHARE = 0.4


@dataclass(frozen=True)
class DemoPlan:
    """One simulated person to be scanned: a T1w, and a PET in its space that no artefact touches.

    Parameters
    ----------
    person : Person
        Who.
    site : str
        Key of :data:`curation.simulation.phantom_t1w.SCANNERS`.
    artefact : str or None
        Key of :data:`curation.simulation.artefacts.ARTEFACTS`, of the T1w.
    severity : float
        0 to 1.
    """

    person: Person
    site: str
    artefact: str | None = None
    severity: float = 0.0


def make_demo(
    root: str | Path, *, jobs: int | None = None, progress: ProgressCallback | None = None
) -> Workspace:
    """Make a workspace with simulated T1w and PET: a pool of two sites and a clean external target.

    Parameters
    ----------
    root : path
        Folder of the workspace; new or empty.
    jobs : int, optional
        Processes; one a core by default. The images do not depend on it.
    progress : callable, optional
        Called with (people made, people in all).

    Raises
    ------
    WorkspaceError
        When the workspace holds other sources: simulated people never mix with real ones.
    """
    workspace = Workspace.create(root)
    others = [source.name for source in workspace.sources() if not source.simulated]
    if others:
        raise WorkspaceError(
            f"{workspace.root} holds real scans ({', '.join(others)}). Make the demo in another folder."
        )
    plans = {POOL: pool_plans(), TARGET: target_plans()}
    tasks = [
        (workspace.demo_images_dir / name, plan) for name, group in plans.items() for plan in group
    ]
    with processes.workers(jobs or os.cpu_count() or 1, spawned=False) as pool:
        for done, _ in enumerate(pool.map(_write_scan, tasks, chunksize=4), start=1):
            if progress:
                progress(done, len(tasks))
    for name, group in plans.items():
        _write_tables(workspace.demo_images_dir / name, name, group)
    _break_one(workspace.demo_images_dir / POOL)
    ingest(workspace, workspace.demo_images_dir / POOL, name=POOL, simulated=True)
    ingest(
        workspace, workspace.demo_images_dir / TARGET, name=TARGET, role="target", simulated=True
    )
    return workspace


def pool_plans() -> list[DemoPlan]:
    """Plan the pool: every artefact in turn, mild to severe, more often in the old, on two sites."""
    rng = np.random.default_rng([SEED, 1])
    people = list(_people(rng, POOL_SIZE, first=1))
    chance = np.array([person.age_years for person in people]) / 100 + rng.uniform(0, 1, POOL_SIZE)
    distorted = set(np.argsort(chance)[int(CLEAN_SHARE * POOL_SIZE) :].tolist())
    kinds, severities = cycle(artefacts.ARTEFACTS), cycle((0.3, 0.9, 0.5, 0.7))
    return [
        DemoPlan(person, site, next(kinds), next(severities))
        if index in distorted
        else DemoPlan(person, site)
        for index, (person, site) in enumerate(zip(people, cycle(("North", "South")), strict=False))
    ]


def target_plans() -> list[DemoPlan]:
    """Plan the external cohort: other people, another scanner, nothing distorted."""
    rng = np.random.default_rng([SEED, 2])
    return [DemoPlan(person, "External") for person in _people(rng, TARGET_SIZE, first=101)]


def _people(rng: np.random.Generator, count: int, first: int) -> Iterator[Person]:
    ages = rng.permutation(np.linspace(20, 80, count)).round(1)
    for number, age_years in enumerate(ages.tolist(), start=first):
        yield Person(f"sub-{number:03d}", age_years, "FM"[int(rng.integers(2))], SEED + number)


def _write_scan(task: tuple[Path, DemoPlan]) -> None:
    folder, plan = task
    name = plan.person.participant_id
    data, affine = phantom_t1w.scan(plan.person, SCANNERS[plan.site])
    if plan.artefact:
        data = artefacts.apply(plan.artefact, data, plan.severity, plan.person.seed)
    _write_image(folder / name / "anat" / f"{name}_T1w.nii.gz", data, affine)
    pet = folder / name / "pet" / f"{name}_trc-18FFDG_pet.nii.gz"
    _write_image(pet, *phantom_pet.scan(plan.person))
    files.write_json(pet.with_name(f"{name}_trc-18FFDG_pet.json"), _PET_SIDECAR)


def _write_image(path: Path, data: np.ndarray, affine: np.ndarray) -> None:
    image = nib.Nifti1Image(np.clip(data, 0, 32767).round().astype(np.int16), affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"simulated by Tierscope, not a person"
    with files.replacing(path) as temporary:
        temporary.write_bytes(gzip.compress(image.to_bytes(), compresslevel=1, mtime=0))


_PET_SIDECAR = {
    "Description": "Simulated by Tierscope, not a person; in the space of the T1w of the same person",
    "Manufacturer": "none: simulated",
    "Modality": "PT",
    "BodyPart": "brain",
    "TracerName": "FDG",
    "TracerRadionuclide": "F18",
    "Units": "Bq/mL",
    "FilterType": "Gaussian",
    "FilterSize": phantom_pet.FILTER_MM,
}


def _write_tables(folder: Path, name: str, plans: list[DemoPlan]) -> None:
    """Write the BIDS files beside the images; one more participant is listed than has a scan."""
    rows = [
        {
            "participant_id": plan.person.participant_id,
            "age": plan.person.age_years,
            "sex": plan.person.sex,
            "site": plan.site,
            "simulated_artifact": plan.artefact or "none",
            "simulated_severity": plan.severity,
        }
        for plan in plans
    ]
    if name == POOL:
        rows.append({"participant_id": "sub-099", "age": 41.0, "sex": "F", "site": "North"})
    table = pd.DataFrame(rows).to_csv(sep="\t", index=False, na_rep="n/a", lineterminator="\n")
    files.write_text(folder / "participants.tsv", table)
    files.write_json(
        folder / "dataset_description.json",
        {
            "Name": f"Tierscope {name}: simulated people",
            "BIDSVersion": "1.10.0",
            "DatasetType": "raw",
            "License": "CC0",
            "GeneratedBy": [{"Name": "Tierscope", "Version": __version__}],
        },
    )


def _break_one(folder: Path) -> None:
    """Add a scan whose file was cut off, as happens when a copy is interrupted."""
    whole = next(folder.glob("sub-001/anat/*.nii.gz")).read_bytes()
    broken = folder / "sub-098" / "anat" / "sub-098_T1w.nii.gz"
    with files.replacing(broken) as temporary:
        temporary.write_bytes(whole[: len(whole) // 3])
