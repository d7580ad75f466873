"""Limits and titles of a report: they say what was shown, and no more."""

import pytest

from curation.cohorts import frozen_cohort
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import TierRule
from tests.helpers import workspace_judged, workspace_trainable
from tests.helpers.replanned import replanned
from training.report import content, content_data, content_limits
from training.results import error_strata
from training.studies import planned_study


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
    pool = planned_study.load(workspace, other).scans().query("role == 'pool'")
    assert content_limits.ages_apart(pool) == (said, "about as old" not in told)
    assert content_limits.ages_apart(pool.assign(tier="A")) == ("", False)


def test_how_images_of_tiers_were_prepared_and_how_good_they_are_is_a_limit(
    workspace: Workspace,
) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace, pool=30))
    scores = tables.read_scores(workspace)
    scans = tables.read_scans(workspace)
    best = scores["distortion_score"] == 10.0
    flags = best.map({True: '{"skull_stripped": "removed"}', False: "{}"})
    metrics = tables.read_metrics(workspace).drop(columns="flags").assign(flags=flags)
    files.write_parquet(workspace.metrics_dir / "part-made.parquet", metrics)
    high = scores["distortion_score"].mask(best & (scans["role"] == "pool"), 55.0)
    files.write_parquet(workspace.scores_path, scores.assign(score_high=high))
    report = content.build(workspace, study.id)
    said = (
        "Distortion scores of the pool: A 10.0 to 10.0, B 30.0 to 30.0, C 70.0 to 70.0.",
        "Of tier A 10 of 10 scans are skull-stripped, of tier B 0 of 10: what parts the tiers may be how "
        "the images were prepared, not their quality.",
        "10 scans of 30 of the pool may belong in a worse tier (10 in A): part of what is judged could not "
        "be measured on them, which never raises a score.",
    )
    assert set(said) <= set(report.messages[-1].points)
    assert said[0] in report.methods[1] and said[2] in report.methods[1]
    assert "Images of the pool: skull-stripped (10 in A)" in report.methods[1]


def test_a_study_of_good_scans_alone_is_said_to_be_none_on_low_quality(
    workspace: Workspace,
) -> None:
    workspace_trainable.make(workspace)
    scores = tables.read_scores(workspace)
    low = scores["distortion_score"] / 5  # 2, 6 and 14
    files.write_parquet(workspace.scores_path, scores.assign(distortion_score=low))
    rule = TierRule(cutoffs=(5.0, 10.0))
    pool = frozen_cohort.freeze(workspace, "good", author="Ada", rule=rule)
    study = workspace_trainable.plan(workspace, cohort_id=pool.id)
    report = content.build(workspace, study.id)
    said = "All tiers of the pool lie within what counts as good (up to 20 of 100)"
    assert any(said in point for point in report.messages[-1].points)
    assert said in report.methods[1]


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


def test_cut_offs_that_lie_close_have_their_words_in_one_and_others_their_own() -> None:
    rule = TierRule(names=("A", "B", "C", "D", "E"), cutoffs=(6.5, 9.0, 25.0, 60.0))
    lines = content_data._cutoffs(rule)
    assert [line.at for line in lines] == [6.5, 9.0, 25.0, 60.0]
    assert [line.label for line in lines] == [
        "A | B at 6.5, B | C at 9, C | D at 25",
        "",
        "",
        "D | E at 60",
    ]
