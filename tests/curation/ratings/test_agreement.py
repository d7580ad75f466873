"""Whose ratings are compared with whose, and what is done where people disagree."""

from pathlib import Path

import numpy as np
import pytest

from curation.errors import RatingError
from curation.interchange import mriqc_import
from curation.ratings import agreement, rating_log
from curation.ratings.agreement_coefficients import kappa
from curation.ratings.rating_record import Opinion, Rating
from curation.ratings.scales import SCALES
from curation.sessions import session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage.workspace import Workspace
from tests.helpers import workspace_full

SCALE = SCALES["three-level"]


def _rate(
    workspace: Workspace, rater: str, said: dict[str, float], scale: str = SCALE.name
) -> None:
    rating_log.add_ratings(
        workspace,
        [
            Rating(scan_id=scan, rater=rater, scale=scale, value=value)
            for scan, value in said.items()
        ],
    )


def test_pairs_are_compared_on_the_scans_they_share(workspace: Workspace) -> None:
    _rate(workspace, "Ada", {f"s{i}": [1.0, 0.0, -1.0][i % 3] for i in range(30)})
    _rate(workspace, "Bob", {f"s{i}": [1.0, 0.0, -1.0][i % 3] for i in range(10, 40)})
    _rate(workspace, "Eve", {"elsewhere": 1.0})
    _rate(workspace, "Ada", {f"s{i}": 1.0 for i in range(30)}, "pass-fail")
    (row,) = agreement.pairs(rating_log.list_ratings(workspace), SCALE).to_dict("records")
    assert (row["rater_1"], row["rater_2"], row["n"], row["same"]) == ("Ada", "Bob", 20, 1.0)
    assert (row["weighted_kappa"], row["fail_kappa"], row["low"], row["fail_high"]) == (1,) * 4


def test_the_newest_rating_that_stands_is_compared_and_repeats_are_not(tmp_path: Path) -> None:
    made = workspace_full.make(tmp_path / "workspace")
    plan = SessionPlan("s", "Ada", SCALE.name, size=10, repeats_share=0.5)
    session = session_log.start(made, plan)
    for item in session.items:
        session_log.save(
            made, session.id, item.position, Opinion(1.0 if item.repeat_of is None else -1.0)
        )
    scans = [item.scan_id for item in session.items if item.repeat_of is None]
    _rate(made, "Bob", dict.fromkeys(scans, -1.0))
    _rate(made, "Bob", dict.fromkeys(scans, 1.0))
    table = rating_log.list_ratings(made)
    assert agreement.pairs(table, SCALE)["same"].tolist() == [1.0]
    (own,) = agreement.intra(table, SCALE).to_dict("records")
    assert (own["rater"], own["n"], own["same"]) == ("Ada", 5, 0.0)
    session_log.undo(made, session.id)
    assert agreement.intra(rating_log.list_ratings(made, withdrawn=True), SCALE)["n"].tolist() == [
        4
    ]


def test_the_confusion_table_and_the_figures_say_the_same(workspace: Workspace) -> None:
    rng = np.random.default_rng(1)
    values = rng.choice([1.0, 0.0, -1.0], size=(2, 60))
    for rater, said in zip(("Ada", "Bob"), values, strict=True):
        _rate(workspace, rater, {f"s{i}": value for i, value in enumerate(said)})
    table = rating_log.list_ratings(workspace)
    counts = agreement.confusion(table, SCALE, "Ada", "Bob")
    assert counts.index.tolist() == ["accept", "doubtful", "exclude"]
    assert counts.loc["accept", "exclude"] == ((values[0] == 1) & (values[1] == -1)).sum()
    (row,) = agreement.pairs(table, SCALE).to_dict("records")
    assert row["weighted_kappa"] == pytest.approx(float(kappa(counts)))
    assert row["low"] < row["weighted_kappa"] < row["high"]
    assert agreement.confusion(table, SCALE, "Ada", "Nobody").to_numpy().sum() == 0


def test_contested_scans_come_worst_dispute_first_and_a_verdict_ends_it(workspace) -> None:
    _rate(workspace, "Ada", {"near": 1.0, "split": 1.0, "agreed": -1.0, "alone": -1.0, "low": 0.0})
    _rate(workspace, "Bob", {"near": 0.0, "split": -1.0, "agreed": -1.0, "low": -1.0})
    table = rating_log.list_ratings(workspace)
    disputed = agreement.contested(table, SCALE)
    assert disputed["scan_id"].tolist() == ["split", "low", "near"]
    assert disputed["spread"].tolist() == [2, 1, 1]
    assert disputed["said"][0] == "Ada: accept, Bob: exclude"
    verdict = {"scan_id": "split", "author": "Chief", "scale": SCALE.name, "value": -1.0}
    with pytest.raises(RatingError, match="needs a reason"):
        rating_log.adjudicate(workspace, **verdict, reason=" ")
    rating_log.adjudicate(workspace, **verdict, reason="ringing through the cortex")
    table = rating_log.list_ratings(workspace)
    assert agreement.adjudication_queue(table, SCALE)["scan_id"].tolist() == ["low", "near"]
    # one more row: the ratings stand, and the verdict is nobody's opinion
    assert len(table) == 10 and agreement.contested(table, SCALE).equals(disputed)


def test_without_ratings_there_are_empty_tables_and_no_numbers(workspace: Workspace) -> None:
    table = rating_log.list_ratings(workspace)
    for found in (
        agreement.pairs(table, SCALE),
        agreement.intra(table, SCALE),
        agreement.contested(table, SCALE),
        agreement.adjudication_queue(table, SCALE),
    ):
        assert found.empty and len(found.columns)
    assert np.isnan(agreement.alpha(table, SCALE)).all()


def test_abide_raters_agree_as_published(workspace: Workspace, shared_data: Path) -> None:
    # CONVENTIONS of the field, from the published tables: three levels, exact; worst level against the rest
    mriqc_import.import_table(workspace, shared_data / "iqm" / "abide_iqm_rating_age.csv")
    table = rating_log.list_ratings(workspace)
    raters = sorted(table["rater"].unique())
    found = agreement.pairs(table, SCALE)
    exact = [
        float(kappa(agreement.confusion(table, SCALE, raters[i], raters[j]), "none"))
        for i, j in ((0, 1), (0, 2), (1, 2))
    ]
    assert [round(min(exact), 2), round(max(exact), 2)] == [0.17, 0.39]
    assert 0.40 < found["fail_kappa"].min() < found["fail_kappa"].max() < 0.60
    assert (found["low"] < found["weighted_kappa"]).all() and (found["n"] > 50).all()
    value, low, high = agreement.alpha(table, SCALE)
    assert 0.1 < low < value < high < 0.7
