"""A workspace's references: frozen files, one of them active, each able to say what made a score."""

import json
from pathlib import Path

import pandas as pd
import pytest

from curation.cohorts import frozen_cohort
from curation.cohorts.cohort_draft import draft_cohort
from curation.errors import RatingError, TierscopeError
from curation.interchange import mriqc_import
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.references import reference_library
from curation.scoring.comparison_groups import sites_of
from curation.scoring.distortion_score import SCORING_VERSION, explain
from curation.scoring.score_reference import builtin
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers import rated_table, workspace_full


@pytest.fixture
def scored(tmp_path: Path) -> Workspace:
    return workspace_full.make(tmp_path / "made")


@pytest.fixture
def tabled(workspace: Workspace, tmp_path: Path) -> Workspace:
    path = rated_table.write(tmp_path / "group_T1w.tsv", rated_table.table())
    mriqc_import.import_table(workspace, path, name="made")
    return workspace


def _explained(workspace: Workspace, scan_id: str) -> pd.DataFrame:
    """The metrics behind the score of one scan, by the reference that it was scored by."""
    by = tables.read_scores(workspace).set_index("scan_id").at[scan_id, "reference"]
    metrics = tables.read_metrics(workspace).set_index("scan_id", drop=False)
    sites = sites_of(tables.read_scans(workspace).set_index("scan_id"))
    site = sites.get(scan_id)
    return explain(
        metrics.loc[scan_id],
        reference_library.load(workspace, by),
        site if isinstance(site, str) else None,
    )


def test_the_built_in_reference_is_active_until_another_is_chosen(scored: Workspace) -> None:
    assert reference_library.active(scored).id == "builtin-3"
    assert [header.id for header in reference_library.available(scored)] == [
        "builtin-3",
        "experts-2",
        "builtin-2",
        "builtin-1",
    ]
    assert all(len(header.description) > 50 for header in reference_library.available(scored))


def test_choosing_rescores_at_once_and_lasts(scored: Workspace) -> None:
    fitted = reference_library.fit_cohort(scored)
    assert reference_library.active(scored).id == "builtin-3"
    reference_library.choose(scored, fitted.id)
    assert set(tables.read_scores(scored)["reference"]) == {fitted.id}
    assert reference_library.active(scored) == fitted
    reference_library.choose(scored, "builtin-3")
    assert set(tables.read_scores(scored)["reference"]) == {"builtin-3"}


def test_scoring_again_is_the_same_file_and_the_same_scores(scored: Workspace) -> None:
    first, again = reference_library.fit_cohort(scored), reference_library.fit_cohort(scored)
    assert first == again
    reference_library.choose(scored, first.id)
    before = scored.scores_path.read_bytes()
    reference_library.rescore(scored)
    assert scored.scores_path.read_bytes() == before


def test_scores_of_an_earlier_way_of_scoring_are_made_anew_and_those_of_now_stay(
    scored: Workspace,
) -> None:
    reference_library.rescore(scored)
    now, frozen = (
        scored.scores_path.read_bytes(),
        frozen_cohort.freeze(scored, "before", author="tests"),
    )
    old = tables.read_scores(scored).drop(columns="scoring_version")
    files.write_parquet(scored.scores_path, old.assign(distortion_score=99.0))
    assert draft_cohort(scored, "pool", frozen.rule).hash == frozen.hash
    assert scored.scores_path.read_bytes() == now
    assert not reference_library.bring_up_to_date(scored)
    assert scored.scores_path.read_bytes() == now
    assert frozen_cohort.load(scored, frozen.id).versions["scoring_version"] == str(SCORING_VERSION)


@pytest.mark.parametrize("name", ["gone-1", "../../etc/passwd", ""])
def test_an_unknown_reference_is_refused_and_changes_nothing(scored: Workspace, name: str) -> None:
    with pytest.raises(TierscopeError):
        reference_library.choose(scored, name)
    assert reference_library.active(scored).id == "builtin-3"


# ---- MRIQC's rows --------------------------------------------------------------------------------


def test_rows_of_mriqc_are_scored_by_the_experts_while_the_built_in_one_is_active(
    scored: Workspace, tmp_path: Path
) -> None:
    table = rated_table.table()
    experts = reference_library.experts().model
    assert experts is not None
    before = tables.read_scores(scored)["scan_id"]
    mriqc_import.import_table(
        scored, rated_table.write(tmp_path / "group_T1w.tsv", table), name="table"
    )
    by = tables.read_scores(scored).set_index("scan_id")["reference"]
    assert set(by[before]) == {"builtin-3"} == {reference_library.active(scored).id}
    assert by.drop(before).str.startswith("experts-2.").all()
    scan_id = by.drop(before).index[0]
    assert _explained(scored, scan_id)["metric"].isin(experts.metrics).any()


def test_old_copies_of_the_experts_model_are_not_offered(scored: Workspace, tmp_path: Path) -> None:
    reference_library.choose(scored, "experts-2")
    first = reference_library.active(scored).id
    for name, factor in (("one.tsv", 20), ("two.tsv", 50)):
        table = rated_table.table()
        table["cjv"] *= factor  # beyond every rated site: each table moves the centre of its own
        mriqc_import.import_table(scored, rated_table.write(tmp_path / name, table))
    offered = [header.id for header in reference_library.available(scored)]
    assert len(offered) == 6 and first in offered
    assert len(list(scored.references_dir.glob("experts-2.*.json"))) == 3


def test_a_workspace_judged_by_the_experts_first_model_keeps_it_and_its_scores(
    scored: Workspace,
) -> None:
    assert reference_library.experts("experts-1").evidence["raters"]["rater_3"]["auc"] == 0.8706
    reference_library.choose(scored, "experts-1")
    active = reference_library.active(scored)
    assert active.id.startswith("experts-1.") and len(active.model.metrics) == 62
    before = scored.scores_path.read_bytes()
    reference_library.rescore(scored)
    assert scored.scores_path.read_bytes() == before
    offered = [header.id for header in reference_library.available(scored)]
    assert offered == ["builtin-3", "experts-2", active.id, "builtin-2", "builtin-1"]
    reference_library.choose(scored, "experts-2")
    assert set(tables.read_scores(scored)["reference"]) == {reference_library.active(scored).id}


def test_a_reference_from_scans_judges_mriqcs_names_by_their_direction(tabled) -> None:
    reference = reference_library.fit_cohort(tabled)
    anchors = reference.sites["site-0 (MRIQC)"]
    assert anchors["cjv"].bad > anchors["cjv"].good
    assert anchors["snr_total"].bad < anchors["snr_total"].good
    reference_library.choose(tabled, reference.id)
    assert set(tables.read_scores(tabled)["reference"]) == {reference.id}


def test_few_rows_of_mriqc_stay_with_the_experts_beside_a_reference_from_own_scans(
    scored: Workspace, tmp_path: Path
) -> None:
    workspace = scored
    rows = rated_table.table(12).assign(cjv=0.75, snr_wm=7.0)
    mriqc_import.import_table(
        workspace, rated_table.write(tmp_path / "group_T1w.tsv", rows), name="table"
    )
    before = tables.read_scores(workspace).set_index("scan_id")
    theirs = before.index[before["reference"].str.startswith("experts-2.")]
    assert len(theirs) == 12
    fitted = reference_library.fit_cohort(workspace)
    reference_library.choose(workspace, fitted.id)
    after = tables.read_scores(workspace).set_index("scan_id")
    pd.testing.assert_frame_equal(after.loc[theirs], before.loc[theirs])
    assert set(after["reference"].drop(theirs)) == {fitted.id}


# ---- ratings -------------------------------------------------------------------------------------


def test_a_model_of_the_own_ratings_finds_what_the_raters_saw_and_says_how_well(tabled) -> None:
    learned = reference_library.fit_ratings(tabled)
    found = learned.evidence
    assert found["held_out"] == "site" and found["ratings"] == 120
    assert 0.85 < found["low"] < found["auc"] <= found["high"] <= 1
    reference_library.choose(tabled, learned.id)
    scans = tables.read_scored_scans(tabled)
    said = rating_log.list_ratings(tabled).set_index("scan_id")["value"].reindex(scans["scan_id"])
    medians = scans.groupby(said.to_numpy())["distortion_score"].median()
    assert medians[-1.0] > medians[0.0] > medians[1.0]
    explained = _explained(tabled, scans.sort_values("distortion_score")["scan_id"].iloc[-1])
    assert explained["metric"].iloc[0] in {"cjv", "snr_total"}
    assert explained["share_of_score"].sum() == pytest.approx(1)
    assert learned.anchors_of("*") and not learned.anchors_of("site-0 (MRIQC)")


def test_too_few_or_one_sided_ratings_are_refused_in_words(scored: Workspace) -> None:
    with pytest.raises(RatingError, match="needs 50 ratings of scored scans; there are 0"):
        reference_library.fit_ratings(scored)
    scan_ids = tables.read_scores(scored)["scan_id"]
    given = [
        Rating(scan_id=scan_id, rater=rater, scale="pass-fail", value=1.0)
        for scan_id in scan_ids
        for rater in ("A", "B")
    ]
    rating_log.add_ratings(scored, given)
    with pytest.raises(RatingError, match="say keep"):
        reference_library.fit_ratings(scored)


# ---- explaining ----------------------------------------------------------------------------------


def test_every_kind_can_say_what_made_a_score(scored: Workspace) -> None:
    scan_id = tables.read_scores(scored)["scan_id"].iloc[0]
    for name in ("builtin-3", reference_library.fit_cohort(scored).id, "experts-2"):
        reference_library.choose(scored, name)
        explained = _explained(scored, scan_id)
        assert explained["share_of_score"].sum() == pytest.approx(1), name
        assert explained["points"].max() > 0, name


def test_references_are_readable_files(scored: Workspace) -> None:
    reference = reference_library.fit_cohort(scored)
    text = (scored.references_dir / f"{reference.id}.json").read_text()
    assert json.loads(text)["anchors"].keys() == builtin().anchors.keys()
    assert "\n  " in text and "NaN" not in text
