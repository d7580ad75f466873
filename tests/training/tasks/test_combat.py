"""Sites are harmonised within the training folds alone; the library is optional, see docs/training.md."""

import numpy as np
import pandas as pd
import pytest

from curation.errors import StudyError
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_judged
from training.studies import harmonised_arms, planned_study

PEOPLE = 60


@pytest.fixture
def judged(workspace: Workspace) -> Workspace:
    return workspace_judged.make(workspace)


def _features(seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features of 60 people, those of the South shifted and spread wider, and where they are from."""
    rng = np.random.default_rng(seed)
    south = np.arange(PEOPLE) % 2 == 1
    values = rng.normal(0, 1, (PEOPLE, 4))
    values[south] = 2 * values[south] + 5
    scans = pd.DataFrame({"site": np.where(south, "South", "North")})
    return pd.DataFrame(values, columns=list("abcd")), scans


def test_sites_come_to_one_mean_and_spread() -> None:
    combat = _library()
    features, scans = _features()
    train, test = combat.harmonised(features[:40], features[40:], scans[:40], scans[40:])
    south = scans["site"][:40] == "South"
    before, after = (
        abs(one[:40][south].mean() - one[:40][~south].mean()).max() for one in (features, train)
    )
    assert after < 0.1 * before
    spread = train[south].std() / train[~south].std()
    assert spread.between(0.75, 1.35).all()
    assert abs(test[scans["site"][40:].to_numpy() == "South"].mean()).max() < 4


def test_held_out_people_have_no_say_in_it() -> None:
    combat = _library()
    features, scans = _features(1)
    whole = combat.harmonised(features[:40], features[40:], scans[:40], scans[40:])
    other = features[40:] * 7 + 100
    other.iloc[0] = features.iloc[40]
    changed = combat.harmonised(features[:40], other, scans[:40], scans[40:])
    pd.testing.assert_frame_equal(whole[0], changed[0])
    assert changed[1].iloc[0].tolist() == pytest.approx(whole[1].iloc[0].tolist())


def test_what_is_not_known_or_does_not_differ_stays_a_number() -> None:
    combat = _library()
    features, scans = _features(2)
    features["a"], features.loc[3, "b"] = 1.0, np.nan
    train, test = combat.harmonised(features[:40], features[40:], scans[:40], scans[40:])
    assert np.isfinite(train).all(axis=None) and (test["a"] == 1).all()


def _library():  # type: ignore[no-untyped-def]
    pytest.importorskip("combatlearn", reason=harmonised_arms.INSTALL)
    from training.tasks import combat

    return combat


def test_sites_that_were_never_seen_are_refused(
    judged: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harmonised_arms, "find_spec", lambda name: object())
    with pytest.raises(StudyError, match="cannot judge people of a site that it never saw"):
        workspace_judged.plan(judged, arms=["ridge", "ridge-combat"], folds_by="site")
    assert not planned_study.list_studies(judged)


def test_a_site_of_few_people_is_refused(
    judged: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harmonised_arms, "find_spec", lambda name: object())
    scans = tables.read_scans(judged)
    few = (scans["role"] == "target") & (scans.groupby("role").cumcount() < 3)
    tables.write_scans(judged, scans.assign(site=np.where(few, "East", "North")))
    with pytest.raises(StudyError, match=r"needs 3 people of each .* of East there are fewer"):
        workspace_judged.plan(judged, arms=["ridge-combat"])


def test_without_the_library_it_is_said_how_to_get_it(
    judged: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(harmonised_arms, "find_spec", lambda name: None)
    with pytest.raises(StudyError, match=r"not installed\. Install it: pip install --no-deps"):
        workspace_judged.plan(judged, arms=["ridge-combat"])
