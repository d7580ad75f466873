import numpy as np
import pandas as pd
import pytest

from curation.errors import StudyError
from curation.imaging import prepared_volume
from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from training.settings.presets import PRESETS
from training.studies import prepare_volumes, runs
from training.studies.run_status import state_of
from training.tasks import finetune, ridge
from training.tasks.stop_signal import Interruption

SMOKE = PRESETS["smoke"]


def _brain(csf: float, *, seed: int = 0) -> np.ndarray:
    """A prepared volume with the given share of fluid, where the template has it, else grey or white."""
    where, priors, *_ = ridge._grid(SMOKE)
    rng = np.random.default_rng(seed)
    brightness = np.where(priors[:, 1] > priors[:, 2], 0.65, 1.0)
    likely = priors[:, 0] + rng.normal(0, 0.05, len(priors))
    brightness[likely > np.quantile(likely, 1 - csf)] = 0.2
    volume = np.full(SMOKE.shape, prepared_volume.BACKGROUND, np.float32)
    volume[where] = (brightness + rng.normal(0, 0.03, len(brightness)) - 0.5) / 0.25
    return volume


def test_shares_of_tissues_are_those_of_the_image() -> None:
    found = [ridge.measure(_brain(csf), 1.0, SMOKE) for csf in (0.1, 0.3)]
    assert [one["csf_share"] for one in found] == pytest.approx([0.1, 0.3], abs=0.04)
    for one in found:
        assert one["csf_share"] + one["grey_share"] + one["white_share"] == pytest.approx(1)
        assert 0 < one["ventricle_csf_share"] < 1 and 0 < one["rim_csf_share"] < 1


def test_the_head_is_told_in_the_persons_own_size() -> None:
    small, large = (ridge.measure(_brain(0.2), growth, SMOKE)["head_ml"] for growth in (1.25, 0.8))
    assert large / small == pytest.approx(1.25 / 0.8)
    assert 1600 / 1.25 < small < 2100 / 1.25


def test_an_image_without_signal_is_not_measurable_and_still_gets_an_age() -> None:
    empty = np.full(SMOKE.shape, prepared_volume.BACKGROUND, np.float32)
    assert np.isnan(ridge.measure(empty, 1.0, SMOKE)["csf_share"])
    rng = np.random.default_rng(0)
    known = pd.DataFrame(rng.normal(size=(20, len(ridge.FEATURES))), columns=list(ridge.FEATURES))
    ages = 50 + 10 * known["csf_share"].to_numpy()
    model = ridge.fit(known, ages)
    assert np.abs(model.predict(known.to_numpy()) - ages).max() < 0.5
    nothing = np.full((1, len(ridge.FEATURES)), np.nan)
    assert model.predict(nothing)[0] == pytest.approx(ages.mean(), abs=1)


def test_a_volume_that_was_cut_off_is_named_with_what_to_do(workspace: Workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace), arms=["ridge"])
    people = study.scans().query("role == 'target'")
    path, *_ = prepare_volumes.volume_paths(workspace, study, people["scan_id"])
    path.write_bytes(path.read_bytes()[:150])
    with pytest.raises(StudyError, match=rf"{path.name}.*Delete this file and resume"):
        ridge.features_of(workspace, study, people)


def test_a_ridge_arm_is_a_run_like_others(workspace: Workspace) -> None:
    workspace_trainable.make(workspace, target=24)
    study = workspace_trainable.plan(
        workspace, arms=["ridge"], overrides={"spacing_mm": 4.0, "shape": (40, 48, 40)}
    )
    runs.write_configs(study)
    assert [run.kind for run in runs.runs_of(study)] == ["finetune", "finetune"]
    for run in runs.runs_of(study):
        finetune.finetune(workspace, study, run, Interruption())
        result = files.read_json(run.result_path)
        assert result["age_mae_years"] < 0.5 * result["baseline_mae_years"]
        assert set(result["coefficients"]) == set(ridge.FEATURES)
        state = state_of(study, run)
        assert (state.state, state.epoch, state.epochs) == ("finished", 1, 1)
        assert state.age_mae_years == result["age_mae_years"]
    people = [
        row["subject_id"]
        for run in runs.runs_of(study)
        for row in files.read_json(run.result_path)["predictions"]
    ]
    assert len(people) == len(set(people)) == 24
