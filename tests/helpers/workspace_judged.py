"""A workspace ready for training whose target has sexes, diagnoses and scores, and a second target."""

import json
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.cohorts import frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.storage import files, tables
from curation.storage.workspace import Source, Workspace
from tests.helpers import workspace_trainable
from training.held_out import age_metrics
from training.judging.judging import Asked
from training.results import external_test
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.runs import Run

TARGET = 24
#: Columns of the target's table of people, by the number of the person.
COLUMNS: dict[str, Any] = {
    "diagnosis": lambda i: "AD" if i % 2 else "control",
    "MMSE": lambda i: f"{30 - i % 12},5",
    "drinks": lambda i: ("yes", "no", "sometimes")[i % 3],
    "batch": lambda i: "one",
    "rare": lambda i: str(i) if i < 6 else "n/a",
    "gap": lambda i: "n/a" if i == 3 else str(i * i),
    "old": lambda i: str(int((6 + i) % 12 > 5)),
    "left": lambda i: "yes" if i in (2, 5, 9) else "no",
}


def make(workspace: Workspace) -> Workspace:
    """Fill an empty workspace: a pool, and a target of 24 people of two sites with a table of people."""
    workspace_trainable.make(workspace, pool=6, target=TARGET)
    scans = tables.read_scans(workspace)
    sexes = [("F", "M")[number % 3 > 0] for number in range(len(scans))]
    tables.write_scans(workspace, scans.assign(sex=sexes))
    people = scans.loc[scans["role"] == "target", "participant_id"].tolist()
    lines = ["\t".join(("participant_id", *COLUMNS))]
    lines += [
        "\t".join((who, *(make(i) for make in COLUMNS.values()))) for i, who in enumerate(people)
    ]
    folder = workspace.root / "target-source"
    files.write_text(folder / "participants.tsv", "\n".join(lines) + "\n")
    workspace.put_source(Source("target", str(folder), "bids", "target", simulated=True))
    return workspace


def target(workspace: Workspace) -> Cohort:
    """Return the frozen target."""
    return frozen_cohort.freeze(workspace, "target", author="Ada", role="target")


def plan(workspace: Workspace, **changes: Any) -> Study:
    """Plan a tiny study of arms without pretraining; ``outcome`` and such as of :class:`Asked`."""
    asked = Asked(**{name: changes.pop(name) for name in Asked._fields if name in changes})
    return workspace_trainable.plan(workspace, **{"arms": ["scratch"]} | changes, asked=asked)


def second_target(workspace: Workspace) -> str:
    """Freeze half of the target as another cohort, then take it out of the target; return its id."""
    scans = tables.read_scans(workspace)
    half = (scans["role"] == "target") & (scans.groupby("role").cumcount() % 4 == 1)
    is_pool = scans["role"] == "pool"
    tables.write_scans(
        workspace, scans.assign(status=scans["status"].where(half | is_pool, "unreadable"))
    )
    other = frozen_cohort.freeze(workspace, "elsewhere", author="Ada", role="target")
    tables.write_scans(workspace, scans.assign(status=scans["status"].mask(half, "unreadable")))
    return other.id


def plant(study: Study) -> None:
    """Write finished runs with made-up predictions; the first arm is worse than the others."""
    for run in runs.runs_of(study):
        run.folder.mkdir(parents=True, exist_ok=True)
        files.write_json(run.status_path, {"state": "finished", "epoch": 3, "seconds": 3.0})
        if run.kind == "finetune":
            _plant(study, run)
    files.write_json(study.result_path, {"made": True})


def _plant(study: Study, run: Run) -> None:
    outcome = study.outcome
    train, test, _ = study.split(run.arm, run.seed, run.fold or 0)
    scale = age_metrics.scale_of(outcome, train)
    place = [arm.name for arm in study.arms].index(run.arm)
    rng = np.random.default_rng([run.seed, run.fold or 0, place])

    def predicted(scans: pd.DataFrame) -> NDArray[np.float64]:
        values = scans[outcome.column].to_numpy(dtype=float)
        noise = rng.normal(0, 0.3 if place else 0.6, len(scans))
        if outcome.two_valued:
            return np.clip(0.25 + 0.5 * values + noise, 0, 1)
        return values + noise * values.std()

    result = age_metrics.result_of(outcome, train, test, predicted(test), scale)
    for cohort_id, scans in study.external().items():
        result |= external_test.external_result(cohort_id, scans, predicted(scans), result)
    if run.fold == 0:
        probe = {"balanced_accuracy": 0.7, "chance": 0.5, "chance_high": 0.62, "p": 0.01}
        result["site_probe"] = probe | {"sites": 2, "people": len(train) + len(test)}
    files.write_json(run.result_path, result)
    figure = {key: result[key] for key in ("age_mae_years", "held_out") if key in result}
    lines = [json.dumps({"epoch": n, "step": n, "loss": 1 / n} | figure) for n in (1, 2, 3)]
    files.write_text(run.metrics_path, "\n".join(lines) + "\n")
