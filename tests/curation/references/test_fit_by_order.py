"""A directed model learns the order of grades: planted slopes come out, and rater and site do not count."""

import numpy as np
import pandas as pd
import pytest
from scipy import special, stats

from curation.errors import RatingError, SourceError
from curation.interchange import mriqc_tables
from curation.interchange.mriqc_import import import_table
from curation.interchange.rated_tables import graded_scans_of
from curation.ratings import rating_log
from curation.references import cross_validation, fit_by_order, reference_library
from curation.references.fit_by_order import GradedScans
from curation.scoring.comparison_groups import MRIQC_POOL
from curation.storage import tables
from tests.helpers import rated_table

SLOPE = 1.5


def _planted(scans: int = 2000, seed: int = 0) -> GradedScans:
    """Scans of four sites with a badness, seen in cjv alone, and two raters of other thresholds."""
    rng = np.random.default_rng(seed)
    bad, site = rng.normal(size=scans), np.arange(scans) % 4
    cjv = pd.Series(np.exp(-1 + 0.1 * bad))
    grades = []
    for rater, strict in (("A", -2.0), ("B", -0.5)):
        low = strict + 0.5 * site + SLOPE * bad
        drawn = rng.uniform(size=scans)
        value = np.where(
            drawn < special.expit(low), -1.0, np.where(drawn < special.expit(low + 1), 0.0, 1.0)
        )
        excluded = (value == -1).astype(int)
        grades.append(
            pd.DataFrame(
                {"row": range(scans), "value": value, "excluded": excluded, "rater": rater}
            )
        )
    groups = pd.Series([f"{number} (MRIQC)" for number in site])
    people = pd.Series([f"p{number}" for number in range(scans)])
    metrics = pd.DataFrame({"cjv": cjv})
    return GradedScans(metrics, groups, people, pd.concat(grades).assign(weight=0.5))


def test_a_planted_slope_comes_out_and_the_worst_grades_chance_with_it() -> None:
    given = _planted()
    model = fit_by_order.fit(given)
    assert model.metrics == ("cjv",)
    assert model.slope == pytest.approx(SLOPE, rel=0.1)
    assert model.quantities[0].spread == pytest.approx(0.1, rel=0.05)
    chance = special.expit(fit_by_order.log_odds_of(model, given.metrics)).mean()
    assert chance == pytest.approx(given.grades["excluded"].mean(), abs=0.03)


def test_doubtful_counts_as_between_and_not_as_kept() -> None:
    given = _planted()
    shuffled = np.random.default_rng(1).permutation(len(given.grades))
    kept = given.grades[given.grades["value"] >= 0]
    log_odds = fit_by_order.log_odds_of(fit_by_order.fit(given), given.metrics)
    assert fit_by_order.order(log_odds, kept, given.groups) > 0.65
    mixed = given.grades.assign(value=given.grades["value"].to_numpy()[shuffled])
    assert abs(fit_by_order.order(log_odds, mixed, given.groups) - 0.5) < 0.03


def test_grades_that_run_the_wrong_way_give_no_slope_rather_than_a_negative_one() -> None:
    given = _planted(400)
    turned = given.grades.assign(value=-given.grades["value"])
    turned["excluded"] = (turned["value"] == -1).astype(int)
    wrong = GradedScans(given.metrics, given.groups, given.subjects, turned)
    assert fit_by_order.fit(wrong).slope == 0.0


def test_the_order_of_pairs_is_kendalls_share_on_one_rater_and_site() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=300)
    value = (scores + rng.normal(size=300) < 0).astype(float)
    grades = pd.DataFrame({"row": range(300), "value": value, "rater": "A"})
    found = fit_by_order.order(scores, grades, pd.Series(["one"] * 300))
    assert found == pytest.approx(
        cross_validation.within_group_auc(scores, value == 0, np.zeros(300))
    )
    one, other = scores[value == 0], scores[value == 1]
    assert found == pytest.approx(stats.mannwhitneyu(one, other).statistic / len(one) / len(other))


def test_evidence_is_of_sites_that_were_left_out_and_states_what_missing_does() -> None:
    given = _planted(400)
    found = fit_by_order.evidence(given)
    assert found["held_out"] == "site" and set(found["raters"]) == {"A", "B"}
    assert found["low"] < found["auc"] < found["high"]
    assert found["rank_correlation"] < -0.4 and found["order"] > found["order_kept"] > 0.6
    assert found["missing_rise"] == {}


def test_several_tables_are_one_lesson_and_their_raters_are_different_people(tmp_path) -> None:
    first, second = (
        mriqc_tables.read(rated_table.write(tmp_path / name, rated_table.table()))
        for name in ("a.tsv", "b.csv")
    )
    given = graded_scans_of({"a": first, "b": second})
    assert given.subjects.nunique() == 240 and len(given.metrics) == 240
    assert given.grades["row"].tolist() == list(range(240))
    assert given.grades["rater"].nunique() == 2 and (given.grades["weight"] == 1).all()
    said = pd.concat([first.ratings, second.ratings])["value"].to_numpy()
    assert (given.grades["excluded"].to_numpy() == (said == -1)).all()


def test_tables_that_teach_nothing_are_refused_in_words(tmp_path) -> None:
    def read(**columns: object) -> mriqc_tables.MriqcTable:
        table = rated_table.table().assign(**columns)
        return mriqc_tables.read(rated_table.write(tmp_path / "a.tsv", table))

    with pytest.raises(SourceError, match="None of the tables has ratings"):
        graded_scans_of({"a": read(rater_1=None)})
    with pytest.raises(RatingError, match="say exclude"):
        fit_by_order.fit(graded_scans_of({"a": read(rater_1=-1)}))
    with pytest.raises(RatingError, match="none of cjv, snr_wm"):
        fit_by_order.fit(graded_scans_of({"a": read(cjv=None)}))


@pytest.fixture
def both(shared_data) -> GradedScans:
    paths = [shared_data / "iqm" / f"{name}_iqm_rating_age.csv" for name in ("abide", "ds030")]
    if not all(path.exists() for path in paths):
        pytest.skip(f"no rated tables at {paths[0].parent}")
    return graded_scans_of({path.name: mriqc_tables.read(path) for path in paths})


def test_the_shipped_model_is_what_the_two_tables_give(both: GradedScans) -> None:
    fitted, shipped = fit_by_order.fit(both), reference_library.experts()
    assert shipped.model is not None and shipped.model.metrics == fitted.metrics
    assert shipped.model.slope == pytest.approx(fitted.slope, rel=1e-3)
    assert shipped.model.intercept == pytest.approx(fitted.intercept, rel=1e-3)
    for one, other in zip(shipped.model.quantities, fitted.quantities, strict=True):
        assert one.spread == pytest.approx(other.spread, rel=1e-4)
        assert one.centres == pytest.approx(other.centres, rel=1e-4)
    assert shipped.evidence["rank_correlation"] < -0.5
    assert shipped.evidence["missing_rise"] == fit_by_order.missing_rise(fitted, both.metrics)


def test_a_model_of_either_table_orders_the_others_grades(both: GradedScans) -> None:
    second = both.groups.isin(["BMC (MRIQC)", "CCN (MRIQC)"]).to_numpy()
    for learned, judged, rank in ((~second, second, -0.38), (second, ~second, -0.48)):
        log_odds = fit_by_order.log_odds_of(fit_by_order.fit(both.of(learned)), both.metrics)
        mean = both.grades.groupby("row")["value"].mean()
        mean = mean[judged[mean.index]]
        assert stats.spearmanr(log_odds[mean.index], mean).statistic < rank


def test_scores_of_an_imported_table_order_its_grades(shared_data, workspace) -> None:
    path = shared_data / "iqm" / "ds030_iqm_rating_age.csv"
    if not path.exists():
        pytest.skip(f"no rated table at {path}")
    import_table(workspace, path, name="ds030")
    scans = tables.read_scored_scans(workspace).set_index("scan_id")
    assert scans["reference"].str.startswith("experts-2.").all()
    said = rating_log.list_ratings(workspace).set_index("scan_id")["value"].reindex(scans.index)
    scores = scans["distortion_score"].to_numpy()
    assert stats.spearmanr(scores, said).statistic < -0.38
    auc = cross_validation.within_group_auc(
        scores, (said == -1).to_numpy(), scans["site"].to_numpy()
    )
    assert auc >= 0.78
    assert scores.max() < 100 and MRIQC_POOL in reference_library.experts().sites
