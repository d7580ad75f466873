"""What must hold once a recipe was followed: ``python -m tests.how_to.proofs RECIPE FOLDER``, in the copy."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from streamlit.testing.v1 import AppTest

from curation.cli import describe_metrics
from curation.cohorts import frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.metrics import METRICS, METRICS_VERSION, measure, up_to_date
from curation.scoring import distortion_score
from curation.simulation import artefacts
from curation.storage.workspace import ENVIRONMENT_VARIABLE, Workspace
from curation.tiers.rule_columns import RULE_COLUMNS
from tests.helpers import page_reader, scan_of_arrays, workspace_full
from tests.helpers.page_words import words
from tests.helpers.paths import ROOT
from training.arms.arm_scans import scans_of
from training.arms.designs import DESIGNS
from training.arms.study_arms import choose, find
from training.settings.presets import PRESETS
from training.studies import planned_study
from training.studies.planned_study import Study


def metric(_: Path) -> None:
    """A metric is measured, documented, can be cut on, and scans that lack it are measured anew."""
    scan = scan_of_arrays.thirds()
    values, _reasons = measure(scan.volume, scan.masks)
    assert values["dead_share"] == float((scan.volume.data == 0).mean())
    assert "| `dead_share` ↓ |" in describe_metrics.page()
    assert "dead_share" in RULE_COLUMNS
    rows = pd.DataFrame({"metrics_version": range(1, METRICS_VERSION + 1)})
    assert up_to_date(rows).tolist() == [False] * (METRICS_VERSION - 1) + [True]


def artefact(_: Path) -> None:
    """An artefact is the identity at severity 0 and raises the sub-score of its family."""
    scan = scan_of_arrays.thirds()
    same, spoilt = (
        artefacts.apply("speckle", scan.volume.data, severity) for severity in (0.0, 1.0)
    )
    assert np.array_equal(same, scan.volume.data)
    family = artefacts.ARTEFACTS["speckle"].family
    names = [name for name, entry in METRICS.items() if entry.family == family]
    volumes = (scan.volume, replace(scan.volume, data=spoilt))
    rows = [dict.fromkeys(METRICS) | measure(each, scan.masks, names)[0] for each in volumes]
    scores = distortion_score.score(pd.DataFrame(rows).assign(scan_id="made", sha256="0"))[family]
    assert scores[1] > scores[0] + 20, scores


def design(folder: Path) -> None:
    """A design plans its arms."""
    workspace, pool, target = _frozen(folder)
    arms = DESIGNS["half"].arms(pool)
    assert arms == ["scratch", "all", "keep-50", "control-keep-50"]
    study = _planned(workspace, pool, target, arms, "smoke")
    assert [arm.name for arm in study.arms] == arms


def arm(folder: Path) -> None:
    """An arm holds the scans that it says, can be distorted, and has its control."""
    workspace, pool, target = _frozen(folder)
    (chosen,) = choose(pool, ["older"])
    members = scans_of(chosen, pool.scans)
    ages = pool.scans.set_index("scan_id")["age_years"]
    assert len(members) == len(ages) // 2 and ages[members].min() >= ages.drop(members).max()
    assert find(pool, "older~motion-0.5") is not None
    names = ["scratch", "older", "control-older"]
    study = _planned(workspace, pool, target, names, "smoke")
    assert [each.name for each in study.arms] == names
    assert len(study.pretraining_scans("control-older", 0)) == len(members)


def preset(folder: Path) -> None:
    """A preset is offered, and a study that was planned with it has it when it is opened again."""
    workspace, pool, target = _frozen(folder)
    study = _planned(workspace, pool, target, ["scratch", "all"], "sketch")
    assert planned_study.load(workspace, study.id).preset == PRESETS["sketch"]


def page(folder: Path) -> None:
    """A page opens, states its question and shows what it is about; of an empty workspace too."""
    os.environ[ENVIRONMENT_VARIABLE] = str(workspace_full.make(folder / "full").root)
    drawn = page_reader.page("sites")
    assert not drawn["broken"], drawn
    for told in ("Where do the scans come from?", "North", "2 sites in all"):
        assert told in drawn["said"], drawn
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60).run()
    assert "2 sites in all" in words(app.switch_page("pages/sites.py").run())
    os.environ[ENVIRONMENT_VARIABLE] = str(Workspace.create(folder / "empty").root)
    empty = page_reader.page("sites")
    assert not empty["broken"] and "page Cohort" in empty["said"], empty


def part(folder: Path) -> None:
    """A part draws where its page calls it."""
    os.environ[ENVIRONMENT_VARIABLE] = str(workspace_full.make(folder / "full").root)
    drawn = page_reader.page("cohort")
    assert not drawn["broken"], drawn
    assert "The youngest is 20 years old, the oldest 66." in drawn["said"], drawn


def _frozen(folder: Path) -> tuple[Workspace, Cohort, Cohort]:
    workspace = workspace_full.make(folder / "workspace")
    pool, target = (
        frozen_cohort.freeze(workspace, role, author="tests", role=role)
        for role in ("pool", "target")
    )
    return workspace, pool, target


def _planned(
    workspace: Workspace, pool: Cohort, target: Cohort, arms: list[str], preset: str
) -> Study:
    return planned_study.plan(
        workspace,
        name="made",
        cohort_id=pool.id,
        target_id=target.id,
        arms=arms,
        seeds=[0],
        folds=2,
        preset=preset,
    )


PROOFS: dict[str, Callable[[Path], None]] = {
    proof.__name__: proof for proof in (metric, artefact, design, arm, preset, page, part)
}

if __name__ == "__main__":
    PROOFS[sys.argv[1]](Path(sys.argv[2]))
