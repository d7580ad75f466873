"""Train: studies that run, ran, or are refused."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from curation.assessment import snakemake_profiles
from curation.cohorts import cohort_draft, frozen_cohort, matched_controls
from curation.storage import files, processes, tables
from curation.storage.workspace import Source, Workspace
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from pages.ui.shell import state
from pages.ui.train import jobs_panel, study_form, study_panel
from tests.helpers import pet_images, workspace_full, workspace_trainable
from tests.helpers.page_words import button, checked, words
from training.jobs import execution_backend, launch, probed_cost, study_status
from training.jobs.execution_backend import Backend
from training.jobs.study_status import status
from training.settings.presets import PRESETS
from training.studies import cost_probe, planned_study
from training.studies.cost_probe import CostProbe, RunParts, Seconds
from training.studies.planned_study import Study

pytestmark = pytest.mark.usefixtures("few_draws")

PART = RunParts(*[Seconds(0.5, 0.4)] * 5, model_bytes=1000)
#: What a probe may find.
KNOWN = CostProbe(
    when="2026-11-29T12:00:00+00:00",
    host="node",
    device="cpu",
    cores=2,
    load=0.5,
    start=Seconds(6.0, 6.0),
    prepared=Seconds(1.0, 1.0),
    runs={"pretrain": PART, "full": PART},
    memory_mb=800.0,
)


@pytest.fixture
def half_running(full) -> Iterator[tuple[Workspace, Study]]:
    workspace, _, half = full
    process = workspace_full.pretend_running(half)
    yield workspace, half
    processes.stop(process)
    (half.folder / "workflow.json").unlink()


def test_the_newest_study_is_open_although_an_older_one_has_an_answer(full, run) -> None:
    workspace, finished, half = full
    assert finished.result_path.exists() and half.created >= finished.created
    assert run("train", workspace).session_state[state.STUDY] == half.id


def test_train_shows_a_running_study_with_progress_and_a_way_to_stop(half_running, run) -> None:
    workspace, half = half_running
    page = run("train", workspace, **{state.STUDY: half.id})
    assert ">running</span>" in words(page)
    epochs = half.preset.pretrain_epochs
    assert f"epoch {epochs // 2} of {epochs}" in words(page)
    checked(button(page, "Stop the study").click().run())
    assert status(workspace, half.id).state == "stopped"
    assert button(page, "Resume the study")


def test_resume_asks_first(full, run, monkeypatch) -> None:
    workspace, _, half = full
    processes.stop(workspace_full.pretend_running(half))
    launched = []
    monkeypatch.setattr(launch, "launch", lambda _, study_id, **__: launched.append(study_id))
    page = run("train", workspace, **{state.STUDY: half.id})
    assert "stay as they are" in words(page)
    assert launched == []
    checked(button(page, "Resume the study").click().run())
    assert launched == [half.id]
    (half.folder / "workflow.json").unlink()


def test_train_plans_and_launches_what_was_chosen(own, run, monkeypatch) -> None:
    frozen_cohort.freeze(own, "pool", author="tests")
    frozen_cohort.freeze(own, "target", author="tests", role="target")
    launched = []
    monkeypatch.setattr(launch, "launch", lambda _, study_id, **__: launched.append(study_id))
    page = run("train", own)
    assert "30 runs: 6 pretrainings and 24 fine-tunings" in words(page)
    page.number_input[0].set_value(1).run()
    assert "15 runs" in words(page)
    (changes,) = [box for box in page.text_input if box.label.startswith("Changes")]
    changes.set_value("pretrain_epochs=one").run()
    assert "is like 24; not 'one'" in page.warning[0].value
    assert button(page, "Launch the study").disabled
    changes.set_value("").run()
    asked: list[str] = []
    monkeypatch.setattr(probed_cost, "start", lambda _, study: asked.append(study.id))
    checked(button(page, "Plan it, and ask what it costs").click().run())
    (planned,) = planned_study.list_studies(own)
    assert (launched, asked) == ([], [planned.id])
    assert button(page, "What will it cost?")
    cost_probe.write(planned, KNOWN)
    assert "start to end on a free machine" in words(page.run())
    checked(button(page, "Launch the study").click().run())
    assert planned_study.list_studies(own) == [planned]
    assert launched == [planned.id]
    assert [arm.name for arm in planned.arms] == ["scratch", "A", "all", "control-A"]
    assert (planned.seeds, planned.folds) == ((0,), 3)


def test_an_objective_and_the_tuning_are_chosen_and_planned(own, run, monkeypatch) -> None:
    frozen_cohort.freeze(own, "pool", author="tests")
    frozen_cohort.freeze(own, "target", author="tests", role="target")
    monkeypatch.setattr(launch, "launch", lambda *_, **__: None)
    page = run("train", own, **{f"{state.OBJECTIVE}-mae": "hybrid", state.BACKBONE: "unet"})
    assert "a small 3d convolutional network" in words(page).lower()
    assert "predicts removed patches and tells two views" in words(page).lower()
    assert "With 8 scans a step, hybrid tells each from 7 others" in words(page)
    page.toggle[0].set_value(True).run()
    # scratch and pretrained, 6 trials each in 3 folds
    assert "66 runs: 6 pretrainings, 36 trials of the tuning and 24 fine-tunings" in words(page)
    checked(button(page, "Launch the study").click().run())
    (planned,) = planned_study.list_studies(own)
    assert planned.preset.objective == "hybrid" and planned.tuning is not None
    assert planned.preset.backbone == "unet"
    assert planned.name.endswith("hybrid-unet")
    page = run("train", own, **{state.STUDY: planned.id})
    assert "0 of 6 trials" in words(page)


def test_the_objective_that_is_shown_is_the_one_of_the_preset_that_is_chosen(
    own, run, monkeypatch
) -> None:
    frozen_cohort.freeze(own, "pool", author="tests")
    frozen_cohort.freeze(own, "target", author="tests", role="target")
    page = run("train", own)
    assert "Predicts removed patches from the others" in words(page)
    (preset,) = [box for box in page.selectbox if box.label == "Preset"]
    checked(preset.set_value(PRESETS["world"]).run())
    assert "Tells two views of a scan from those of other people" in words(page)
    checked(page.segmented_control(key=f"{state.OBJECTIVE}-contrast").set_value("mae").run())
    assert "Predicts removed patches from the others" in words(page)
    monkeypatch.setattr(probed_cost, "start", lambda *_: None)
    checked(button(page, "Plan it, and ask what it costs").click().run())
    (planned,) = planned_study.list_studies(own)
    assert planned.preset.name == "world" and planned.preset.objective == "mae"


def test_a_design_without_its_question_cannot_be_launched_and_says_why(own, run) -> None:
    frozen_cohort.freeze(own, "pool", author="tests", rule=TierRule(cutoffs=(99.0, 99.5)))
    frozen_cohort.freeze(own, "target", author="tests", role="target")
    page = run("train", own)
    assert "24 scans in A, 0 scans in B, 0 scans in C" in words(page)
    assert button(page, "Launch the study").disabled
    checked(page.segmented_control(key=state.DESIGN).set_value("sweep").run())
    assert not button(page, "Launch the study").disabled


def test_a_plan_says_what_controls_share_and_that_two_rules_differ(own, run) -> None:
    frozen_cohort.freeze(own, "pool", author="tests", rule=TierRule(("A", "B"), (40.0,)))
    frozen_cohort.freeze(own, "target", author="tests", role="target")
    said = words(run("train", own))
    assert "Controls are of the same size, sites, age tertiles and sexes as their arms" in said
    assert "scans of A are also in control-A" in said
    assert "cut by different rules" in said and "A: 0 to under 40" in said
    assert "more than half of the pool" in said
    assert "Distortion scores of the pool: A " in said


def test_the_target_of_the_newest_study_else_the_largest_is_chosen_at_first(own, run) -> None:
    frozen_cohort.freeze(own, "pool", author="tests")
    large = frozen_cohort.freeze(own, "target", author="tests", role="target")
    scans = tables.read_scans(own)
    outside = (scans["role"] == "target").cumsum() > large.size // 2
    tables.write_scans(own, scans.assign(role=scans["role"].mask(outside, "pool")))
    small = frozen_cohort.freeze(own, "external", author="tests", role="target")
    assert small.size < large.size and small.created >= large.created

    def chosen() -> str:
        return next(
            one for one in run("train", own).selectbox if one.label == "Target cohort"
        ).value.id

    assert chosen() == large.id
    pool = frozen_cohort.newest_pool(frozen_cohort.list_cohorts(own))
    assert pool
    header, why = study_form.usual_target(pool, frozen_cohort.list_cohorts(own)[:1], [])
    assert (header.id, why) == (frozen_cohort.list_cohorts(own)[0].id, "the largest target")
    tables.write_scans(own, scans)
    study = workspace_trainable.plan(own, target_id=small.id)
    first = study_form.usual_target(pool, [small, large], [study])
    assert first == (small, "the target of the newest study")
    other = replace(small, name="other", rule=TierRule(cutoffs=(30.0, 60.0)))
    mine = replace(pool, rule=other.rule)
    of_rule = "the only target that was cut by the pool's rule"
    assert study_form.usual_target(mine, [other, large], []) == (other, of_rule)
    assert study_form.usual_target(pool, [other, large], [study]) == (large, of_rule)
    among = ", among those cut by the pool's rule"
    found = [study_form.usual_target(pool, [other, small, large], seen) for seen in ([study], [])]
    assert found == [
        (small, f"the target of the newest study{among}"),
        (large, f"the largest target{among}"),
    ]


def test_a_control_that_was_just_drawn_is_not_proposed_as_the_pool(own, run) -> None:
    pool = frozen_cohort.freeze(own, "pool", author="tests")
    frozen_cohort.freeze(own, "target", author="tests", role="target")
    control = matched_controls.draw_control(own, pool.id, ("A",), seed=0, author="tests")
    headers = frozen_cohort.list_cohorts(own)
    assert frozen_cohort.newest_pool(headers) == next(one for one in headers if one.id == pool.id)
    assert frozen_cohort.newest_pool([one for one in headers if one.id == control.id]) is not None
    (box,) = (one for one in run("train", own).selectbox if one.label == "Pretraining pool")
    assert box.value.id == pool.id and len(box.options) == 2
    assert any(f"drawn at random from {pool.id}" in option for option in box.options)


def test_a_plan_on_good_scans_alone_says_so_and_so_does_compare(own, run) -> None:
    scores = tables.read_scores(own)
    low = scores["distortion_score"] / 5.5
    files.write_parquet(own.scores_path, scores.assign(distortion_score=low, score_high=99.0))
    rule = TierRule(("A", "B"), (9.0,))
    pool = frozen_cohort.freeze(own, "good", author="tests", rule=rule)
    target = frozen_cohort.freeze(own, "target", author="tests", role="target", rule=rule)
    planned_study.plan(
        own,
        name="good",
        cohort_id=pool.id,
        target_id=target.id,
        arms=["scratch", "A"],
        seeds=[0, 1],
        folds=2,
        preset="smoke",
    )
    for page in ("train", "compare"):
        said = words(run(page, own))
        assert "All tiers of the pool lie within what counts as good" in said
        assert "may belong in a worse tier" in said


def test_train_says_why_a_study_is_refused(own, run) -> None:
    frozen_cohort.freeze(own, "pool", author="tests")
    frozen_cohort.freeze(own, "target", author="tests", role="target")
    page = run("train", own)
    page.number_input[1].set_value(8).run()
    (told,) = (one.value for one in page.warning if "folds" in one.value)
    assert "8 folds need at least 16" in told
    assert button(page, "Launch the study").disabled


def test_power_and_cost_are_of_the_people_who_can_be_judged_on(own, run) -> None:
    frozen_cohort.freeze(own, "pool", author="tests")
    whole = frozen_cohort.freeze(own, "whole", author="tests", role="target")
    scores = whole.scans["distortion_score"]
    best = TierRule(gates=(Gate("distortion_score", above=float(scores.median())),))
    part = frozen_cohort.freeze(own, "part", author="tests", role="target", rule=best)
    people = cohort_draft.included(part.scans)["subject_id"].nunique()
    assert people < whole.scans["subject_id"].nunique()
    page = run("train", own)
    page.selectbox[1].select(next(one for one in page.selectbox[1].options if "part" in one)).run()
    said = words(page)
    assert f"With {people} people and 2 seeds" in said
    page.number_input[1].set_value(people).run()
    assert f"{people} people to judge on; {people} folds need at least {2 * people}" in words(page)


def test_one_person_who_can_be_judged_on_is_told_in_the_form(own, run) -> None:
    frozen_cohort.freeze(own, "pool", author="tests")
    whole = frozen_cohort.freeze(own, "whole", author="tests", role="target")
    (first,) = whole.scans.sort_values("distortion_score")["distortion_score"].iloc[:1]
    rule = TierRule(gates=(Gate("distortion_score", above=float(first)),))
    frozen_cohort.freeze(own, "one", author="tests", role="target", rule=rule)
    page = run("train", own)
    page.selectbox[1].select(next(one for one in page.selectbox[1].options if "one-" in one)).run()
    assert "The target cohort has 1 person to judge on; 3 folds need at least 6." in words(page)
    assert button(page, "Launch the study").disabled


def test_a_profile_is_chosen_by_its_name_and_a_stored_path_is_none(
    full, run, monkeypatch, tmp_path
) -> None:
    workspace, _, half = full
    processes.stop(workspace_full.pretend_running(half))
    (tmp_path / "config.yaml").write_text("jobs: 2\n")
    with monkeypatch.context() as stored:
        stored.setattr(
            execution_backend, "backend_of", lambda study: Backend("profile", profile=str(tmp_path))
        )
        page = run("train", workspace, **{state.STUDY: half.id})
        assert any("no Snakemake profile named" in one.value for one in page.warning)
        assert button(page, "Resume the study").disabled
        assert not any("profile" in field.label.lower() for field in page.text_input)
        stored.setenv(snakemake_profiles.ENVIRONMENT_VARIABLE, f"lab:{tmp_path}")
        page = run("train", workspace, **{state.STUDY: half.id})
        (choice,) = (one for one in page.selectbox if one.label == "Profile")
        assert (choice.options, choice.value) == (["lab"], None)
        checked(choice.select("lab").run())
        assert not button(page, "Resume the study").disabled
    (half.folder / "workflow.json").unlink()


@pytest.mark.parametrize(
    ("stands", "told"),
    [
        (
            "planned",
            "the study is planned and not launched. The button Launch … under its name starts it.",
        ),
        ("stopped", "the study was stopped before an epoch was finished. Resume it above."),
        ("queued", "the study waits in the queue."),
        ("running", "the first epoch is still running or waiting."),
    ],
)
def test_why_there_is_no_curve_yet_is_told_by_what_the_study_does(
    own, run, monkeypatch, stands: str, told: str
) -> None:
    study = workspace_trainable.plan(own)
    real = study_status.status(own, study.id)
    monkeypatch.setattr(study_panel, "status", lambda *_: replace(real, state=stands))
    assert told in words(run("train", own, **{state.STUDY: study.id}))


def test_train_without_cohorts_offers_to_freeze_them(own, run) -> None:
    assert "two frozen cohorts" in words(run("train", own))


def test_images_are_chosen_where_the_pool_has_pet_and_the_study_looks_at_them(
    workspace, run, monkeypatch
) -> None:
    pet_images.make(workspace)
    workspace.put_source(Source("pool", str(workspace.root), "bids", simulated=True))
    frozen_cohort.freeze(workspace, "pool", author="tests")
    frozen_cohort.freeze(workspace, "target", author="tests", role="target")
    monkeypatch.setattr(launch, "launch", lambda *_, **__: None)
    page = run("train", workspace)
    assert page.segmented_control(key=state.IMAGES).value == "T1w"
    page = run("train", workspace, **{state.IMAGES: "together"})
    assert "Both images of a person at once" in words(page)
    checked(button(page, "Launch the study").click().run())
    (planned,) = planned_study.list_studies(workspace)
    assert (planned.name, planned.preset.modalities) == ("tiers-together", ("T1w", "pet"))
    assert planned.preset.paired


def test_who_has_no_pet_is_said_where_a_study_is_planned(workspace, run) -> None:
    pet_images.make(workspace)
    workspace.put_source(Source("pool", str(workspace.root), "bids", simulated=True))
    scans = tables.read_scans(workspace)
    tables.write_scans(workspace, scans[scans["scan_id"] != "pool_sub-00_pet"])
    frozen_cohort.freeze(workspace, "pool", author="tests")
    frozen_cohort.freeze(workspace, "target", author="tests", role="target")
    page = run("train", workspace, **{state.IMAGES: "pet"})
    checked(button(page, "Launch the study").click().run())
    assert "1 of 20 scans have no PET" in page.error[0].value


def test_without_pet_there_is_no_choice_of_images(own, run) -> None:
    frozen_cohort.freeze(own, "pool", author="tests")
    frozen_cohort.freeze(own, "target", author="tests", role="target")
    page = run("train", own)
    assert state.IMAGES not in [control.key for control in page.segmented_control]


def test_all_jobs_stand_in_one_list_with_their_own_errors(ours, run) -> None:
    tasks = ours.workspace.tasks_dir
    tasks.mkdir(exist_ok=True)
    for name, said in (("ingest", "error: (src) names no scan"), ("dicom", "3 images made")):
        files.write_json(tasks / f"{name}.json", {"pid": 0, "started": 1e9, "command": []})
        (tasks / f"{name}.log").write_text(f"begun\n{said}\n")
    found = {job.what: job for job in jobs_panel.jobs(ours.workspace, [ours.finished])}
    assert (found["Reading a source"].state, found["Reading a source"].told) == (
        "failed",
        "(src) names no scan",
    )
    assert found["Making images of DICOM files"].told == "3 images made"
    assert found[f"Study {ours.finished.name}"].state == "finished"
    assert "(src) names no scan" in words(run("train", ours.workspace))
