"""What is learned from: labels of people, and rated tables from which the experts' reference is made."""

from pathlib import Path

import numpy as np
import pytest

from curation.errors import RatingError, SourceError
from curation.interchange import mriqc_tables
from curation.interchange.mriqc_import import import_table
from curation.interchange.rated_tables import training_set_of
from curation.ratings import rating_log
from curation.ratings.rating_record import Rating
from curation.ratings.scales import Scale, add_scale
from curation.references import cross_validation, fit_from_ratings, reference_library
from curation.references.fit_from_ratings import labels_of
from curation.scoring import exclusion_model
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import rated_table, workspace_full


@pytest.fixture
def scored(tmp_path: Path) -> Workspace:
    return workspace_full.make(tmp_path / "made")


def test_a_rater_who_changed_their_mind_counts_by_the_last_word(scored: Workspace) -> None:
    ids = tables.read_scores(scored)["scan_id"].reset_index(drop=True)
    for value in (1.0, -1.0):
        rating_log.add_rating(
            scored, Rating(scan_id=ids[0], rater="A", scale="three-level", value=value)
        )
    rating_log.add_rating(scored, Rating(scan_id=ids[0], rater="B", scale="mriqc-4", value=2.0))
    rating_log.add_rating(scored, Rating(scan_id="not here", rater="B", scale="mriqc-4", value=1.0))
    labels = labels_of(rating_log.list_ratings(scored), ids)
    assert labels["excluded"].tolist() == [1, 0]
    assert labels["weight"].tolist() == [0.5, 0.5]


def test_a_slider_near_its_end_and_the_worst_of_an_own_scale_exclude(scored: Workspace) -> None:
    ids = tables.read_scores(scored)["scan_id"].reset_index(drop=True)
    own = Scale("own", "Own", {1.0: "fine", 5.0: "bad"}, "higher is worse", "here")
    add_scale(scored, own)
    for scale, value in (("mriqc-4", 1.2), ("mriqc-4", 1.6), ("own", 5.0)):
        rating_log.add_rating(
            scored, Rating(scan_id=ids[0], rater=f"{value}", scale=scale, value=value)
        )
    labels = labels_of(rating_log.list_ratings(scored), ids)
    assert labels["excluded"].tolist() == [1, 0, 1]
    assert fit_from_ratings._worst_words(labels).endswith("the worst level of own")


def _read(tmp_path: Path, name: str, **columns: object) -> mriqc_tables.MriqcTable:
    return mriqc_tables.read(
        rated_table.write(tmp_path / name, rated_table.table().assign(**columns))
    )


def test_a_rater_who_saw_every_scan_counts_fully_another_by_a_quarter(tmp_path: Path) -> None:
    half = [1, -1] * 30 + [None] * 60
    labels = training_set_of({"a": _read(tmp_path, "a.tsv", rater_2=half)}).labels
    assert labels.groupby("rater")["weight"].unique().map(list).to_dict() == {
        "rater_1": [1.0],
        "rater_2": [0.25],
    }


def test_several_tables_are_one_lesson_and_a_metric_that_few_have_is_not_learned(
    tmp_path: Path,
) -> None:
    first, second = _read(tmp_path, "a.tsv"), _read(tmp_path, "b.csv", cnr=np.arange(120.0))
    given = training_set_of({"a": first, "b": second})
    assert len(given.metrics) == 240 and "cnr" not in given.metrics
    assert given.subjects.nunique() == 240
    assert given.labels["row"].tolist() == list(range(240))


def test_doubtful_is_kept_and_only_exclude_excludes(tmp_path: Path) -> None:
    table = _read(tmp_path, "a.tsv")
    labels = training_set_of({"a": table}).labels
    said = table.ratings["value"].to_numpy()
    assert (labels["excluded"].to_numpy() == (said == -1)).all()


def test_tables_without_enough_ratings_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="None of the tables has ratings"):
        training_set_of({"a": _read(tmp_path, "a.tsv", rater_1=None)})
    with pytest.raises(RatingError, match="say exclude"):
        training_set_of({"b": _read(tmp_path, "b.tsv", rater_1=-1)})


def test_the_shipped_model_is_what_the_abide_table_gives(shared_data: Path) -> None:
    path = shared_data / "iqm" / "abide_iqm_rating_age.csv"
    if not path.exists():
        pytest.skip(f"no rated table at {path}")
    given = training_set_of({path.name: mriqc_tables.read(path)})
    regularisation = cross_validation.choose_regularisation(given.inputs, given.labels, given.folds)
    fitted = exclusion_model.fit(given.metrics, given.groups, given.labels, regularisation)
    shipped = reference_library.experts().model
    assert shipped is not None and shipped.metrics == fitted.metrics
    assert shipped.scaled == pytest.approx(fitted.scaled, abs=1e-4)
    assert shipped.ranked == pytest.approx(fitted.ranked, abs=1e-4)
    assert shipped.intercept == pytest.approx(fitted.intercept, abs=1e-3)
    assert reference_library.experts().evidence["raters"]["rater_3"]["auc"] >= 0.87


def test_the_experts_tell_excluded_scans_of_another_study(shared_data: Path, workspace) -> None:
    path = shared_data / "iqm" / "ds030_iqm_rating_age.csv"
    if not path.exists():
        pytest.skip(f"no rated table at {path}")
    import_table(workspace, path, name="ds030")
    scans = tables.read_scored_scans(workspace).set_index("scan_id")
    said = rating_log.list_ratings(workspace).set_index("scan_id")["value"].reindex(scans.index)
    auc = cross_validation.within_group_auc(
        scans["distortion_score"].to_numpy(), (said == -1).to_numpy(), scans["site"].to_numpy()
    )
    assert auc >= 0.80
