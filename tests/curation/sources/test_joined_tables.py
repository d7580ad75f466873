"""Tables of other tools: whose rows are whose, what is a number, and nothing is lost."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from curation.__main__ import main
from curation.cohorts import cohort_draft
from curation.errors import RuleError, SourceError
from curation.sources import allowed_roots, joined_tables, other_tables
from curation.sources.joined_tables import Joined
from curation.storage import tables
from curation.storage.workspace import Source, Workspace
from curation.tiers import rule_columns, rule_yaml
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule

PEOPLE = ("01", "02", "03", "04")


def scans_of(
    source: str, people: tuple[str, ...] = PEOPLE, session: str | None = None
) -> pd.DataFrame:
    rows = [
        {
            "scan_id": f"{source}_sub-{name}{f'_ses-{session}' if session else ''}_T1w",
            "subject_id": f"{source}:sub-{name}",
            "participant_id": f"sub-{name}",
            "session_id": session,
            "modality": "T1w",
            "source": source,
            "role": "pool",
            "path": f"/data/{source}/sub-{name}{f'_ses-{session}' if session else ''}_T1w.nii.gz",
            "sha256": f"{source}{name}{session}",
            "simulated": False,
            "status": "ok",
        }
        for name in people
    ]
    return pd.DataFrame(rows)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.create(tmp_path / "workspace")
    put(made, scans_of("mine"))
    return made


def put(workspace: Workspace, *scans: pd.DataFrame) -> None:
    every = pd.concat(scans, ignore_index=True)
    tables.write_scans(workspace, every)
    for name in every["source"].unique():
        workspace.put_source(Source(name, f"/data/{name}", "bids"))
    scores = every[["scan_id", "sha256"]].assign(distortion_score=20.0, scoring_version=99)
    scores.to_parquet(workspace.scores_path, index=False)


def join(workspace: Workspace, text: str, name: str = "other.csv", **more) -> Joined:
    path = workspace.root.parent / name
    path.write_text(text)
    return joined_tables.join(workspace, other_tables.read_table(workspace, path), **more)


def values(workspace: Workspace, column: str) -> dict[str, float]:
    scans = tables.read_scored_scans(workspace)
    return {
        scan_id.removeprefix("mine_").removesuffix("_T1w"): value
        for scan_id, value in zip(scans["scan_id"], scans[column], strict=True)
        if np.isfinite(value)
    }


# ---- whose row it is -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "first", "second"),
    [
        ("scan_id", "mine_sub-01_T1w", "mine_sub-03_T1w"),
        ("path", "/elsewhere/sub-01_T1w.nii.gz", "sub-03_T1w.nii"),
        ("path_to_t1w", "/a/sub-01_T1w.nii.gz", "/a/sub-03_T1w.nii.gz"),
        ("bids_name", "sub-01_T1w", "sub-03_T1w"),
        ("participant_id", "sub-01", "3"),
        ("Subject", "1", "SUB-03"),
        ("subject_id", "sub-01_ses-1", "sub-03"),
    ],
)
def test_rows_find_their_scans_by_any_usual_name(workspace, key, first, second) -> None:
    done = join(workspace, f"{key},shift\n{first},1.5\n{second},2,\n".replace("2,", "2"))
    assert done.columns == ("told.other.shift",) and (done.rows, done.scans) == (2, 2)
    assert values(workspace, "told.other.shift") == {"sub-01": 1.5, "sub-03": 2.0}
    assert done.notes() == []


def test_a_row_on_a_visit_is_of_that_visit_and_one_on_a_person_of_all(workspace) -> None:
    put(workspace, scans_of("mine", session="1"), scans_of("mine", session="2"))
    join(workspace, "participant_id,session_id,x\nsub-01,ses-02,5\nsub-02,,7\n")
    assert values(workspace, "told.other.x") == {
        "sub-01_ses-2": 5.0,
        "sub-02_ses-1": 7.0,
        "sub-02_ses-2": 7.0,
    }


def test_half_of_the_ids_unknown_is_said_with_count_and_first_ids_and_nothing_is_lost(
    workspace,
) -> None:
    ids = [f"sub-{number:02d}" for number in (1, 2, 11, 12, 13, 14, 15, 16)]
    done = join(workspace, "id,x\n" + "".join(f"{id_},{n}\n" for n, id_ in enumerate(ids)))
    assert done.scans == 2 and done.unknown == tuple(ids[2:])
    (note,) = done.notes()
    assert note.startswith(
        "6 of its ids are not known here: sub-11, sub-12, sub-13, sub-14, sub-15 and 1 more"
    )
    put(workspace, scans_of("mine"), scans_of("mine", ("12",)))  # is listed later
    joined_tables.update(workspace)
    assert values(workspace, "told.other.x") == {"sub-01": 0.0, "sub-02": 1.0, "sub-12": 3.0}


def test_an_id_of_two_sources_is_nobodys_until_the_source_is_named(workspace) -> None:
    put(workspace, scans_of("mine"), scans_of("yours", ("01", "02")))
    done = join(workspace, "id,x\nsub-01,1\nsub-04,4\n")
    assert done.several == ("sub-01",) and values(workspace, "told.other.x") == {"sub-04": 4.0}
    assert "1 of its ids is in several sources" in done.notes()[0]
    join(workspace, "id,x\nsub-01,1\nsub-04,4\n", source_name="mine")
    assert values(workspace, "told.other.x") == {"sub-01": 1.0, "sub-04": 4.0}
    one = scans_of("yours", ("01",)).assign(subject_id="mine:sub-01")
    put(workspace, scans_of("mine"), one)  # somebody said that they are one person
    assert join(workspace, "id,x\nsub-01,1\n").scans == 2


def test_of_several_rows_of_a_scan_the_mean_is_taken_and_that_is_said(workspace) -> None:
    done = join(workspace, "id,x\nsub-01,1\nsub-01,2\nsub-02,5\n")
    assert values(workspace, "told.other.x") == {"sub-01": 1.5, "sub-02": 5.0}
    assert done.notes() == ["For 1 scan there are several rows: their mean was taken."]


# ---- what is a number ------------------------------------------------------------------------------------


def test_only_numbers_are_joined_and_the_rest_is_named(workspace) -> None:
    text = (
        "id\tage\tx\ty\tnote\tempty\nsub-01\t33\t1,5\tn/a\tfine\t\nsub-02\t44\t2e-1\tinf\tbad\t\n"
    )
    done = join(workspace, text, "other.tsv")
    assert done.columns == ("told.other.x", "told.other.y")
    assert done.left_out == ("note", "empty")
    assert values(workspace, "told.other.x") == {"sub-01": 1.5, "sub-02": 0.2}
    assert values(workspace, "told.other.y") == {}


@pytest.mark.parametrize(
    ("name", "cells", "wanted"),
    [
        ("other.csv", ("980", "1,020", "12,345"), (980, 1020, 12345)),
        ("other.csv", ("-1,020.5", "3.25", "1,234,567"), (-1020.5, 3.25, 1234567)),
        ("other.csv", ("980", "0,85", "1,020"), None),
        ("other.csv", ("980", "1,02", "12,345"), None),
        ("other.csv", ("980", "1,020", "12,34,567"), None),
        ("other.tsv", ("1,5", "1,020", "12,345"), (1.5, 1.02, 12.345)),
        ("other.tsv", ("0,850", "1,020", "7"), (0.85, 1.02, 7)),
        ("other.tsv", ("980.5", "1,020", "12,345"), (980.5, 1020, 12345)),
        ("other.tsv", ("980", "1,234,567", "12,345"), (980, 1234567, 12345)),
        ("other.tsv", ("980", "1,020", "12,345"), None),
        ("other.tsv", ("1.5", "1,5", "2"), None),
        ("semi.csv", ("980", "1,020", "12,345"), (980, 1.02, 12.345)),
        ("semi.csv", ("0.5", "1.5", "2"), (0.5, 1.5, 2)),
        ("semi.csv", ("0.5", "1,020", "2"), (0.5, 1020, 2)),
        ("semi.csv", ("0.5", "1,5", "2"), None),
    ],
)
def test_a_comma_is_what_the_table_says_it_is_or_its_column_is_left_out_and_that_is_said(
    workspace, name: str, cells: tuple[str, ...], wanted: tuple[float, ...] | None
) -> None:
    separator = {"other.csv": ",", "other.tsv": "\t", "semi.csv": ";"}[name]
    rows = [("id", "sure", "x"), *((f"sub-0{at}", "1", cell) for at, cell in enumerate(cells, 1))]
    written = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in rows]
    done = join(workspace, "".join(separator.join(row) + "\n" for row in written), name)
    if wanted is None:
        assert done.columns == (f"told.{Path(name).stem}.sure",)
        (said,) = done.notes()
        assert "x" in said and "comma" in said and "Write" in said
        return
    assert list(values(workspace, f"told.{Path(name).stem}.x").values()) == list(wanted)
    assert done.notes() == []


def test_a_table_of_which_no_comma_is_understood_is_refused_with_what_to_do(workspace) -> None:
    with pytest.raises(SourceError, match=r"comma.*Write"):
        join(workspace, "id\tx\nsub-01\t1,020\nsub-02\t2,040\n", "other.tsv")


@pytest.mark.parametrize(
    ("text", "wanted", "told"),
    [
        (
            ",subject_id,session_id,path_to_t1w,motion\n0,sub-01,,/x/sub-01_T1w.nii.gz,0.7\n",
            ("worse.agitation.motion_mm",),
            {"sub-01": 0.7},
        ),
        (
            "subject,wm_snr_orig,gm_snr_orig,lh_holes,cc_size\nsub-02,20.5,9.1,12,0.004\n",
            (
                "better.fsqc.wm_snr_orig",
                "better.fsqc.gm_snr_orig",
                "worse.fsqc.lh_holes",
                "told.fsqc.cc_size",
            ),
            {"sub-02": 20.5},
        ),
        (
            "qc_task\tparticipant_id\tsession_id\ttask_id\trun_id\tpipeline\ttimestamp\trater_id\t"
            "rater_experience\trater_fatigue\tfinal_qc\tnotes\n"
            "anat_wf\t01\t\t\t\tfmriprep\t2026\tAB\t\t\tPASS\tok\n"
            "anat_wf\t01\t\t\t\tfmriprep\t2026\tCD\t\t\tUNCERTAIN\t\n"
            "sdc_wf\t01\t\t\t\tfmriprep\t2026\tAB\t\t\tFAIL\t\n",
            ("better.qc-studio.final_qc_anat_wf", "better.qc-studio.final_qc_sdc_wf"),
            {"sub-01": 1.5},
        ),
    ],
    ids=["agitation", "fsqc", "qc-studio"],
)
def test_tables_of_known_tools_are_known_by_their_columns(workspace, text, wanted, told) -> None:
    done = join(workspace, text, "results.tsv" if "\t" in text else "results.csv")
    assert done.columns == wanted
    assert values(workspace, wanted[0]) == told


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("a,b\n1,2\n", {}, "names neither scans nor people"),
        ("id,note\nsub-01,fine\n", {}, "has no column of numbers besides ids"),
        (
            "id,x\nsub-77,1\nsub-78,2\n",
            {},
            "None of the 2 ids of other is known here: sub-77, sub-78",
        ),
        ("id,x\nsub-01,1\n", {"worse": ["z"]}, "has no column of numbers z; it has x"),
        ("id,x\nsub-01,1\n", {"worse": ["x"], "better": ["x"]}, "better and worse at once"),
        ("id,x\nsub-01,1\n", {"source_name": "no"}, "There is no source 'no'"),
        ("id,x y,x.y\nsub-01,1,2\n", {}, "Two columns would be called x_y"),
    ],
)
def test_a_table_that_cannot_be_joined_is_refused_and_nothing_is_changed(
    workspace, text, more, said
) -> None:
    join(workspace, "id,before\nsub-01,3\n", "first.csv")
    with pytest.raises(SourceError, match=said):
        join(workspace, text, **more)
    assert joined_tables.names(workspace) == ["first"]
    assert values(workspace, "told.first.before") == {"sub-01": 3.0}


def test_a_table_outside_of_the_allowed_roots_is_refused(workspace, tmp_path, monkeypatch) -> None:
    (tmp_path / "x.csv").write_text("id,x\nsub-01,1\n")
    monkeypatch.setenv(allowed_roots.ENVIRONMENT_VARIABLE, str(tmp_path / "data"))
    with pytest.raises(SourceError, match="lies outside of the folders"):
        other_tables.read_table(workspace, tmp_path / "x.csv")


# ---- plotted and cut on ----------------------------------------------------------------------------------


def test_a_joined_column_is_cut_into_tiers_and_limits_by_a_gate(workspace) -> None:
    text = "".join(f"sub-{name},{n},{-n}\n" for n, name in enumerate(PEOPLE))
    join(workspace, f"id,motion,snr\n{text}", worse=["motion"], better=["snr"])
    rule = TierRule(
        ("A", "B"), (2.0,), "worse.other.motion", (Gate("better.other.snr", below=-2.5),)
    )
    assert rule_yaml.parse(rule_yaml.to_yaml(rule)) == rule
    draft = cohort_draft.draft_cohort(workspace, "pool", rule)
    assert draft.scans["tier"].tolist() == ["A", "A", "B", "unusable"]
    assert draft.scans["worse.other.motion"].tolist() == [0.0, 1.0, 2.0, 3.0]
    column = rule_columns.find("better.other.snr")
    assert column.better_is_higher and column.label == "other: snr"


def test_what_nobody_said_the_way_of_is_no_rule_but_can_be_a_gate(workspace) -> None:
    join(workspace, "id,x\nsub-01,1\n")
    with pytest.raises(RuleError, match=r"Nobody said of told\.other\.x which values are better"):
        TierRule(("A", "B"), (2.0,), "told.other.x")
    assert TierRule(gates=(Gate("told.other.x", above=3.0),)).columns[1] == "told.other.x"


def test_a_table_that_is_taken_out_leaves_rules_without_values(workspace) -> None:
    join(workspace, "id,x\nsub-01,1\n", worse=["x"])
    join(workspace, "id,y\nsub-02,2\n", "second.csv")
    joined_tables.remove(workspace, "other")
    assert "worse.other.x" not in tables.read_scored_scans(workspace)
    assert values(workspace, "told.second.y") == {"sub-02": 2.0}
    rule = TierRule(("A", "B"), (2.0,), "worse.other.x")
    assert np.isnan(
        tables.with_metrics(workspace, tables.read_scans(workspace), rule.columns)["worse.other.x"]
    ).all()
    with pytest.raises(SourceError, match="There is no joined table 'other'; there are second"):
        joined_tables.remove(workspace, "other")


def test_a_table_of_which_nobody_is_known_any_more_leaves_the_others_as_they_are(workspace) -> None:
    join(workspace, "participant_id,snr\nsub-01,1\n", "first.csv")
    put(workspace, scans_of("mine", ("07",)))
    join(workspace, "participant_id,cnr\nsub-07,2\n", "second.csv")
    assert values(workspace, "told.second.cnr") == {"sub-07": 2.0}


def test_the_command_joins_lists_and_takes_out(workspace, tmp_path, capsys) -> None:
    (tmp_path / "motion.csv").write_text("id,mm\nsub-01,1\nsub-99,4\n")
    place = ["-w", str(workspace.root)]
    assert main(["join", str(tmp_path / "motion.csv"), "--worse", "mm", *place]) == 0
    said = capsys.readouterr().out
    assert (
        "motion: 1 of 2 rows joined 1 scan, 1 column. 1 row joined nothing." in said
        and "worse.motion.mm" in said
    )
    assert "1 of its ids is not known here: sub-99" in said
    assert main(["join", *place]) == 0 and capsys.readouterr().out == "motion\n"
    assert main(["join", "--remove", "motion", *place]) == 0
    assert main(["join", *place]) == 0
    assert "no table is joined" in capsys.readouterr().out


def test_an_id_that_only_one_persons_name_begins_with_is_theirs(workspace) -> None:
    put(workspace, scans_of("mine", ("012-HH-1211", "013-HH-1", "013-HH-2", "14")))
    done = join(workspace, "id,x\nsub-012,1\nsub-013,2\nsub-1,3\n")
    assert values(workspace, "told.other.x") == {"sub-012-HH-1211": 1.0}
    assert done.several == ("sub-013",) and done.unknown == ("sub-1",)
