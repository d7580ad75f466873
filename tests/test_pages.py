"""Pages run whole, alone and through ``app.py``: what they say, what they do, what they refuse."""

import html
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from curation import background, cohorts, ratings, tables
from curation.metrics import METRICS
from curation.workspace import ENVIRONMENT_VARIABLE, Workspace
from pages.ui import state
from pages.ui.frame import PAGES, ROOT
from tests import made_workspace
from training import launch, study
from training.study import Study

HOSTILE = "<b>x</b> [y](http://z) :red[w] $q$"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Study, Study]:
    """A full workspace that tests only read."""
    workspace = made_workspace.make(tmp_path_factory.mktemp("made") / "workspace")
    return workspace, *made_workspace.add_studies(workspace)


@pytest.fixture
def own(tmp_path: Path) -> Workspace:
    """A full workspace without studies, for one test alone."""
    return made_workspace.make(tmp_path / "own")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Run a page (or ``app``) on a workspace."""

    def start(name: str, workspace: Workspace | Path, **session: object) -> AppTest:
        root = workspace.root if isinstance(workspace, Workspace) else workspace
        monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(root))
        path = ROOT / ("app.py" if name == "app" else PAGES[name].path)
        page = AppTest.from_file(path, default_timeout=30)
        for key, value in session.items():
            page.session_state[key] = value
        return checked(page.run())

    return start


def checked(page: AppTest) -> AppTest:
    assert not page.exception, [e.value for e in page.exception]
    return page


def words(page: AppTest) -> str:
    """Everything that a page says."""
    kinds = (page.markdown, page.caption, page.info, page.error, page.warning, page.success)
    said = [element.value for kind in kinds for element in kind]
    markup = [element.proto.body for element in page.get("html")]
    return "\n".join(said + markup).replace("\\", "")


def button(page: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(b for b in page.button if b.label == label)


# ---- every page ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(PAGES))
def test_page_stands_alone_and_states_its_question(name, made, run) -> None:
    page = run(name, made[0])
    assert PAGES[name].question in words(page)
    assert not page.error


@pytest.mark.parametrize("name", list(PAGES))
def test_page_says_that_the_data_are_simulated(name, made, run) -> None:
    assert "Simulated data." in words(run(name, made[0]))


@pytest.mark.parametrize("name", list(PAGES))
def test_page_of_an_empty_workspace_offers_the_next_step(name, workspace, run) -> None:
    page = run(name, workspace)
    assert not page.error
    assert any(offer in words(page) for offer in ("Add a source", "page Cohort", "Tiers"))
    assert "Simulated" not in words(page)


@pytest.mark.parametrize("name", list(PAGES))
def test_page_without_a_workspace_says_how_to_make_one(name, tmp_path, run) -> None:
    (error,) = run(name, tmp_path / "nowhere").error
    assert "There is no workspace" in error.value.replace("\\", "")
    assert "Traceback" not in error.value


def test_app_serves_every_page(made, run) -> None:
    app = run("app", made[0])
    assert PAGES["cohort"].question in words(app)
    for info in list(PAGES.values())[1:]:
        assert info.question in words(checked(app.switch_page(info.path).run()))


def test_a_page_asked_for_first_is_shown_inside_the_app(made, run) -> None:
    app = run("app", made[0], **{state.WANTED_PAGE: "tiers"})
    assert PAGES["tiers"].question in words(app)


@pytest.mark.parametrize("name", list(PAGES))
def test_page_answers_within_a_second(name, made, run) -> None:
    page = run(name, made[0])
    started = time.perf_counter()
    page.run()
    assert time.perf_counter() - started < 1.0


def test_pages_import_no_torch() -> None:
    modules = ["pages.ui." + path.stem for path in (ROOT / "pages" / "ui").glob("[a-z]*.py")]
    code = (
        f"import sys, {', '.join(modules)}; print('torch' in sys.modules, 'monai' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "False"]


# ---- cohort ----------------------------------------------------------------------------------------


def test_cohort_counts_and_gives_reasons(made, run) -> None:
    page = run("cohort", made[0])
    assert "<b>24</b>" in words(page) and "<b>14</b>" in words(page)
    assert "the file is cut off: &lt;b&gt;5&lt;/b&gt; of 10 voxels are there" in words(page)


def test_cohort_refuses_a_path_that_is_not_there(made, run) -> None:
    page = run("cohort", made[0])
    page.text_input[0].set_value("/not/there")
    checked(button(page, "Add the source").click().run())
    assert "There is nothing at" in page.error[0].value


def test_cohort_reads_a_source_in_the_background(workspace, tmp_path, run) -> None:
    made_workspace.write_nifti(tmp_path / "new" / "one_T1w.nii.gz")
    page = run("cohort", workspace)
    page.text_input[0].set_value(str(tmp_path / "new"))
    checked(button(page, "Add the source").click().run())
    deadline = time.monotonic() + 60
    while len(tables.read_scans(workspace)) < 1 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert tables.read_scans(workspace)["status"].tolist() == ["ok"]


# ---- review ----------------------------------------------------------------------------------------


def test_review_shows_the_worst_scan_first_and_steps_on(made, run) -> None:
    page = run("review", made[0])
    scored = tables.read_scored_scans(made[0]).sort_values("distortion_score", ascending=False)
    order = scored.loc[scored["distortion_score"].notna(), "scan_id"].tolist()
    assert page.session_state[state.SCAN] == order[0]
    assert button(page, "Previous").disabled
    button(page, "Next").click().run()
    assert page.session_state[state.SCAN] == order[1]
    button(page, "Previous").click().run()
    assert page.session_state[state.SCAN] == order[0]


def test_review_states_convention_id_and_direction(made, run) -> None:
    page = run("review", made[0])
    said = words(page)
    assert page.session_state[state.SCAN] in said
    assert "Radiological: the patient&#x27;s right is on the left" in said
    assert "higher is worse" in said


def test_review_explains_every_metric_or_why_there_is_none(made, run) -> None:
    page = run("review", made[0])
    assert "1 metric not measurable on this scan: the background is exactly 0." in words(page)
    said = words(checked(page.segmented_control(key=state.METRICS_VIEW).set_value("all").run()))
    assert all(html.escape(metric.label) in said for metric in METRICS.values())
    assert "The background is exactly 0" in said
    assert "not scored" in said


def test_rating_preselects_nothing_and_refuses_none(own, run) -> None:
    page = run("review", own)
    assert page.radio[0].value is None
    checked(button(page, "Save").click().run())
    assert "none is chosen for you" in page.error[0].value
    assert ratings.list_ratings(own).empty


def test_rating_needs_a_name(own, run) -> None:
    page = run("review", own)
    page.radio[0].set_value(1.0)
    checked(button(page, "Save").click().run())
    assert "Say who rates" in page.error[0].value
    assert ratings.list_ratings(own).empty


def test_rating_is_stored_shown_and_the_rater_remembered(own, run) -> None:
    page = run("review", own)
    first = page.session_state[state.SCAN]
    page.radio[0].set_value(-1.0)
    page.text_input[0].set_value("Ada")
    page.text_area[0].set_value(HOSTILE)
    checked(button(page, "Save").click().run())
    (row,) = ratings.list_ratings(own).to_dict("records")
    assert (row["scan_id"], row["rater"], row["value"], row["comment"]) == (
        first, "Ada", -1.0, HOSTILE,
    )  # fmt: skip
    assert "&lt;b&gt;x&lt;/b&gt;" in words(page)
    assert page.text_input[0].value == "Ada"
    assert page.radio[0].value is None


def test_save_and_next_goes_on_and_unrated_leaves_the_rated_out(own, run) -> None:
    page = run("review", own, **{state.PERSON: "Ada"})
    first = page.session_state[state.SCAN]
    page.radio[0].set_value(1.0)
    checked(button(page, "Save, next scan").click().run())
    assert page.session_state[state.SCAN] != first
    checked(next(t for t in page.toggle).set_value(True).run())
    assert first not in page.selectbox(key=state.SCAN).options


def test_a_scan_that_cannot_be_read_shows_the_reason(own, run) -> None:
    worst = run("review", own).session_state[state.SCAN]
    path = Path(tables.read_scans(own).set_index("scan_id").loc[worst, "path"])
    path.write_bytes(path.read_bytes()[:-40])
    page = run("review", own)
    assert "This scan cannot be shown" in page.error[0].value


# ---- tiers -----------------------------------------------------------------------------------------


def test_moving_a_slider_moves_the_number_the_counts_and_the_line(made, run) -> None:
    page = run("tiers", made[0])
    before = words(page)
    page.slider(key=state.slider_key(0)).set_value(40.0).run()
    assert page.number_input(key=state.number_key(0)).value == 40.0
    assert "score 0 to under 40" in words(page) and "score 0 to under 40" not in before
    page.number_input(key=state.number_key(0)).set_value(12.5).run()
    assert page.slider(key=state.slider_key(0)).value == 12.5


def test_crossing_cutoffs_are_said_and_the_last_good_rule_stays(made, run) -> None:
    page = run("tiers", made[0])
    page.slider(key=state.slider_key(0)).set_value(80.0).run()
    assert "cross" in page.error[0].value
    assert "score 0 to under 25" in words(page)


def test_a_cutoff_of_zero_is_kept(made, run) -> None:
    page = run("tiers", made[0])
    page.slider(key=state.slider_key(0)).set_value(0.0).run()
    assert "score 0 to under 0" in words(page)
    assert not page.error


def test_number_of_tiers_brings_its_cutoffs(made, run) -> None:
    page = run("tiers", made[0])
    page.segmented_control(key=state.TIER_COUNT).set_value(5).run()
    assert len(checked(page).slider) == 4
    assert "Tier E" in words(page)


def test_cutoffs_outlive_a_visit_to_another_page(made, run) -> None:
    app = run("app", made[0])
    app.switch_page(PAGES["tiers"].path).run()
    app.slider(key=state.slider_key(0)).set_value(33.0).run()
    app.switch_page(PAGES["review"].path).run()
    app.switch_page(PAGES["tiers"].path).run()
    assert checked(app).slider(key=state.slider_key(0)).value == 33.0


def test_freezing_needs_an_author_then_lists_the_cohort(own, run) -> None:
    page = run("tiers", own)
    checked(button(page, "Freeze this pool cohort").click().run())
    assert "name and an author" in page.error[0].value
    page.text_input[1].set_value("Ada")
    checked(button(page, "Freeze this pool cohort").click().run())
    (header,) = cohorts.list_cohorts(own)
    assert (header.author, header.role, header.size) == ("Ada", "pool", 24)
    assert header.id in words(page)


# ---- train and compare -----------------------------------------------------------------------------


@pytest.fixture
def half_running(made) -> Iterator[tuple[Workspace, Study]]:
    workspace, _, half = made
    process = made_workspace.pretend_running(half)
    yield workspace, half
    background.stop(process)
    (half.folder / "workflow.json").unlink()


def test_train_shows_a_running_study_with_progress_and_a_way_to_stop(half_running, run) -> None:
    workspace, half = half_running
    page = run("train", workspace, **{state.STUDY: half.id})
    assert ">running</span>" in words(page)
    epochs = half.preset.pretrain_epochs
    assert f"epoch {epochs // 2} of {epochs}" in words(page)
    checked(button(page, "Stop the study").click().run())
    assert launch.status(workspace, half.id).state == "stopped"
    assert button(page, "Resume the study")


def test_resume_asks_first(made, run, monkeypatch) -> None:
    workspace, _, half = made
    background.stop(made_workspace.pretend_running(half))
    launched = []
    monkeypatch.setattr(launch, "launch", lambda _, study_id: launched.append(study_id))
    page = run("train", workspace, **{state.STUDY: half.id})
    assert "stay as they are" in words(page)
    assert launched == []
    checked(button(page, "Resume the study").click().run())
    assert launched == [half.id]
    (half.folder / "workflow.json").unlink()


def test_train_plans_and_launches_what_was_chosen(own, run, monkeypatch) -> None:
    cohorts.freeze(own, "pool", author="tests")
    cohorts.freeze(own, "target", author="tests", role="target")
    launched = []
    monkeypatch.setattr(launch, "launch", lambda _, study_id: launched.append(study_id))
    page = run("train", own)
    assert "30 runs: 6 pretrainings and 24 fine-tunings" in words(page)
    page.number_input[0].set_value(1).run()
    assert "15 runs" in words(page)
    checked(button(page, "Launch the study").click().run())
    (planned,) = study.list_studies(own)
    assert launched == [planned.id]
    assert [arm.name for arm in planned.arms] == ["scratch", "A", "all", "control-A"]
    assert (planned.seeds, planned.folds) == ((0,), 3)


def test_train_says_why_a_study_is_refused(own, run) -> None:
    cohorts.freeze(own, "pool", author="tests")
    cohorts.freeze(own, "target", author="tests", role="target")
    page = run("train", own)
    page.number_input[1].set_value(8).run()
    checked(button(page, "Launch the study").click().run())
    assert "8 folds need at least 16" in page.error[0].value


def test_train_without_cohorts_offers_to_freeze_them(own, run) -> None:
    assert "two frozen cohorts" in words(run("train", own))


def test_compare_shows_curves_errors_baseline_and_downloads(made, run) -> None:
    workspace, finished, _ = made
    page = run("compare", workspace, **{state.STUDY: finished.id})
    said = words(page)
    assert "predict the mean age" in said and "95 % interval" in said
    assert len(page.get("plotly_chart")) == 3
    labels = [b.proto.label for b in page.get("download_button")]
    assert labels == ["Error curves (CSV)", "Final errors (CSV)", "Pretraining loss (CSV)"]


def test_compare_before_the_first_epoch_says_no_data_yet(made, run) -> None:
    workspace, _, half = made
    page = run("compare", workspace, **{state.STUDY: half.id})
    assert words(page).count("No data yet") == 2
