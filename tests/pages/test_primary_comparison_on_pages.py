"""A study with a primary comparison on Train, Compare and Present."""

import pytest
from streamlit.testing.v1 import AppTest

from curation.cohorts import frozen_cohort
from curation.storage.workspace import Workspace
from pages.ui.shell import state
from tests.helpers import workspace_full
from tests.helpers.page_words import button, checked, words
from training.held_out import stored_predictions
from training.jobs import launch
from training.report import content, content_primary
from training.report.source import count_of
from training.results import primary_comparison
from training.studies import planned_study
from training.studies.analysis_plan import AnalysisPlan
from training.studies.planned_study import Study

CLAIMS = ("better", "worse", "equivalent", "not worse", "open")


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Study]:
    """A finished study whose primary comparison is of A with all scans; only to read."""
    own = workspace_full.make(tmp_path_factory.mktemp("declared") / "own")
    return own, workspace_full.add_finished(own, "declared", AnalysisPlan(("A", "all"), 2.5))


def _panel(page: AppTest) -> str:
    """Return what the panel of the primary comparison says."""
    said = words(page)
    start = said.index("Primary comparison: A against all")
    return said[start : said.index("Against predicting the mean age")]


def test_compare_says_the_verdict_of_the_primary_comparison_first(declared, run) -> None:
    workspace, study = declared
    page = run("compare", workspace, **{state.STUDY: study.id})
    primary = primary_comparison.of_study(stored_predictions.read(workspace, study), study.analysis)
    assert primary is not None and primary.verdict.outcome in CLAIMS
    said = words(page)
    assert primary.conclusion.headline in said and primary.verdict.words in said
    assert "two-sided, margin 2.5 years. Declared when the study was planned." in said
    assert said.index(primary.verdict.words) < said.index("Against all scans, exploratory:")
    assert "primary:<br>not corrected" in said
    (fold,) = (one for one in page.expander if one.label.startswith("Exploratory: "))
    assert not fold.proto.expanded
    assert "is its declared primary comparison" in " ".join(one.value for one in fold.markdown)
    assert len(page.get("plotly_chart")) == 3


def test_no_filter_and_no_reference_changes_a_confirmatory_number(declared, run) -> None:
    workspace, study = declared
    whole = _panel(run("compare", workspace, **{state.STUDY: study.id}))
    for choice in (
        {state.COMPARE_SEEDS: [1]},
        {state.COMPARE_FOLDS: [0]},
        {state.COMPARE_ARMS: ["control-A"]},
        {state.COMPARE_REFERENCE: "scratch"},
    ):
        page = run("compare", workspace, **{state.STUDY: study.id} | choice)
        said = _panel(page).replace(" Filters change nothing of it: it is of the whole study.", "")
        assert said == whole, choice


def test_the_table_of_the_primary_comparison_is_whole_under_a_filter(declared, run) -> None:
    workspace, study = declared
    page = run("compare", workspace, **{state.STUDY: study.id, state.COMPARE_SEEDS: [1]})
    names = [one.proto.label for one in page.get("download_button")]
    assert "Primary comparison (CSV)" in names and "Differences (CSV)" in names


def test_without_one_everything_is_said_to_be_exploratory(full, run) -> None:
    workspace, finished, _ = full
    said = words(run("compare", workspace, **{state.STUDY: finished.id}))
    assert "No primary comparison was declared when this study was planned" in said
    assert "Against no pretraining, exploratory:" in said


def test_present_and_the_files_say_the_same_verdict(declared, run) -> None:
    workspace, study = declared
    primary = primary_comparison.of_study(stored_predictions.read(workspace, study), study.analysis)
    assert primary is not None
    report = content.build(workspace, study.id)
    told = {message.name: message for message in report.messages}
    assert told["answer"].title == primary.conclusion.headline
    assert told["primary"].points == (primary.verdict.words, *content_primary.answers(primary))
    assert told["answer"].points == primary.conclusion.beside
    assert len(primary.conclusion.beside) > 1
    compared = words(run("compare", workspace, **{state.STUDY: study.id}))
    for sentence in (*primary.conclusion.beside, *content_primary.answers(primary)):
        assert sentence in compared
    scans = study.scans()
    people = f"This study: pretrained on {count_of(scans[scans['role'] == 'pool'])} (source"
    assert people in compared
    order = list(told)
    assert order.index("figures") == order.index("answer") + 1  # whose note says that it is next
    methods = " ".join(report.methods)
    assert (
        "The primary comparison, A against all, and the margin of 2.5 years were declared when the study was "
        "planned" in methods
    )
    assert "The pool is one fixed set of scans" in methods
    roles = told["differences"].plot.table.set_index("arm")["role"]
    assert roles["A"] == "primary" and set(roles.drop("A")) == {"exploratory"}
    assert primary.conclusion.headline in words(
        run("present", workspace, **{state.STUDY: study.id, state.SLIDE: order.index("answer")})
    )


def test_train_proposes_what_suits_the_arms_and_says_what_the_design_finds(full, run) -> None:
    workspace, _, _ = full
    page = run("train", workspace)
    (arm,) = [box for box in page.selectbox if box.label == "Primary comparison"]
    (reference,) = [box for box in page.selectbox if box.label == "against"]
    assert (arm.value, reference.value) == ("A", "all")
    said = words(page)
    assert (
        "finds a true difference of" in said
        and "or more in four of five studies (two-sided, 5 %)" in said
    )
    assert "as in finished" in said
    (asked,) = [box for box in page.number_input if box.label.startswith("True difference")]
    assert "A true difference of 1.0 years is found in four of five studies" in said
    page = asked.set_value(2.0).run()
    assert "A true difference of 2.0 years is found in four of five studies" in words(page)
    page = arm.set_value("none: all exploratory").run()
    assert "finds a true difference of" in words(page)
    assert not [box for box in page.selectbox if box.label == "against"]


def test_what_train_plans_holds_what_was_chosen(own, run, monkeypatch) -> None:
    for role in ("pool", "target"):
        frozen_cohort.freeze(own, role, author="tests", role=role)
    monkeypatch.setattr(launch, "launch", lambda *_, **__: None)
    page = run("train", own)
    (margin,) = [box for box in page.number_input if box.label == "Margin (years)"]
    margin.set_value(1.5).run()
    checked(button(page, "Launch the study").click().run())
    (study,) = planned_study.list_studies(own)
    assert study.analysis == AnalysisPlan(("A", "all"), 1.5)
