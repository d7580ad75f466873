"""What studies cost, foretold by a probe of 20 steps: ``python -m tests.benchmarks.estimates``.

Five small studies that differ in what takes their time; each is probed, then run to its end, on made heads.
Times are those of processors, of all processes of a study, since other work on the machine changes them
little. The last line is one JSON object:

``estimate_error``
    Largest difference of what was foretold to what it took, as a share of it, over the five.
``estimate_errors``
    That of each, signed.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.jobs import execution_backend, probed_cost
from training.jobs.execution_backend import Backend
from training.jobs.launch import import_path
from training.settings.tuning import Tuning
from training.studies import cost_probe, runs
from training.studies.planned_study import Study
from training.tasks import probe
from training.tasks.stop_signal import Interruption

POOL, TARGET = 24, 30
#: The studies: arms, and changes of the tiny preset of tests. Each trains for about half a minute.
STUDIES: dict[str, dict[str, Any]] = {
    "reconstruction": {
        "arms": ["scratch", "A", "all"],
        "overrides": {"pretrain_epochs": 10, "pretrain_steps": 40, "finetune_epochs": 25},
    },
    "contrast": {
        "arms": ["scratch", "all"],
        "overrides": {
            "objective": "contrast",
            "pretrain_batch": 8,
            "pretrain_epochs": 10,
            "pretrain_steps": 40,
            "finetune_epochs": 20,
        },
    },
    "plain network": {
        "arms": ["scratch", "A", "probe-A", "cnn"],
        "overrides": {"pretrain_epochs": 8, "pretrain_steps": 20, "finetune_epochs": 16},
    },
    "tuned": {
        "arms": ["scratch", "A"],
        "tuning": Tuning(rates=(1.0,), lengths=(0.5, 1.5)),
        "overrides": {"pretrain_epochs": 8, "pretrain_steps": 25, "finetune_epochs": 20},
    },
    "as learned": {
        "arms": ["scratch", "all", "all-labels-50"],
        "overrides": {
            "masking": "brain",
            "centred": True,
            "warp_mm": 4.0,
            "locality": 10.0,
            "head_start": "ridge",
            "pretrain_epochs": 10,
            "pretrain_steps": 40,
            "finetune_epochs": 20,
        },
    },
}


def _children_s() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def run(workspace: Workspace, study: Study) -> tuple[float, float]:
    """Run a planned study to its end as the dashboard does, in the foreground.

    Returns
    -------
    tuple of float
        Processor time of its jobs, and of what leads them, s.
    """
    runs.write_configs(study)
    backend = Backend(cores=1, beside=True)
    execution_backend.write_backend(study, backend)
    began = _children_s()
    options = ["--workspace", str(workspace.root), "--study", study.id]
    command = [sys.executable, "-m", "training.jobs.supervisor", *options]
    environment = os.environ | {"PYTHONPATH": import_path(), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, start_new_session=True, stderr=subprocess.PIPE, text=True, env=environment
    )
    if done.returncode:
        raise SystemExit(f"{study.id} did not come to its end: {done.stderr[-3000:]}")
    return probed_cost.took_s(study), _children_s() - began


def measure(folder: Path) -> dict[str, Any]:
    """Probe and run the five studies."""
    errors: dict[str, float] = {}
    start = probe.since_the_start()
    for name, about in STUDIES.items():
        workspace = Workspace.create(folder / name)
        workspace_trainable.make(workspace, pool=POOL, target=TARGET)
        study = workspace_trainable.plan(workspace, name=name, seeds=[0], folds=2, **about)
        measured = probe.measure(workspace, study, Interruption(), start)
        cost_probe.write(study, measured)
        cost = probed_cost.of_study(workspace, study, Backend(cores=1))
        assert cost is not None
        jobs, lead = run(workspace, study)
        foretold, took = cost.work.processor, jobs + lead
        errors[name] = foretold / took - 1
        print(
            f"{name}: foretold {foretold:.1f} s of processor time, took {took:.1f} s ({errors[name]:+.1%}); "
            f"without what leads it {foretold - cost.lead.processor:.1f} and {jobs:.1f} s; "
            f"a start {measured.start.processor:.1f} s; "
            f"load {psutil.getloadavg()[0]:.0f}",
            flush=True,
        )
    return {
        "estimate_error": round(max(map(abs, errors.values())), 3),
        "estimate_errors": {name: round(error, 3) for name, error in errors.items()},
    }


def main() -> None:
    """Measure, and print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(Path(folder))))


if __name__ == "__main__":
    main()
