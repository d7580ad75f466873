"""Rate's history says on demand whether anything in it was changed by another way."""

import contextlib
import sqlite3

from curation.decisions import database, erasure
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from pages.ui.shell import state
from tests.helpers.page_words import button, words

ASKED = "Was anything of it changed?"


def test_an_untouched_history_is_said_to_be_and_a_changed_rating_is_named(own, run) -> None:
    for value in (0.0, 1.0):
        rating_log.add_rating(
            own,
            Rating(scan_id="made-pool_sub-01_T1w", rater="Ada", scale="pass-fail", value=value),
        )
    page = run("rate", own, **{state.RATE_PART: "History"})
    button(page, ASKED).click().run()
    assert "No: 2 lines follow from each other" in words(page)
    database.close()
    with contextlib.closing(sqlite3.connect(own.database_path)) as raw, raw:
        raw.execute("UPDATE ratings SET value = 1.0 WHERE id = 1")
    button(page, ASKED).click().run()
    assert "Yes: ratings 1 was changed after it was stored" in words(page)


def test_a_rating_that_came_by_another_way_is_a_complaint_also_when_it_is_linked(own, run) -> None:
    given = {"scan_id": "made-pool_sub-01_T1w", "rater": "Ada", "scale": "pass-fail"}
    rating_log.add_rating(own, Rating(**given, value=0.0))
    database.close()
    with contextlib.closing(sqlite3.connect(own.database_path)) as raw, raw:
        raw.execute(
            "INSERT INTO ratings SELECT 7, at, scan_id, 'Bob', scale, direction, 1.0, label, comment, "
            "version FROM ratings"
        )
    rating_log.add_rating(own, Rating(**given, value=1.0))
    page = run("rate", own, **{state.RATE_PART: "History"})
    assert "By another way than Tierscope came 1 decision" in page.error[0].value
    button(page, ASKED).click().run()
    assert "Yes: ratings 7 was put in by another way, found on 20" in words(page)


def test_what_was_changed_by_forgetting_somebody_is_told(own, run) -> None:
    given = Rating(scan_id="made-pool_sub-01_T1w", rater="Ada", scale="pass-fail", value=0.0)
    rating_log.add_rating(own, given)
    with database.writing(own) as connection:
        erasure.erase(connection, [given.scan_id], [], "asked for")
    page = run("rate", own, **{state.RATE_PART: "History"})
    button(page, ASKED).click().run()
    assert "1 decision changed on 20" in words(page) and "No: 3 lines" in words(page)
