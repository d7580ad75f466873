"""A workspace's references: frozen files, one of them active, each able to say what made a score."""

import json
from pathlib import Path

import numpy as np
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
def made(tmp_path: Path) -> Workspace:
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


def test_the_built_in_reference_is_active_until_another_is_chosen(made: Workspace) -> None:
    assert reference_library.active(made).id == "builtin-1"
    assert [header.id for header in reference_library.available(made)] == ["builtin-1", "experts-1"]
    assert all(len(header.description) > 50 for header in reference_library.available(made))


def test_choosing_rescores_at_once_and_lasts(made: Workspace) -> None:
    fitted = reference_library.fit_cohort(made)
    assert reference_library.active(made).id == "builtin-1"
    reference_library.choose(made, fitted.id)
    assert set(tables.read_scores(made)["reference"]) == {fitted.id}
    assert reference_library.active(made) == fitted
    reference_library.choose(made, "builtin-1")
    assert set(tables.read_scores(made)["reference"]) == {"builtin-1"}


def test_scoring_again_is_the_same_file_and_the_same_scores(made: Workspace) -> None:
    first, again = reference_library.fit_cohort(made), reference_library.fit_cohort(made)
    assert first == again
    reference_library.choose(made, first.id)
    before = made.scores_path.read_bytes()
    reference_library.rescore(made)
    assert made.scores_path.read_bytes() == before


def test_scores_of_an_earlier_way_of_scoring_are_made_anew_and_those_of_now_stay(
    made: Workspace,
) -> None:
    reference_library.rescore(made)
    now, frozen = (
        made.scores_path.read_bytes(),
        frozen_cohort.freeze(made, "before", author="tests"),
    )
    old = tables.read_scores(made).drop(columns="scoring_version")
    files.write_parquet(made.scores_path, old.assign(distortion_score=99.0))
    assert draft_cohort(made, "pool", frozen.rule).hash == frozen.hash
    assert made.scores_path.read_bytes() == now
    assert not reference_library.bring_up_to_date(made)
    assert made.scores_path.read_bytes() == now
    assert frozen_cohort.load(made, frozen.id).versions["scoring_version"] == str(SCORING_VERSION)


@pytest.mark.parametrize("name", ["gone-1", "../../etc/passwd", ""])
def test_an_unknown_reference_is_refused_and_changes_nothing(made: Workspace, name: str) -> None:
    with pytest.raises(TierscopeError):
        reference_library.choose(made, name)
    assert reference_library.active(made).id == "builtin-1"


# ---- MRIQC's rows --------------------------------------------------------------------------------


def test_rows_of_mriqc_are_scored_by_the_experts_while_the_built_in_one_is_active(
    made: Workspace, tmp_path: Path
) -> None:
    table, rng = rated_table.table(), np.random.default_rng(0)
    experts = reference_library.experts().model
    assert experts is not None
    others = [name for name in experts.metrics if name not in table]
    table[others] = rng.normal(10, 1, (len(table), len(others)))
    before = tables.read_scores(made)["scan_id"]
    mriqc_import.import_table(
        made, rated_table.write(tmp_path / "group_T1w.tsv", table), name="table"
    )
    by = tables.read_scores(made).set_index("scan_id")["reference"]
    assert set(by[before]) == {"builtin-1"} == {reference_library.active(made).id}
    assert by.drop(before).str.startswith("experts-1.").all()
    scan_id = by.drop(before).index[0]
    assert _explained(made, scan_id)["metric"].isin(experts.metrics).any()


def test_old_copies_of_the_experts_model_are_not_offered(made: Workspace, tmp_path: Path) -> None:
    reference_library.choose(made, "experts-1")
    first = reference_library.active(made).id
    mriqc_import.import_table(
        made, rated_table.write(tmp_path / "group_T1w.tsv", rated_table.table())
    )
    mriqc_import.import_table(
        made, rated_table.write(tmp_path / "again.tsv", rated_table.table(60))
    )
    offered = [header.id for header in reference_library.available(made)]
    assert len(offered) == 4 and first in offered
    assert len(list(made.references_dir.glob("experts-1.*.json"))) == 3


def test_a_reference_from_scans_judges_mriqcs_names_by_their_direction(tabled) -> None:
    reference = reference_library.fit_cohort(tabled)
    anchors = reference.sites["site-0 (MRIQC)"]
    assert anchors["cjv"].bad > anchors["cjv"].good
    assert anchors["snr_total"].bad < anchors["snr_total"].good
    reference_library.choose(tabled, reference.id)
    assert set(tables.read_scores(tabled)["reference"]) == {reference.id}


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


def test_too_few_or_one_sided_ratings_are_refused_in_words(made: Workspace) -> None:
    with pytest.raises(RatingError, match="needs 50 ratings of scored scans; there are 0"):
        reference_library.fit_ratings(made)
    scan_ids = tables.read_scores(made)["scan_id"]
    given = [
        Rating(scan_id=scan_id, rater=rater, scale="pass-fail", value=1.0)
        for scan_id in scan_ids
        for rater in ("A", "B")
    ]
    rating_log.add_ratings(made, given)
    with pytest.raises(RatingError, match="say keep"):
        reference_library.fit_ratings(made)


# ---- explaining ----------------------------------------------------------------------------------


def test_every_kind_can_say_what_made_a_score(made: Workspace) -> None:
    scan_id = tables.read_scores(made)["scan_id"].iloc[0]
    for name in ("builtin-1", reference_library.fit_cohort(made).id, "experts-1"):
        reference_library.choose(made, name)
        explained = _explained(made, scan_id)
        assert explained["share_of_score"].sum() == pytest.approx(1), name
        assert explained["points"].max() > 0, name


def test_references_are_readable_files(made: Workspace) -> None:
    reference = reference_library.fit_cohort(made)
    text = (made.references_dir / f"{reference.id}.json").read_text()
    assert json.loads(text)["anchors"].keys() == builtin().anchors.keys()
    assert "\n  " in text and "NaN" not in text
