"""Tables of people are understood as people write them, and what joins nobody says so."""

import math
import time
from pathlib import Path

import pytest

from curation.__main__ import main
from curation.errors import SourceError
from curation.interchange import mriqc_import
from curation.sources import participants_table
from curation.sources.ingest import ingest
from curation.sources.participants_table import People
from curation.storage import tables, text_tables
from curation.storage.workspace import Workspace
from tests.helpers import rated_table
from tests.helpers.nifti_images import make_bids, write_nifti


@pytest.mark.parametrize(
    ("text", "years", "noted"),
    [
        ("34", 34.0, False),
        ("34.5", 34.5, False),
        ("34,5", 34.5, False),
        ("89+", 89.0, True),
        (">89", 89.0, True),
        ("0", 0.0, False),
        (None, math.nan, False),
        ("thirty", math.nan, True),
        ("-3", math.nan, True),
        ("340", math.nan, True),
    ],
)
def test_ages_as_tables_spell_them(text, years, noted) -> None:
    found, note = participants_table.age_in_years(text)
    assert found == years or (math.isnan(found) and math.isnan(years))
    assert bool(note) == noted


def test_missing_spellings_are_missing_and_ids_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "participants.tsv"
    path.write_text("participant_id\tage\tsex\n007\tn/a\tmale\n08\t\tF\n")
    table = participants_table.participants(path)
    assert list(table.rows) == ["007", "08"]
    assert [row["age_years"] for row in table.rows.values()] == [None, None]
    assert participants_table.describe(table.row("007"))["sex"] == "M"


def test_semicolons_and_a_byte_order_mark_are_read(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("\ufeffSubject;Age;Site\na;20,5;X\nb;30;Y\n", encoding="utf-8")
    table = participants_table.participants(path)
    assert [(row["age_years"], row["site"]) for row in table.rows.values()] == [
        ("20,5", "X"),
        ("30", "Y"),
    ]


def test_no_file_is_no_people(tmp_path: Path) -> None:
    assert participants_table.participants(tmp_path / "absent.tsv").rows == {}


@pytest.mark.parametrize("content", [b"\xff\xfe\x00\x01\x02", b""])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    with pytest.raises(SourceError, match="cannot be read as a table"):
        participants_table.participants(path)


def test_a_table_without_people_names_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("shoe,age\n43,20\n44,30\n")
    with pytest.raises(SourceError, match="shoe"):
        participants_table.participants(path)


# ---- names of columns ------------------------------------------------------------------------


def _columns(tmp_path: Path, header: str) -> dict[str, str]:
    """Return which of our names a column got, by the name that the file gives it."""
    path = tmp_path / "people.csv"
    path.write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n")
    table = text_tables.read_table(path)
    written = table.attrs["written"]
    return {
        theirs: ours for theirs, ours in zip(written, table.columns, strict=True) if theirs != ours
    }


@pytest.mark.parametrize(
    ("header", "understood"),
    [
        (
            "Image Path,Subject ID,Age at scan,Gender",
            "path, participant_id, age_years, sex",
        ),
        ("subject.id,AGE_AT_SCAN,Sex", "participant_id, age_years, sex"),
        ("PTID,Scan-Age,Visit", "participant_id, age_years, session_id"),
        ("src_subject_id,Age (years),Scanner ID", "participant_id, age_years, site"),
        ("File Name,Patient ID,DX Group", "path, participant_id, group"),
        ("Participant,patient_age_at_first_study", "participant_id, age_years"),
        ("id,age at baseline", "participant_id, age_years"),
        ("Person ID,participant_id", "person"),
    ],
)
def test_columns_are_known_however_they_are_written(tmp_path: Path, header, understood) -> None:
    assert list(_columns(tmp_path, header).values()) == understood.split(", ")


@pytest.mark.parametrize(
    "name",
    ["interview_age", "age in months", "Age of onset", "age_group", "brain_age", "age2", "stage"],
)
def test_what_is_no_age_in_years_is_not_taken_for_one(tmp_path: Path, name: str) -> None:
    assert "age_years" not in _columns(tmp_path, f"participant_id,{name}").values()


def test_a_guessed_age_is_said_and_two_that_could_be_it_are_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,age at baseline\n1,30\n")
    assert participants_table.participants(path).notes == (
        "Ages are taken from the column 'age at baseline'.",
    )
    path.write_text("id,age at baseline,age at follow-up\n1,30,33\n")
    assert participants_table.participants(path).notes == ()


def test_two_columns_of_one_meaning_are_refused_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Subject ID,subject_id\n1,2\n")
    with pytest.raises(SourceError, match="Subject ID and subject_id"):
        participants_table.participants(path)


def test_columns_that_are_not_in_the_file_are_not_named(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "Picture;Subject ID;Age at scan;Gender;Centre;Diagnosis;Notes\nx;1;20;F;A;hc;\n"
    )
    with pytest.raises(SourceError) as refused:
        ingest(workspace, path)
    names = "Picture, Subject ID, Age at scan, Gender, Centre, Diagnosis, Notes"
    assert f"(found: {names})" in str(refused.value)


# ---- who is who ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ids", "name", "found"),
    [
        (["1", "12"], "sub-01", "1"),
        (["007"], "sub-7", "007"),
        (["sub-007"], "7", "sub-007"),
        (["1", "12"], "patient12", "12"),
        (["Subject_003"], "sub-3", "Subject_003"),
        (["Müller"], "Mu\u0308ller", "Müller"),
        (["ab01"], "AB1", "ab01"),
        (["1", "01"], "01", "01"),
        (["1", "01"], "001", None),
        (["1", "12"], "2", None),
        (["sub"], "sub-1", None),
        ([], "sub-01", None),
    ],
)
def test_a_person_is_found_however_the_id_is_written(ids, name, found) -> None:
    assert People("people.csv", {each: {} for each in ids}).find(name) == found


def test_a_name_is_read_to_the_end_of_a_word_in_any_script() -> None:
    known = People("people.csv", {name: {} for name in ("M", "IXI01", "IXI01-HH", "1")})
    assert known.owner("Müller_T1") is None
    assert known.owner("Mu\u0308ller_T1") is None
    assert known.owner("M_T1") == "M"
    assert known.owner("IXI01-HH-7-T1") == "IXI01-HH"
    assert known.owner("patient01_study1_T1W") == "1"
    assert known.owner("IXI011_T1") is None


# ---- visits ----------------------------------------------------------------------------------


def _visits(root: Path, table: str, visits: str = "1 2 3") -> Path:
    for number, visit in enumerate(visits.split()):
        name = f"sub-01_ses-{visit}_T1w.nii.gz"
        write_nifti(root / "sub-01" / f"ses-{visit}" / "anat" / name, seed=number)
    (root / "dataset_description.json").write_text('{"Name": "x", "BIDSVersion": "1.10.0"}')
    (root / "participants.tsv").write_text(table.replace(" ", "\t"))
    return root


def _ages(workspace: Workspace) -> list[float | None]:
    ages = tables.read_scans(workspace).sort_values("session_id")["age_years"]
    return [None if math.isnan(age) else age for age in ages]


@pytest.mark.parametrize(
    ("rows", "ages"),
    [
        ("ses-1 40 F\nsub-01 ses-2 47 F", [40, 47, None]),
        ("01 40 F\nsub-01 2 47 n/a", [40, 47, None]),
        ("1 40 F\nsub-01 2 40.0 female", [40, 40, 40]),
        ("1 40 F\nsub-01 2 n/a F", [40, None, 40]),
        ("1 40 F\nsub-01 1 41 F", [None, None, None]),
        ("n/a 40 F\nsub-01 n/a 47 F", [None, None, None]),
        ("n/a 40 F\nsub-01 2 n/a F", [40, 40, 40]),
        ("1 40 F", [40, 40, 40]),
    ],
)
def test_a_scan_has_the_age_of_its_visit_and_an_unsure_one_none(
    workspace: Workspace, tmp_path: Path, rows: str, ages: list[float | None]
) -> None:
    root = _visits(tmp_path / "set", f"participant_id session_id age sex\nsub-01 {rows}\n")
    notes = ingest(workspace, root).notes
    assert _ages(workspace) == ages
    scans = tables.read_scans(workspace)
    assert scans["sex"].tolist() == ["F", "F", "F"]
    told = {
        float(text) for text in rows.split() if text.replace(".", "").isdigit() and len(text) > 1
    }
    unsure = len(told - {1.0, 2.0}) > 1
    assert any("differ for sub-01" in note for note in notes) == unsure
    assert scans["note"].fillna("").str.contains("differ in age").any() == unsure


def test_rows_of_a_person_that_name_no_visit_and_differ_are_an_unknown_age_with_a_note(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = _visits(tmp_path / "set", "participant_id age\nsub-01 40\nsub-01 47\n", "1 2")
    (note,) = ingest(workspace, root).notes
    assert (
        note.startswith("participants.tsv has rows that differ for sub-01") and "session_id" in note
    )
    assert _ages(workspace) == [None, None]
    people = tmp_path / "people.csv"
    people.write_text("participant_id,visit,age\n1,1,40\n1,2,47\n")
    ingest(workspace, root, participants=people)
    assert _ages(workspace) == [40, 47]


def test_ages_in_the_tables_of_sessions_of_bids_are_read(
    workspace: Workspace, tmp_path: Path
) -> None:
    root = _visits(tmp_path / "set", "participant_id age sex\nsub-01 40 F\n")
    sessions = root / "sub-01" / "sub-01_sessions.tsv"
    sessions.write_text("session_id\tage\nses-1\t40\nses-2\t47\n")
    ingest(workspace, root)
    assert _ages(workspace) == [40, 47, None]
    sessions.write_text("")
    assert any(
        "sub-01_sessions.tsv cannot be read" in note for note in ingest(workspace, root).notes
    )
    assert _ages(workspace) == [40, 40, 40]


def test_visits_of_a_manifest_and_of_loose_names_are_told_apart(
    workspace: Workspace, tmp_path: Path
) -> None:
    for number in (1, 2):
        write_nifti(tmp_path / "set" / f"sub-01_ses-{number}_t1.nii.gz", seed=number)
    people = tmp_path / "people.csv"
    people.write_text("participant_id,session,age\nsub-01,1,40\nsub-01,2,47\n")
    ingest(workspace, tmp_path / "set", participants=people)
    assert _ages(workspace) == [40, 47]
    listed = tmp_path / "list.csv"
    listed.write_text("path,age\nset/sub-01_ses-1_t1.nii.gz,\nset/sub-01_ses-2_t1.nii.gz,50\n")
    other = Workspace.create(tmp_path / "other")
    ingest(other, listed, participants=people)
    assert _ages(other) == [40, 50]


def test_a_table_that_joins_few_says_so_with_the_ids_of_both_sides() -> None:
    known = People("people.csv", {"a1": {}, "a2": {}})
    said = known.joined(["a1", "b7", "b8", "b9", "b10", "a1"])
    assert said == (
        "people.csv joined 1 of 5 people. It has no row for b7, b8, b9 and 1 more; its rows for nobody: a2."
    )
    assert known.joined(["a1", "a2"]) is None
    assert People().joined(["a1"]) is None


@pytest.mark.parametrize("kind", ["loose", "manifest", "bids", "mriqc"])
def test_joining_nobody_is_said_for_every_kind_of_source(
    workspace: Workspace, tmp_path: Path, kind: str
) -> None:
    table = tmp_path / "people.csv"
    table.write_text("patient_id,age\nX1,30\n")
    if kind == "bids":
        path = make_bids(tmp_path / "set", ["sub-07"])
    else:
        path = write_nifti(tmp_path / "set" / "sub-07_T1w.nii.gz").parent
    if kind == "manifest":
        path = path / "list.csv"
        path.write_text("Image Path\nsub-07_T1w.nii.gz\n")
    if kind == "mriqc":
        path = rated_table.write(
            tmp_path / "group.tsv", rated_table.table(1).assign(bids_name="sub-07_T1w")
        )
        notes = mriqc_import.import_table(workspace, path, participants=table).notes
    else:
        notes = ingest(workspace, path, participants=table).notes
    assert notes == (
        "people.csv joined 0 of 1 people. It has no row for sub-07; its rows for nobody: X1.",
    )


def test_a_real_table_with_numbers_joins_files_with_words(
    workspace: Workspace, shared_data: Path
) -> None:
    folder = shared_data / "thick_slice_ms"
    summary = ingest(workspace, folder, participants=folder / "demographics.csv")
    assert sorted(summary.scans["age_years"]) == [19, 20]
    assert summary.notes == ()


@pytest.mark.parametrize(
    ("ages", "words"),
    [
        ("n/a n/a", "2 of 2 scans have no age and cannot be judged on, so this can be no target"),
        ("30 n/a", "1 of 2 scans have no age"),
        ("30 31", None),
    ],
)
def test_a_target_without_ages_is_warned_of(
    workspace: Workspace, tmp_path: Path, capsys, ages: str, words: str | None
) -> None:
    rows = "".join(f"sub-0{n}\t{age}\n" for n, age in enumerate(ages.split(), start=1))
    root = make_bids(tmp_path / "set", ["sub-01", "sub-02"], f"participant_id\tage\n{rows}")
    where = ["--workspace", str(workspace.root)]
    assert main(["ingest", str(root), "--role", "target", *where]) == 0
    said = capsys.readouterr().out
    assert (words in said) if words else ("no age" not in said)
    assert main(["ingest", str(root), "--role", "pool", *where]) == 0
    assert "no age" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("ages", "words"),
    [
        ("30 62.4", "ages: of 2 of 2 scans, 30 to 62 years"),
        ("30 n/a", "ages: of 1 of 2 scans, 30 to 30 years"),
        ("n/a n/a", None),
    ],
)
def test_what_was_joined_is_told_of_how_many_and_from_what_age_to_what(
    workspace: Workspace, tmp_path: Path, capsys, ages: str, words: str | None
) -> None:
    rows = "".join(f"sub-0{n}\t{age}\n" for n, age in enumerate(ages.split(), start=1))
    root = make_bids(tmp_path / "set", ["sub-01", "sub-02"], f"participant_id\tage\n{rows}")
    assert main(["ingest", str(root), "--workspace", str(workspace.root)]) == 0
    said = capsys.readouterr().out
    assert (words in said) if words else ("ages:" not in said)


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("1", "2", "Sex is written as 1 and 2: which is which"),
        ("v", "m", "Sex is written as M and v: which is which"),
        ("F", "7", "Sex is written as 7 and F: which is which"),
        ("w", "m", None),
        ("H", "M", None),
    ],
)
def test_sexes_in_codes_that_are_not_understood_are_kept_and_said_once(
    workspace: Workspace, tmp_path: Path, capsys, first: str, second: str, said: str | None
) -> None:
    rows = f"sub-01\t{first}\nsub-02\t{second}\n"
    root = make_bids(tmp_path / "set", ["sub-01", "sub-02"], f"participant_id\tsex\n{rows}")
    assert main(["ingest", str(root), "--workspace", str(workspace.root)]) == 0
    out = capsys.readouterr().out
    assert out.count("Sex is written as") == (said is not None) and (said or "") in out
    kept = [participants_table.sex(first), participants_table.sex(second)]
    assert tables.read_scans(workspace)["sex"].tolist() == kept


def test_a_table_of_very_many_columns_is_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    names = ",".join(f"c{number}" for number in range(10_000))
    path.write_text(f"path,{names}\n" + ("a.nii" + ",1" * 10_000 + "\n") * 3)
    started = time.process_time()
    assert text_tables.read_table(path).shape == (3, 10_001)
    assert time.process_time() - started < 3  # 7 s when each column was gone over by itself


def test_a_million_columns_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{number}" for number in range(1_000_000)) + "\n")
    started = time.process_time()
    with pytest.raises(SourceError, match="more than 50,000 columns"):
        text_tables.read_table(path)
    assert time.process_time() - started < 3  # minutes when pandas made a column of each


# ---- codes of sex ----------------------------------------------------------------------------


def _coded(folder: Path, codes: list[str], levels: str = "") -> Path:
    """Make a BIDS data set whose table has codes of sex, with a JSON file beside it where one is given."""
    root = make_bids(folder, [f"sub-{number}" for number in range(1, len(codes) + 1)])
    rows = [f"sub-{number}\t30\t{code}" for number, code in enumerate(codes, start=1)]
    (root / "participants.tsv").write_text("participant_id\tage\tgender\n" + "\n".join(rows) + "\n")
    if levels:
        (root / "participants.json").write_text(levels)
    return root


def _sexes(workspace: Workspace) -> list[str | None]:
    scans = tables.read_scans(workspace).sort_values("participant_id")
    return scans["sex"].astype(object).where(scans["sex"].notna(), None).tolist()


LEVELS = '{"gender": {"Levels": {"1": "Male", "2": "Female (at birth)", "3": "Not reported"}}}'


def test_levels_of_bids_say_which_code_of_sex_is_which(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    root = _coded(tmp_path / "bids", ["1", "2.0", "3", "9"], LEVELS)
    summary = ingest(workspace, root)
    assert _sexes(workspace) == ["M", "F", None, None]
    assert (
        "Sex is read as told: 2.0 as women and 1 as men. Not known, neither women nor men: "
        "3 (Not reported) and 9."
    ) in summary.notes


@pytest.mark.parametrize(
    "levels",
    [
        '{"gender": {"Levels": {"1": {"Description": "male"}, "2": {"Description": "female"}}}}',
        '{"sex": {"Levels": {"1": "m\\u00e4nnlich", "2": "weiblich"}}}',
    ],
)
def test_levels_may_be_objects_or_of_another_language(tmp_path: Path, levels: str) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    ingest(workspace, _coded(tmp_path / "bids", ["1", "2"], levels))
    assert _sexes(workspace) == ["M", "F"]


@pytest.mark.parametrize(
    "levels", ["{", "[1]", '{"gender": {"Levels": {"1": "not male", "2": "female or male"}}}']
)
def test_levels_that_say_nothing_leave_codes_as_they_are(tmp_path: Path, levels: str) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    summary = ingest(workspace, _coded(tmp_path / "bids", ["1", "2"], levels))
    assert _sexes(workspace) == ["1", "2"]
    assert any("participants.json" in note for note in summary.notes) == (levels != "[1]")


def test_codes_that_somebody_names_come_before_levels_and_are_kept(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    root = _coded(tmp_path / "bids", ["0", "1", "x"], '{"sex": {"Levels": {"0": "male"}}}')
    assert main(["ingest", str(root), "-w", str(workspace.root), "--sex", "F=0,M=1"]) == 0
    assert _sexes(workspace) == ["F", "M", "x"]
    ingest(workspace, root)
    assert _sexes(workspace) == ["F", "M", "x"]
    assert main(["ingest", str(root), "-w", str(workspace.root), "--sex", ""]) == 0
    assert _sexes(workspace) == ["M", None, "x"]


def test_a_manifest_reads_its_own_codes(tmp_path: Path) -> None:
    write_nifti(tmp_path / "a.nii.gz")
    (tmp_path / "list.csv").write_text("path,sex\na.nii.gz,2\n")
    (tmp_path / "list.json").write_text('{"sex": {"Levels": {"1": "male", "2": "female"}}}')
    workspace = Workspace.create(tmp_path / "ws")
    ingest(workspace, tmp_path / "list.csv")
    assert _sexes(workspace) == ["F"]


@pytest.mark.parametrize("told", ["1", "X=1", "F=1,M=1", "F="])
def test_codes_said_otherwise_are_refused_with_how_to_say_them(tmp_path: Path, told: str) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    with pytest.raises(SourceError, match="such as F=2,M=1"):
        ingest(workspace, _coded(tmp_path / "bids", ["1"]), sexes=told)


def test_people_of_neither_sex_are_told_of(tmp_path: Path, capsys) -> None:
    root = _coded(tmp_path / "bids", ["M", "F", "X", "O"])
    assert main(["ingest", str(root), "-w", str(tmp_path / "ws")]) == 0
    assert "2 people of sex O and X count neither as women nor as men." in capsys.readouterr().out


def test_codes_that_are_not_understood_say_how_to_tell_them(tmp_path: Path, capsys) -> None:
    root = _coded(tmp_path / "bids", ["1", "2"])
    assert main(["ingest", str(root), "-w", str(tmp_path / "ws")]) == 0
    said = capsys.readouterr().out
    assert "nobody here counts as a woman or as a man" in said
    assert "--sex F=CODE,M=CODE" in said
    assert '"Levels": {"1": "male", "2": "female"}' in said
