"""A data set of several contrasts: T1w is scored, tiered, frozen and trained on, the others are listed."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.__main__ import main
from curation.assessment import assess_workspace, metric_shards
from curation.cohorts import frozen_cohort
from curation.cohorts.frozen_cohort import Cohort
from curation.errors import CohortError, SourceError, StudyError
from curation.interchange import mriqc_import
from curation.references import reference_library
from curation.scoring.score_reference import builtin
from curation.sources.ingest import ingest
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from tests.helpers import rated_table, workspace_trainable
from tests.helpers.nifti_images import make_bids, write_nifti
from training.studies import planned_study

OTHERS = ("T2w", "FLAIR", "ce-gd_T1w", "PDw", "UNIT1", "inv-1_MP2RAGE")


@pytest.fixture
def contrasts(tmp_path: Path) -> Path:
    """A BIDS data set of two people with a T1w each and, of the first, six other images."""
    root = make_bids(tmp_path / "contrasts", ["sub-01", "sub-02"])
    for seed, suffix in enumerate(OTHERS, start=10):
        write_nifti(root / "sub-01" / "anat" / f"sub-01_{suffix}.nii.gz", seed=seed)
    return root


def _score_due(workspace: Workspace, measured: Workspace) -> pd.DataFrame:
    """Give all scans that are due the metrics of heads that were measured before, and score them."""
    due = assess_workspace.due_scans(workspace)
    metrics = tables.read_metrics(measured).head(len(due))
    own = {name: due[name].to_numpy() for name in ("scan_id", "sha256")}
    metric_shards.write(workspace.metrics_dir / "part-due.parquet", metrics.assign(**own))
    assess_workspace.gather(workspace)
    return due


def _target(workspace: Workspace, folder: Path) -> Cohort:
    """Add a target of four people, aligned and scored without looking at it, and freeze it."""
    for number in range(4):
        name = f"sub-{50 + number}"
        path = folder / name / "anat" / f"{name}_T1w.nii.gz"
        workspace_trainable.write_head(path, 30.0 + number, seed=number)
    ages = "".join(f"sub-{50 + number}\t{30 + number}\n" for number in range(4))
    (folder / "participants.tsv").write_text("participant_id\tage\n" + ages)
    scans = ingest(workspace, folder, role="target").scans
    metrics = scans[["scan_id", "sha256"]].assign(template_affine=[np.eye(4).ravel().tolist()] * 4)
    files.write_parquet(workspace.metrics_dir / "part-target.parquet", metrics)
    scores = scans[["scan_id", "sha256"]].assign(distortion_score=5.0, reference="builtin-3")
    every = pd.concat([tables.read_scores(workspace), scores], ignore_index=True)
    files.write_parquet(workspace.scores_path, every)
    return frozen_cohort.freeze(workspace, "target", author="Ada", role="target")


def test_three_contrasts_walk_from_ingest_to_a_study(
    workspace: Workspace, tmp_path: Path, contrasts: Path, measured: tuple, capsys
) -> None:
    assert main(["ingest", str(contrasts), "--workspace", str(workspace.root)]) == 0
    said = capsys.readouterr().out
    assert "2 ok; listed, not scored: " in said
    assert all(
        f"1 {kind}" in said for kind in ("T2w", "FLAIR", "T1w-ce", "PDw", "UNIT1", "MP2RAGE")
    )
    assert "unreadable" not in said

    due = _score_due(workspace, measured[0])
    assert due["scan_id"].tolist() == ["contrasts_sub-01_T1w", "contrasts_sub-02_T1w"]
    assert len(tables.read_scores(workspace)) == 2
    pool = frozen_cohort.freeze(workspace, "pool", author="Ada")
    assert pool.scans["scan_id"].tolist() == due["scan_id"].tolist()
    assert pool.flow is not None
    lines = pool.flow.lines()
    assert lines[0] == "Scans found: 8 scans of 2 people"
    assert "    left out: 1 FLAIR, not scored" in lines
    assert pool.flow.stages[1].scans == 2

    target = _target(workspace, tmp_path / "external")
    study = planned_study.plan(
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
    assert set(study.pretraining_scans("all", 0)) == set(pool.scans["scan_id"])


def test_another_kind_is_scored_where_it_is_asked_for(
    workspace: Workspace, contrasts: Path
) -> None:
    scans = ingest(workspace, contrasts, modality="FLAIR").scans
    assert scans.loc[scans["status"] == "ok", "modality"].tolist() == ["FLAIR"]
    assert set(assess_workspace.due_scans(workspace)["scan_id"]) == {"contrasts_sub-01_FLAIR"}
    assert ingest(workspace, contrasts).source.modality == "FLAIR"  # as it was asked for
    again = ingest(workspace, contrasts, modality="T1w").scans
    assert again.loc[again["status"] == "ok", "modality"].tolist() == ["T1w", "T1w"]
    with pytest.raises(SourceError, match="not 'PET'"):
        ingest(workspace, contrasts, modality="PET")


def test_a_source_without_any_t1w_says_so_and_how_to_score_it(
    workspace: Workspace, tmp_path: Path, capsys
) -> None:
    write_nifti(tmp_path / "set" / "001_T2.nii.gz")
    assert main(["ingest", str(tmp_path / "set"), "--workspace", str(workspace.root)]) == 0
    said = capsys.readouterr().out
    assert "listed, not scored: 1 T2w" in said
    assert "No T1w was found" in said and "--modality KIND" in said


def test_a_manifest_that_names_an_unknown_kind_is_not_scored(
    workspace: Workspace, tmp_path: Path
) -> None:
    for seed, name in enumerate("abc"):
        write_nifti(tmp_path / f"{name}.nii.gz", seed=seed)
    lines = "a.nii.gz,CT\nb.nii.gz,MRI\nc.nii.gz,MPRAGE\n"
    (tmp_path / "list.csv").write_text("path,modality\n" + lines)
    scans = ingest(workspace, tmp_path / "list.csv").scans
    assert scans[["status", "modality"]].values.tolist() == [
        ["other", "CT"],
        ["ok", "T1w"],
        ["ok", "T1w"],
    ]
    assert "taken as T1w" in scans["note"][1]


# ---- workspaces and cohorts of before --------------------------------------------------------


def _as_before(workspace: Workspace, contrasts: Path) -> None:
    """Make a workspace in which every contrast was scored as a T1w."""
    ingest(workspace, contrasts)
    scans = tables.read_scans(workspace).assign(status="ok")
    scans["modality"] = scans["modality"].replace({"T1w-ce": "T1w"})
    tables.write_scans(workspace, scans)
    good = {name: anchor.good for name, anchor in builtin().anchors.items()}
    affines = [np.eye(4).ravel().tolist()] * len(scans)
    metrics = scans[["scan_id", "sha256"]].assign(**good, template_affine=affines)
    files.write_parquet(workspace.metrics_dir / "part-made.parquet", metrics)
    reference_library.choose(workspace, "builtin-1")  # which judged whatever it was given


def test_a_mixed_cohort_is_not_frozen_and_its_few_are_named(
    workspace: Workspace, contrasts: Path
) -> None:
    _as_before(workspace, contrasts)
    with pytest.raises(
        CohortError, match=r"The pool holds 3 T1w, .*1 FLAIR.*Ingest the sources again"
    ):
        frozen_cohort.freeze(workspace, "pool", author="Ada")
    ingest(workspace, contrasts)
    assert frozen_cohort.freeze(workspace, "pool", author="Ada").size == 2


def test_a_mixed_cohort_that_was_frozen_before_is_not_planned_with(
    workspace: Workspace, tmp_path: Path, contrasts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _as_before(workspace, contrasts)
    with monkeypatch.context() as before:
        before.setattr("curation.cohorts.cohort_draft.mixed", lambda scans, whose: None)
        pool = frozen_cohort.freeze(workspace, "pool", author="Ada")
    target = _target(workspace, tmp_path / "external")
    plan = {"name": "made", "cohort_id": pool.id, "target_id": target.id, "arms": ["scratch"]}
    plan |= {"seeds": [0], "folds": 2, "preset": "smoke"}
    with pytest.raises(StudyError, match=rf"Cohort {pool.id} holds 3 T1w.*Then freeze"):
        planned_study.plan(workspace, **plan)
    ingest(workspace, contrasts)
    with pytest.raises(StudyError, match=r"has 6 scans listed by now and not scored"):
        planned_study.plan(workspace, **plan)


def test_what_was_scored_and_is_only_listed_now_counts_no_more(
    workspace: Workspace, contrasts: Path
) -> None:
    _as_before(workspace, contrasts)
    assert len(tables.read_usable(workspace, "pool")) == 8
    ingest(workspace, contrasts)
    assert tables.read_usable(workspace, "pool")["modality"].astype(str).tolist() == ["T1w", "T1w"]
    assert len(tables.read_scores(workspace)) == 2  # as are those that were counted before
    metrics, _ = reference_library._measured(workspace)
    assert set(metrics["scan_id"]) == {"contrasts_sub-01_T1w", "contrasts_sub-02_T1w"}


def test_listing_all_sources_again_is_one_command(
    workspace: Workspace, tmp_path: Path, contrasts: Path, capsys
) -> None:
    _as_before(workspace, contrasts)
    path = rated_table.write(tmp_path / "group_T1w.tsv", rated_table.table(5))
    mriqc_import.import_table(workspace, path)
    gone = make_bids(tmp_path / "gone", ["sub-77"])
    ingest(workspace, gone)
    gone.rename(tmp_path / "elsewhere")
    where = ["--workspace", str(workspace.root)]
    assert main(["ingest", "--again", *where]) == 2
    said = capsys.readouterr()
    assert "contrasts (bids, pool): 2 ok; listed" in said.out and "a table; take it in" in said.out
    assert "gone: there is nothing at" in said.err and "1 of 3 sources could not" in said.err
    assert tables.read_scans(workspace)["status"].value_counts()["other"] == 6
    assert main(["ingest", *where]) == 2
    assert main(["ingest", str(contrasts), "--again", *where]) == 2


# ---- tables ----------------------------------------------------------------------------------


def test_mriqcs_other_contrasts_are_listed_and_keep_their_ratings(
    workspace: Workspace, tmp_path: Path
) -> None:
    table = rated_table.table(4)
    table["bids_name"] = ["sub-1_T1w", "sub-2_T2w", "sub-3_ce-gd_T1w", "sub-4_T1w"]
    path = rated_table.write(tmp_path / "group.tsv", table)
    summary = mriqc_import.import_table(workspace, path)
    assert summary.scans["status"].tolist() == ["table", "other", "other", "table"]
    assert summary.problems.empty and summary.ratings == 4
    scored = tables.read_scored_scans(workspace).set_index("modality")["distortion_score"]
    assert scored["T1w"].notna().all() and scored[["T2w", "T1w-ce"]].isna().all()
    again = mriqc_import.import_table(workspace, path, modality="T2w")
    assert again.scans["status"].tolist() == ["other", "table", "other", "other"]
