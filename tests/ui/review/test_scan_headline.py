"""Headline of a scan: its main trouble in one line, and how sure that is."""

import json
import math

import pandas as pd
import pytest

from curation.metrics.registry import FAMILIES
from curation.scoring.score_reference import Anchor
from pages.ui.review import metrics_panel, scan_judgement, scan_panel

ANCHORS = {"noise_wm": Anchor(0.05, 0.12), "cnr": Anchor(3.0, 1.0)}


def _parts(*rows: tuple[str, str, float, float]) -> pd.DataFrame:
    parts = pd.DataFrame(rows, columns=["metric", "family", "value", "share_of_score"])
    return parts.assign(penalty=100 * parts["share_of_score"])


def _penalised(*rows: tuple[str, str, float]) -> pd.DataFrame:
    """Return metrics of some penalties, as far as these make the score."""
    total = sum(penalty for *_, penalty in rows)
    parts = _parts(*((name, family, 0.05, penalty / total) for name, family, penalty in rows))
    return parts.assign(penalty=[penalty for *_, penalty in rows])


def _scores(**known: float) -> pd.Series:
    return pd.Series(dict.fromkeys(FAMILIES, 5.0) | known)


def test_the_worst_kind_its_metric_and_what_would_be_good_are_said() -> None:
    parts = _parts(("noise_wm", "noise", 0.2, 0.9), ("cnr", "contrast", 2.0, 0.1))
    said = scan_judgement.headline(_scores(noise=90.0, contrast=60.0), parts, ANCHORS)
    assert said.startswith(
        "<b>Severe noise.</b> White-matter noise (SD): 20 % of white-matter signal"
    )
    assert "good is 5\N{NO-BREAK SPACE}% or less" in said
    assert "Also loss of grey-white contrast." in said


def test_a_metric_that_falls_is_good_from_a_value_on() -> None:
    parts = _parts(("cnr", "contrast", 1.2, 1.0))
    said = scan_judgement.headline(_scores(contrast=55.0), parts, ANCHORS)
    assert "Clear loss of grey-white contrast" in said and "good is 3 or more" in said
    assert metrics_panel.good_and_bad(ANCHORS["cnr"]) == ("≥ 3", "≤ 1")
    assert metrics_panel.good_and_bad(None) == ("", "")


def test_nothing_stands_out_on_a_good_scan() -> None:
    said = scan_judgement.headline(_scores(), _parts(("noise_wm", "noise", 0.01, 1.0)), ANCHORS)
    assert said.startswith("<b>Nothing stands out.</b>")


def test_no_fault_is_named_where_what_weighs_most_is_good() -> None:
    parts = _parts(("orientation_missing", "geometry", 0.0, 0.7), ("noise_wm", "noise", 0.01, 0.3))
    anchors = ANCHORS | {"orientation_missing": Anchor(0.2, 0.8)}
    said = scan_judgement.headline(_scores(geometry=6.0), parts, anchors)
    assert said.startswith("<b>Nothing stands out.</b>") and "left from right" not in said
    assert "within what is good" in said
    beyond = _parts(("noise_wm", "noise", 0.06, 1.0))
    assert "The most there is: noise." in scan_judgement.headline(_scores(), beyond, ANCHORS)


def test_what_lies_outside_the_best_tier_is_said_to_have_something() -> None:
    parts = _parts(("noise_wm", "noise", 0.06, 1.0))
    assert scan_judgement.headline(_scores(noise=28.7), parts, ANCHORS).startswith(
        "<b>Slight noise.</b>"
    )


def test_thick_slices_are_not_called_distortion() -> None:
    parts = _parts(("voxel_anisotropy", "geometry", 5.2, 0.8), ("noise_wm", "noise", 0.01, 0.2))
    anchors = ANCHORS | {"voxel_anisotropy": Anchor(4.5, 12.0), "shear": Anchor(0.05, 0.15)}
    said = scan_judgement.headline(_scores(geometry=17.0), parts, anchors)
    assert "thick slices" in said and "distortion" not in said
    sheared = _parts(("shear", "geometry", 0.2, 0.8), ("voxel_anisotropy", "geometry", 4.2, 0.2))
    said = scan_judgement.headline(_scores(geometry=90.0), sheared, anchors)
    assert "Severe geometric distortion" in said and "thick" not in said


@pytest.mark.parametrize(
    ("metric", "family", "words"),
    [
        ("folded_share", "incompleteness", "Severe wrap-around."),
        ("border_signal", "incompleteness", "Severe loss of coverage or of slices."),
        ("saturated_share", "contrast", "Severe saturation."),
        ("wave_amplitude", "noise", "Severe herringbone or spikes."),
    ],
)
def test_an_artefact_with_a_name_of_its_own_is_called_by_it(
    metric: str, family: str, words: str
) -> None:
    parts = _parts((metric, family, 0.05, 0.9))
    anchors = {metric: Anchor(0.01, 0.05)}
    said = scan_judgement.headline(_scores(**{family: 90.0}), parts, anchors)
    assert said.startswith(f"<b>{words}</b>")


@pytest.mark.parametrize(
    ("sign", "family", "words"),
    [
        ("wave_amplitude", "noise", "Severe herringbone or spikes."),
        ("ripples", "motion", "Severe ringing or ripples of motion."),
        ("ghost_y", "motion", "Severe motion or ghosting."),
        ("folded_share", "incompleteness", "Severe wrap-around."),
        ("empty_slices", "incompleteness", "Severe loss of coverage or of slices."),
    ],
)
@pytest.mark.parametrize("carried", [("edge_width", "blur"), ("cjv", "contrast")])
def test_a_sign_of_one_cause_is_named_before_what_it_carries_along(
    sign: str, family: str, words: str, carried: tuple[str, str]
) -> None:
    parts = _penalised((*carried, 99.0), (sign, family, 84.0))
    anchors = {name: Anchor(0.01, 0.05) for name in parts["metric"]}
    said = scan_judgement.headline(_scores(**{carried[1]: 99.0, family: 84.0}), parts, anchors)
    assert said.startswith(f"<b>{words}</b>")
    assert f"Also {scan_judgement.TROUBLES[carried[1]]}, which may come of it." in said


def test_what_is_carried_along_by_nothing_and_what_is_no_worse_is_not_said_to_come_of_it() -> None:
    anchors = {name: Anchor(0.01, 0.05) for name in ("edge_width", "wave_amplitude")}
    parts = _penalised(("wave_amplitude", "noise", 99.0), ("edge_width", "blur", 84.0))
    said = scan_judgement.headline(_scores(blur=84.0, noise=99.0), parts, anchors)
    assert said.startswith("<b>Severe herringbone") and said.endswith("Also blur.")
    parts = _penalised(("edge_width", "blur", 99.0), ("wave_amplitude", "noise", 84.0))
    said = scan_judgement.headline(_scores(blur=99.0, noise=84.0, geometry=95.0), parts, anchors)
    assert said.startswith("<b>Severe herringbone") and "may come of it" not in said


def test_a_sign_of_a_lesser_degree_or_a_broad_measure_does_not_take_the_lead_from_blur() -> None:
    for name, family, penalty in (("ghost_y", "motion", 70.0), ("noise_wm", "noise", 95.0)):
        parts = _penalised(("edge_width", "blur", 99.0), (name, family, penalty))
        anchors = {name: Anchor(0.01, 0.05) for name in parts["metric"]}
        said = scan_judgement.headline(_scores(blur=99.0, **{family: penalty}), parts, anchors)
        assert said.startswith("<b>Severe blur.</b>")


def test_within_a_kind_the_metric_with_one_cause_names_it_where_it_is_as_severe() -> None:
    parts = _penalised(("cjv", "contrast", 95.0), ("saturated_share", "contrast", 93.0))
    anchors = {name: Anchor(0.01, 0.05) for name in parts["metric"]}
    said = scan_judgement.headline(_scores(contrast=97.0), parts, anchors)
    assert said.startswith("<b>Severe saturation.</b> Saturated voxels")


def test_nothing_is_said_of_what_was_not_measured() -> None:
    scores = pd.Series(dict.fromkeys(FAMILIES, math.nan))
    assert scan_judgement.headline(scores, _parts(), {}) == "Nothing of this scan could be judged."


@pytest.mark.parametrize(("chance", "word"), [(95.0, "most likely"), (60.0, "probably")])
def test_what_people_would_say_is_said_as_that(chance: float, word: str) -> None:
    scores = {**_scores(contrast=90.0), "distortion_score": chance}
    said = scan_judgement.headline(
        pd.Series(scores), _parts(("cjv", "contrast", 0.9, 1.0)), ANCHORS
    )
    assert f"People would {word} exclude it." in said and "loss of grey-white contrast" in said


@pytest.mark.parametrize(
    ("share", "upper", "words"),
    [
        (1.0, 12.0, "all that is judged was measured"),
        (0.859, 12.2, "85 % of what is judged was measured"),
        (0.859, 30.0, "85 % of what is judged was measured; what was not could raise it to 30.0"),
        (0.859, math.nan, "85 % of what is judged was measured"),
        (math.nan, math.nan, ""),
    ],
)
def test_coverage_is_told_as_that_and_never_as_certainty(
    share: float, upper: float, words: str
) -> None:
    assert scan_panel.coverage(share, 12.0, upper) == words


def test_a_scan_that_no_reference_holds_for_is_told_why_it_has_no_score() -> None:
    flags = json.dumps({"no_reference": "it is T2w, and Built-in holds for T1w only"})
    scores = pd.Series({**dict.fromkeys(FAMILIES, math.nan), "score_flags": flags})
    said = scan_judgement.headline(scores, _parts(), {})
    assert said == "<b>Not scored:</b> it is T2w, and Built-in holds for T1w only."


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["field_of_view_cut", "no_air"], "<b>Field of view cut.</b> Nothing else stands out."),
        (
            ["unusual_anatomy", "field_of_view_cut"],
            "<b>Field of view cut; unusual anatomy: look.</b> Nothing else stands out.",
        ),
        (["no_air", "thick_slices"], "<b>Nothing stands out.</b>"),
    ],
)
def test_what_a_flag_bids_one_look_at_stands_out_though_the_score_is_good(
    flags: list[str], words: str
) -> None:
    parts = _parts(("noise_wm", "noise", 0.01, 1.0))
    assert scan_judgement.headline(_scores(), parts, ANCHORS, flags).startswith(words)
    kept = pd.Series({**_scores(), "distortion_score": 5.0})
    said = scan_judgement.headline(kept, _parts(("cjv", "contrast", 0.3, 1.0)), ANCHORS, flags)
    assert said.startswith("<b>People would keep it")
    assert ("nothing else stands out" in said) == ("Nothing else" in words)
