"""Tiers: cut-offs, what they do, frozen cohorts, and what judges the scans."""

from curation import cohorts, ratings, tables
from curation.fitting import MIN_RATINGS
from curation.references import active, available
from curation.scores import builtin
from curation.workspace import Workspace
from pages.ui import state
from pages.ui.frame import PAGES
from tests import made_workspace
from tests.pages.said import button, checked, words


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


# ---- what judges the scans -------------------------------------------------------------------------


def test_each_reference_is_described_and_one_is_in_use(made, run) -> None:
    page = run("tiers", made[0])
    radio = page.radio(key=state.REFERENCE)
    pairs = zip(available(made[0]), radio.options, strict=True)
    assert all(header.label in option.replace("\\", "") for header, option in pairs)
    assert button(page, "This one is in use").disabled
    assert builtin().description[:60] in words(page)


def test_judging_by_the_scans_themselves_scores_anew_and_says_so(own, run) -> None:
    page = run("tiers", own)
    checked(button(page, "Fit to the scans").click().run())
    assert "38 scans scored anew" in words(page)
    assert tables.read_scores(own)["reference"].str.startswith("cohort-").all()
    assert page.radio(key=state.REFERENCE).value == active(own).id
    page.radio(key=state.REFERENCE).set_value(builtin().id).run()
    checked(button(page, f"Judge by {builtin().label}").click().run())
    assert active(own).id == builtin().id


def test_ratings_that_are_missing_are_counted_until_there_are_enough(own, run) -> None:
    _rate(own, MIN_RATINGS - 1)
    page = run("tiers", own)
    assert f"{MIN_RATINGS - 1} ratings of scored scans so far. 1 more" in words(page)
    assert button(page, "Learn from the ratings").disabled
    _rate(own, 1, rater="Grace")
    assert not button(page.run(), "Learn from the ratings").disabled


def test_what_was_learned_from_ratings_shows_its_evidence(own, run) -> None:
    _rate(own, MIN_RATINGS)
    page = run("tiers", own)
    checked(button(page, "Learn from the ratings").click().run(timeout=120))
    assert not page.error
    captions = page.radio(key=state.REFERENCE).proto.captions
    assert any("AUC" in caption and "95 % interval" in caption for caption in captions)


def _rate(workspace: Workspace, count: int, rater: str = "") -> None:
    """Rate by the noise in white matter, so that there is something to learn."""
    metrics = tables.read_metrics(workspace)
    for number in range(count):
        row = metrics.iloc[number % len(metrics)]
        ratings.add_rating(
            workspace, scan_id=row["scan_id"], rater=rater or f"rater {number // len(metrics)}",
            scale="pass-fail", value=float(row["noise_wm"] < 1.0),
        )  # fmt: skip


def test_freezing_offers_to_leave_out_scans_without_image(own, tmp_path, run) -> None:
    made_workspace.import_table(own, tmp_path / "tables", 6)
    page = run("tiers", own, **{state.PERSON: "Ada"})
    (offer,) = (box for box in page.checkbox if "without image" in box.label)
    assert offer.value
    checked(button(page, "Freeze this pool cohort").click().run())
    (header,) = cohorts.list_cohorts(own)
    assert header.size == 24
