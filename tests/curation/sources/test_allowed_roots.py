"""Where a server's folders are named, nothing else is read, however it is reached."""

import json
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.sources import allowed_roots
from curation.sources.allowed_roots import ENVIRONMENT_VARIABLE
from curation.storage import tables
from curation.storage.workspace import Workspace
from tests.helpers.nifti_images import make_bids, write_nifti

HIDDEN = "hunter2"
#: What stands in files that are none of ours, and would be a header.
FIRST_LINE = f"DB_PASSWORD={HIDDEN}, API={HIDDEN}, K=1\nX={HIDDEN}\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images in ``data``, which may be read, and in ``private``, which may not."""
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, f"{tmp_path / 'data'}:{tmp_path / 'archive'}")
    write_nifti(tmp_path / "data" / "loose" / "open_T1w.nii.gz")
    write_nifti(tmp_path / "private" / "closed_T1w.nii.gz", seed=1)
    (tmp_path / "private" / "metrics.tsv").write_text("bids_name\tcjv\nsecret\t0.4\n")
    (tmp_path / "private" / "people.tsv").write_text("participant_id\tage\nopen\t44\n")
    (tmp_path / "private" / "ratings.tsv").write_text("scan_id\trater\tscale\tvalue\n")
    return tmp_path


def said(place: Path, capsys: pytest.CaptureFixture, *words: object) -> tuple[int, str]:
    status = main([*map(str, words), "--workspace", str(place / "w")])
    told = capsys.readouterr()
    return status, told.out + told.err


@pytest.mark.parametrize(
    "words",
    [
        ("ingest", "private"),
        ("ingest", "data/../private"),
        ("ingest", "data/way"),
        ("ingest", "nowhere"),
        ("ingest", "data/loose", "--participants", "private/people.tsv"),
        ("ingest", "data/loose", "--participants", "nowhere.tsv"),
        ("ingest", "data/linked"),
        ("import-mriqc", "private/metrics.tsv"),
        ("import-mriqc", "data/metrics.tsv"),
        ("import-mriqc", "nowhere.tsv"),
        ("import-ratings", "private/ratings.tsv"),
        ("import-ratings", "data/rated"),
        ("import-ratings", "data/rater-A/one.json"),
        ("import-ratings", "nowhere.tsv"),
    ],
)
def test_what_lies_elsewhere_is_refused_whether_or_not_it_is_there(place, words, capsys) -> None:
    Workspace.create(place / "w")
    (place / "data" / "way").symlink_to(place / "private")
    (place / "data" / "metrics.tsv").symlink_to(place / "private" / "metrics.tsv")
    make_bids(place / "data" / "linked", ["sub-01"])
    (place / "data" / "linked" / "participants.tsv").symlink_to(place / "private" / "people.tsv")
    (place / "data" / "rated").mkdir()
    (place / "data" / "rated" / "ratings.tsv").symlink_to(place / "private" / "ratings.tsv")
    (place / "data" / "rater-A").mkdir()
    (place / "data" / "rater-A" / "one.json").write_text('{"subject": "sub-01", "rating": 2}')
    (place / "data" / "rater-A" / "rater.txt").symlink_to(place / "private" / "ratings.tsv")
    typed = [place / word if "/" in word or "nowhere" in word else word for word in words]
    typed[1] = place / words[1]
    status, told = said(place, capsys, *typed)
    assert status == 2 and ENVIRONMENT_VARIABLE in told and str(place / "archive") in told
    assert tables.read_scans(Workspace.open(place / "w")).empty


def test_a_link_or_a_line_that_leads_elsewhere_is_a_row_with_the_reason(place, capsys) -> None:
    loose = place / "data" / "loose"
    (loose / "link_T1w.nii.gz").symlink_to(place / "private" / "closed_T1w.nii.gz")
    (place / "private" / "link_T1w.json").write_text(json.dumps({"Manufacturer": HIDDEN}))
    (loose / "link_T1w.json").symlink_to(place / "private" / "link_T1w.json")
    (loose / "folder").symlink_to(place / "private")
    listed = place / "data" / "list.csv"
    listed.write_text(f"path\n{place}/private/closed_T1w.nii.gz\n../private/closed_T1w.nii.gz\n")
    assert said(place, capsys, "ingest", loose)[0] == 0
    assert said(place, capsys, "ingest", listed)[0] == 0
    scans = tables.read_scans(Workspace.open(place / "w"))
    read = scans[scans["status"] == "ok"]
    assert read["path"].tolist() == [str(loose / "open_T1w.nii.gz")]
    others = scans[scans["status"] != "ok"]
    assert len(others) == 4 and others["reason"].str.contains("lies outside").all()
    assert others["sha256"].isna().all() and others["shape"].isna().all()
    assert not scans["manufacturer"].eq(HIDDEN).any()


def test_mriqcs_files_behind_a_link_are_left_out_and_named(place, capsys) -> None:
    folder = place / "data" / "mriqc"
    folder.mkdir()
    (folder / "sub-01_T1w.json").write_text(json.dumps({"cjv": 0.4}))
    (place / "private" / "sub-02_T1w.json").write_text(json.dumps({"cjv": 0.5}))
    (folder / "sub-02_T1w.json").symlink_to(place / "private" / "sub-02_T1w.json")
    status, told = said(place, capsys, "import-mriqc", folder)
    assert status == 0 and "sub-02_T1w.json is not read" in told
    assert tables.read_scans(Workspace.open(place / "w"))["participant_id"].tolist() == ["sub-01"]


def test_the_demo_and_what_lies_inside_is_read_as_ever(place, capsys) -> None:
    workspace = Workspace.create(place / "w")
    write_nifti(workspace.demo_images_dir / "grown_T1w.nii.gz", seed=2)
    for path in (place / "data" / "loose", workspace.demo_images_dir):
        assert said(place, capsys, "ingest", path)[0] == 0
    assert tables.read_scans(workspace)["status"].tolist() == ["ok", "ok"]


@pytest.mark.parametrize("setting", ["", " : ", "data", "/data:archive"])
def test_a_setting_that_cannot_be_read_lets_nothing_in(place, setting, monkeypatch, capsys) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, setting)
    status, told = said(place, capsys, "ingest", place / "data" / "loose")
    assert status == 2 and "Expected are full paths of folders" in told


def test_without_the_setting_everything_may_be_named(place, monkeypatch, capsys) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    assert said(place, capsys, "ingest", place / "private")[0] == 0
    assert allowed_roots.of(Workspace.open(place / "w")) is allowed_roots.EVERYTHING


@pytest.mark.parametrize(
    "words",
    [
        ("import-mriqc", "secret.env"),
        ("import-mriqc", "secret.json"),
        ("import-mriqc", "secret.bin"),
        ("import-ratings", "secret.env"),
        ("import-ratings", "secret.json"),
        ("import-ratings", "secret.bin"),
        ("ingest", "secret.csv"),
        ("ingest", "loose", "--participants", "secret.env"),
    ],
)
def test_nothing_of_a_file_that_is_not_recognised_is_told(place, words, capsys) -> None:
    data = place / "data"
    for name in ("secret.env", "secret.csv"):
        (data / name).write_text(FIRST_LINE)
    (data / "secret.json").write_text(f'{{"password": "{HIDDEN}"')
    (data / "secret.bin").write_bytes(HIDDEN.encode() + b"\xff\xfe" + HIDDEN.encode() * 9)
    Workspace.create(place / "w")
    typed = [data / word if (data / word).exists() else word for word in words]
    status, told = said(place, capsys, *typed)
    assert status == 2 and "error: " in told
    assert HIDDEN not in told and "DB_PASSWORD" not in told


def test_a_table_that_lacks_one_column_still_says_which_it_has(place, capsys) -> None:
    (place / "data" / "people.csv").write_text("age,scan location\n44,here\n")
    status, told = said(place, capsys, "ingest", place / "data" / "people.csv")
    assert status == 2 and "found: age, scan location" in told
