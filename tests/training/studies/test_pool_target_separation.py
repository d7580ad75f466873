"""Nobody is pretrained on and judged on: images are compared by their voxels, people by what is known."""

from dataclasses import asdict
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from curation.__main__ import main
from curation.cohorts import frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.decisions.audit_trail import history
from curation.errors import CohortError, SourceError, StudyError
from curation.sources import duplicates
from curation.sources.ingest import ingest
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers import workspace_trainable
from tests.helpers.nifti_images import make_bids
from training.judging.judging import Asked
from training.report import content
from training.studies import planned_study, pool_target_separation
from training.studies.pool_target_separation import Separation

BOTH = frozenset(("pool", "external"))
AGES = "participant_id\tage\tsex\n"


def _score(workspace: Workspace) -> None:
    """Align and score all scans, without looking at them."""
    scans = tables.read_scans(workspace)
    ok = scans[scans["status"] == "ok"]
    workspace_trainable.write_tables(workspace, ok.assign(distortion_score=5.0))


def _bids(folder: Path, people: dict[str, tuple[int, str]], seed: int) -> Path:
    """Write a BIDS set of tiny heads with ages and sexes."""
    for number, (name, (age, _)) in enumerate(people.items()):
        path = folder / name / "anat" / f"{name}_T1w.nii.gz"
        workspace_trainable.write_head(path, float(age), seed=seed + number)
    (folder / "dataset_description.json").write_text('{"Name": "made", "BIDSVersion": "1.10.0"}')
    rows = "".join(f"{name}\t{age}\t{sex}\n" for name, (age, sex) in people.items())
    (folder / "participants.tsv").write_text(AGES + rows)
    return folder


def _people(count: int, age: int = 30, first: int = 1) -> dict[str, tuple[int, str]]:
    return {f"sub-{n:02d}": (age + n, "FM"[n % 2]) for n in range(first, first + count)}


def _cohorts(workspace: Workspace) -> tuple[Cohort, Cohort]:
    _score(workspace)
    return (
        frozen_cohort.freeze(workspace, "pool", author="Ada"),
        frozen_cohort.freeze(workspace, "target", author="Ada", role="target"),
    )


def _plan(workspace: Workspace) -> planned_study.Study:
    pool, target = _cohorts(workspace)
    return planned_study.plan(
        workspace,
        name="made",
        cohort_id=pool.id,
        target_id=target.id,
        arms=["scratch", "all"],
        seeds=[0],
        folds=2,
        preset="smoke",
        overrides=workspace_trainable.TINY,
    )


def _again(path: Path, to: Path) -> None:
    """Write the image of a file as other numbers, in another order of axes, packed."""
    image = nib.Nifti1Image.from_filename(path)
    turned = image.as_reoriented(np.array([[2, -1], [0, 1], [1, -1]]))
    to.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(turned.get_fdata(dtype=np.float32), turned.affine), to)


def _t1w(root: Path, name: str) -> Path:
    return root / name / "anat" / f"{name}_T1w.nii.gz"


# ---- images ----------------------------------------------------------------------------------


def test_the_same_image_in_pool_and_target_is_refused_however_it_is_stored(
    workspace: Workspace, tmp_path: Path
) -> None:
    pool = _bids(tmp_path / "pool", _people(4), seed=0)
    target = _bids(tmp_path / "target", _people(5, first=50), seed=100)
    _again(_t1w(pool, "sub-02"), _t1w(target, "sub-53"))
    ingest(workspace, pool)
    ingest(workspace, target, role="target")
    with pytest.raises(
        StudyError, match=r"1 image is in the target.*pool_sub-02_T1w.*target_sub-53_T1w"
    ):
        _plan(workspace)
    assert "target_sub-53_T1w" in duplicates.in_both_roles(tables.read_scans(workspace))[0]


def test_the_same_image_twice_in_a_source_is_used_once_and_the_other_names_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = make_bids(tmp_path / "set", ["sub-01", "sub-02"])
    _again(_t1w(root, "sub-02"), root / "sub-02" / "anat" / "sub-02_run-2_T1w.nii.gz")
    _again(_t1w(root, "sub-01"), _t1w(root, "sub-03"))
    scans = ingest(workspace, root).scans.set_index("scan_id")
    assert scans["status"].to_dict() == {
        "set_sub-01_T1w": "ok",
        "set_sub-02_T1w": "ok",
        "set_sub-02_run-2_T1w": "duplicate",
        "set_sub-03_T1w": "duplicate",
    }
    reasons = scans["reason"].dropna()
    assert "same image as set_sub-02_T1w, which is used" in reasons["set_sub-02_run-2_T1w"]
    assert "under the id of another person" in reasons["set_sub-03_T1w"]
    assert "another person" not in reasons["set_sub-02_run-2_T1w"]
    again = ingest(workspace, root)
    pd.testing.assert_frame_equal(again.scans.set_index("scan_id"), scans)


def test_of_the_same_image_in_two_sources_the_one_in_use_stays(
    workspace: Workspace, tmp_path: Path
) -> None:
    first = make_bids(tmp_path / "zz-first-and-long", ["sub-01"])
    ingest(workspace, first)
    second = make_bids(tmp_path / "a", ["sub-01", "sub-02"])
    for _ in range(2):
        ingest(workspace, second)
        ingest(workspace, first)
        scans = tables.read_scans(workspace).set_index("scan_id")
        assert scans["status"].to_dict() == {
            "a_sub-01_T1w": "duplicate",
            "a_sub-02_T1w": "ok",
            "zz-first-and-long_sub-01_T1w": "ok",
        }
    _t1w(first, "sub-01").unlink()
    write = make_bids(tmp_path / "zz-first-and-long", ["sub-09"])
    _again(_t1w(second, "sub-02"), _t1w(write, "sub-09"))
    ingest(workspace, first)
    scans = tables.read_scans(workspace).set_index("scan_id")
    assert scans.loc["a_sub-01_T1w", "status"] == "ok"
    assert pd.isna(scans.loc["a_sub-01_T1w", "reason"])
    assert scans.loc["zz-first-and-long_sub-09_T1w", "status"] == "duplicate"


def test_which_of_several_is_used_does_not_depend_on_the_order_of_the_files(tmp_path: Path) -> None:
    image = workspace_trainable.write_head(tmp_path / "image.nii.gz", 40)
    for number, names in enumerate((("b", "a long name"), ("a long name", "b"))):
        folder = tmp_path / str(number) / "loose"
        folder.mkdir(parents=True)
        manifest = folder / "list.csv"
        lines = [f"{name}.nii.gz,{'' if name == 'b' else 30}\n" for name in names]
        manifest.write_text("path,age\n" + "".join(lines))
        for name in names:
            (folder / f"{name}.nii.gz").write_bytes(image.read_bytes())
        workspace = Workspace.create(tmp_path / str(number) / "workspace")
        scans = ingest(workspace, manifest).scans.set_index("participant_id")
        assert scans["status"].to_dict() == {
            "a long name": "ok",
            "b": "duplicate",
        }  # its age is known
        bare = Workspace.create(tmp_path / str(number) / "bare")
        scans = ingest(bare, folder).scans.set_index("participant_id")
        assert scans["status"].to_dict() == {"a long name": "duplicate", "b": "ok"}  # it is shorter


def test_a_workspace_of_before_gets_its_hashes_when_it_is_ingested_again(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = make_bids(tmp_path / "set", ["sub-01", "sub-02"])
    before = ingest(workspace, root).scans
    old = before.drop(columns=["image_hash", "person"])
    files.write_parquet(workspace.scans_path, old)
    assert tables.read_scans(workspace)["image_hash"].isna().all()
    assert len(tables.read_scored_scans(workspace)) == 2
    pd.testing.assert_frame_equal(ingest(workspace, root).scans, before)


def test_a_study_of_a_workspace_of_before_says_that_voxels_were_not_compared(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, _bids(tmp_path / "pool", _people(3), seed=0))
    ingest(workspace, _bids(tmp_path / "target", _people(5, first=50), seed=100), role="target")
    scans = tables.read_scans(workspace)
    files.write_parquet(workspace.scans_path, scans.drop(columns=["image_hash", "person"]))
    study = _plan(workspace)
    assert study.separation == Separation(scans=8, by_voxels=0, named_people=0, other_people=0)
    assert "the voxels of 0 of 8 scans" in pool_target_separation.words(study.separation)


def test_a_cohort_frozen_before_with_one_image_twice_is_refused(
    workspace: Workspace, tmp_path: Path
) -> None:
    target = _bids(tmp_path / "target", _people(5, first=50), seed=100)
    _again(_t1w(target, "sub-51"), _t1w(target, "sub-54"))
    ingest(workspace, _bids(tmp_path / "pool", _people(3), seed=0))
    ingest(workspace, target, role="target")
    scans = tables.read_scans(workspace)
    tables.write_scans(
        workspace, scans.assign(status="ok")
    )  # as it was before images were compared
    with pytest.raises(StudyError, match=r"in a cohort twice: target_sub-51.*= target_sub-54"):
        _plan(workspace)


# ---- people ----------------------------------------------------------------------------------


@pytest.fixture
def alike(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Two BIDS sets that count their people from 01, as nearly all do: one of them may be one person."""
    ingest(workspace, _bids(tmp_path / "pool", _people(4), seed=0))
    people = _people(5, age=50) | {"sub-02": (32, "F")}
    ingest(workspace, _bids(tmp_path / "external", people, seed=100), role="target")
    return workspace


def test_equal_ids_are_refused_until_somebody_says_that_they_are_other_people(
    alike: Workspace, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(
        StudyError, match=r"external and pool share 4 participant ids.*agree for 1"
    ) as no:
        _plan(alike)
    where = ["--workspace", str(alike.root), "--author", "Ada"]
    assert "python -m curation people --different external pool" in str(no.value)
    assert main(["people", "--different", "external", "pool", *where]) == 0
    assert "different people: external and pool" in capsys.readouterr().out
    study = _plan(alike)
    assert planned_study.load(alike, study.id).separation == Separation(9, 9, 0, 4)
    assert main(["people", "--perhaps-same", "external", "pool", *where]) == 0
    assert "share 4 participant ids (sub-01, sub-02, sub-03 and 1 more)" in capsys.readouterr().out
    with pytest.raises(StudyError, match="share 4"):
        _plan(alike)


def test_ids_of_an_external_cohort_that_were_said_to_be_others_are_kept_and_told(
    alike: Workspace, tmp_path: Path
) -> None:
    own = ingest(alike, _bids(tmp_path / "own", _people(6, first=40), seed=900), role="target")
    assert own.added
    scans = tables.read_scans(alike)
    duplicates.say_different(alike, [BOTH], "Ada")
    cohorts = {}
    for name, source in (("judged", "own"), ("abroad", "external")):
        apart = (scans["role"] == "target") & (scans["source"] != source)
        tables.write_scans(alike, scans.assign(status=scans["status"].mask(apart, "unreadable")))
        _score(alike)
        cohorts[name] = frozen_cohort.freeze(alike, name, author="Ada", role="target")
    tables.write_scans(alike, scans)
    _score(alike)
    pool = frozen_cohort.freeze(alike, "pool", author="Ada")
    study = planned_study.plan(
        alike,
        name="made",
        cohort_id=pool.id,
        target_id=cohorts["judged"].id,
        arms=["scratch"],
        seeds=[0],
        folds=2,
        preset="smoke",
        asked=Asked(external=(cohorts["abroad"].id,)),
    )
    found = planned_study.load(alike, study.id).separation
    assert found is not None and found.other_people == 0
    assert found.outside[cohorts["abroad"].id].other_people == 4
    methods = " ".join(content.build(alike, study.id).methods)
    assert (
        "no person with them as far as that tells, but for 4 shared ids declared to be" in methods
    )
    assert "4 shared ids" not in pool_target_separation.words_outside(None, cohorts["abroad"].id)


def test_what_was_said_of_a_source_outlives_listing_it_again(
    alike: Workspace, tmp_path: Path
) -> None:
    duplicates.say_different(alike, [BOTH], "Ada")
    ingest(alike, tmp_path / "external")
    told = history(alike)[["who", "what", "subject"]]
    assert told[told["who"] == "Ada"].values.tolist() == [
        ["Ada", "different people", "external and pool"]
    ]
    assert alike.different_people() == {BOTH}
    assert alike.sources()[1].role == "target"
    assert set(tables.read_scans(alike).query("source == 'external'")["role"]) == {"target"}
    _plan(alike)


def test_ingest_and_freeze_report_equal_ids(alike: Workspace, tmp_path: Path, capsys) -> None:
    where = ["--workspace", str(alike.root)]
    assert main(["ingest", str(tmp_path / "external"), *where]) == 0
    assert "note: external and pool share 4 participant ids" in capsys.readouterr().out
    _score(alike)
    assert main(["freeze", "pool", "--author", "Ada", *where]) == 0
    assert "external and pool share 4 participant ids" in capsys.readouterr().err
    duplicates.say_different(alike, [BOTH], "Ada")
    assert main(["freeze", "pool", "--author", "Ada", *where]) == 0
    assert "share" not in capsys.readouterr().err


def test_a_person_of_two_sources_of_the_target_may_be_in_two_folds_and_is_refused(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, _bids(tmp_path / "pool", _people(3, first=20), seed=0))
    for number, name in enumerate(("one", "two")):
        folder = _bids(tmp_path / name, _people(3), seed=100 + 10 * number)
        ingest(workspace, folder, role="target")
    with pytest.raises(StudyError, match="one and two share 3 participant ids"):
        _plan(workspace)
    duplicates.say_different(workspace, [frozenset(("one", "two"))], "Ada")
    assert _plan(workspace).separation == Separation(9, 9, 0, 3)


def test_equal_ids_within_the_pool_are_reported_but_do_no_harm(
    workspace: Workspace, tmp_path: Path
) -> None:
    for number, name in enumerate(("one", "two")):
        ingest(workspace, _bids(tmp_path / name, _people(3), seed=10 * number))
    ingest(workspace, _bids(tmp_path / "t", _people(4, first=50), seed=100), role="target")
    assert [each.sources for each in duplicates.undecided(workspace)] == [("one", "two")]
    assert _plan(workspace).separation == Separation(10, 10, 0, 0)


def _name(folder: Path, persons: list[str]) -> None:
    table = pd.read_csv(folder / "participants.tsv", sep="\t", dtype=str)
    table.assign(person=persons).to_csv(folder / "participants.tsv", sep="\t", index=False)


def test_a_column_of_persons_tells_who_is_who_in_all_sources(
    alike: Workspace, tmp_path: Path
) -> None:
    _name(tmp_path / "pool", ["P1", "P2", "P3", "P4"])
    _name(tmp_path / "external", ["Q1", "P2", "Q3", "Q4", "Q5"])
    ingest(alike, tmp_path / "pool")
    ingest(alike, tmp_path / "external")
    assert duplicates.undecided(alike) == []
    assert (
        "1 person is in the pool and in the target"
        in duplicates.in_both_roles(tables.read_scans(alike))[0]
    )
    with pytest.raises(StudyError, match=r"1 person is in the target.*external_sub-02_T1w"):
        _plan(alike)
    _name(tmp_path / "external", ["Q1", "Q2", "Q3", "Q4", "Q5"])
    ingest(alike, tmp_path / "external")
    assert _plan(alike).separation == Separation(9, 9, 9, 0)


def test_one_person_in_two_sources_is_in_one_fold(workspace: Workspace, tmp_path: Path) -> None:
    ingest(workspace, _bids(tmp_path / "pool", _people(3, first=20), seed=0))
    for number, name in enumerate(("one", "two")):
        folder = _bids(tmp_path / name, _people(4), seed=100 + 10 * number)
        _name(folder, ["P1", "P2", "P3", f"P4-{name}"])
        ingest(workspace, folder, role="target")
    target = _plan(workspace).scans().query("role == 'target'")
    assert target["subject_id"].nunique() == 5
    assert target.groupby("subject_id")["fold"].nunique().eq(1).all()


def test_a_person_of_two_sexes_whom_an_earlier_version_listed_is_refused_when_planned(
    workspace: Workspace, tmp_path: Path
) -> None:
    ingest(workspace, _bids(tmp_path / "pool", _people(3, first=20), seed=0))
    ingest(workspace, _bids(tmp_path / "target", _people(5), seed=100), role="target")
    scans = tables.read_scans(workspace)
    two = scans["participant_id"].isin(["sub-01", "sub-02"])
    changed = {"person": "P1", "subject_id": "person=P1"}
    tables.write_scans(
        workspace, scans.assign(**{k: scans[k].mask(two, v) for k, v in changed.items()})
    )
    with pytest.raises(StudyError, match=r"P1 would be of two sexes: .* as target:sub-01"):
        _plan(workspace)


def test_who_is_whom_may_not_change_after_freezing(alike: Workspace, tmp_path: Path) -> None:
    pool, target = _cohorts(alike)
    _name(tmp_path / "pool", ["P1", "P2", "P3", "P4"])
    ingest(alike, tmp_path / "pool")
    duplicates.say_different(alike, [BOTH], "Ada")
    with pytest.raises(StudyError, match="Of 4 scans the person is another than when"):
        planned_study.plan(
            alike,
            name="made",
            cohort_id=pool.id,
            target_id=target.id,
            arms=["scratch"],
            seeds=[0],
            folds=2,
            preset="smoke",
        )


def test_ids_are_compared_without_prefix_case_and_zeros() -> None:
    rows = [
        *(("one", name) for name in ("sub-001", "sub-AB2", "x9")),
        *(("two", name) for name in ("1", "ab2", "y9")),
    ]
    scans = pd.DataFrame(rows, columns=["source", "participant_id"])
    scans = scans.assign(person=None, age_years=np.nan, sex=None)
    (found,) = duplicates.shared_ids(scans, ())
    assert (found.ids, found.fitting) == (("sub-001", "sub-AB2"), 0)
    assert duplicates.shared_ids(scans, [frozenset(("one", "two"))]) == []


def test_a_source_that_is_not_there_is_refused_in_words(alike: Workspace) -> None:
    with pytest.raises(SourceError, match=r"no source 'gone'; it has: pool, external"):
        duplicates.say_different(alike, [frozenset(("gone", "pool"))], "Ada")
    with pytest.raises(SourceError, match="Say who says"):
        duplicates.say_different(alike, [BOTH], " ")
    assert main(["people", "--different", "pool", "--workspace", str(alike.root)]) == 2


def test_what_was_said_of_some_sources_is_not_said_of_one_that_comes_later(
    alike: Workspace, tmp_path: Path
) -> None:
    where = ["--workspace", str(alike.root)]
    assert main(["ingest", str(tmp_path / "external"), "--own-ids", *where]) == 0
    assert duplicates.undecided(alike) == []
    ingest(alike, _bids(tmp_path / "third", _people(1), seed=300))
    pairs = [each.sources for each in duplicates.undecided(alike)]
    assert pairs == [("external", "third"), ("pool", "third")]


# ---- in words --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "said", "unsaid"),
    [
        (None, "byte for byte; whether an image or a person", "voxels"),
        (Separation(9, 9, 0, 0), "voxels of all scans were compared", "declared"),
        (Separation(9, 5, 0, 0), "voxels of 5 of 9 scans", "all scans"),
        (
            Separation(9, 9, 0, 8),
            "8 shared ids were declared to be those of different people",
            "none",
        ),
        (
            Separation(9, 9, 4, 0),
            "the name that a table gives the person (4 scans), else by",
            "declared",
        ),
    ],
)
def test_nothing_is_said_to_be_checked_that_was_not(
    found: Separation | None, said: str, unsaid: str
) -> None:
    words = pool_target_separation.words(found)
    assert said in words and unsaid not in words
    assert found is None or pool_target_separation.from_dict(asdict(found)) == found
    if found is None or found.by_voxels < found.scans:
        assert "image" not in pool_target_separation.in_short(found)


def test_a_target_of_nobody_is_still_refused_in_words(alike: Workspace) -> None:
    tables.write_scans(alike, tables.read_scans(alike).assign(age_years=np.nan))
    _score(alike)
    with pytest.raises(CohortError, match="No scan of the target has a known age"):
        frozen_cohort.freeze(alike, "target", author="Ada", role="target")
