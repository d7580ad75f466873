"""Flags of scans: counted, listed, shown, with texts from files shown as they are."""

import json

import pandas as pd

from curation.imaging.image_flags import FLAGS
from pages.ui.shell import flags

METRICS = pd.DataFrame(
    {
        "scan_id": ["a", "b", "c", "d"],
        "flags": [
            json.dumps({"no_air": "all zero", "skull_stripped": "only the brain is left"}),
            json.dumps({"no_air": "all zero"}),
            "{}",
            json.dumps({"defaced": "a wedge of zeros"}),
        ],
    }
)


def test_a_face_removed_in_part_is_one_chip_with_one_sentence() -> None:
    found = {"defaced": "it is exactly zero", "face": "79 ml of nose are there"}
    said = flags.chips(found)
    assert "Partly defaced" in said and "Part of the face was removed, but 79 ml of nose" in said
    assert said.count('ts-flag"') == 1 and ">Face<" not in said


def test_flags_are_counted_among_the_scans_asked_for_in_the_registrys_order() -> None:
    recognised = flags.flags_of_scans(METRICS)
    assert set(recognised) == {"a", "b", "d"}
    assert flags.counts(recognised, {"a", "b", "c"}) == {"skull_stripped": 1, "no_air": 2}
    assert list(flags.counts(recognised, set("abcd"))) == [
        key for key in FLAGS if key in ("skull_stripped", "no_air", "defaced")
    ]


def test_scans_with_any_of_the_flags_are_found() -> None:
    recognised = flags.flags_of_scans(METRICS)
    assert flags.scans_with(recognised, ["no_air", "defaced"]) == {"a", "b", "d"}
    assert flags.scans_with(recognised, []) == frozenset()


def test_metrics_of_older_versions_have_no_flags() -> None:
    assert flags.flags_of_scans(METRICS[["scan_id"]]) == {}
    assert flags.flags_of_row(METRICS.loc[0, ["scan_id"]]) == {}


def test_a_chip_says_its_evidence_and_escapes_it() -> None:
    said = flags.chips({"not-known": "<b>x</b>", "skull_stripped": "only the brain is left"})
    assert said.index(FLAGS["skull_stripped"].label) < said.index("not-known")
    assert "Only the brain is left." in said
    assert "&lt;b&gt;x&lt;/b&gt;" in said and "<b>x</b>" not in said


def test_consequences_come_from_the_registry() -> None:
    assert FLAGS["no_air"].consequence in flags.consequences({"no_air": "all zero"})


def test_a_distortion_that_may_look_like_anatomy_is_said_beside_it() -> None:
    found = json.dumps({"unusual_anatomy": "Left-right symmetry 0.5"})
    scan = pd.Series({"score_flags": found, "motion": 92.0, "noise": 10.0, "blur": None})
    assert flags.of_score(scan)["unusual_anatomy"] == (
        "Left-right symmetry 0.5. The ghosts of this scan may be what is seen here, not the anatomy"
    )
    assert flags.of_score(scan.replace(92.0, 20.0)) == json.loads(found)
    assert flags.of_score(pd.Series({"motion": 92.0})) == {}
