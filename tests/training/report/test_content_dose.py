"""What a report says of distortions and subsets: the same numbers as Compare, labelled as simulated."""

import numpy as np
import pandas as pd
import pytest

from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from tests.helpers.made_predictions import made
from training.judging.outcome import AGE, Outcome
from training.report import arm_words, content_dose
from training.report.source import Options, ReportSource
from training.results import distortion_effects, dose_harm
from training.studies.planned_study import Study

AGES = np.linspace(20, 80, 30)
HARM = ["A", "A~noise-0.5", "A~blur-0.5", "A~motion-0.5", "A~motion-1", "A~bias-0.5", "A~shear-0.5"]
DRAWS = ["A-share-50-draw-1", "A-share-50-draw-2", "A-share-50-draw-1-passes"]


@pytest.fixture
def study(workspace: Workspace) -> Study:
    arms = [*HARM, "A+A~noise-0.5", "not-A", *DRAWS]
    return workspace_trainable.plan(workspace_trainable.make(workspace), arms=arms, seeds=[0, 1])


def _source(workspace: Workspace, study: Study) -> ReportSource:
    rng = np.random.default_rng(0)
    years = 3 + np.arange(len(study.arms)) / 4
    missed = np.abs(years[:, None, None] + rng.normal(0, 1, (len(study.arms), 2, 30)))
    held_out = made(AGES + missed, AGES, arms=study.arms)
    return ReportSource(workspace, study, held_out, None, None, Options())


def test_each_dose_stands_with_its_interval_and_the_first_is_none_by_definition(
    workspace, study
) -> None:
    source = _source(workspace, study)
    message = content_dose.doses(source)
    table = message.plot.table
    assert table["severity"].tolist() == [0.0, 0.5, 1.0]
    assert table["row"].iloc[0] == "as it is (0 by definition)"
    lost = dose_harm.dose_harm(source.held_out, dose_harm.effects_by_arm(study)).set_index("arm")
    assert table["years_lost"].iloc[2] == lost.loc["A~motion-1", "years_lost"]
    assert "distorted by simulation" in message.note and len(message.points) == 2


def test_distortions_are_ranked_beside_what_they_do_to_volume_and_score(workspace, study) -> None:
    source = _source(workspace, study)
    message = content_dose.ranking(source)
    assert message.plot.table["artefact"].iloc[0] == "shear"
    assert content_dose.effects(source) is None  # nothing was measured
    rows = [
        ("shear", 0.5, scan, 0.25, 1.0, 1.5, 10.0, 40.0) for scan in study.pretraining_scans("A", 0)
    ] + [("noise", 0.5, study.pretraining_scans("A", 0)[0], 0.1, 1.0, 1.2, np.nan, np.nan)]
    measured = pd.DataFrame(rows, columns=list(distortion_effects.COLUMNS))
    files.write_parquet(study.distortion_effects_path, measured)
    shown = content_dose.effects(source)
    first = dict(zip(shown.table.head, shown.table.rows[0], strict=True))
    assert first["Distorted by simulation"] == "shear"
    assert (first["Change of the volume"], first["Score distorted"]) == ("0.25", "40")
    assert first["Its distance from the pool"] == "1.00 → 1.50"
    assert "up to 4 scans" in shown.note


def test_subsets_are_shown_at_equal_steps_and_passes(workspace, study) -> None:
    message = content_dose.more_scans(_source(workspace, study))
    assert set(message.plot.table["equal"]) == {"steps", "passes"}
    assert "2 draws" in message.lead and len(message.points) == 4
    assert message.points[0].startswith("2 scans, equal passes: ")


def test_the_methods_say_what_was_done_and_only_that(workspace, study) -> None:
    told = arm_words.methods(study)
    for part in (
        "not-A were drawn from the scans that the matched arm does not hold",
        "by the alignment of the scan as it is",
        "severity 0.5, 1 of 1",
        "taken back part of shear",
        "as it is and distorted",
        "Random subsets are of people, 2 draws",
        "in fewer steps",
    ):
        assert part in told
    assert "were scored" not in told  # not measured
    plain = workspace_trainable.plan(workspace, arms=["A", "control-A"])
    assert arm_words.methods(plain) == ""
    source = _source(workspace, plain)
    makers = (
        content_dose.doses,
        content_dose.ranking,
        content_dose.effects,
        content_dose.more_scans,
    )
    assert [make(source) for make in makers] == [None] * 4


@pytest.mark.parametrize("draws", [1, 2])
def test_intervals_of_subsets_are_over_draws_where_there_are_several(
    workspace: Workspace, draws: int
) -> None:
    arms = ["A", *(f"A-share-50-draw-{number + 1}" for number in range(draws))]
    study = workspace_trainable.plan(workspace_trainable.make(workspace), arms=arms, seeds=[0, 1])
    over = "people and draws" if draws > 1 else "people alone"
    assert f"their interval is over {over}." in arm_words.methods(study)
    note = content_dose.more_scans(_source(workspace, study)).note
    assert f"Intervals: 95 %, over {over}" in note and "of the whole, over people and seeds" in note


def test_the_error_of_a_size_is_in_the_unit_of_the_outcome() -> None:
    row = pd.Series(
        {"n_scans": 4.0, "equal": "steps", "age_mae_years": 0.71, "ci_low": 0.6, "ci_high": 0.8}
    )
    of_two = Outcome("sex", "two-valued", "", "M", "F", 3)
    assert content_dose._size_words(row, of_two) == (
        "4 scans, equal steps: AUC 0.710 (0.600 to 0.800)."
    )
    assert "0.71 years (0.60 to 0.80)" in content_dose._size_words(row, AGE)
