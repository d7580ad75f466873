"""Tags of scans: the newest change holds, each can be taken back, and rules, lists and files know them."""

import pytest

from curation.__main__ import main
from curation.cohorts import cohort_diff, cohort_draft, cohort_export, frozen_cohort
from curation.decisions import audit_trail, database, scan_tags
from curation.errors import RuleError, TagError
from curation.interchange import rating_export
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers import rule_checks, rule_yaml
from tests.helpers.workspace_scored import put_scans

WITH = (
    "tiers: [A, B]\ncutoffs: [50]\ngates:\n  - {with_tag: motion seen, tier: unusable}\n"
    "  - {without_tag: kept, tier: B}\n"
)


@pytest.fixture
def scored(workspace: Workspace) -> list[str]:
    put_scans(workspace, [{"distortion_score": score} for score in (5.0, 10.0, 20.0, 80.0)])
    return tables.read_scans(workspace)["scan_id"].tolist()


def test_the_newest_change_of_a_tag_on_a_scan_holds(workspace: Workspace) -> None:
    assert scan_tags.in_force(workspace) == {} and scan_tags.newest(workspace) == 0
    done = scan_tags.put_on(workspace, "  motion  seen ", ["b", "a", "b"], "Ada")
    assert (done.tag, done.scans, done.words) == ("motion seen", 2, "motion seen: put on 2 scans.")
    assert scan_tags.put_on(workspace, "Motion Seen", ["a", "c"], "Bob").scans == 1  # not twice
    scan_tags.put_on(workspace, "ask Eve", ["a"], "Bob")
    scan_tags.take_off(workspace, "motion seen", ["b", "z"], "Ada")
    held = scan_tags.in_force(workspace)
    assert held == {"ask Eve": {"a"}, "motion seen": {"a", "c"}}
    assert scan_tags.of_scan(held, "a") == ["ask Eve", "motion seen"]
    assert scan_tags.table(workspace)[["scan_id", "tag", "author"]].to_numpy().tolist() == [
        ["a", "ask Eve", "Bob"],
        ["a", "motion seen", "Ada"],
        ["c", "motion seen", "Bob"],
    ]


def test_a_change_is_taken_back_exactly_and_both_stay_in_the_records(workspace: Workspace) -> None:
    scan_tags.put_on(workspace, "kept", ["a"], "Ada")
    second = scan_tags.put_on(workspace, "kept", ["a", "b", "c"], "Ada")
    off = scan_tags.take_off(workspace, "kept", ["a", "b"], "Ada")
    scan_tags.undo(workspace, off.id, "Ada")
    assert scan_tags.in_force(workspace) == {"kept": {"a", "b", "c"}}
    scan_tags.undo(workspace, second.id, "Ada")
    assert scan_tags.in_force(workspace) == {"kept": {"a"}}  # which had it before
    told = audit_trail.history(workspace)
    assert told["what"].tolist().count("tag put on scans") == 3
    assert told["detail"].tolist() == [
        *("b and 1 other scan", "a and 1 other scan", "a and 1 other scan", "b and 1 other scan"),
        "a",
    ]
    with database.engine(workspace).connect() as connection:
        assert audit_trail.verify(connection) == []


def test_many_scans_are_tagged_at_once_and_each_change_holds_what_it_changed(
    workspace: Workspace,
) -> None:
    ids = [f"scan-{place}" for place in range(6000)]
    scan_tags.put_on(workspace, "odd", ids[::2], "Ada")
    assert scan_tags.put_on(workspace, "odd", ids, "Ada").scans == 3000
    assert scan_tags.in_force(workspace) == {"odd": set(ids)}
    assert scan_tags.take_off(workspace, "odd", ["scan-7", "nobody"], "Ada").scans == 1
    assert len(scan_tags.in_force(workspace)["odd"]) == 5999


@pytest.mark.parametrize(
    ("tag", "scans", "author", "why"),
    [
        ("", ["a"], "Ada", "A tag is a word"),
        ("x" * 41, ["a"], "Ada", "at most 40"),
        ("a;b", ["a"], "Ada", "is none"),
        ("a\tb: [c]", ["a"], "Ada", "is none"),
        ("fine", [], "Ada", "No scan is chosen"),
        ("fine", ["a"], " ", "Say who tags"),
    ],
)
def test_what_is_no_tag_is_said_and_nothing_is_stored(workspace, tag, scans, author, why) -> None:
    with pytest.raises(TagError, match=why):
        scan_tags.put_on(workspace, tag, scans, author)
    with pytest.raises(TagError, match="no change of tags 7"):
        scan_tags.undo(workspace, 7, "Ada")
    assert scan_tags.newest(workspace) == 0


def test_a_rule_leaves_out_scans_with_a_tag_and_lowers_those_without_another(
    workspace: Workspace, scored: list[str]
) -> None:
    scan_tags.put_on(workspace, "motion seen", scored[:1], "Ada")
    scan_tags.put_on(workspace, "kept", scored[:2], "Ada")
    rule = rule_yaml.parse(WITH)
    assert rule_yaml.parse(rule_yaml.to_yaml(rule)) == rule
    draft = cohort_draft.draft_cohort(workspace, "pool", rule)
    assert draft.scans["tier"].tolist() == ["unusable", "A", "B", "B"]
    assert draft.scans["tag.kept"].tolist() == [1, 1, 0, 0]
    frozen = frozen_cohort.freeze(workspace, "spring", author="Ada", rule=rule)
    table = cohort_export.export(workspace, frozen, "bids")
    told = files.read_json(table.with_suffix(".json"))
    assert "had the tag 'kept'" in told["tag.kept"]["Description"]
    scan_tags.take_off(workspace, "motion seen", scored, "Ada")
    now = cohort_draft.draft_cohort(workspace, "pool", rule)
    diff = cohort_diff.compare(workspace, frozen, now)
    assert [(row.scan_id, row.cause) for row in diff.scans.itertuples()] == [(scored[0], "tag")]
    assert [doubt.message for doubt in now.doubts if doubt.kind == "gate"] == [
        "No scan here has the tag motion seen: the gate 'with tag motion seen → unusable' holds no scan."
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("column: tag.kept\ntiers: [A, B]\ncutoffs: [0.5]", "A tag is not cut into tiers"),
        (f"{WITH}  - {{with_tag: 'a;b'}}", "can be no tag"),
        (f"{WITH}  - {{with_tag: kept, above: 3}}", "nothing else"),
        (f"{WITH}  - {{column: tag.other, above: 0.5}}", "write 'with_tag: other'"),
    ],
)
def test_a_rule_that_looks_at_a_tag_wrongly_is_told_how(text: str, why: str) -> None:
    with pytest.raises(RuleError, match=why):
        rule_yaml.parse(text)
    assert rule_checks.TAG_LIMITS == ((0.0, None), (None, 1.0))


def test_tags_by_the_command_line_and_in_the_exported_files(
    workspace: Workspace, scored: list[str], capsys: pytest.CaptureFixture
) -> None:
    at = ["--workspace", str(workspace.root)]
    assert main(["tag", "motion", *scored[:2], "--author", "Ada", *at]) == 0
    assert main(["tag", "motion", scored[0], "--off", "--author", "Ada", *at]) == 0
    assert main(["tag", "motion", "nobody", "--author", "Ada", *at]) == 2
    assert "no scan 'nobody'" in capsys.readouterr().err
    assert main(["tag", *at]) == 0
    assert capsys.readouterr().out == f"motion: 1 scan\n  {scored[1]}\n"
    folder = rating_export.export_ratings(workspace)
    lines = (folder / rating_export.TAGS).read_text().splitlines()
    assert lines[0].split("\t") == ["scan_id", "tag", "author", "at"]
    assert [line.split("\t")[:3] for line in lines[1:]] == [[scored[1], "motion", "Ada"]]
