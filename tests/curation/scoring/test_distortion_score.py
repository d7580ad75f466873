"""Scores are a pure, monotone function of metrics and a reference; a ruined dimension stays visible."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from curation.imaging.image_flags import FLAGS
from curation.metrics import METRICS
from curation.metrics.registry import FAMILIES
from curation.references import reference_library
from curation.scoring.combination import ANY_POWER, MEAN_POWER
from curation.scoring.distortion_score import explain, score
from curation.scoring.exclusion_model import ExclusionModel, quantiles_of
from curation.scoring.reference_population import Population
from curation.scoring.score_reference import Anchor, Reference, builtin, earlier_builtin
from curation.tiers.tier_rule import DEFAULT_RULE

#: One metric a family, good at 0 and bad at 1.
FIRST = {family: next(n for n, m in METRICS.items() if m.family == family) for family in FAMILIES}
ANCHORS = {name: Anchor(0.0, 1.0) for name in FIRST.values()}
PLAIN = Reference("plain", "1", "for tests", ANCHORS, combination="any")
#: As references of before were combined.
MEAN = Reference("mean", "1", "for tests", ANCHORS)


def row(**values: float) -> pd.DataFrame:
    """One scan whose metrics are 0 (good), but for those named by their family."""
    metrics = {FIRST[family]: values.get(family, 0.0) for family in FAMILIES}
    return pd.DataFrame([{"scan_id": "s", "sha256": "x", **metrics}])


@pytest.mark.parametrize("family", FAMILIES)
def test_more_of_any_one_penalty_is_always_a_higher_score(family: str) -> None:
    scores = [
        score(row(**{family: v}), PLAIN)["distortion_score"][0] for v in np.linspace(0, 1.5, 31)
    ]
    assert np.all(np.diff(scores) > 0)


def test_one_ruined_dimension_is_never_averaged_away() -> None:
    scored = score(_drawn(), PLAIN)
    worst = scored[list(FAMILIES)].max(axis=1)
    assert (scored["distortion_score"] >= worst - 1e-9).all()
    assert (scored["distortion_score"] <= 100).all()


def test_references_of_before_score_as_they_did() -> None:
    scored = score(_drawn(), MEAN)
    worst = scored[list(FAMILIES)].max(axis=1)
    powers = (scored[list(FAMILIES)].astype(float) ** MEAN_POWER).sum(axis=1) / 7
    assert scored["distortion_score"].to_numpy() == pytest.approx(powers ** (1 / MEAN_POWER))
    assert (scored["distortion_score"] <= worst + 1e-9).all()


def _drawn() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.concat(
        [row(**dict(zip(FAMILIES, rng.uniform(-1, 2, 7), strict=True))) for _ in range(300)],
        ignore_index=True,
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_a_single_ruined_dimension_ruins_the_score(family: str) -> None:
    ruined = score(row(**{family: 2.0}), PLAIN).iloc[0]
    assert ruined[family] > 98
    assert ruined["distortion_score"] >= ruined[family] - 1e-9
    assert ruined[[f for f in FAMILIES if f != family]].max() == pytest.approx(20)


@pytest.mark.parametrize("family", FAMILIES)
def test_one_metric_far_beyond_unusable_makes_the_scan_unusable(family: str) -> None:
    assert score(row(**{family: 6.0}), builtin_like(family))["distortion_score"][0] > 99.9


def builtin_like(family: str) -> Reference:
    """The plain reference with two more metrics of a family, which are fine."""
    more = [n for n, m in METRICS.items() if m.family == family][1:3]
    return Reference(
        "more", "1", "", ANCHORS | dict.fromkeys(more, Anchor(0, 1)), combination="any"
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_another_metric_in_a_family_dilutes_nothing(family: str) -> None:
    for value in (0.0, 0.3, 0.8, 1.5):
        more = builtin_like(family)
        fine = {name: -3.0 for name in more.anchors if name not in FIRST.values()}
        before = score(row(**{family: value}), PLAIN)
        after = score(row(**{family: value}).assign(**fine), more)
        assert after[family][0] == pytest.approx(before[family][0], abs=1e-6)
        assert after["distortion_score"][0] == pytest.approx(
            before["distortion_score"][0], abs=1e-6
        )


def test_a_good_scan_has_room_below_it_and_a_bad_one_above() -> None:
    assert score(row(), PLAIN)["distortion_score"][0] == pytest.approx(20.0, abs=2.1)
    pristine = score(row(**dict.fromkeys(FAMILIES, -1.0)), PLAIN)
    assert pristine["distortion_score"][0] < 2
    bad = score(row(noise=1.0), PLAIN)
    assert bad["distortion_score"][0] == pytest.approx(80.0)


def test_a_scan_that_is_good_in_everything_is_in_the_best_tier() -> None:
    good = {name: anchor.good for name, anchor in builtin().anchors.items()}
    scored = score(pd.DataFrame([good]).assign(scan_id="s", sha256="x"))
    assert scored["distortion_score"][0] < DEFAULT_RULE.cutoffs[0]


def test_what_cannot_be_measured_is_nan_and_condemns_nothing() -> None:
    partial = score(row(motion=math.nan, noise=math.nan), PLAIN).iloc[0]
    assert math.isnan(partial["motion"]) and math.isnan(partial["noise"])
    assert partial["families_measured"] == 5
    # two of seven are missing: they add nothing, and the others keep their weight
    assert partial["distortion_score"] == pytest.approx(20.0 * 5 ** (1 / ANY_POWER))
    before = score(row(motion=math.nan, noise=math.nan), MEAN).iloc[0]
    assert before["distortion_score"] == pytest.approx(20.0 * (5 / 7) ** (1 / MEAN_POWER))


def test_a_scan_without_any_metric_has_no_score() -> None:
    nothing = score(row(**dict.fromkeys(FAMILIES, math.nan)), PLAIN).iloc[0]
    assert math.isnan(nothing["distortion_score"])
    assert nothing["families_measured"] == 0
    assert nothing["certainty"] == 0


def test_certainty_is_the_measured_part_averaged_over_the_families() -> None:
    assert score(row(), PLAIN)["certainty"][0] == 1
    assert score(row(blur=math.nan), PLAIN)["certainty"][0] == pytest.approx(6 / 7)
    second = [n for n, m in METRICS.items() if m.family == "blur"][1]
    two = Reference("two", "1", "", ANCHORS | {second: Anchor(0, 1)}, combination="any")
    assert score(row(), two)["certainty"][0] == pytest.approx(6.5 / 7)


def test_a_family_that_the_reference_does_not_judge_counts_for_no_certainty() -> None:
    noise, blur = FIRST["noise"], FIRST["blur"]
    some = Reference("some", "1", "", {n: ANCHORS[n] for n in (noise, blur)}, combination="any")
    assert score(row(), some)["certainty"][0] == 1
    assert score(row(blur=math.nan, motion=math.nan), some)["certainty"][0] == pytest.approx(0.5)
    none = Reference("none", "1", "", {}, combination="any")
    assert score(row(), none)["certainty"][0] == 0


def test_a_row_of_mriqc_with_all_that_the_experts_judge_is_covered_whole() -> None:
    values = {"cjv": 0.4, "snr_wm": 12.0, "summary_wm_p95": 1100.0, "summary_wm_median": 1000.0}
    mriqc = pd.DataFrame([{"scan_id": "s", "sha256": "x", "measured_by": "MRIQC 23.1.0"}])
    experts = reference_library.experts()
    assert score(mriqc.assign(**values), experts)["certainty"][0] == 1
    assert score(mriqc.assign(**values | {"cjv": math.nan}), experts)["certainty"][0] < 1


def test_a_scan_is_judged_by_the_anchors_of_its_site_else_by_those_of_all_sites() -> None:
    lax, strict = (dict.fromkeys(FIRST.values(), Anchor(0, bad)) for bad in (4.0, 0.5))
    sited = Reference("sited", "1", "", PLAIN.anchors, sites={"North": lax, "*": strict})
    frame = pd.concat([row(noise=1.0)] * 3, ignore_index=True)
    noise = score(frame, sited, pd.Series(["North", "South", None]))["noise"]
    assert noise[0] < noise[1] == noise[2]
    by_site = explain(frame.iloc[0], sited, "North").set_index("metric")["penalty"]
    assert by_site[FIRST["noise"]] == noise[0]


def test_a_score_does_not_depend_on_the_other_scans() -> None:
    one, two = row(noise=0.4), row(blur=2.0)
    together = score(pd.concat([two, one], ignore_index=True), PLAIN)
    assert together.iloc[[1]].reset_index(drop=True).equals(score(one, PLAIN))


def test_the_explanation_names_the_culprit_and_its_shares_make_one() -> None:
    explained = explain(row(blur=1.2, noise=0.6).iloc[0], PLAIN)
    assert explained["family"][0] == "blur"
    assert explained["share_of_score"].sum() == pytest.approx(1.0)
    assert explained["share_of_score"].is_monotonic_decreasing


@pytest.mark.parametrize(("reference", "power"), [(PLAIN, ANY_POWER), (MEAN, MEAN_POWER)])
def test_shares_of_the_explanation_rebuild_the_score(reference: Reference, power: float) -> None:
    frame = row(blur=0.9, noise=0.8, motion=math.nan)
    explained = explain(frame.iloc[0], reference)
    scored = score(frame, reference).iloc[0]
    powers = scored[list(FAMILIES)].astype(float) ** power
    by_family = explained.groupby("family")["share_of_score"].sum()
    expected = (powers / powers.sum()).fillna(0)
    assert by_family.to_dict() == pytest.approx(expected.to_dict())


def test_an_unmeasured_metric_has_no_share() -> None:
    explained = explain(row(motion=math.nan).iloc[0], PLAIN).set_index("family")
    assert explained.loc["motion", "share_of_score"] == 0
    assert math.isnan(explained.loc["motion", "penalty"])


def test_points_are_what_the_score_falls_by_when_the_metric_is_flawless() -> None:
    frame = row(blur=0.9, noise=0.8)
    explained = explain(frame.iloc[0], PLAIN).set_index("family")
    flawless = score(row(blur=-50, noise=0.8), PLAIN)["distortion_score"][0]
    whole = score(frame, PLAIN)["distortion_score"][0]
    assert explained.loc["blur", "points"] == pytest.approx(whole - flawless, abs=1e-3)


@pytest.mark.parametrize(
    "reference", [PLAIN, MEAN, builtin(), *earlier_builtin()], ids=lambda r: r.id
)
def test_no_set_of_metrics_taken_away_raises_a_score(reference: Reference) -> None:
    rng = np.random.default_rng(1)
    names, anchors = list(reference.anchors), reference.anchors.values()
    table = [[a.good + rng.uniform(-0.5, 2) * (a.bad - a.good) for a in anchors] for _ in range(15)]
    scans = pd.DataFrame(table, columns=names).mask(rng.random((15, len(names))) < 0.2)
    scans = scans.assign(scan_id=[f"s{n}" for n in range(15)], sha256="x")
    judged = ["distortion_score", *FAMILIES]
    whole = score(scans, reference)
    sets = [[name] for name in names[::3]] + [
        [name for name in names if rng.random() < share] for share in np.linspace(0.1, 0.9, 9)
    ]
    for gone in sets:
        without = score(scans.assign(**dict.fromkeys(gone, np.nan)), reference)
        assert not (without[judged] > whole[judged] + 1e-9).any(axis=None), gone
        left = without["distortion_score"].notna()
        assert (without["score_high"] >= without["distortion_score"])[left].all()


def test_an_upper_end_is_the_score_where_nothing_is_missing_and_above_it_where_something_is() -> (
    None
):
    seen = {name: anchor.good for name, anchor in builtin().anchors.items()}
    table = pd.DataFrame([seen, seen | dict.fromkeys(("empty_slices", "noise_wm"), np.nan)])
    scored = score(table.assign(scan_id=["all", "some"], sha256="x"))
    assert scored["score_high"][0] == scored["distortion_score"][0]
    assert scored["distortion_score"][1] <= scored["distortion_score"][0]
    assert scored["score_high"][1] >= scored["distortion_score"][1]


def test_of_a_metric_that_no_case_tells_of_anything_is_possible() -> None:
    unknown = Reference(
        "u", "1", "", {"snr_total": Anchor(10, 5), "cjv": Anchor(0.7, 1.2)}, combination="any"
    )
    frame = pd.DataFrame([{"scan_id": "s", "sha256": "x", "cjv": 0.6, "snr_total": np.nan}])
    assert score(frame, unknown)["score_high"][0] == 100


def test_the_same_ripples_score_no_worse_without_air_around_the_head() -> None:
    seen = {name: anchor.good for name, anchor in builtin().anchors.items()}
    seen["ripples"] = builtin().anchors["ripples"].bad
    stripped = {
        k: np.nan if {"air", "outside"} & set(METRICS[k].needs) else v for k, v in seen.items()
    }
    scored = score(pd.DataFrame([seen, stripped]).assign(scan_id=["air", "none"], sha256="x"))
    air, none = scored["motion"]
    assert none == pytest.approx(air, rel=0.02)
    assert none <= air
    assert scored["distortion_score"][1] <= scored["distortion_score"][0]
    assert scored["certainty"][1] < scored["certainty"][0]


# ---- a learned reference -------------------------------------------------------------------------

SPREAD = tuple(map(tuple, quantiles_of(np.random.default_rng(0).normal(size=(500, 2))).tolist()))
MODEL = ExclusionModel((FIRST["noise"], FIRST["blur"]), (1.0, 0.5), (0.0, 0.0), -1.0, SPREAD)
LEARNED = Reference(
    "learned", "1", "for tests", ANCHORS, kind="learned", model=MODEL, combination="any"
)


def test_a_learned_score_is_the_chance_by_the_sum_of_what_the_metrics_add() -> None:
    frame = row(noise=1.5, blur=-0.5)
    added = MODEL.contributions(frame, "*").iloc[0]
    alone = Reference("r", "1", "", {}, model=MODEL)
    scored = score(frame, alone).iloc[0]
    assert scored["distortion_score"] == pytest.approx(100 / (1 + np.exp(1 - added.sum())))
    assert scored["noise"] == pytest.approx(100 / (1 + np.exp(1 - added[FIRST["noise"]])))
    assert math.isnan(scored["geometry"])


def test_what_a_learned_model_does_not_know_stays_visible() -> None:
    for family in ("incompleteness", "geometry", "motion"):
        scored = score(row(**{family: 2.0}), LEARNED).iloc[0]
        assert scored["distortion_score"] > 80, family
    # families of the model are the model's
    assert score(row(noise=2.0), LEARNED).iloc[0]["noise"] < 80


def test_a_scan_without_half_of_a_models_metrics_is_judged_by_the_built_in_anchors() -> None:
    frame = pd.concat([row(), row(noise=math.nan, blur=math.nan), row()], ignore_index=True)
    assert score(frame, LEARNED)["reference"].tolist() == ["learned-1", "builtin-3", "learned-1"]
    assert set(explain(frame.iloc[1], LEARNED)["metric"]) == set(builtin().anchors)


def test_an_explanation_of_a_learned_score_says_what_speaks_for_the_scan_too() -> None:
    alone = Reference("r", "1", "", {}, model=MODEL)
    explained = explain(row(noise=1.5, blur=-0.5).iloc[0], alone).set_index("family")
    assert explained.loc["noise", "points"] > 0 > explained.loc["blur", "points"]
    assert explained["share_of_score"].to_dict() == {"noise": 1.0, "blur": 0.0}


def test_an_empty_table_has_an_empty_score() -> None:
    assert score(row().iloc[:0], LEARNED).empty


# ---- the built-in reference ----------------------------------------------------------------------


def test_every_anchor_belongs_to_a_metric_points_its_way_and_names_its_source() -> None:
    for name, anchor in builtin().anchors.items():
        direction = METRICS[name].direction
        assert direction in {"higher is worse", "higher is better"}, name
        assert (anchor.bad > anchor.good) == (direction == "higher is worse"), name
        assert anchor.source, name
        assert anchor.scale in {"linear", "log"}


def test_every_family_has_an_anchor_that_holds_without_air() -> None:
    for family in FAMILIES:
        names = [n for n in builtin().anchors if METRICS[n].family == family]
        assert any("air" not in METRICS[n].needs for n in names), family


def test_the_reference_says_what_it_is() -> None:
    reference = builtin()
    assert reference.id == "builtin-3"
    assert len(reference.description) > 100
    assert json.dumps(reference.description)
    assert len(reference.population.words) > 100


# ---- anatomy, and for whom a reference holds -----------------------------------------------------


def good_scan(**changes: object) -> pd.DataFrame:
    good = {name: anchor.good for name, anchor in builtin().anchors.items()}
    usual = {name: anchor.good for name, anchor in builtin().anatomy.items()}
    return pd.DataFrame([{"scan_id": "s", "sha256": "x", **good, **usual, **changes}])


@pytest.mark.parametrize("name", builtin().anatomy)
def test_how_usual_a_brain_is_counts_for_no_score_and_is_told(name: str) -> None:
    anchor = builtin().anatomy[name]
    usual, unusual = score(good_scan()).iloc[0], score(good_scan(**{name: anchor.bad})).iloc[0]
    judged = ["distortion_score", *FAMILIES, "score_high", "certainty"]
    assert unusual[judged].equals(usual[judged])
    assert usual["unusual_anatomy"] < 50 < unusual["unusual_anatomy"]
    told = json.loads(unusual["score_flags"])
    assert METRICS[name].label in told["unusual_anatomy"]
    assert json.loads(usual["score_flags"]) == {}
    assert name not in set(explain(good_scan().iloc[0])["metric"])


def test_another_kind_of_image_gets_no_score_and_the_reason() -> None:
    about = pd.DataFrame({"modality": ["T2w"]})
    scored = score(good_scan(), about=about).iloc[0]
    assert scored[["distortion_score", "score_high", *FAMILIES]].isna().all()
    assert "T2w" in json.loads(scored["score_flags"])["no_reference"]
    by_image = good_scan(flags=json.dumps({"not_t1w": "fluid is brighter than white matter"}))
    scored = score(by_image, about=about.assign(modality="T1w")).iloc[0]
    assert math.isnan(scored["distortion_score"])
    assert "fluid is brighter" in json.loads(scored["score_flags"])["no_reference"]
    assert score(good_scan(), about=about.assign(modality="T1w"))["distortion_score"].notna().all()


def test_a_reference_made_of_another_kind_judges_it() -> None:
    own = replace(builtin(), population=Population(modalities=("T2w",)))
    by_image = good_scan(flags=json.dumps({"not_t1w": "the file's name says T2w"}))
    about = pd.DataFrame({"modality": ["T2w"]})
    assert score(by_image, own, about=about)["distortion_score"].notna().all()
    assert score(by_image, own, about=about.assign(modality="T1w"))["distortion_score"].isna().all()


def test_a_scan_outside_of_those_that_a_reference_holds_for_is_scored_with_a_flag() -> None:
    about = pd.DataFrame(
        {
            "modality": ["T1w-ce"],
            "age_years": [7.0],
            "field_strength_t": [0.064],
            "spacing_mm": [[1, 1, 5]],
        }
    )
    scored, plain = score(good_scan(), about=about).iloc[0], score(good_scan()).iloc[0]
    assert scored["distortion_score"] == plain["distortion_score"]
    told = json.loads(scored["score_flags"])["outside_reference"]
    assert all(words in told for words in ("T1w-ce", "age 7", "0.064 T", "1 × 1 × 5 mm"))


def test_a_kind_with_anchors_of_its_own_is_judged_by_these_and_no_other_scan_is() -> None:
    thick = json.dumps({"thick_slices": "voxels of 1 × 1 × 4 mm"})
    both = pd.concat(
        [good_scan(voxel_anisotropy=4.0, flags=text) for text in ("{}", thick)], ignore_index=True
    )
    plain, of_kind = score(both)["geometry"]
    assert of_kind < 25 < plain
    penalty = explain(both.iloc[1]).set_index("metric")["penalty"]["voxel_anisotropy"]
    anchor = builtin().anchors_for("*", ["thick_slices"])["voxel_anisotropy"]
    assert penalty == pytest.approx(float(anchor.penalty(np.array([4.0]))[0]))
    for kind, own in builtin().kinds.items():
        assert kind in FLAGS
        assert set(own) <= set(builtin().anchors)
