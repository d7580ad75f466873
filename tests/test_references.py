"""A workspace's references: frozen files, one of them active, each able to say what made a score."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation import mriqc_import, ratings, references, tables
from curation.cohort_anchors import from_cohort
from curation.errors import RatingError, TierscopeError
from curation.scores import builtin, score
from curation.workspace import Workspace
from tests import made_workspace, rated


@pytest.fixture
def made(tmp_path: Path) -> Workspace:
    return made_workspace.make(tmp_path / "made")


@pytest.fixture
def tabled(workspace: Workspace, tmp_path: Path) -> Workspace:
    path = rated.write(tmp_path / "group_T1w.tsv", rated.table())
    mriqc_import.import_table(workspace, path, name="made")
    return workspace


def test_the_built_in_reference_is_active_until_another_is_chosen(made: Workspace) -> None:
    assert references.active(made).id == "builtin-1"
    assert [header.id for header in references.available(made)] == ["builtin-1", "experts-1"]
    assert all(len(header.description) > 50 for header in references.available(made))


def test_choosing_rescores_at_once_and_lasts(made: Workspace) -> None:
    fitted = references.fit_cohort(made)
    assert references.active(made).id == "builtin-1"
    references.choose(made, fitted.id)
    assert set(tables.read_scores(made)["reference"]) == {fitted.id}
    assert references.active(made) == fitted
    references.choose(made, "builtin-1")
    assert set(tables.read_scores(made)["reference"]) == {"builtin-1"}


def test_scoring_again_is_the_same_file_and_the_same_scores(made: Workspace) -> None:
    first, again = references.fit_cohort(made), references.fit_cohort(made)
    assert first == again
    references.choose(made, first.id)
    before = made.scores_path.read_bytes()
    references.rescore(made)
    assert made.scores_path.read_bytes() == before


@pytest.mark.parametrize("name", ["gone-1", "../../etc/passwd", ""])
def test_an_unknown_reference_is_refused_and_changes_nothing(made: Workspace, name: str) -> None:
    with pytest.raises(TierscopeError):
        references.choose(made, name)
    assert references.active(made).id == "builtin-1"


# ---- the scans themselves ------------------------------------------------------------------------


def _metrics(scans: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(5, 1, scans) for name in ("efc", "noise_wm", "wm_gm_contrast")}
    names = [str(number) for number in range(scans)]
    return pd.DataFrame({"scan_id": names, "sha256": "x", "measured_by": "tierscope", **columns})


def test_anchors_lie_2_and_6_robust_deviations_out_on_the_bad_side() -> None:
    metrics = _metrics(500)
    reference = from_cohort(metrics, pd.Series(["A"] * 500))
    low, middle, high = np.quantile(metrics["noise_wm"], [0.25, 0.5, 0.75])
    sd = (high - low) / 1.349
    anchor = reference.sites["A"]["noise_wm"]
    assert (anchor.good, anchor.bad) == pytest.approx((middle + 2 * sd, middle + 6 * sd))
    assert reference.sites["A"]["wm_gm_contrast"].bad < reference.sites["A"]["wm_gm_contrast"].good


def test_a_site_of_20_stands_alone_and_a_smaller_one_with_all() -> None:
    metrics, sites = _metrics(59), pd.Series(["A"] * 40 + ["B"] * 19)
    reference = from_cohort(metrics, sites)
    assert set(reference.sites) == {"A", "*"}
    moved = metrics.copy()
    moved.loc[:39, "noise_wm"] += 1000  # the level of a site does not matter to its own scores
    again = from_cohort(moved, sites)
    for name in ("noise", "distortion_score"):
        assert score(moved, again, sites)[name][:40].to_numpy() == pytest.approx(
            score(metrics, reference, sites)[name][:40].to_numpy()
        )


def test_a_metric_that_does_not_vary_keeps_its_built_in_anchor() -> None:
    metrics = _metrics(30).assign(brain_missing=0.0)
    reference = from_cohort(metrics, pd.Series(["A"] * 30))
    assert reference.sites["A"]["brain_missing"] == builtin().anchors["brain_missing"]


def test_too_few_scans_are_refused_in_words() -> None:
    with pytest.raises(TierscopeError, match="needs 20 scored scans; there are 19"):
        from_cohort(_metrics(19), pd.Series(["A"] * 19))


# ---- MRIQC's rows --------------------------------------------------------------------------------


def test_rows_of_mriqc_are_scored_by_the_experts_while_the_built_in_one_is_active(
    made: Workspace, tmp_path: Path
) -> None:
    table, rng = rated.table(), np.random.default_rng(0)
    experts = references.experts().model
    assert experts is not None
    others = [name for name in experts.metrics if name not in table]
    table[others] = rng.normal(10, 1, (len(table), len(others)))
    before = tables.read_scores(made)["scan_id"]
    mriqc_import.import_table(made, rated.write(tmp_path / "group_T1w.tsv", table), name="table")
    by = tables.read_scores(made).set_index("scan_id")["reference"]
    assert set(by[before]) == {"builtin-1"} == {references.active(made).id}
    assert by.drop(before).str.startswith("experts-1.").all()
    scan_id = by.drop(before).index[0]
    assert references.explain_scan(made, scan_id)["metric"].isin(experts.metrics).any()


def test_a_reference_from_scans_judges_mriqcs_names_by_their_direction(tabled) -> None:
    reference = references.fit_cohort(tabled)
    anchors = reference.sites["site-0 (MRIQC)"]
    assert anchors["cjv"].bad > anchors["cjv"].good
    assert anchors["snr_total"].bad < anchors["snr_total"].good
    references.choose(tabled, reference.id)
    assert set(tables.read_scores(tabled)["reference"]) == {reference.id}


# ---- ratings -------------------------------------------------------------------------------------


def test_a_model_of_the_own_ratings_finds_what_the_raters_saw_and_says_how_well(tabled) -> None:
    learned = references.fit_ratings(tabled)
    found = learned.evidence
    assert found["held_out"] == "site" and found["ratings"] == 120
    assert 0.85 < found["low"] < found["auc"] <= found["high"] <= 1
    references.choose(tabled, learned.id)
    scans = tables.read_scored_scans(tabled)
    said = ratings.list_ratings(tabled).set_index("scan_id")["value"].reindex(scans["scan_id"])
    medians = scans.groupby(said.to_numpy())["distortion_score"].median()
    assert medians[-1.0] > medians[0.0] > medians[1.0]
    explained = references.explain_scan(
        tabled, scans.sort_values("distortion_score")["scan_id"].iloc[-1]
    )
    assert explained["metric"].iloc[0] in {"cjv", "snr_total"}
    assert explained["share_of_score"].sum() == pytest.approx(1)


def test_too_few_or_one_sided_ratings_are_refused_in_words(made: Workspace) -> None:
    with pytest.raises(RatingError, match="needs 50 ratings of scored scans; there are 0"):
        references.fit_ratings(made)
    scan_ids = tables.read_scores(made)["scan_id"]
    given = [
        {"scan_id": scan_id, "rater": rater, "scale": "pass-fail", "value": 1.0}
        for scan_id in scan_ids for rater in ("A", "B")
    ]  # fmt: skip
    ratings.add_ratings(made, given)
    with pytest.raises(RatingError, match="say keep"):
        references.fit_ratings(made)


def test_a_rater_who_changed_their_mind_counts_by_the_last_word(made: Workspace) -> None:
    from curation.fitting import verdicts_of

    ids = tables.read_scores(made)["scan_id"].reset_index(drop=True)
    for value in (1.0, -1.0):
        ratings.add_rating(made, scan_id=ids[0], rater="A", scale="three-level", value=value)
    ratings.add_rating(made, scan_id=ids[0], rater="B", scale="mriqc-4", value=2.0)
    ratings.add_rating(made, scan_id="not here", rater="B", scale="mriqc-4", value=1.0)
    verdicts = verdicts_of(ratings.list_ratings(made), ids)
    assert verdicts["excluded"].tolist() == [1, 0]
    assert verdicts["weight"].tolist() == [0.5, 0.5]


# ---- explaining ----------------------------------------------------------------------------------


def test_every_kind_can_say_what_made_a_score(made: Workspace) -> None:
    scan_id = tables.read_scores(made)["scan_id"].iloc[0]
    for name in ("builtin-1", references.fit_cohort(made).id, "experts-1"):
        references.choose(made, name)
        explained = references.explain_scan(made, scan_id)
        assert explained["share_of_score"].sum() == pytest.approx(1), name
        assert explained["points"].max() > 0, name
    with pytest.raises(TierscopeError, match="not scored yet"):
        references.explain_scan(made, "nobody")


def test_references_are_readable_files(made: Workspace) -> None:
    reference = references.fit_cohort(made)
    text = (made.references_dir / f"{reference.id}.json").read_text()
    assert json.loads(text)["anchors"].keys() == builtin().anchors.keys()
    assert "\n  " in text and "NaN" not in text
