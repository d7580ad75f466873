"""What a study is to decide, declared on the command line, and told there and in every file."""

import io

import pytest
from pptx import Presentation

from curation.cohorts import frozen_cohort
from curation.storage.workspace import Workspace
from tests.helpers import workspace_full, workspace_trainable
from training.__main__ import main
from training.jobs import launch
from training.jobs.study_status import status
from training.report import content
from training.report_files import deck, page, pictures
from training.studies import planned_study
from training.studies.analysis_plan import EXPLORATORY, AnalysisPlan

ARMS = ["--folds", "2", "--arms", "scratch", "A", "all"]


@pytest.fixture
def frozen(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Arguments that name a workspace and both its cohorts; nothing is started."""
    workspace_trainable.make(workspace)
    monkeypatch.setattr(launch, "launch", lambda w, study_id, **_: status(w, study_id))
    pool = frozen_cohort.freeze(workspace, "pool", author="Ada")
    target = frozen_cohort.freeze(workspace, "target", author="Ada", role="target")
    return ["--workspace", str(workspace.root), "--cohort", pool.id, "--target", target.id]


def test_the_primary_comparison_is_declared_and_what_the_design_finds_is_said(
    frozen: list[str], workspace: Workspace, capsys
) -> None:
    declared = ["--primary", "A", "all", "--margin", "0.5", "--one-sided"]
    assert main(["launch", *frozen, *ARMS, *declared]) == 0
    (study,) = planned_study.list_studies(workspace)
    assert study.analysis == AnalysisPlan(("A", "all"), 0.5, one_sided=True)
    said = capsys.readouterr().out
    assert "Primary comparison: A against all, one-sided: better or not worse, margin 0.5" in said
    assert "With 8 people and 2 seeds, a comparison of two arms finds a true difference of" in said
    assert "values rounded from a study of 72 people" in said


def test_without_one_it_says_that_everything_is_exploratory_and_what_could_be_declared(
    frozen: list[str], workspace: Workspace, capsys
) -> None:
    assert main(["launch", *frozen, *ARMS]) == 0
    (study,) = planned_study.list_studies(workspace)
    assert study.analysis == EXPLORATORY
    said = capsys.readouterr().out
    assert "all of them will be exploratory. '--primary A all' would declare one." in said


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        (["--primary", "A", "all", "--margin", "-0.7"], "above 0 years, not -0.7"),
        (["--primary", "A", "all", "--margin", "0"], "above 0 years, not 0"),
        (["--primary", "A", "keep-80"], "'keep-80', which is no arm of this study"),
        (["--primary", "A", "A"], "'A' with itself"),
        (["--margin", "0.5"], "name its two arms"),
        (["--one-sided"], "name its two arms"),
    ],
)
def test_what_cannot_be_declared_is_refused_and_nothing_is_planned(
    frozen: list[str], workspace: Workspace, capsys, declared: list[str], why: str
) -> None:
    assert main(["launch", *frozen, *ARMS, *declared]) == 2
    assert why in capsys.readouterr().err
    assert planned_study.list_studies(workspace) == []


def test_a_study_that_is_planned_keeps_its_analysis(
    frozen: list[str], workspace: Workspace, capsys
) -> None:
    main(["launch", *frozen, *ARMS])
    (study,) = planned_study.list_studies(workspace)
    late = ["launch", study.id, "--workspace", str(workspace.root), "--primary", "A", "all"]
    assert main(late) == 2
    assert "planned already" in capsys.readouterr().err


def test_what_is_assumed_comes_from_a_finished_study_of_the_workspace(
    tmp_path, monkeypatch, capsys
) -> None:
    workspace = workspace_full.make(tmp_path / "full")
    finished = workspace_full.add_finished(workspace, "earlier")
    monkeypatch.setattr(launch, "launch", lambda w, study_id, **_: status(w, study_id))
    cohorts = ["--cohort", finished.cohort_id, "--target", finished.target_id]
    assert main(["launch", "-w", str(workspace.root), *cohorts, *ARMS, "--name", "next"]) == 0
    assert "(standard deviations; as in earlier)" in capsys.readouterr().out


def test_status_of_a_finished_study_says_its_answer(tmp_path, capsys) -> None:
    workspace = workspace_full.make(tmp_path / "full")
    study = workspace_full.add_finished(workspace, "declared", AnalysisPlan(("A", "all"), 3.5))
    assert main(["status", study.id, "-w", str(workspace.root)]) == 0
    (answer,) = [one for one in capsys.readouterr().out.splitlines() if "Primary comparison" in one]
    assert answer.startswith(
        "  Primary comparison: A against all, two-sided, margin 3.5 years. Lea"
    )
    assert "makes no difference that matters" in answer


def test_every_form_of_a_report_draws_the_primary_comparison(tmp_path) -> None:
    workspace = workspace_full.make(tmp_path / "full")
    study = workspace_full.add_finished(workspace, "declared", AnalysisPlan(("A", "all"), 3.5))
    report = content.build(workspace, study.id)
    (plot,) = [plot for plot in report.plots if plot.name == "primary-comparison"]
    assert plot.table["low"].is_monotonic_increasing  # the 90 % interval lies within the 95 % one
    assert pictures.png(plot)[:4] == b"\x89PNG"
    assert "equivalent within" in page.page(report)
    slides = Presentation(io.BytesIO(deck.deck(report)))
    assert any("The primary comparison" in _text(slide) for slide in slides.slides)


def _text(slide) -> str:  # type: ignore[no-untyped-def]
    return " ".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)
