"""Limits and titles of a report: they say what was shown, and no more."""

import pytest

from curation.storage.workspace import Workspace
from tests.helpers import workspace_judged, workspace_trainable
from tests.helpers.replanned import replanned
from training.report import content
from training.results import error_strata


@pytest.mark.parametrize(
    ("ages", "told"),
    [
        ((30.0, 30.2), "its people are about as old as the others (30.0 against 30.2 years"),
        (
            (36.0, 29.6),
            "its people are 6.4 years older than the others (36.0 against 29.6 years on average), no more "
            "than chance gives with so few",
        ),
        ((60.0, 29.6), "and its people are 30.4 years older than the others"),
    ],
)
def test_whether_the_best_tier_is_of_another_age_is_told_as_it_is(
    workspace: Workspace, ages: tuple[float, float], told: str
) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    scans = study.scans()
    best = (scans["role"] == "pool") & (scans["tier"] == "A")
    places = scans.groupby([scans["role"], best]).cumcount() % 2
    spread = scans["age_years"].where(scans["role"] == "target", 8.0 * (2 * places - 1))
    middle = best.map({True: ages[0], False: ages[1]}).where(scans["role"] == "pool", 0.0)
    other = replanned(study, scans.assign(age_years=spread + middle))
    points = content.build(workspace, other).messages[-1].points
    (said,) = (point for point in points if point.startswith("Tier A holds"))
    assert told in said


def test_a_title_says_a_trend_along_the_score_only_where_one_was_found(
    workspace: Workspace, monkeypatch
) -> None:
    workspace_trainable.make(workspace, target=24)
    study = workspace_trainable.plan(workspace, seeds=[0, 1])
    workspace_judged.plant(study)

    def message():  # type: ignore[no-untyped-def]
        report = content.build(workspace, study.id)
        return next(one for one in report.messages if one.name == "along-score")

    scores = study.scans().query("role == 'target'")["distortion_score"]
    least, most = f"{scores.min():.0f}", f"{scores.max():.0f}"
    assert message().title == (
        "No trend of errors with the quality of the test scan was found, between scores of "
        f"{least} and {most}"
    )
    assert "Spearman" in message().points[0]
    assert f"among test scans of scores {least} to {most}, of tier" in message().points[1]
    assert message().points[1].endswith("worse ones were not there, and nothing is said of them.")
    found = error_strata.trends

    def shown(*args):  # type: ignore[no-untyped-def]
        return found(*args).assign(rho=0.6, p_holm=[0.2, 0.01])

    monkeypatch.setattr(error_strata, "trends", shown)
    assert message().title.startswith("A errs more the worse the test scan")
