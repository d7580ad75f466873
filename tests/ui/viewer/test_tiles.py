"""A tile says which scan, how good, and why it has no picture; names are texts, never markup."""

from pathlib import Path

import pandas as pd

from curation.storage.workspace import ImageSettings, Workspace
from curation.tiers.rule_checks import UNSCORED
from curation.tiers.tier_rule import TIER_COLOURS
from pages.ui.shell import formatting, frame
from pages.ui.viewer import tiles


def described(**more: object) -> list[dict]:
    scans = pd.DataFrame(
        [
            ("a", "ok", 12.4, "A"),
            ("<b>", "ok", float("nan"), UNSCORED),
            ("c", "table", 80.0, "C"),
        ],
        columns=["scan_id", "status", "distortion_score", "tier"],
    )
    given = {
        "pictures": {"a": "a.png?1"},
        "rated": {"c": ("doubtful",)},
        "recognised": {"c": {"no_air": "Cut."}},
        "current": "a",
        "colour_of": TIER_COLOURS.get,
    }
    return tiles.describe(scans, **(given | more))  # type: ignore[arg-type]


def test_each_tile_says_score_and_tier_in_its_colour() -> None:
    first, second, third = described()
    assert (first["score"], first["tier"], first["colour"]) == ("12.4", "A", TIER_COLOURS["A"])
    assert second["score"] == "–"
    assert second["tier"] == UNSCORED
    assert (third["more"], third["colour"]) == ("doubtful", TIER_COLOURS["C"])
    assert "Cut." in third["title"]


def test_a_tile_says_the_worst_tier_that_a_scan_could_be_in() -> None:
    scans = pd.DataFrame(
        [("a", "ok", 12.4, 63.0, "A", "C"), ("b", "ok", 12.4, 12.4, "A", "A")],
        columns=["scan_id", "status", "distortion_score", "score_high", "tier", "tier_worst"],
    )
    drawn = tiles.describe(
        scans, pictures={}, rated={}, recognised={}, current=None, colour_of=TIER_COLOURS.get
    )
    assert [tile["tier"] for tile in drawn] == ["A, perhaps C", "A"]


def test_a_tile_says_at_its_tier_that_it_is_by_hand_and_why_on_pointing() -> None:
    scans = pd.DataFrame(
        [("a", "ok", 10.8, "C", "metal artefact"), ("b", "ok", 10.9, "A", None)],
        columns=["scan_id", "status", "distortion_score", "tier", "tier_by_hand"],
    )
    drawn = tiles.describe(
        scans, pictures={}, rated={}, recognised={}, current=None, colour_of=TIER_COLOURS.get
    )
    assert [tile["tier"] for tile in drawn] == ["C, by hand", "A"]
    assert drawn[0]["title"].splitlines() == [
        "a: tier C, distortion score 10.8",
        "Tier by hand: metal artefact",
    ]
    assert "by hand" not in drawn[1]["title"]


def test_a_score_is_a_lower_bound_only_where_it_may_be_notably_higher_and_says_how_high() -> None:
    scans = pd.DataFrame(
        {
            "scan_id": ["a", "b", "c"],
            "status": "ok",
            "distortion_score": [4.8, 12.3, float("nan")],
            "score_high": [50.21, 12.6, float("nan")],
            "tier": ["A", "A", UNSCORED],
        }
    )
    drawn = tiles.describe(
        scans, pictures={}, rated={}, recognised={}, current=None, colour_of=TIER_COLOURS.get
    )
    assert [tile["score"] for tile in drawn] == ["≥ 4.8", "12.3", "–"]
    assert (
        "≥: part of what is judged could not be measured on this scan; what was not could raise it to 50.2"
        in drawn[0]["title"]
    )
    assert all("≥" not in tile["title"] for tile in drawn[1:])
    assert all("≥" not in tile["score"] for tile in described())


def test_above_tiles_stands_once_what_their_pictures_and_scores_are(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    drawn = [{"picture": "a.png", "score": "≥ 4.8"}, {"picture": None, "score": "12.3"}]
    assert tiles.notes(workspace, drawn) == f"{tiles.BRAIN_ALONE} {formatting.AT_LEAST_HELP}"
    assert tiles.notes(workspace, drawn[1:]) == ""
    workspace.put_images(ImageSettings(whole_heads=True))
    assert tiles.notes(workspace, drawn) == formatting.AT_LEAST_HELP


def test_the_scan_that_is_open_is_marked_and_no_other() -> None:
    assert [tile["current"] for tile in described()] == [True, False, False]


def test_a_scan_without_picture_says_why() -> None:
    first, second, third = described()
    assert first["picture"] == "a.png?1"
    assert second["picture"] is None
    assert "not scored" in second["why"]
    assert "table" in third["why"]


def test_a_picture_made_anew_has_a_new_address(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "w")
    workspace.previews_dir.mkdir(exist_ok=True)
    path = workspace.preview_path("s1")
    path.write_bytes(b"1")
    before = tiles.pictures(workspace, ["s1", "gone"])
    assert set(before) == {"s1"}
    assert before["s1"].startswith("s1.png?")
    path.unlink()
    path.write_bytes(b"22")
    assert tiles.pictures(workspace, ["s1"]) != before


def test_names_never_become_markup() -> None:
    script = (frame.ASSETS / "tiles.js").read_text(encoding="utf-8")
    assert "textContent" in script
    assert "innerHTML" not in script


def test_a_scan_with_a_score_is_not_called_unscored_where_another_column_is_cut() -> None:
    scans = pd.DataFrame(
        {"scan_id": ["a"], "status": "ok", "distortion_score": [12.3], "tier": "not scored"}
    )
    (tile,) = tiles.describe(
        scans,
        pictures={},
        rated={},
        recognised={},
        tags={},
        current=None,
        colour_of=TIER_COLOURS.get,
    )
    assert tile["tier"] == "no value" and "distortion score 12.3" in tile["title"]
    assert "not scored" not in tile["why"]


def test_only_where_no_scan_can_have_a_picture_no_room_is_left_for_one() -> None:
    first, second, third = described()
    assert tiles.bare([third]) and not tiles.bare([first, third]) and not tiles.bare([second])
