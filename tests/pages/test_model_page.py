"""Model: the maps of a scan, their making in the background, and the learned error beside the score."""

from dataclasses import replace

import numpy as np
import pytest

from curation.storage import files, json_lines, processes, tables
from curation.storage.workspace import Source, Workspace
from curation.tiers import tier_rule
from curation.tiers.tier_rule import TierRule
from pages.ui.model import learned_panel
from pages.ui.shell import background_tasks, state
from pages.ui.train import study_panel
from tests.helpers import pet_images, workspace_full, workspace_trainable
from tests.helpers.nifti_images import write_nifti
from tests.helpers.page_words import button, checked, words
from tests.helpers.workspace_full import FullWorkspace
from training.reconstruction import reconstruction_files
from training.settings.input_images import IMAGES
from training.studies import prepare_volumes, runs
from training.studies.planned_study import Study
from training.studies.runs import Run


@pytest.fixture
def model(ours: FullWorkspace, monkeypatch: pytest.MonkeyPatch) -> tuple[Workspace, Study, Run]:
    """A workspace with a study of which one pretraining is finished; nothing is really started."""
    own, finished, _ = ours
    run = runs.find(finished, "pretrain_all_seed0")
    runs.write_configs(finished)
    run.model_path.write_bytes(b"weights")
    files.write_json(run.result_path, {"loss": 0.5})
    monkeypatch.setattr(processes, "start", lambda *_, **__: None)
    return own, finished, run


def test_of_a_contrast_alone_it_is_said_that_there_is_no_decoder(model, run, monkeypatch) -> None:
    workspace, study, _ = model
    contrast = replace(study.preset, objective="contrast")
    listed = [replace(study, preset=contrast)]
    monkeypatch.setattr(study_panel, "list_studies", lambda _: listed)
    page = checked(run("model", workspace))
    said = words(page)
    assert page.code[-1].value == (
        f"python -m training export {study.id} pretrain_all_seed0 --workspace {workspace.root}"
    )
    assert "pretrained by contrast alone, without a decoder" in said
    assert "Reconstruction error as a signal of quality" not in said


def _make_maps(workspace: Workspace, study: Study, run: Run, *, seen: bool = False) -> str:
    scan = reconstruction_files.usable_scans(workspace, study, run).iloc[0]
    folder = reconstruction_files.scan_folder(study, run, scan)
    for name in reconstruction_files.MAPS:
        write_nifti(folder / f"{name}.nii.gz", seed=len(name))
    facts = {
        "reconstruction_error": 0.4321,
        "error_share": 0.123,
        "masking_ratio": 0.75,
        "pretrained_on": seen,
    }
    files.write_json(folder / "facts.json", facts)
    return scan["scan_id"]


def _make_errors(study: Study, run: Run, workspace: Workspace, leave_out: int = 0) -> None:
    scans = reconstruction_files.usable_scans(workspace, study, run).iloc[leave_out:]
    path = reconstruction_files.errors_path(study, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    for place, (scan_id, key) in enumerate(
        zip(scans["scan_id"], reconstruction_files.keys_of(study, scans), strict=True)
    ):
        row = {"scan_id": scan_id, "key": key, "reconstruction_error": 0.1 * place, "reason": ""}
        json_lines.append(path, row)


def test_without_a_finished_pretraining_it_offers_the_way_to_one(own, run) -> None:
    assert "No model is pretrained yet" in words(run("model", own))


def test_it_does_not_say_that_nothing_is_pretrained_where_no_study_can_be_read(ours, run) -> None:
    for path in ours.workspace.studies_dir.glob("*/study.json"):
        path.write_text("{")
    said = words(run("model", ours.workspace))
    assert "No study here can be opened" in said and "No model is pretrained" not in said


def test_a_scan_that_was_not_looked_at_is_looked_at_in_the_background(
    model, run, monkeypatch
) -> None:
    workspace, _, pretrained = model
    started: list[list[str]] = []
    monkeypatch.setattr(processes, "start", lambda command, **_: started.append(list(command)))
    monkeypatch.setattr(background_tasks, "running", lambda *_: object() if started else None)
    page = run("model", workspace)
    (command,) = started
    assert command[1:4] == ["-m", "training", "reconstruct"]
    assert command[command.index("--run") + 1] == pretrained.id
    assert command[command.index("--scan") + 1] == page.session_state[state.SCAN]
    assert "The model looks at the scan" in words(page)


def test_model_leaves_the_study_alone_that_is_open_elsewhere(model, run, ours) -> None:
    workspace, study, _ = model
    opened = {state.STUDY: ours.half.id, state.SCAN: _make_maps(*model)}
    page = run("model", workspace, **opened)
    assert page.session_state[state.STUDY] == ours.half.id
    assert page.selectbox(key=state.MODEL_STUDY).value == study.id


def test_errors_are_drawn_by_the_tiers_that_every_page_shows(model) -> None:
    workspace = model[0]
    rule = TierRule(column="cjv", cutoffs=(0.5, 0.7))
    table = tables.read_scored_scans(workspace).dropna(subset=["distortion_score"]).head(6)
    table = table.assign(reconstruction_error=0.5, pretrained_on=False, tier=list("AABBCC"))
    figure = learned_panel.against_score(table, rule)
    assert {trace.name.split(",")[0]: len(trace.x) for trace in figure.data} == dict.fromkeys(
        "ABC", 2
    )
    own = dict(zip("ABC", tier_rule.colours(rule).values(), strict=False))
    assert {trace.name[0]: trace.marker.color for trace in figure.data} == own


def test_a_scan_that_failed_says_why_and_is_not_tried_again_by_itself(
    model, run, monkeypatch
) -> None:
    workspace, study, pretrained = model
    scan_id = reconstruction_files.usable_scans(workspace, study, pretrained)["scan_id"].iloc[0]
    started: list[str] = []
    monkeypatch.setattr(processes, "start", lambda command, **_: started.append(command[-1]))
    asked = [study.id, "--run", pretrained.id, "--scan", scan_id]
    files.write_json(
        workspace.tasks_dir / "reconstruct.json", {"command": asked, "pid": 1, "started": 0.0}
    )
    files.write_text(workspace.tasks_dir / "reconstruct.log", "error: the file <b>changed</b>\n")
    page = run("model", workspace, **{state.SCAN: scan_id})
    assert "the file" in page.error[0].value and r"\<b\>" in page.error[0].value
    assert started == []
    assert button(page, "Try again")


def test_a_process_that_ended_without_a_word_is_not_started_again_and_again(
    model, run, monkeypatch
) -> None:
    workspace, study, pretrained = model
    scan_id = reconstruction_files.usable_scans(workspace, study, pretrained)["scan_id"].iloc[0]
    started: list[str] = []
    monkeypatch.setattr(processes, "start", lambda command, **_: started.append(command[-1]))
    asked = [study.id, "--run", pretrained.id, "--scan", scan_id]
    files.write_json(
        workspace.tasks_dir / "reconstruct.json", {"command": asked, "pid": 1, "started": 0.0}
    )
    page = run("model", workspace, **{state.SCAN: scan_id})
    assert "ended before it was done" in page.error[0].value
    assert started == []


@pytest.mark.parametrize(
    ("seen", "said"), [(True, "was pretrained on this person"), (False, "has not seen")]
)
def test_the_maps_are_drawn_with_their_error_and_whether_the_person_is_known(
    model, run, seen: bool, said: str
) -> None:
    scan_id = _make_maps(*model, seen=seen)
    page = run("model", model[0], **{state.SCAN: scan_id})
    assert "reconstruction error 0.432" in words(page)
    assert "12.3 % of white matter" in words(page)
    assert said in words(page)
    for label in ("Input", "Masked input", "Reconstruction", "Error"):
        assert f"<b>{label}</b>" in words(page)


def test_of_a_model_of_both_images_the_maps_of_either_are_drawn(
    workspace, run, monkeypatch
) -> None:
    pet_images.make(workspace)
    workspace.put_source(Source("pool", str(workspace.root), "bids", simulated=True))
    study = workspace_trainable.plan(workspace, overrides=dict(IMAGES["together"].overrides))
    runs.write_configs(study)
    pretrained = runs.find(study, "pretrain_A_seed0")
    files.write_json(pretrained.result_path, {"loss": 1.0})
    pretrained.model_path.write_bytes(b"")
    monkeypatch.setattr(processes, "start", lambda *_, **__: None)
    scan_id = _make_maps(workspace, study, pretrained)
    (facts,) = study.folder.glob("reconstructions/*/*/facts.json")
    for name in reconstruction_files.MAPS:
        write_nifti(facts.with_name(f"pet-{name}.nii.gz"), seed=len(name))
    shares = {"error_shares": {"T1w": 0.123, "pet": 0.217}}
    files.write_json(facts, files.read_json(facts) | shares)
    chosen = {state.SCAN: scan_id, state.STUDY: study.id}
    said = words(run("model", workspace, **chosen))
    assert "12.3 % of white matter" in said and "error is of both" in said
    said = words(run("model", workspace, **chosen, **{state.MAPS_OF: "pet"}))
    assert "21.7 % of twice the brain" in said


def test_errors_are_offered_to_be_measured_and_say_how_many_are_left(
    model, run, monkeypatch
) -> None:
    workspace, study, pretrained = model
    scan_id = _make_maps(*model)
    _make_errors(study, pretrained, workspace, leave_out=30)
    page = run("model", workspace, **{state.SCAN: scan_id})
    started: list[list[str]] = []
    monkeypatch.setattr(processes, "start", lambda command, **_: started.append(list(command)))
    checked(button(page, "Measure 30 scans").click().run())
    assert started[0][-1] == "--errors"


def test_measured_errors_become_a_column_and_are_held_against_the_score(model, run) -> None:
    workspace, study, pretrained = model
    scan_id = _make_maps(*model)
    _make_errors(study, pretrained, workspace)
    page = run("model", workspace, **{state.SCAN: scan_id})
    checked(button(page, "Take this model's errors").click().run())
    scored = tables.read_scored_scans(workspace)
    assert (
        scored["reconstruction_error"].notna().sum() == workspace_full.POOL + workspace_full.TARGET
    )
    said = words(page)
    # the target is held out; everyone in the pool was pretrained on
    assert f"over {workspace_full.TARGET} people" in said
    assert f"over {workspace_full.POOL} people" in said
    assert len(page.get("plotly_chart")) == 1


def test_scans_without_alignment_are_not_offered(model) -> None:
    workspace, study, pretrained = model
    metrics = tables.read_metrics(workspace)
    metrics.at[0, "template_affine"] = None
    files.write_parquet(workspace.metrics_dir / "part-made.parquet", metrics)
    found = reconstruction_files.usable_scans(workspace, study, pretrained)
    assert metrics["scan_id"][0] not in set(found["scan_id"])
    assert len(found) == len(metrics) - 1


def test_the_name_of_a_map_follows_from_scan_and_alignment(model) -> None:
    workspace, study, pretrained = model
    scan = reconstruction_files.usable_scans(workspace, study, pretrained).iloc[0].copy()
    before = reconstruction_files.scan_folder(study, pretrained, scan)
    scan["template_affine"] = (2 * np.eye(4)).ravel().tolist()
    assert reconstruction_files.scan_folder(study, pretrained, scan) != before
    assert before.name == prepare_volumes.volume_key(
        scan["sha256"], np.eye(4).ravel().tolist(), study.preset
    )
