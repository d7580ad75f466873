import contextlib
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from curation.cohorts import frozen_cohort
from curation.cohorts.cohort_integrity import changed_listing
from curation.decisions import audit_trail, database
from curation.errors import CohortError, WorkspaceError
from curation.ratings import rating_log
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.tier_rule import TierRule
from tests.helpers.workspace_scored import put_scans


@pytest.fixture
def scored(workspace: Workspace) -> Workspace:
    put_scans(
        workspace,
        [
            {"distortion_score": 5.0},
            {"distortion_score": 30.0},
            {"distortion_score": 80.0, "site": None, "sex": "F"},
            {"distortion_score": None},
            {"status": "unreadable", "reason": "cut off"},
            {"distortion_score": 10.0, "role": "target"},
            {"distortion_score": 10.0, "role": "target", "age_years": None},
        ],
    )
    return workspace


def test_a_cohort_holds_the_scored_readable_scans_of_its_role(scored: Workspace) -> None:
    pool = frozen_cohort.freeze(scored, "spring", author="Ada")
    assert pool.counts == {"A": 1, "B": 1, "C": 1}
    assert pool.scans["tier"].tolist() == ["A", "B", "C"]
    assert pool.size == 3


def test_a_target_holds_only_people_of_known_age(scored: Workspace) -> None:
    target = frozen_cohort.freeze(scored, "external", author="Ada", role="target")
    assert target.scans["age_years"].tolist() == [35.0]


def test_what_was_frozen_is_what_is_loaded(scored: Workspace) -> None:
    frozen = frozen_cohort.freeze(scored, "spring", author="Ada")
    loaded = frozen_cohort.load(scored, frozen.id)
    assert loaded.scans.equals(frozen.scans)
    assert (loaded.rule, loaded.author, loaded.created) == (
        frozen.rule,
        frozen.author,
        frozen.created,
    )


def test_the_same_list_is_the_same_cohort_and_another_rule_another(scored: Workspace) -> None:
    first = frozen_cohort.freeze(scored, "spring", author="Ada")
    again = frozen_cohort.freeze(scored, "spring", author="Grace")
    other = frozen_cohort.freeze(
        scored, "spring", author="Ada", rule=TierRule(cutoffs=(20.0, 50.0))
    )
    assert again.id == first.id
    assert again.author == "Ada"
    assert other.id != first.id
    assert {header.id for header in frozen_cohort.list_cohorts(scored)} == {first.id, other.id}


def test_tiers_by_hand_are_kept_beside_the_list_which_stays_as_it_was(scored: Workspace) -> None:
    before = frozen_cohort.freeze(scored, "spring", author="Ada")
    first, second, _ = before.scans["scan_id"]
    overrides.override(scored, first, "Ada", before.scans["tier"][0], "seen, and right")
    overrides.override(scored, second, "Ada", "a tier of another rule", "why")
    same = frozen_cohort.freeze(scored, "summer", author="Ada")
    assert (same.hash, before.by_hand) == (before.hash, ())
    assert list(same.scans.columns) == list(before.scans.columns)
    overrides.override(scored, second, "Grace", "C", "metal artefact at the skull base")
    frozen = frozen_cohort.freeze(scored, "autumn", author="Ada")
    loaded = frozen_cohort.load(scored, frozen.id)
    assert loaded.by_hand == frozen.by_hand != before.by_hand
    (_, told) = loaded.by_hand or ()
    assert (told.scan_id, told.tier, told.author) == (second, "C", "Grace")
    assert told.reason == "metal artefact at the skull base" and told.at.endswith("+00:00")
    assert files.read_json(scored.cohort_path(frozen.id))["by_hand"][1]["tier"] == "C"


@contextlib.contextmanager
def _full(workspace: Workspace) -> Iterator[sa.Connection]:
    """A transaction whose end does not fit on the disk."""
    with database.engine(workspace).begin() as connection:
        yield connection
        _fails()


def _fails(*_: object, **__: object) -> None:
    raise WorkspaceError("The disk is full.")


@pytest.mark.parametrize(
    ("where", "name", "broken"), [(database, "writing", _full), (files, "write_json", _fails)]
)
def test_a_cohort_and_its_line_in_the_history_are_both_there_or_neither(
    scored: Workspace, monkeypatch, where, name, broken
) -> None:
    rating_log.newest(scored)  # the database is there
    with monkeypatch.context() as patched:
        patched.setattr(where, name, broken)
        with pytest.raises(WorkspaceError, match="disk"):
            frozen_cohort.freeze(scored, "spring", author="Ada")
    assert frozen_cohort.list_cohorts(scored) == [] and _frozen_by(scored) == []
    frozen = frozen_cohort.freeze(scored, "spring", author="Ada")
    assert _frozen_by(scored) == [("Ada", frozen.id)]


def _frozen_by(workspace: Workspace) -> list[tuple[str, str]]:
    return list(
        audit_trail.history(workspace)[["who", "subject"]].itertuples(index=False, name=None)
    )


def test_a_cohort_that_was_left_without_its_line_gets_it_when_it_is_frozen_again(
    scored, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(
            database, "note_within", lambda *_, **__: None
        )  # killed at the wrong moment
        frozen = frozen_cohort.freeze(scored, "spring", author="Ada")
    assert _frozen_by(scored) == []
    for _ in range(2):
        assert frozen_cohort.freeze(scored, "spring", author="Grace").author == "Ada"
        assert _frozen_by(scored) == [("Ada", frozen.id)]


def test_a_list_edited_by_hand_is_noticed(scored: Workspace) -> None:
    cohort = frozen_cohort.freeze(scored, "spring", author="Ada")
    path = scored.cohorts_dir / f"{cohort.id}.tsv"
    path.write_text(path.read_text().replace("\tC\n", "\tA\n"))
    with pytest.raises(CohortError, match="changed after it was frozen"):
        frozen_cohort.load(scored, cohort.id)


def test_a_file_that_changed_after_freezing_is_named(scored: Workspace) -> None:
    cohort = frozen_cohort.freeze(scored, "spring", author="Ada")
    assert changed_listing(scored, cohort).empty
    scans = tables.read_scans(scored)
    scans.loc[0, "sha256"] = "f" * 64
    tables.write_scans(scored, scans.drop(index=1))
    assert changed_listing(scored, cohort)["scan_id"].tolist() == [
        "made_sub-00_T1w",
        "made_sub-01_T1w",
    ]


def test_no_path_leaves_in_a_cohort(scored: Workspace) -> None:
    cohort = frozen_cohort.freeze(scored, "spring", author="Ada")
    assert "/nowhere" not in (scored.cohorts_dir / f"{cohort.id}.tsv").read_text()


@pytest.mark.parametrize("cohort_id", ["absent-123", "../workspace", ""])
def test_an_unknown_cohort_is_refused_with_those_there_are(scored: Workspace, cohort_id) -> None:
    frozen = frozen_cohort.freeze(scored, "spring", author="Ada")
    with pytest.raises(CohortError, match=frozen.id):
        frozen_cohort.load(scored, cohort_id)


def test_what_is_missing_is_said(workspace: Workspace) -> None:
    with pytest.raises(CohortError, match="Ingest a source"):
        frozen_cohort.freeze(workspace, "spring", author="Ada")
    put_scans(workspace, [{"distortion_score": 5.0, "role": "target", "age_years": None}, {}])
    with pytest.raises(CohortError, match="Score them first"):
        frozen_cohort.freeze(workspace, "spring", author="Ada")
    with pytest.raises(CohortError, match="known age"):
        frozen_cohort.freeze(workspace, "spring", author="Ada", role="target")
    with pytest.raises(CohortError, match="a name and an author"):
        frozen_cohort.freeze(workspace, " ", author="Ada")
    assert frozen_cohort.list_cohorts(workspace) == []
