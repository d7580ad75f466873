"""The damaged cases that upper ends of scores are made from: ``python -m tests.helpers.measured_cases``.

It writes ``assets/references/measured-cases.csv``, which :mod:`curation.scoring.unmeasured` reads: the
distorted heads of the demo, every artefact in a head of ds000011, and damage of TorchIO's in another, each
with all metrics that a built-in reference judges. To be made again when one of these is defined otherwise.
Needs the scans and TorchIO (``tests/requirements-no-deps.txt``).
"""

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np
import pandas as pd

from curation.assessment.assess_scan import assess_volume
from curation.imaging import volumes
from curation.imaging.volumes import Volume
from curation.scoring.score_reference import builtin, earlier_builtin
from curation.scoring.unmeasured import CASES_PATH
from curation.simulation import artefacts, demo_workspace, phantom_t1w
from tests.benchmarks import foreign_damage
from tests.benchmarks.anatomy import DATA

DEMO, OWN, FOREIGN = "demo", "ds000011 sub-01", "ds000011 sub-03"
_SEVERITIES, _FOREIGN_SEVERITIES = (0.25, 0.5), (1.0, 3.0, 6.0, 10.0)
#: Damage of TorchIO's that shows where air or k-space is seen, and less so in the brain.
_FOREIGN = ("ghosting", "motion")
_SEED = 3


@dataclass(frozen=True)
class Case:
    """One damaged scan: whose, by what, and how much; of the demo, the number of its plan."""

    scan: str
    damage: str
    severity: float
    number: int = 0


def plan() -> list[Case]:
    """Return all cases, in the order of the table."""
    simulated = [
        Case(DEMO, each.artefact, each.severity, number)
        for number, each in enumerate(demo_workspace.pool_plans())
        if each.artefact
    ]
    own = [Case(OWN, name, each) for name in artefacts.ARTEFACTS for each in _SEVERITIES]
    foreign = [
        Case(FOREIGN, f"torchio-{name}", each) for name in _FOREIGN for each in _FOREIGN_SEVERITIES
    ]
    order = [*simulated, *own, *foreign]
    return sorted(order, key=lambda case: (case.scan, case.damage, case.severity))


def made(case: Case) -> Volume:
    """Return a case's image."""
    if case.scan == DEMO:
        person = demo_workspace.pool_plans()[case.number]
        data, affine = phantom_t1w.scan(person.person, phantom_t1w.SCANNERS[person.site])
        data = artefacts.apply(case.damage, data, case.severity, person.person.seed)
        stored = np.clip(data, 0, 32767).round().astype(np.float32)
        return volumes.conform(Volume(stored, affine, (2.0, 2.0, 2.0), "RAS", "int16"))
    subject = case.scan.split()[1]
    clean = volumes.conform(
        volumes.load(DATA / "ds000011" / subject / "anat" / f"{subject}_T1w.nii.gz")
    )
    if case.scan == OWN:
        data = artefacts.apply(case.damage, clean.data, case.severity, _SEED)
    else:
        name = case.damage.removeprefix("torchio-")
        data = foreign_damage.apply(name, clean.data, clean.affine, int(case.severity), _SEED)
    return replace(clean, data=data)


def measured(case: Case) -> dict[str, object]:
    """Return a case's row of the table."""
    values, _, _ = assess_volume(made(case))
    named = {"scan": case.scan, "damage": case.damage, "severity": case.severity}
    return named | {name: values[name] for name in judged()}


def judged() -> list[str]:
    """Return the metrics that a built-in reference judges, now or before."""
    references = (builtin(), *earlier_builtin())
    return list(dict.fromkeys(name for each in references for name in each.anchors))


def main() -> None:
    """Measure all cases and write them."""
    cases = plan()
    rows = []
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done, row in enumerate(pool.map(measured, cases), start=1):
            rows.append(row)
            print(f"{done} of {len(cases)}", file=sys.stderr, flush=True)
    pd.DataFrame(rows).to_csv(CASES_PATH, index=False, float_format="%.4g")
    print(f"{CASES_PATH}: {len(rows)} cases")


if __name__ == "__main__":
    main()
