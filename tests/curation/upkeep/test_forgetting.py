"""Forgetting of a person: nothing names them any more, what was decided stays, and the audit says so."""

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from curation.__main__ import main
from curation.assessment import metric_shards
from curation.decisions import (
    audit_trail,
    database,
    database_connection,
    person_decisions,
    scan_tags,
    schema,
)
from curation.decisions.person_decisions import PersonDecision
from curation.dicom import conversion, last_look
from curation.errors import WorkspaceError
from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion, Rating
from curation.sessions import saved_lists, session_log
from curation.sessions.session_plan import SessionPlan
from curation.sources import ingest, joined_tables, other_tables
from curation.storage import joined_columns, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.upkeep import forgetting
from curation.upkeep.forgetting import forget
from tests.helpers import workspace_scored
from tests.helpers.dicom_files import write_series
from tests.helpers.nifti_images import write_nifti

GONE, STAYS = "s0", "s1"


@pytest.fixture
def decided(workspace: Workspace) -> Workspace:
    """A workspace in which much was decided on two scans, one of which is to be forgotten."""
    rows = [
        {
            "scan_id": f"s{number}",
            "subject_id": f"t:{number}",
            "participant_id": f"ps{number}",
            "source": "t",
            "path": f"/nowhere/s{number}_T1w.nii",
            "distortion_score": 10.0,
        }
        for number in range(3)
    ]
    workspace_scored.put_scans(workspace, rows)
    metric_shards.write(workspace.gathered_path, pd.DataFrame({"scan_id": [GONE, STAYS, "s2"]}))
    for scan in (GONE, STAYS):
        workspace.preview_path(scan).parent.mkdir(exist_ok=True)
        workspace.preview_path(scan).write_bytes(b"a picture")
    for scan in (GONE, STAYS):
        told = f"{scan} has a scar"
        given = Rating(scan_id=scan, rater="ada", scale="three-level", value=1.0, comment=told)
        rating_log.add_rating(workspace, given)
        overrides.override(workspace, scan, "ada", "A", told)
    saved_lists.save(workspace, "list", "ada", [GONE, STAYS])
    scan_tags.put_on(workspace, "scar", [GONE, STAYS], "ada")
    plan = SessionPlan("morning", "ada", "mriqc-4", choice="all", size=9, repeats_share=0.0)
    session = session_log.start(workspace, plan)
    for place in range(session.total):
        session_log.save(workspace, session.id, place, Opinion(1.0, comment="seen"))
    pair = person_decisions.pair(f"t:p{GONE}", f"t:p{STAYS}")
    person_decisions.store(workspace, [PersonDecision(pair, False, f"t:p{GONE} is older")], "ada")
    return workspace


def _told(workspace: Workspace) -> str:
    """Return all that tables and files of a workspace hold as text."""
    told = []
    for path in workspace.root.rglob("*"):
        told.append(path.name)
        if path.suffix == ".parquet":
            told += pd.read_parquet(path).astype(str).to_csv(index=False).splitlines()
    with database.engine(workspace).connect() as connection:
        for table in schema.metadata.sorted_tables:
            told += [str(tuple(row)) for row in connection.execute(sa.select(table))]
    return "\n".join(told)


def _names(workspace: Workspace, scan: str) -> bool:
    told = _told(workspace)
    return any(f"{before}{scan}{after}" in told for before in "'\n,p" for after in "',. ")


def test_nothing_names_a_person_who_was_forgotten_and_what_was_decided_stays(
    decided: Workspace,
) -> None:
    before = rating_log.list_ratings(decided)
    assert _names(decided, GONE) and _names(decided, STAYS)
    assert decided.preview_path(GONE).exists()
    done = forget(decided, f"t:{GONE.removeprefix('s')}", "asked for")
    assert not _names(decided, GONE)
    assert _names(decided, STAYS)
    assert not decided.preview_path(GONE).exists()
    held = b"".join(path.read_bytes() for path in decided.root.glob("decisions.sqlite*"))
    assert f"{GONE} has a scar".encode() not in held  # in no unused page either
    assert f"{STAYS} has a scar".encode() in held
    assert (done.scans, done.left) == (1, ())
    assert STAYS in scan_tags.in_force(decided)["scar"]
    after = rating_log.list_ratings(decided)
    assert after["value"].tolist() == before["value"].tolist()
    assert sorted(set(after["scan_id"]) - set(before["scan_id"]))[0].startswith("forgotten-")
    assert GONE not in set(tables.read_metrics(decided)["scan_id"])
    assert STAYS in set(tables.read_metrics(decided)["scan_id"])


def test_nothing_is_left_in_unused_pages_where_sqlite_does_not_overwrite_them(
    decided: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = database_connection._open

    def without_overwriting(path: Path, create: bool) -> sqlite3.Connection:
        raw = real(path, create)
        raw.execute("PRAGMA secure_delete=OFF")  # Debian's SQLite overwrites, others do not
        return raw

    monkeypatch.setattr(database_connection, "_open", without_overwriting)
    database.close()
    forget(decided, f"t:{GONE.removeprefix('s')}", "asked for")
    held = b"".join(path.read_bytes() for path in decided.root.glob("decisions.sqlite*"))
    assert f"{GONE} has a scar".encode() not in held


def test_the_audit_says_so_and_tells_it_from_any_other_change(decided: Workspace) -> None:
    forget(decided, "t:0", "asked for")
    line = audit_trail.history(decided).iloc[0]
    assert (line["what"], line["subject"]) == ("person forgotten", "1 scan")
    assert "reason: asked for" in line["detail"]
    with database.engine(decided).connect() as connection:
        assert audit_trail.verify(connection) == []
    forget(decided, "t:1", "asked for")  # rows of before are changed a second time
    with database.engine(decided).connect() as connection:
        assert audit_trail.verify(connection) == []
    with database.engine(decided).begin() as connection:
        connection.execute(schema.ratings.update().values(comment="changed"))
    with database.engine(decided).connect() as connection:
        wrong = audit_trail.verify(connection)
    assert any("was changed after it was stored" in one for one in wrong)


def test_the_audit_of_a_database_from_before_is_read_as_it_was(decided: Workspace) -> None:
    with database.engine(decided).begin() as connection:
        connection.exec_driver_sql("DROP TABLE erasures")
        assert audit_trail.verify(connection) == []
        assert list(audit_trail.links(connection))


def test_images_made_of_dicom_files_and_rows_of_joined_tables_go_with_the_person(
    workspace: Workspace, tmp_path: Path
) -> None:
    write_series(tmp_path / "in")
    other = np.random.default_rng(1).integers(0, 900, (20, 24, 16), dtype=np.uint16)
    write_series(tmp_path / "in", 4, study=2, data=other, PatientID="other")
    conversion.take_in(workspace, tmp_path / "in", ages=True)
    gone, stays = tables.read_scans(workspace)["participant_id"]
    told = tmp_path / "motion.csv"
    told.write_text(f"participant_id,motion_mm\n{gone},2\n{stays},3\nsomebody,4\n")
    joined_tables.join(workspace, other_tables.read_table(workspace, told))
    last_look.look(workspace, tmp_path / "in")
    assert forget(workspace, gone, "asked to").left == ()
    assert last_look.read(workspace) is None
    assert gone not in _told(workspace)
    (kept,) = workspace.converted_dir.rglob("*.nii.gz")
    assert stays in kept.name
    (people,) = workspace.converted_dir.rglob("participants.tsv")
    assert stays in people.read_text() and gone not in people.read_text()
    table = pd.read_parquet(next(workspace.joined_dir.glob("motion*.parquet")))
    assert set(table["participant_id"]) == {stays, "somebody"}
    joined = joined_columns.read(workspace)
    assert joined is not None and len(joined) == 1
    ingest.ingest(workspace, workspace.converted_dir / "dicom", name="dicom")
    assert tables.read_scans(workspace).query("status == 'ok'")["participant_id"].tolist() == [
        stays
    ]


def test_a_second_copy_no_longer_names_the_scan_that_it_repeats(
    workspace: Workspace, tmp_path: Path
) -> None:
    for person in ("sub-01", "sub-02"):
        write_nifti(tmp_path / "in" / f"{person}_T1w.nii.gz")
    ingest.ingest(workspace, tmp_path / "in", name="twice")
    scans = tables.read_scans(workspace).set_index("status")
    assert scans.at["ok", "scan_id"] in scans.at["duplicate", "reason"]
    assert forget(workspace, scans.at["ok", "participant_id"], "asked to").left == ()
    assert "forgotten" in tables.read_scans(workspace)["reason"].item()


def test_who_is_nobody_or_several_is_not_forgotten(decided: Workspace) -> None:
    scans = tables.read_scans(decided)
    tables.write_scans(decided, scans.assign(participant_id="same"))
    for person, reason, said in (
        ("nobody", "asked for", "There is nobody"),
        ("same", "asked for", "is the id of"),
        ("t:0", " ", "Say why"),
    ):
        with pytest.raises(WorkspaceError, match=said):
            forget(decided, person, reason)
    assert _names(decided, GONE)


def test_what_is_called_after_the_person_and_what_others_scans_say_of_them_is_listed(
    decided: Workspace, tmp_path: Path
) -> None:
    own = "t_sub-s0_T1w"
    scans = tables.read_scans(decided)
    tables.write_scans(decided, scans.replace({"scan_id": {GONE: own}}))
    exported = decided.root / "exports" / "cohorts" / "pool-1" / "A"
    exported.mkdir(parents=True)
    (exported / f"{own}.nii.gz").symlink_to("/nowhere/image.nii.gz")
    (exported / f"{own.replace('s0', 's01')}.nii.gz").symlink_to("/nowhere/image.nii.gz")
    (exported / f"{own}.png").write_bytes(b"a picture")
    rating_log.add_rating(
        decided,
        Rating(scan_id=STAYS, rater="ben", scale="three-level", value=1.0, comment=f"as {own}"),
    )
    files_, (told,) = (left := forget(decided, "t:0", "asked for").left)[:2], left[2:]
    place = "exports/cohorts/pool-1/A"
    assert files_ == (f"{place}/{own}.nii.gz", f"{place}/{own}.png")
    assert told.startswith("the decisions: ratings ") and told.endswith(", comment")


def test_the_command_lists_what_still_names_the_person(
    decided: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    cohort = decided.cohorts_dir / "pool-1.tsv"
    cohort.parent.mkdir(exist_ok=True)
    cohort.write_text(f"scan_id\n{GONE}\n")
    words = ["forget", "t:0", "--reason", "asked for", "--workspace", str(decided.root)]
    assert main(words) == 1
    assert "still named in cohorts/pool-1.tsv" in capsys.readouterr().out


# ---- a source that is taken out ------------------------------------------------------------------


def test_a_source_that_is_taken_out_comes_back_with_what_was_measured_and_decided(
    workspace: Workspace, tmp_path: Path, capsys
) -> None:
    for source, name in (("own", "a"), ("other", "b"), ("other", "c")):
        write_nifti(tmp_path / source / f"sub-{name}_T1w.nii.gz", seed=int(name == "c"))
        ingest.ingest(workspace, tmp_path / source)
    before = tables.read_scans(workspace).set_index("scan_id")
    assert before.loc["other_sub-b_T1w", "status"] == "duplicate"
    given = Rating(scan_id="own_sub-a_T1w", rater="ada", scale="three-level", value=1.0)
    rating_log.add_rating(workspace, given)

    assert main(["ingest", "--take-out", "own", "--workspace", str(workspace.root)]) == 0
    assert "own is taken out, with 1 row of scans." in capsys.readouterr().out
    assert [source.name for source in workspace.sources()] == ["other"]
    now = tables.read_scans(workspace).set_index("scan_id")
    assert now["status"].to_dict() == {"other_sub-b_T1w": "ok", "other_sub-c_T1w": "ok"}
    assert "source taken out" in _told(workspace)

    ingest.ingest(workspace, tmp_path / "own")
    again = tables.read_scans(workspace).set_index("scan_id")
    assert again.loc["own_sub-a_T1w", "status"] == "duplicate"  # the one in use stays in use
    assert len(rating_log.list_ratings(workspace, "own_sub-a_T1w")) == 1


def test_a_source_that_is_not_there_is_not_taken_out(workspace: Workspace, tmp_path) -> None:
    write_nifti(tmp_path / "own" / "sub-a_T1w.nii.gz")
    ingest.ingest(workspace, tmp_path / "own")
    with pytest.raises(WorkspaceError, match="no source 'onw' here; there are: own"):
        forgetting.take_out(workspace, "onw")
    assert len(tables.read_scans(workspace)) == 1
