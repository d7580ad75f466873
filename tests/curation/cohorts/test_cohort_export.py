"""Cohorts leave as lists, links and BIDS tables: of usable images only, and without touching any."""

import json
from pathlib import Path

import pytest

from curation.cohorts import cohort_export, frozen_cohort
from curation.errors import CohortError
from curation.storage import bids_tables, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from tests.helpers import workspace_full
from tests.helpers.workspace_scored import put_scans

RULE = TierRule(gates=(Gate("distortion_score", above=45.0),))


@pytest.fixture
def scored(tmp_path: Path) -> Workspace:
    return workspace_full.make(tmp_path / "workspace")


@pytest.fixture
def cohort(scored: Workspace) -> frozen_cohort.Cohort:
    return frozen_cohort.freeze(scored, "gated", author="Ada", rule=RULE)


def test_a_list_names_each_usable_image_once(
    scored: Workspace, cohort: frozen_cohort.Cohort
) -> None:
    path = cohort_export.export(scored, cohort, "list")
    paths = [Path(line) for line in path.read_text().splitlines()]
    assert len(paths) == cohort.size - cohort.unusable < cohort.size
    assert len(set(paths)) == len(paths)
    assert all(image.is_file() for image in paths)


def test_a_list_of_one_tier_has_its_images_alone_and_says_so_in_its_name(
    scored: Workspace, cohort: frozen_cohort.Cohort
) -> None:
    whole = cohort_export.export(scored, cohort, "list").read_text().splitlines()
    tiers = [tier for tier in cohort.rule.names if (cohort.scans["tier"] == tier).any()]
    parts = [cohort_export.export(scored, cohort, "list", [tier]) for tier in tiers]
    assert [part.name for part in parts] == [f"{cohort.id}_tiers_{tier}.txt" for tier in tiers]
    lists = [set(part.read_text().splitlines()) for part in parts]
    assert len(lists) > 1 and all(lists) and sum(map(len, lists)) == len(whole)
    assert set().union(*lists) == set(whole)
    links = cohort_export.export(scored, cohort, "links", ["A"])
    assert [folder.name for folder in links.iterdir()] == ["A"]
    assert (
        cohort_export.export(scored, cohort, "list", cohort.rule.names).name == f"{cohort.id}.txt"
    )
    with pytest.raises(CohortError, match="has no tier 'a'; it has A, B, C"):
        cohort_export.export(scored, cohort, "list", ["a"])


def test_links_lead_to_the_images_a_folder_a_tier(
    scored: Workspace, cohort: frozen_cohort.Cohort
) -> None:
    folder = cohort_export.export(scored, cohort, "links")
    before = sorted(folder.rglob("*.nii.gz"))
    assert {link.parent.name for link in before} == {"A", "B"}
    assert len(before) == cohort.size - cohort.unusable
    known = tables.read_scans(scored).set_index("scan_id")
    for link in before:
        assert link.is_symlink()
        assert link.resolve() == Path(known.at[link.name.removesuffix(".nii.gz"), "path"])
    (folder / "A" / "left over").write_text("x")
    assert cohort_export.export(scored, cohort, "links") == folder
    assert sorted(folder.rglob("*.nii.gz")) == before
    assert not (folder / "A" / "left over").exists()
    assert all(link.is_file() for link in before)


def test_bids_derivatives_have_a_description_a_dictionary_and_all_columns(scored, cohort) -> None:
    path = cohort_export.export(scored, cohort, "bids")
    described = json.loads((scored.derivatives_dir / "dataset_description.json").read_text())
    assert described["DatasetType"] == "derivative"
    head, *rows = path.read_text().splitlines()
    columns = head.split("\t")
    assert columns[:3] == ["participant_id", "session_id", "bids_name"]
    dictionary = json.loads(path.with_suffix(".json").read_text())
    assert list(dictionary) == columns
    assert dictionary["age_years"]["Units"] == "years"
    assert "A, B, C, unusable" in dictionary["tier"]["Description"]
    assert len(rows) == cohort.size
    assert sum(row.endswith("\tunusable") for row in rows) == cohort.unusable
    first = dict(zip(columns, rows[0].split("\t"), strict=True))
    assert first["participant_id"] == "sub-00"
    assert first["bids_name"] == "sub-00_T1w"
    assert first["session_id"] == "n/a"
    provenance = json.loads(path.with_name(f"{cohort.id}_provenance.json").read_text())
    assert provenance["hash"] == cohort.hash
    assert path.with_name(f"{cohort.id}_rule.yaml").read_text() == provenance["rule_yaml"]
    assert path.with_name(f"{cohort.id}_flow.svg").read_text().startswith("<svg")


def test_what_the_rule_looks_at_is_described(scored: Workspace) -> None:
    rule = TierRule(column="noise", cutoffs=(1.0, 2.0))
    cohort = frozen_cohort.freeze(scored, "noise", author="Ada", rule=rule)
    path = cohort_export.export(scored, cohort, "bids")
    dictionary = json.loads(path.with_suffix(".json").read_text())
    assert dictionary["noise"] == {"Description": "Noise; higher is worse.", "Units": "points"}


def test_a_changed_image_is_not_handed_on(scored: Workspace, cohort: frozen_cohort.Cohort) -> None:
    image = Path(
        tables.read_scans(scored).set_index("scan_id").at[cohort.scans["scan_id"][0], "path"]
    )
    image.write_bytes(b"another")
    for kind in ("list", "links"):
        with pytest.raises(CohortError, match="its file has other content now"):
            cohort_export.export(scored, cohort, kind)


def test_without_images_there_is_nothing_to_list_but_a_table(workspace: Workspace) -> None:
    put_scans(workspace, [{"distortion_score": 5.0, "status": "table", "path": None}])
    cohort = frozen_cohort.freeze(workspace, "tables", author="Ada")
    for kind in ("list", "links"):
        with pytest.raises(CohortError, match="has no image"):
            cohort_export.export(workspace, cohort, kind)
    assert cohort_export.export(workspace, cohort, "bids").is_file()
    with pytest.raises(CohortError, match="one of list, links, bids"):
        cohort_export.export(workspace, cohort, "zip")


def test_nobody_is_exported_as_older_than_90(scored: Workspace) -> None:
    scans = tables.read_scans(scored)
    scans.loc[scans.index[0], "age_years"] = 97.0
    tables.write_scans(scored, scans)
    cohort = frozen_cohort.freeze(scored, "old", author="Ada")
    assert cohort.scans["age_years"].max() == 97  # what is frozen stays what it was
    head, *rows = cohort_export.export(scored, cohort, "bids").read_text().splitlines()
    place = head.split("\t").index("age_years")
    ages = [float(cell) for row in rows if (cell := row.split("\t")[place]) != "n/a"]
    assert max(ages) == 90


def test_the_bids_table_says_which_tier_is_by_hand_and_why(scored: Workspace) -> None:
    ids = tables.read_scans(scored)["scan_id"]
    overrides.override(scored, ids[1], "Ada", "C", "=metal\tartefact")
    cohort = frozen_cohort.freeze(scored, "hands", author="Ada", rule=RULE)
    path = cohort_export.export(scored, cohort, "bids")
    columns = cohort_export._columns(cohort)
    told = {row["scan_id"]: row for _, row in bids_tables.read(path, columns)}
    assert told[ids[1]]["tier_by_hand"] == "=metal\tartefact"
    assert "\t'=metal\\tartefact\tC\n" in path.read_text()
    assert sum("tier_by_hand" in row for row in told.values()) == 1
    assert "by hand" in json.loads(path.with_suffix(".json").read_text())["tier"]["Description"]
    assert json.loads(path.with_name(f"{cohort.id}_provenance.json").read_text())["by_hand"]


def test_of_a_cohort_of_before_it_is_not_said_that_no_tier_is_by_hand(
    scored: Workspace, cohort: frozen_cohort.Cohort
) -> None:
    path = scored.cohort_path(cohort.id)
    header = json.loads(path.read_text())
    del header["by_hand"]
    path.write_text(json.dumps(header))
    earlier = frozen_cohort.load(scored, cohort.id)
    assert earlier.by_hand is None and cohort.by_hand == ()
    table = cohort_export.export(scored, earlier, "bids")
    assert "tier_by_hand" not in table.read_text()
    assert list(json.loads(table.with_suffix(".json").read_text()))[-1] == "tier"
