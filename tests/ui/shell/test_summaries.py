"""Small tables and words of the pages, against counts done by hand."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from curation.ratings import rating_log
from curation.sources.source import NO_IMAGE
from curation.storage.workspace import Source
from curation.tiers.rule_checks import UNSCORED
from curation.tiers.tier_rule import TIER_COLOURS
from curation.wording import number
from pages.ui.review import scan_panel
from pages.ui.shell import formatting, html_marks, summaries


@pytest.fixture
def scans() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scan_id": ["a", "b", "c", "d"],
            "subject_id": ["s1", "s1", "s2", "s3"],
            "source": ["one", "one", "one", "two"],
            "status": ["ok", "ok", "unreadable", "ok"],
            "reason": [None, None, "cut off", None],
            "participant_id": ["1", "1", "2", "3"],
            "path": ["/a", "/b", "/c", "/d"],
            "site": ["North", "North", None, None],
            "age_years": [20.0, 20.0, 50.0, math.nan],
            "sex": ["F", "F", "M", None],
            "distortion_score": [10.0, 60.0, 30.0, math.nan],
            "tier": ["A", "C", "B", UNSCORED],
        }
    )


def test_each_source_is_counted_by_status(scans: pd.DataFrame) -> None:
    sources = [Source("one", "/1", "bids"), Source("two", "/2", "folder", "target", True)]
    one, two = summaries.sources_table(sources, scans).to_dict("records")
    assert (one["scans"], one["ok"], one["unreadable"], one["people"]) == (3, 2, 1, 1)
    assert (two["role"], two["ok"], two["age"], two["sites"]) == ("target", 1, "not known", 0)


def test_problems_keep_their_reasons(scans: pd.DataFrame) -> None:
    found = summaries.problems(scans)
    assert found[["status", "reason"]].values.tolist() == [["unreadable", "cut off"]]


def test_people_without_an_image_are_told_apart_from_scans_that_cannot_be_shown(
    scans: pd.DataFrame,
) -> None:
    assert summaries.not_shown_words(scans) == (
        "1 more scan cannot be shown; the page Cohort says why."
    )
    nobody = scans.assign(status="missing", path=None, reason=f"{NO_IMAGE} (row 3)")
    assert summaries.not_shown_words(nobody) == (
        "4 people are listed without an image; the page Cohort names them."
    )
    assert summaries.not_shown_words(pd.concat([scans, nobody.iloc[:1]])).endswith(
        "says why. 1 person is listed without an image; the page Cohort names them."
    )
    assert summaries.not_shown_words(scans[scans["status"] == "ok"]) == ""


def test_ratings_of_a_scan_are_told_each_word_once_and_an_adjudication_alone() -> None:
    given = pd.DataFrame(
        [
            ("a", "Ada", "rater", None, "accept"),
            ("a", "Ada", "rater", None, "doubtful"),  # she thought again
            ("a", "Bob", "rater", 1, "doubtful"),
            ("b", "Ada", "rater", None, "exclude"),
            ("b", "Bob", "rater", None, "accept"),
            ("c", "Ada", "rater", None, "exclude"),
            ("c", "Eve", "adjudicator", None, "accept"),
            ("c", "Bob", "rater", None, "exclude"),
            ("d", "Ada", "rater", 1, "doubtful"),
            ("d", "Ada", "rater", None, "accept"),  # and again, outside of the session
        ],
        columns=["scan_id", "rater", "role", "session_id", "label"],
    ).assign(scale="three-level", repeat=False, withdrawn=None)
    assert summaries.rating_words(given) == {
        "a": ("doubtful",),
        "b": ("accept", "exclude"),
        "c": ("accept",),
        "d": ("accept",),
    }
    assert summaries.rating_words(given.iloc[:0]) == {}


def test_ages_name_their_gaps() -> None:
    assert summaries.ages(pd.Series([20.0, 30.0, math.nan])) == "25.0 (20–30), 1 not known"


def test_worst_come_first_and_the_unscored_last(scans: pd.DataFrame) -> None:
    listed = summaries.review_list(scans, sort="worst first")
    assert listed["scan_id"].tolist() == ["b", "c", "a", "d"]


def test_filters_narrow_the_list(scans: pd.DataFrame) -> None:
    listed = summaries.review_list(
        scans, sort="by name", sources=["one"], tier_names=["A", "C"], leave_out={"a"}
    )
    assert listed["scan_id"].tolist() == ["b"]


# ---- words and marks -------------------------------------------------------------------------------


def test_unknown_is_a_dash_never_zero() -> None:
    for value in (None, math.nan, math.inf):
        assert number(value) == formatting.significant(value) == formatting.DASH
    assert formatting.duration(None) == formatting.DASH


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "0 s"), (89, "89 s"), (90, "2 min"), (3600 * 2.1, "2 h 06 min")]
)
def test_durations_read_like_a_clock(seconds: float, said: str) -> None:
    assert formatting.duration(seconds) == said


def test_numbers_have_no_negative_zero() -> None:
    assert (number(-0.001, 2), number(-1.5, 1)) == ("0.00", "−1.5")


def test_markdown_of_strangers_stays_text() -> None:
    assert formatting.escape("[x](javascript:1) :red[y] $z$ <b>") == (
        r"\[x\]\(javascript\:1\) \:red\[y\] \$z\$ \<b\>"
    )


def test_html_of_strangers_stays_text() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    for markup in (
        html_marks.table((hostile,), [(hostile,)]),
        html_marks.cards([html_marks.Card(hostile, hostile, hostile)]),
        html_marks.tier_chip(hostile, TIER_COLOURS["A"]),
        html_marks.bars({hostile: 1.0}),
    ):
        assert "<img" not in markup


def test_not_measurable_is_hatched_and_a_dash() -> None:
    drawn = html_marks.bars({"Noise": math.nan, "Blur": 0.0})
    assert drawn.count("ts-none") == 1
    assert formatting.DASH in drawn


def test_text_on_tier_colours_can_be_read() -> None:
    for colour in TIER_COLOURS.values():
        assert _contrast(html_marks.ink_on(colour), colour) >= 4.5


def _contrast(one: str, other: str) -> float:
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


@pytest.mark.parametrize(
    ("score", "said"),
    [(24.94, "24.9"), (25, "25.0"), (0.0, "0.0"), (100, "100.0"), (math.nan, "–"), (None, "–")],
)
def test_a_score_has_one_decimal(score, said: str) -> None:
    assert formatting.score(score) == said


def test_a_bar_of_what_was_measured_in_part_says_so() -> None:
    drawn = html_marks.bars({"Noise": 3.0, "Motion": 0.1, "Blur": math.nan}, ["Motion", "Blur"])
    assert drawn.count("in part") == 1
    assert drawn.index("Motion") < drawn.index("in part") < drawn.index("Blur")


def test_what_has_no_sub_score_has_no_bar_to_be_measured_in_part() -> None:
    parts = pd.DataFrame(
        {
            "family": ["noise", "noise", "prepared", "prepared", "blur"],
            "value": [1.0, math.nan, 1.0, math.nan, 2.0],
        }
    )
    judged = SimpleNamespace(parts=parts)
    assert scan_panel._measured_in_part(judged) == ["Noise"]  # type: ignore[arg-type]


def _rating(scan_id: str, excluded: bool, rater: str = "Ada", *, running: bool = False) -> dict:
    named = {"scan_id": scan_id, "excluded": excluded, "rater": rater, "running": running}
    return named | {"repeat": False, "role": "rater", "withdrawn": False}


def test_rated_scans_that_do_not_count_for_a_cut_off_are_counted_by_their_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rating_log, "current", lambda given: given)
    ratings = pd.DataFrame(
        [
            _rating("a", True),
            _rating("b", False),
            _rating("c", True, running=True),
            _rating("d", True),
            _rating("e", True),
            _rating("e", False, "Ben"),
        ]
    )
    found = summaries.counted_scans(ratings, rating_log.counted(ratings), {"a", "b", "c", "e"})
    assert (found.rated, found.counted, found.unscored) == (5, 2, 1)
    assert found.left_out == (
        "1 rated only in a blinded session that is still running, 1 without a score, "
        "1 that as many raters keep as exclude (an adjudication decides)"
    )
    none = summaries.counted_scans(ratings[:2], ratings[:2], {"a", "b"})
    assert (none.rated, none.counted, none.left_out) == (2, 2, "")


def test_a_name_that_is_cut_above_an_image_can_be_read_in_full() -> None:
    name = "set_<sub>-" + "long" * 20
    scan = pd.Series(
        {
            "scan_id": name,
            "modality": "T1w",
            "shape": [2, 3, 4],
            "spacing_mm": [1.0, 1.0, 1.0],
            "orientation": "RAS",
        }
    )
    escaped = name.replace("<", "&lt;").replace(">", "&gt;")
    assert f'<b title="{escaped}">{escaped}</b>' in scan_panel.caption(scan)
