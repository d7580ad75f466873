"""Pages and report of studies of another outcome than age: its own words and numbers everywhere."""

import io
import re

import pandas as pd
import pytest

from curation.storage.workspace import Workspace
from pages.ui.shell import state
from tests.helpers import workspace_judged
from tests.helpers.page_words import button, checked, words
from training.held_out import stored_predictions
from training.jobs import launch
from training.report import content
from training.results import comparisons, doubtful_alignments, study_summary
from training.studies import planned_study
from training.studies.planned_study import Study

pytestmark = pytest.mark.usefixtures("few_draws")
ARMS = ["scratch", "A", "all", "control-A"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Study, Study]:
    """A workspace with a study of sex, judged on an external cohort too, and one of a score, repeated."""
    workspace = Workspace.create(tmp_path_factory.mktemp("judged") / "lab")
    workspace_judged.make(workspace)
    other = workspace_judged.second_target(workspace)
    sex = workspace_judged.plan(
        workspace, name="sex", arms=ARMS, seeds=[0, 1], outcome="sex", external=(other,)
    )
    score = workspace_judged.plan(
        workspace, name="score", arms=ARMS, seeds=[0, 1], outcome="MMSE", repeats=2
    )
    for study in (sex, score):
        workspace_judged.plant(study)
    return workspace, sex, score


def _years_of_errors(said: str) -> list[str]:
    """Return what is said in years that is no person's age."""
    ages = r"\d+ to \d+ years|years on average"
    return re.findall(r".{30}years.{10}", re.sub(ages, "", said))


@pytest.mark.parametrize("part", ["answer", "curves", "where"])
def test_a_study_of_sex_speaks_of_its_auc_and_never_of_years(made, run, part: str) -> None:
    workspace, sex, _ = made
    page = run("compare", workspace, **{state.STUDY: sex.id, state.COMPARE_PART: part})
    assert not page.error
    said = words(page)
    assert "AUC" in said or "probability of M" in said
    assert not _years_of_errors(said)
    assert "mean age" not in said and "age error" not in said.lower()


def test_the_answer_shows_the_external_cohort_and_the_site_probe(made, run) -> None:
    workspace, sex, _ = made
    page = run("compare", workspace, **{state.STUDY: sex.id})
    said, heads = words(page), [head.value for head in page.subheader]
    assert "External test" in heads and sex.judging.external[0] in said
    assert "Do features tell the site?" in heads and "50 (95 % up to 62)" in said
    assert "Against chance (AUC 0.500), which any useful arm must beat:" in said
    assert "above 0 is better" in said


def test_the_external_cohort_is_named_where_a_study_runs_and_in_its_report(made, run) -> None:
    workspace, sex, _ = made
    (other,) = sex.judging.external
    assert f"external {other}" in words(run("train", workspace, **{state.STUDY: sex.id}))
    report = content.build(workspace, sex.id)
    called = f"external cohort {other.rsplit('-', 1)[-1]}"
    assert any(f"the {called}, 6 scans of 6 people" in point for point in report.messages[0].points)
    told = pd.read_csv(io.StringIO(report.numbers["external-test"]))
    assert set(told["cohort"]) == {called} and {"scratch", "A"} <= set(told["arm"])


def test_where_no_arm_beats_the_mean_on_an_external_cohort_arms_are_not_ranked_there(
    made, run, monkeypatch
) -> None:
    workspace, sex, _ = made
    monkeypatch.setattr(comparisons, "learned", lambda held_out: [])
    caution = "No arm is shown to predict sex (M) better than chance"
    page = run("compare", workspace, **{state.STUDY: sex.id})
    (told,) = (one.value for one in page.warning if caution in one.value.replace("\\", ""))
    assert f"on {sex.judging.external[0]}" in told.replace("\\", "")
    report = content.build(workspace, sex.id)
    (message,) = (one for one in report.messages if one.name == "external-test")
    assert message.lead.startswith(caution) and "no arm is shown to predict" in message.title


@pytest.mark.parametrize("part", ["answer", "curves", "where"])
def test_a_study_of_a_score_speaks_of_it(made, run, part: str) -> None:
    workspace, _, score = made
    page = run("compare", workspace, **{state.STUDY: score.id, state.COMPARE_PART: part})
    assert not page.error
    said = words(page)
    assert "MMSE" in said
    assert not _years_of_errors(said)


def test_the_report_and_the_methods_say_what_was_judged_and_how(made) -> None:
    workspace, sex, score = made
    of_sex, of_score = (content.build(workspace, study.id) for study in (sex, score))
    methods = " ".join(of_sex.methods)
    assert "fine-tuned for sex (M)" in methods
    assert "DeLong et al. 1988" in methods and "binary cross-entropy" in methods
    assert f"external cohort {sex.judging.external[0].rsplit('-', 1)[-1]}, 6 scans" in methods
    assert "in 2 partitions of the people" in " ".join(of_score.methods)
    for report, measure in ((of_sex, "auc"), (of_score, "mae")):
        plots = {plot.name: plot for plot in report.plots}
        assert measure in plots["final-errors"].table
        assert not any("years" in name for plot in plots.values() for name in plot.table)
    names = {message.name for message in of_sex.messages}
    assert {"external-test", "site-probe"} <= names
    assert "predicted-age" not in names


def test_train_offers_what_can_be_predicted_and_plans_it(made, run, monkeypatch) -> None:
    workspace, *before = made
    launched: list[str] = []
    monkeypatch.setattr(launch, "launch", lambda _, study_id, **__: launched.append(study_id))
    page = run("train", workspace)
    (outcome,) = [box for box in page.selectbox if box.label == "Outcome"]
    assert outcome.options[:2] == ["age", "sex"] and "MMSE" in outcome.options
    assert not {"drinks", "batch", "rare"} & set(outcome.options)
    outcome.set_value("MMSE").run()
    assert [box.value for box in page.selectbox if box.label == "Primary comparison"] == [
        "none: all exploratory"  # what difference in a score matters is for people to say
    ]
    checked(button(page, "Launch the study").click().run())
    planned = planned_study.load(workspace, launched[0])
    assert planned.outcome.name == "MMSE" and planned.id not in {study.id for study in before}


def test_what_an_auc_is_without_doubtful_alignments_is_said_of_an_auc(made) -> None:
    workspace, sex, _ = made
    held_out = stored_predictions.read(workspace, sex)
    few = set(held_out.scans["scan_id"].head(2))
    table = doubtful_alignments.compare(held_out, few, "scratch").set_index("arm")
    kept = study_summary.summarise(
        held_out.of_scans(~held_out.scans["scan_id"].isin(few).to_numpy())
    ).set_index("arm")
    assert table["age_mae_years_without"].tolist() == pytest.approx(
        kept.loc[table.index, "age_mae_years"].tolist()
    )
    row = table.loc["A"]
    gained = row["age_mae_years"] - table.loc["scratch", "age_mae_years"]
    assert row["difference_years"] == pytest.approx(gained) and gained > 0
    assert row["ci_low"] < row["difference_years"] < row["ci_high"]
