"""Ratings that leave as files come back as they were: none lost, none doubled, whatever was written."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from curation.access.actions import Rank
from curation.decisions import audit_trail, database, scan_tags
from curation.errors import RatingError, SessionError
from curation.interchange import rating_export
from curation.interchange.rating_import import Imported, import_ratings
from curation.ratings import agreement, rating_log
from curation.ratings.rating_record import ARTEFACTS, Opinion, Rating
from curation.ratings.scales import SCALES, Scale, add_scale, all_scales
from curation.references import fit_from_ratings
from curation.sessions import session_log, suggested_cutoff, unblinding
from curation.sessions.session_plan import SessionPlan
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.overrides import override
from tests.helpers import workspace_full
from tests.helpers.logins import signed_in

NASTY = 'a "quoted"\ttab,\nline\r\nbreak \\n back\\slash \u2028 n/a é <b>'
OWN = Scale("study", "Ours", {1.0: "fine", 2.5: "so, so", 9.0: "useless"}, "higher is worse", "us")


@pytest.fixture
def rated(tmp_path: Path) -> Workspace:
    """A workspace with ratings of every kind."""
    rated = workspace_full.make(tmp_path / "workspace")
    plan = SessionPlan("blind\tone", "Ada", "mriqc-4", size=6, repeats_share=0.5, seed=3)
    session = session_log.start(rated, plan)
    keys = list(ARTEFACTS)
    for position in range(5):
        session_log.save(
            rated,
            session.id,
            position,
            Opinion(
                float(1 + position % 4),
                confidence=position / 2,
                artefacts=keys[position : 2 * position],
                comment=NASTY if position == 2 else "n/a",
                seconds=1 / 3 + position,
                shown={"views": ["background"], "text": NASTY},
            ),
        )
    session_log.undo(rated, session.id)
    session_log.save(rated, session.id, 4, Opinion(4.0))
    add_scale(rated, OWN, "Ada")
    scans = [item.scan_id for item in session.items]
    rating_log.add_rating(rated, Rating(scan_id=scans[0], rater="n/a", scale="study", value=2.5))
    rating_log.adjudicate(
        rated,
        scan_id=scans[0],
        author="Eve",
        scale="study",
        value=9.0,
        reason="half of it is missing",
    )
    override(rated, scans[1], "Eve", "C", NASTY)
    override(rated, scans[1], "Eve", None, "was wrong")
    return rated


@pytest.fixture
def empty(rated: Workspace, tmp_path: Path) -> Workspace:
    """Another workspace with the same scans and no ratings."""
    other = Workspace.create(tmp_path / "other")
    tables.write_scans(other, tables.read_scans(rated))
    return other


def _all(workspace: Workspace) -> list[dict]:
    table = rating_log.list_ratings(workspace, withdrawn=True)
    return (
        table.drop(columns=["id", "key", "session_id", "origin"]).astype(object).to_dict("records")
    )


def _same(one: list[dict], other: list[dict]) -> bool:
    return pd.DataFrame(one).equals(pd.DataFrame(other))


def test_tags_come_along_in_their_authors_names_and_later_changes_stay(
    rated: Workspace, empty: Workspace
) -> None:
    first, second, third = tables.read_scans(rated)["scan_id"][:3]
    scan_tags.put_on(rated, "motion", [first, second, third], "Ada")
    scan_tags.put_on(rated, "ask Eve", [second], "Bob")
    scan_tags.take_off(rated, "motion", [third], "Ada")
    scan_tags.put_on(empty, "Motion", [first], "Cleo")
    scan_tags.take_off(empty, "Motion", [first], "Cleo")  # after Ada put it on
    folder = rating_export.export_ratings(rated)
    assert import_ratings(empty, folder).tags == 2
    assert import_ratings(empty, folder).tags == 0
    assert scan_tags.in_force(empty) == {"ask Eve": {second}, "Motion": {second}}
    before, after = scan_tags.table(rated), scan_tags.table(empty)
    by_whom = ["scan_id", "author", "at"]
    expected = before.loc[before["scan_id"] == second, by_whom].to_numpy().tolist()
    assert sorted(after[by_whom].to_numpy().tolist()) == sorted(expected)
    with database.engine(empty).connect() as connection:
        assert audit_trail.verify(connection) == []


def test_a_word_that_is_no_tag_imports_nothing_and_says_so(
    rated: Workspace, empty: Workspace
) -> None:
    folder = rating_export.export_ratings(rated)
    scan = tables.read_scans(rated)["scan_id"][0]
    line = f"{scan}\t<b>bold</b>\tAda\t2026-01-01T00:00:00+00:00\n"
    (folder / rating_export.TAGS).write_text(f"scan_id\ttag\tauthor\tat\n{line}")
    with pytest.raises(RatingError, match=r"tags\.tsv: A tag is a word.*Nothing was imported"):
        import_ratings(empty, folder)
    assert rating_log.list_ratings(empty).empty and scan_tags.in_force(empty) == {}


def test_a_round_trip_loses_nothing(rated: Workspace, empty: Workspace) -> None:
    folder = rating_export.export_ratings(rated)
    assert import_ratings(empty, folder) == Imported(8, 0, 2)
    assert _same(_all(empty), _all(rated))
    drop = ["id"]
    assert (
        overrides.list_overrides(empty)
        .drop(columns=drop)
        .equals(overrides.list_overrides(rated).drop(columns=drop))
    )
    assert all_scales(empty) == all_scales(rated)
    # and once more out: the same files
    again = rating_export.export_ratings(empty)
    for name in ("overrides.tsv", "ratings.json", "sessions.json", "dataset_description.json"):
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    assert sorted(p.name for p in again.rglob("*")) == sorted(p.name for p in folder.rglob("*"))


def test_a_curator_who_is_signed_in_imports_what_others_rated(rated, empty) -> None:
    folder = rating_export.export_ratings(rated)
    with signed_in("cleo@lab.example", Rank.CURATOR):
        import_ratings(empty, folder)
    assert _same(_all(rated), _all(empty))
    assert "study" in all_scales(empty)


def test_what_was_shown_of_a_session_stays_shown_in_a_copy_and_in_a_copy_of_that(
    rated, empty, tmp_path
) -> None:
    session = session_log.load(rated, session_log.list_sessions(rated)["id"][0])
    import_ratings(empty, rating_export.export_ratings(rated))
    (number,) = session_log.list_sessions(empty)["id"]
    assert not unblinding.is_unblinded(empty, session_log.load(empty, number))
    unblinding.unblind(rated, session)
    folder = rating_export.export_ratings(rated)
    for _ in range(2):  # also of a session that is there already, and once
        import_ratings(empty, folder)
    assert unblinding.is_unblinded(empty, session_log.load(empty, number))
    assert audit_trail.history(empty)["what"].tolist().count("what was hidden shown") == 1
    with pytest.raises(RatingError, match="would not be blind"):
        session_log.undo(empty, number)
    again = rating_export.export_ratings(empty)
    assert (again / "sessions.json").read_bytes() == (folder / "sessions.json").read_bytes()


def test_a_session_that_was_taken_back_comes_back_as_one(rated, empty) -> None:
    import_ratings(empty, rating_export.export_ratings(rated))
    session = session_log.start(rated, SessionPlan("by mistake", "Tom", "three-level"))
    before = session_log.list_sessions(empty)["name"].tolist()
    import_ratings(empty, rating_export.export_ratings(rated))
    assert session_log.list_sessions(empty)["name"].tolist() == ["by mistake", *before]
    unblinding.take_back(rated, session, "Tom")
    folder = rating_export.export_ratings(rated)
    for _ in range(2):
        import_ratings(empty, folder)
    assert session_log.list_sessions(empty)["name"].tolist() == before
    assert audit_trail.history(empty)["what"].tolist().count("session taken back") == 1
    again = rating_export.export_ratings(empty)
    assert (again / "sessions.json").read_bytes() == (folder / "sessions.json").read_bytes()
    given = json.loads((folder / "sessions.json").read_text())
    given["sessions"][0]["taken_back"] = "perhaps"
    (folder / "sessions.json").write_text(json.dumps(given))
    with pytest.raises(SessionError, match="not as it was exported"):
        import_ratings(empty, folder)


@pytest.mark.parametrize("said", ["yesterday", 3, "2999-01-01"])
def test_a_moment_of_showing_that_is_none_is_refused(rated, empty, said) -> None:
    folder = rating_export.export_ratings(rated)
    given = json.loads((folder / "sessions.json").read_text())
    del given["sessions"][0]["unblinded"]
    (folder / "sessions.json").write_text(json.dumps(given))
    import_ratings(empty, folder)  # as earlier versions wrote it
    given["sessions"][0]["unblinded"] = said
    (folder / "sessions.json").write_text(json.dumps(given))
    with pytest.raises(SessionError, match="not as it was exported"):
        import_ratings(empty, folder)


def test_a_session_that_was_imported_goes_on_where_it_was(rated, empty) -> None:
    import_ratings(empty, rating_export.export_ratings(rated))
    (row,) = session_log.list_sessions(empty).to_dict("records")
    session = session_log.load(empty, row["id"])
    theirs = session_log.load(rated, session_log.list_sessions(rated)["id"][0])
    assert (session.plan, session.items, session.position) == (
        theirs.plan,
        theirs.items,
        theirs.position,
    )
    assert session.attempts == theirs.attempts
    before = len(rating_log.list_ratings(empty))
    session_log.save(empty, session.id, 4, Opinion(4.0))  # what was imported, sent once more
    session_log.save(empty, session.id, session.position, Opinion(1.0))
    assert len(rating_log.list_ratings(empty)) == before + 1


def test_importing_twice_or_at_home_doubles_nothing(rated, empty) -> None:
    folder = rating_export.export_ratings(rated)
    before = _all(rated)
    assert import_ratings(rated, folder) == Imported(0, 8, 0)
    assert import_ratings(rated, folder / "mriqc") == Imported(0, 5)
    assert _same(_all(rated), before)
    import_ratings(empty, folder)
    assert import_ratings(empty, folder) == Imported(0, 8, 0)
    assert import_ratings(empty, folder / "ratings.tsv").added == 0


def test_the_widgets_files_say_what_mriqcs_say_and_come_back(rated, empty) -> None:
    folder = rating_export.export_ratings(rated) / "mriqc"
    found = sorted(folder.rglob("*.json"))
    assert len(found) == 5 and {path.parent.name for path in found} == {"rater-Ada"}
    keys = ["dataset", "subject", "rating", "artifacts", "time_sec", "confidence", "comments"]
    for path in found:
        assert list(json.loads(path.read_text())) == keys
    assert import_ratings(empty, folder) == Imported(5, 0)
    assert import_ratings(empty, folder) == Imported(0, 5)
    columns = ["scan_id", "rater", "value", "artefacts", "seconds", "confidence", "comment"]
    theirs = rating_log.list_ratings(rated).query("scale == 'mriqc-4'")[columns]
    ours = rating_log.list_ratings(empty)[columns]
    order = ["scan_id", "value"]
    assert ours.sort_values(order, ignore_index=True).equals(
        theirs.sort_values(order, ignore_index=True)
    )


NAMES = (
    "Иван",
    "Мария",
    "Jörg",
    "J-rg",
    "anna",
    "Anna",
    "a/b",
    "a b",
    "王" * 100,
    "n/a",
    "Eve",
    "J",
)


def test_the_widgets_files_tell_who_rated_whatever_the_name(rated, empty) -> None:
    scan = tables.read_scans(rated)["scan_id"][0]
    lookalike = f"a-b-{files.short_hash('a/b')}"
    for rater in (*NAMES, lookalike):
        rating_log.add_rating(rated, Rating(scan_id=scan, rater=rater, scale="mriqc-4", value=2.0))
    folder = rating_export.export_ratings(rated) / "mriqc"
    homes = [path.parent.name for path in folder.rglob("rater.txt")]
    assert len({home.casefold() for home in homes}) == len(homes) == len(NAMES) + 2
    assert {"rater-Ada", "rater-Eve", "rater-J"} < set(homes)
    assert import_ratings(rated, folder).added == 0
    import_ratings(empty, folder)
    assert set(rating_log.list_ratings(empty)["rater"]) == {*NAMES, lookalike, "Ada"}


def test_an_earlier_versions_widget_files_still_come_and_are_replaced(rated, empty) -> None:
    folder = rating_export.export_ratings(rated) / "mriqc"
    (folder / "rater-Ada" / "rater.txt").unlink()
    (folder / "rater-Ada").rename(folder / "rater-A-da")
    assert import_ratings(empty, folder) == Imported(5, 0)
    assert set(rating_log.list_ratings(empty)["rater"]) == {"A-da"}
    rating_export.export_ratings(rated)
    assert [path.name for path in folder.iterdir()] == ["rater-Ada"]


def test_a_file_that_names_the_rater_and_is_no_text_is_refused(rated, empty) -> None:
    folder = rating_export.export_ratings(rated) / "mriqc"
    (folder / "rater-Ada" / "rater.txt").write_bytes(b"J\xf6rg")
    with pytest.raises(RatingError, match=r"rater-Ada/rater\.txt: this is not UTF-8"):
        import_ratings(empty, folder)


def test_a_file_as_mriqcs_widget_saves_it_is_understood(empty: Workspace, tmp_path: Path) -> None:
    scan = tables.read_scans(empty).query("status == 'ok'").iloc[0]
    stem = Path(scan["path"]).name.removesuffix(".nii.gz")
    given = {
        "dataset": scan["source"],
        "subject": stem,
        "rating": "2.35",
        "artifacts": ["head-motion"],
        "time_sec": 17.204,
        "confidence": "3.5",
        "comments": "moved",
    }
    path = tmp_path / "widget.json"
    path.write_text(json.dumps(given))
    with pytest.raises(RatingError, match="does not say who rated"):
        import_ratings(empty, path)
    assert import_ratings(empty, path, rater="Ada") == Imported(1, 0)
    (row,) = rating_log.list_ratings(empty).to_dict("records")
    assert (row["scan_id"], row["value"], row["level"], row["label"], row["excluded"]) == (
        scan["scan_id"],
        2.35,
        2.0,
        "poor",
        False,
    )
    assert (row["confidence"], row["seconds"], row["origin"]) == (3.5, 17.204, "widget.json")
    # a rating between two levels leaves as it came
    (out,) = (rating_export.export_ratings(empty) / "mriqc").rglob("*.json")
    assert json.loads(out.read_text())["rating"] == 2.35


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (1.49, "exclude"),
        (1.5, "poor"),
        (2.49, "poor"),
        (2.5, "acceptable"),
        (3.5, "acceptable"),
        (3.51, "excellent"),
        (4.0, "excellent"),
    ],
)
def test_mriqcs_slider_is_read_with_mriqcs_limits(value: float, word: str) -> None:
    scale = SCALES["mriqc-4"]
    assert scale.values[scale.level(value)] == word


def test_a_table_of_four_columns_is_enough(empty: Workspace, tmp_path: Path) -> None:
    scan = tables.read_scans(empty).query("status == 'ok'")["scan_id"].iloc[0]
    path = tmp_path / "mine.tsv"
    path.write_text(
        f"value\tscan_id\trater\tscale\tmood\n1\t{scan}\tAda\tpass-fail\tgood\n"
        f"0,0\t{scan}\tBob\tpass-fail\tn/a\r\n\n1\tnowhere\tBob\tpass-fail\tn/a\n",
        encoding="utf-8-sig",
    )
    assert import_ratings(empty, path) == Imported(2, 0, unknown=("nowhere",))
    assert import_ratings(empty, path).added == 0
    assert rating_log.list_ratings(empty)["label"].tolist() == ["pass", "fail"]


HEADER = "scan_id\trater\tscale\tvalue\tat\tconfidence\tartefacts\trepeat\tdirection\n"
GOOD = "SCAN\tAda\tpass-fail\t1\t2026-01-01T10:00:00\t2\tinu\tfalse\thigher is better\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the column scan_id"),
        ("scan_id,rater,scale,value\n", "separated by tabs"),
        (HEADER.replace("repeat", "rater") + GOOD, "line 1: the column 'rater' is there twice"),
        (HEADER + GOOD + "SCAN\tAda\n", "line 3: 2 cells where the header has 9"),
        (HEADER + GOOD.replace("Ada", "n/a"), "line 2: rater is empty"),
        (
            HEADER + GOOD.replace("\t1\t", "\tgood\t"),
            "line 2: value holds 'good'; expected is a number",
        ),
        (HEADER + GOOD.replace("\t1\t", "\tinf\t"), "line 2: value holds 'inf'"),
        (HEADER + GOOD.replace("\t1\t", "\t7\t"), "line 2: 7 is not on the scale"),
        (HEADER + GOOD.replace("Ada", "A\0da"), "line 2: A name or comment holds a NUL"),
        (HEADER + GOOD.replace("pass-fail", "stars"), "line 2: there is no scale 'stars'"),
        (HEADER + GOOD.replace("2026-01", "2026-13"), "line 2: at holds '2026-13"),
        (
            HEADER + GOOD.replace("2026-01-01T10:00:00", "0001-01-01T00:00:00+14:00"),
            "line 2: at holds '0001-01-01T00:00:00.14:00'; expected is a moment",
        ),
        (
            HEADER + GOOD.replace("2026-01-01", "2199-01-01"),
            "line 2: at holds '2199-01-01T10:00:00.*expected is a moment that has been",
        ),
        (HEADER + GOOD.replace("\t2\t", "\t5\t"), "line 2: Confidence goes from 0 to 4"),
        (HEADER + GOOD.replace("inu", "gremlins"), "line 2: gremlins is not known"),
        (
            HEADER + GOOD.replace("false", "perhaps"),
            "line 2: repeat holds 'perhaps'; expected is true",
        ),
        (
            HEADER + GOOD.replace("is better", "is worse"),
            "line 2: the direction is 'higher is worse'",
        ),
    ],
)
def test_a_bad_table_is_refused_whole_with_its_line(empty, tmp_path, text, words) -> None:
    scan = tables.read_scans(empty).query("status == 'ok'")["scan_id"].iloc[0]
    path = tmp_path / "bad.tsv"
    path.write_text(text.replace("SCAN", scan))
    with pytest.raises(RatingError, match=words):
        import_ratings(empty, path)
    assert rating_log.list_ratings(empty, withdrawn=True).empty


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1: this is not JSON"),
        ("[1]", "no 'subject'"),
        ('{"subject": "x"}', "no 'rating'"),
        ('{"subject": "SCAN", "rating": "good"}', "'rating' is 'good'; expected is a number"),
        ('{"subject": "SCAN", "rating": 7}', "7 is not on the scale"),
        ('{"subject": "SCAN", "rating": 2, "artifacts": "inu"}', "expected is a list"),
        ('{"subject": "SCAN", "rating": 2, "artifacts": ["elves"]}', "elves is not known"),
        ('{"subject": "sub-00", "rating": 2}', "may be made-pool"),
        ('{"subject": "SCAN", "rating": ' + "9" * 100_000 + "}", "not JSON that can be read"),
        ('{"subject": "SCAN", "rating": ' + "9" * 400 + "}", "a number of 400 digits"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_a_bad_widget_file_is_refused_in_words(empty, tmp_path, text, words) -> None:
    scan = tables.read_scans(empty).query("status == 'ok'")["scan_id"].iloc[0]
    path = tmp_path / "bad.json"
    path.write_text(text.replace("SCAN", scan))
    with pytest.raises(RatingError, match=words):
        import_ratings(empty, path, rater="Ada")
    assert rating_log.list_ratings(empty, withdrawn=True).empty


def test_bytes_that_are_no_text_and_places_that_are_not_there_are_said(empty, tmp_path) -> None:
    for name in ("bad.tsv", "bad.json"):
        (tmp_path / name).write_bytes(b"scan_id\trater\tscale\tvalue\n\xff\xfe\n")
        with pytest.raises(RatingError, match=r"UTF-8"):
            import_ratings(empty, tmp_path / name, rater="Ada")
    (tmp_path / "nothing").mkdir()
    for path in ("nowhere.tsv", "nowhere.json", "nothing"):
        with pytest.raises(RatingError, match="There is no"):
            import_ratings(empty, tmp_path / path)


def test_another_session_of_the_same_name_is_not_mixed_in(rated, empty, tmp_path) -> None:
    session_log.start(empty, SessionPlan("blind\tone", "Ada", "mriqc-4", size=2, repeats_share=0.0))
    with pytest.raises(RatingError, match="another session named"):
        import_ratings(empty, rating_export.export_ratings(rated))
    assert rating_log.list_ratings(empty, withdrawn=True).empty


def test_damaged_sessions_are_refused_and_without_them_the_ratings_come(rated, empty, tmp_path):
    folder = shutil.copytree(rating_export.export_ratings(rated), tmp_path / "copy")
    (folder / "sessions.json").write_text('{"scales": 1, "sessions": []}')
    with pytest.raises(RatingError, match=r"sessions\.json is not as it was exported"):
        import_ratings(empty, folder)
    (folder / "sessions.json").unlink()
    add_scale(empty, OWN)
    assert import_ratings(empty, folder).added == 8
    assert session_log.list_sessions(empty).empty


#: What a session in sessions.json cannot be.
NO_SESSIONS: list[dict] = [
    {},  # as it is, but twice
    {"plan": ["a", "list"]},
    {"plan": None},
    {"plan": {}},
    {"plan": {"name": "x", "rater": "Ada", "scale": ["mriqc-4"], "seed": 1}},
    {"plan": {"name": "x", "rater": "Ada", "scale": "mriqc-4", "seed": 10**30}},
    {"plan": {"name": "x", "rater": "Ada", "scale": "mriqc-4", "blinded": "yes"}},
    {"plan": {"name": "x", "rater": "Ada", "scale": "mriqc-4", "rule": {"names": 3}}},
    {"items": []},
    {"items": [["scan", 0]]},
    {"items": [[7, None]]},
    {"items": "ab"},
    {"name": ""},
    {"rater": "x" * 101},
    {"at": "0001-01-01T00:00:00+10:00"},
]


def test_a_session_that_is_none_is_refused_and_nothing_is_stored(rated, empty, tmp_path) -> None:
    folder = shutil.copytree(rating_export.export_ratings(rated), tmp_path / "copy")
    as_exported = (folder / "sessions.json").read_text()
    for change in NO_SESSIONS:
        told = json.loads(as_exported)
        told["sessions"][0] |= change
        told["sessions"] *= 2 if not change else 1
        (folder / "sessions.json").write_text(json.dumps(told))
        with pytest.raises(RatingError, match=r"sessions\.json is not as it was exported"):
            import_ratings(empty, folder)
    assert session_log.list_sessions(empty).empty
    assert rating_log.list_ratings(empty, withdrawn=True).empty


def test_no_cell_of_the_tables_is_run_by_a_spreadsheet_and_all_come_back(rated, empty) -> None:
    scan, texts = (
        tables.read_scans(rated)["scan_id"][0],
        ["=1+1", "'=1+1", "+x", "@a", "-\t", "-1.5"],
    )
    for text in texts:
        rating_log.add_rating(
            rated, Rating(scan_id=scan, rater=f"={text}", scale="mriqc-4", value=4.0, comment=text)
        )
        override(rated, scan, text, "B", text)
    folder = rating_export.export_ratings(rated)
    for name in ("ratings.tsv", "overrides.tsv"):
        cells = (folder / name).read_text().replace("\n", "\t").split("\t")
        assert {cell for cell in cells if cell.startswith(("=", "+", "-", "@"))} == {"-1.5"}
    import_ratings(empty, folder)
    for read in (rating_log.list_ratings, overrides.list_overrides):
        there, back = (read(one).drop(columns="id", errors="ignore") for one in (rated, empty))
        kept = [
            name for name in ("rater", "comment", "author", "reason", "scan_id") if name in there
        ]
        pd.testing.assert_frame_equal(there[kept], back[kept])


def test_the_export_describes_itself_as_bids_wants(rated: Workspace) -> None:
    folder = rating_export.export_ratings(rated)
    assert folder.relative_to(rated.root).as_posix() == "exports/derivatives/tierscope"
    description = json.loads((folder / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "Tierscope"
    for name in ("ratings", "overrides"):
        header = (folder / f"{name}.tsv").read_text().split("\n")[0].split("\t")
        words = json.loads((folder / f"{name}.json").read_text())
        assert list(words) == header and all(one["Description"] for one in words.values())
    table = pd.read_csv(folder / "ratings.tsv", sep="\t", quoting=3)
    assert len(table) == 8 and table["participant_id"].str.startswith("sub-").all()


def test_old_decisions_that_are_imported_do_not_override_newer_ones(empty, tmp_path) -> None:
    scan = tables.read_scans(empty)["scan_id"][0]
    for role, value in (("rater", 1.0), ("adjudicator", 1.0)):
        rating_log.add_rating(
            empty, Rating(scan_id=scan, rater="R", scale="pass-fail", value=value, role=role)
        )
    override(empty, scan, "R", "A", "fine")
    old, head = "2024-01-01T10:00:00+00:00", "scan_id\trater\tat\tscale\tvalue\trole"
    said = [f"{scan}\tR\t{old}\tpass-fail\t0\t{role}" for role in ("rater", "adjudicator")]
    (tmp_path / "ratings.tsv").write_text("\n".join([head, *said]) + "\n")
    (tmp_path / "overrides.tsv").write_text(
        f"scan_id\tauthor\tat\ttier\treason\n{scan}\tR\t{old}\tC\tringing\n"
    )
    assert import_ratings(empty, tmp_path) == Imported(2, 0, 1)
    given = rating_log.list_ratings(empty)
    assert agreement.opinions(given, SCALES["pass-fail"])["label"].tolist() == ["pass"]
    assert not suggested_cutoff.exclusion_labels(given)["excluded"].any()
    assert not suggested_cutoff.exclusion_labels(given.query("role == 'rater'"))["excluded"].any()
    assert fit_from_ratings.labels_of(given, pd.Series([scan]))["excluded"].tolist() == [0]
    assert overrides.in_force(empty)["tier"].tolist() == ["A"]
    assert overrides.list_overrides(empty, scan)["tier"].tolist() == ["C", "A"]
    override(empty, scan, "R", None, "as the rule says")
    assert overrides.in_force(empty).empty
    assert import_ratings(empty, tmp_path) == Imported(0, 2, 0)
