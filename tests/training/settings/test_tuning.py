"""Tuning of fine-tunings: who chooses, what is tried, and that plans of before stay what they were."""

import pytest

from curation.errors import StudyError
from curation.storage import files
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from tests.helpers.workspace_trainable import TINY_PRESET
from training.results import tuning_choices
from training.settings import tuning
from training.settings.tuning import Recipe, Tuning
from training.studies import planned_study, runs
from training.studies.planned_study import Study

ARMS = ["scratch", "A", "all", "probe-all", "all-labels-50", "random", "cnn", "ridge"]


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Study:
    root = tmp_path_factory.mktemp("tuned") / "workspace"
    workspace = workspace_trainable.make(Workspace.create(root), target=18)
    return workspace_trainable.plan(workspace, arms=ARMS, seeds=[3, 4], folds=3, tuning=Tuning())


def test_nobody_held_out_has_a_part_in_the_tuning_of_a_fold(tuned: Study) -> None:
    target = tuned.scans().query("role == 'target'")
    for fold in range(tuned.folds):
        held_out = set(target.loc[target["fold"] == fold, "subject_id"])
        train, test, _ = tuned.inner_split(fold)
        learned, validated = set(train["subject_id"]), set(test["subject_id"])
        assert not held_out & (learned | validated)
        assert not learned & validated
        assert learned | validated == set(target["subject_id"]) - held_out
        assert len(validated) == len(learned | validated) // tuning.INNER_FOLDS


def test_the_people_that_trials_are_judged_on_are_of_all_ages(tuned: Study) -> None:
    for fold in range(tuned.folds):
        train, test, _ = tuned.inner_split(fold)
        assert abs(train["age_years"].mean() - test["age_years"].mean()) < 10
        assert train["age_years"].min() < test["age_years"].mean() < train["age_years"].max()


def test_every_kind_of_arm_has_as_many_trials_and_ridge_regression_none(tuned: Study) -> None:
    trials = [run for run in runs.runs_of(tuned) if run.kind == "tune"]
    counts = {
        (kind, fold): len(runs.trials_of(tuned, kind, fold))
        for kind in tuning.kinds_of(tuned.arms)
        for fold in range(tuned.folds)
    }
    assert set(counts.values()) == {6}
    assert {kind for kind, _ in counts} == set(tuning.KINDS)
    assert len(trials) == sum(counts.values())
    assert len(trials) == tuning.trial_count(tuned.tuning, tuned.arms, tuned.folds)
    assert len({run.id for run in runs.runs_of(tuned)}) == len(runs.runs_of(tuned))


def test_pretrained_arms_take_turns_and_a_share_of_the_labels_tunes_nothing(tuned: Study) -> None:
    arms = [runs.trials_of(tuned, "pretrained", fold)[0].arm for fold in range(3)]
    assert arms == ["A", "all", "A"]
    assert {runs.trials_of(tuned, "scratch", fold)[0].arm for fold in range(3)} == {"scratch"}


def test_a_fine_tuning_waits_for_its_encoder_and_for_the_trials_of_its_kind_and_fold(
    tuned: Study,
) -> None:
    run = runs.find(tuned, "finetune_all-labels-50_seed4_fold1")
    waits = [parent.id for parent in runs.parents_of(tuned, run)]
    assert waits[0] == "pretrain_all_seed4"
    assert waits[1:] == [one.id for one in runs.trials_of(tuned, "pretrained", 1)]
    trial = runs.trials_of(tuned, "pretrained", 0)[0]
    assert [parent.id for parent in runs.parents_of(tuned, trial)] == ["pretrain_A_seed3"]
    assert runs.parents_of(tuned, runs.find(tuned, "finetune_ridge_seed3_fold0")) == []


def test_the_first_trial_is_what_the_preset_says() -> None:
    for kind in tuning.KINDS:
        trials = Tuning().trials(TINY_PRESET, kind)
        assert trials[0] == tuning.usual_recipe(TINY_PRESET, kind)
        assert len(set(trials)) == 6
    assert {trial.epochs for trial in trials} == {3, 6}


def _finish(study: Study, kind: str, fold: int, errors: list[float]) -> None:
    for run, error in zip(runs.trials_of(study, kind, fold), errors, strict=True):
        predictions = [{"subject_id": f"target:{number}"} for number in (1, 1, 2)]
        files.write_json(run.result_path, {"age_mae_years": error, "predictions": predictions})


def test_the_trial_with_the_smallest_error_is_taken_by_every_arm_of_the_kind_and_fold(
    tuned: Study,
) -> None:
    first = runs.find(tuned, "finetune_A_seed3_fold0")
    with pytest.raises(
        StudyError, match=r"tuning of pretrained encoders in fold 1 is not finished"
    ):
        tuning_choices.recipe_of(tuned, first)
    _finish(tuned, "pretrained", 0, [5.0, 6.0, 4.0, 7.0, 4.5, 9.0])
    expected = Tuning().trials(TINY_PRESET, "pretrained")[2]
    for name in ("A", "all", "all-labels-50"):
        for seed in (3, 4):
            run = runs.find(tuned, f"finetune_{name}_seed{seed}_fold0")
            assert tuning_choices.recipe_of(tuned, run) == expected
    made = tuning_choices.choice(tuned, "pretrained", 0)
    assert made is not None and (made.arm, made.people) == ("A", 2)
    assert tuning_choices.as_record(tuned)[0]["trials"][2]["age_mae_years"] == 4.0


def test_among_equals_the_preset_is_kept(tuned: Study) -> None:
    _finish(tuned, "cnn", 1, [4.0] * 6)
    made = tuning_choices.choice(tuned, "cnn", 1)
    assert made is not None
    assert made.recipe == Recipe(TINY_PRESET.cnn_lr, TINY_PRESET.finetune_epochs)


def test_doing_an_arm_again_leaves_what_was_chosen_for_all(tuned: Study) -> None:
    again = {run.kind for run in runs.named(tuned, ["A"])}
    assert again == {"pretrain", "finetune"}
    trial = runs.trials_of(tuned, "pretrained", 0)[0]
    assert runs.named(tuned, [trial.id]) == [trial]


def test_too_few_people_to_tune_on_are_refused_when_planned(workspace: Workspace) -> None:
    workspace_trainable.make(workspace, target=8)
    with pytest.raises(StudyError, match=r"4 people to learn from; tuning .* at least 6"):
        workspace_trainable.plan(workspace, tuning=Tuning())
    assert not list(workspace.studies_dir.glob("*"))


def test_a_plan_without_tuning_keeps_its_name_and_has_no_trials(workspace: Workspace) -> None:
    workspace_trainable.make(workspace, target=12)
    plain = workspace_trainable.plan(workspace)
    assert "tuning" not in files.read_json(plain.header_path)
    assert not [run for run in runs.runs_of(plain) if run.kind == "tune"]
    run = runs.find(plain, "finetune_scratch_seed0_fold0")
    assert tuning_choices.recipe_of(plain, run) == Recipe(plain.preset.finetune_lr, 3)
    other = workspace_trainable.plan(workspace, tuning=Tuning())
    assert other.id != plain.id
    assert planned_study.load(workspace, other.id).tuning == Tuning()
