"""Tiers: cut-offs, what they do, frozen cohorts, and what judges the scans."""

from curation import cohorts
from pages.ui import state
from pages.ui.frame import PAGES
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
