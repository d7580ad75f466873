"""Cohorts by the command line: the same bytes and hash as the page's functions, and nothing half-written."""

from pathlib import Path

import numpy as np
import pytest

from curation.__main__ import main
from curation.cohorts import frozen_cohort
from curation.cohorts.cohort_draft import draft_cohort
from curation.storage.workspace import Source, Workspace
from curation.tiers import rule_yaml
from curation.tiers.overrides import override
from curation.tiers.rule_checks import Gate
from curation.tiers.rule_versions import rule_difference, same_rule
from curation.tiers.tier_rule import TierRule
from tests.helpers.tier_rules import random_rule
from tests.helpers.workspace_scored import put_metrics, put_scans

RULE = TierRule(gates=(Gate("snr_total", below=6.0),), by_site={"South": (30.0, 70.0)})


@pytest.fixture
def scored(workspace: Workspace) -> Workspace:
    rng = np.random.default_rng(0)
    rows = [
        {
            "distortion_score": float(rng.uniform(0, 100)) if number % 9 else None,
            "site": ["North", "South", "NYU", None][number % 4],
            "role": "pool" if number < 50 else "target",
            "status": "ok" if number % 5 else "table",
            "age_years": float(number) if number % 7 else None,
        }
        for number in range(70)
    ]
    put_scans(workspace, rows)
    values = {name: rng.uniform(0, 100, 70).tolist() for name in ("snr_total", "cjv", "wm2max")}
    put_metrics(workspace, values)
    override(workspace, "made_sub-03_T1w", "Ada", "A", "clean to the eye")
    return workspace


def _run(workspace: Workspace, rule: TierRule, out: Path, *options: str) -> int:
    path = out.with_suffix(".yaml")
    path.write_text(rule_yaml.to_yaml(rule), encoding="utf-8")
    arguments = ["--workspace", str(workspace.root), "--rule", str(path), "--out", str(out)]
    return main(["tiers", *arguments, *options])


@pytest.mark.parametrize("role", ["pool", "target"])
@pytest.mark.parametrize("images_only", [False, True])
def test_the_command_writes_what_the_page_freezes_to_the_byte(
    scored: Workspace, tmp_path: Path, capsys, role, images_only: bool
) -> None:
    frozen = frozen_cohort.freeze(
        scored, "page", author="Ada", role=role, rule=RULE, images_only=images_only
    )
    options = ["--role", role, *(["--images-only"] if images_only else []), "--expect", frozen.id]
    assert _run(scored, RULE, tmp_path / "cohort.tsv", *options) == 0
    assert (tmp_path / "cohort.tsv").read_bytes() == (
        scored.cohorts_dir / f"{frozen.id}.tsv"
    ).read_bytes()
    assert f"hash {frozen.hash}" in capsys.readouterr().out
    stored = str(scored.cohorts_dir / f"{frozen.id}.yaml")
    again = ["tiers", "-w", str(scored.root), "--rule", stored, "--out", str(tmp_path / "b.tsv")]
    assert main([*again, *options]) == 0


@pytest.mark.parametrize("seed", range(12))
def test_any_rule_gives_page_and_command_the_same_bytes(scored, tmp_path: Path, seed: int) -> None:
    rule = random_rule(np.random.default_rng(seed))
    drafted = None
    if not set(rule.columns) & {"certainty", "incompleteness"}:
        drafted = draft_cohort(scored, "pool", rule)
    out = tmp_path / "cohort.tsv"
    status = _run(scored, rule, out)
    assert status == 0 or rule.column in ("certainty", "incompleteness")
    if drafted is not None:
        assert out.read_bytes() == drafted.text.encode()


def test_what_is_expected_and_does_not_come_is_not_written(scored, tmp_path: Path, capsys) -> None:
    out, flow = tmp_path / "cohort.tsv", tmp_path / "flow.svg"
    assert _run(scored, RULE, out, "--expect", "spring-00000000", "--flow", str(flow)) == 2
    assert "not spring-00000000, so nothing was written" in capsys.readouterr().err
    assert not out.exists()
    assert not flow.exists()


def test_doubts_are_notes_and_the_flow_is_written(scored, tmp_path: Path, capsys) -> None:
    rule = TierRule(by_site={"Nyu": (20.0, 40.0)})
    flow = tmp_path / "flow.svg"
    assert _run(scored, rule, tmp_path / "cohort.tsv", "--flow", str(flow)) == 0
    said = capsys.readouterr()
    assert "note: No scan here is of site 'Nyu'; did you mean NYU?" in said.err
    assert "not scored" in said.out
    assert flow.read_text().startswith("<svg")
    text = tmp_path / "flow.txt"
    assert _run(scored, rule, tmp_path / "cohort.tsv", "--flow", str(text)) == 0
    assert text.read_text().startswith("Scans found: 50 scans")


def test_what_is_wrong_is_one_sentence_and_nothing_is_written(scored, tmp_path, capsys) -> None:
    out = tmp_path / "cohort.tsv"
    scored.put_source(Source("raw", str(tmp_path / "raw"), "bids"))
    (tmp_path / "raw").mkdir()
    rule = tmp_path / "rule.yaml"
    rule.write_text("tiers: [A, B]\ncutoffs: [5, 4]\n")
    base = ["tiers", "-w", str(scored.root), "--rule"]
    for arguments, words in (
        ([str(rule), "--out", str(out)], "rule.yaml: Line 2: 2 tiers need 1 cut-offs"),
        ([str(tmp_path / "gone.yaml"), "--out", str(out)], "cannot be read as a rule"),
    ):
        assert main([*base, *arguments]) == 2
        assert words in capsys.readouterr().err
    for place, options, words in (
        (tmp_path / "raw" / "list.tsv", [], "lies in the source raw, which is only read"),
        (tmp_path / "rule.yaml" / "list.tsv", [], "cannot be written"),
        (out, ["--flow", str(tmp_path / "flow.png")], "as .svg or .txt"),
    ):
        rule.write_text(rule_yaml.to_yaml(RULE))
        assert main([*base, str(rule), "--out", str(place), *options]) == 2
        said = capsys.readouterr().err
        assert words in said
        assert "Traceback" not in said
    assert not out.exists()


def test_freezing_controls_checking_and_exporting(scored, tmp_path: Path, capsys) -> None:
    workspace = ["-w", str(scored.root)]
    rule = tmp_path / "rule.yaml"
    rule.write_text(rule_yaml.to_yaml(RULE))
    assert main(["freeze", "spring", *workspace, "--rule", str(rule), "--author", "Ada"]) == 0
    frozen = capsys.readouterr().out.partition(":")[0]
    assert frozen_cohort.load(scored, frozen).rule == RULE
    assert main(["freeze", "cut", *workspace, "--cutoffs", "20", "40"]) == 0
    capsys.readouterr()
    assert main(["control", frozen, *workspace, "--tiers", "A", "--seed", "4"]) == 0
    control = capsys.readouterr().out.partition(":")[0]
    assert (frozen_cohort.load(scored, control).drawn or {})["seed"] == 4
    assert main(["check-cohort", frozen, *workspace]) == 1
    assert "its file is gone" in capsys.readouterr().out
    assert main(["export-cohort", frozen, *workspace]) == 0
    assert Path(capsys.readouterr().out.strip()).is_file()
    assert main(["export-cohort", frozen, *workspace, "--as", "list"]) == 2


def test_a_target_takes_the_rule_of_the_newest_pool_unless_told_otherwise(
    workspace: Workspace, capsys
) -> None:
    scores = [5.0, 12.0, 40.0, 5.0, 12.0, 40.0]
    put_scans(
        workspace,
        [
            {"distortion_score": score, "role": ("pool", "target")[place > 2]}
            for place, score in enumerate(scores)
        ],
    )
    freeze = ["freeze", "-w", str(workspace.root)]
    assert main([*freeze, "early", "--role", "target"]) == 0
    assert "by the usual rule: distortion score cut at 25, 50" in capsys.readouterr().out
    assert main([*freeze, "pool", "--cutoffs", "10"]) == 0
    pool = capsys.readouterr().out.partition(":")[0]
    assert main([*freeze, "target", "--role", "target"]) == 0
    told = capsys.readouterr().out
    assert (
        f"(A 1, B 2), by the rule of the newest pool cohort {pool}: distortion score cut at 10"
        in told
    )
    target = frozen_cohort.load(workspace, told.partition(":")[0])
    assert same_rule(frozen_cohort.load(workspace, pool).rule, target.rule)
    assert main([*freeze, "part", "--role", "target", "--source", "made"]) == 0
    part = frozen_cohort.load(workspace, capsys.readouterr().out.partition(":")[0])
    assert part.sources == ("made",) and part.hash == target.hash
    assert main([*freeze, "part", "--source", "elsewhere"]) == 2
    assert "Its sources are made." in capsys.readouterr().err
    assert main([*freeze, "own", "--role", "target", "--cutoffs", "20"]) == 0
    own = frozen_cohort.load(workspace, capsys.readouterr().out.partition(":")[0])
    said = rule_difference(frozen_cohort.load(workspace, pool).rule, own.rule)
    assert "A: 0 to under 10" in said and "A: 0 to under 20" in said


def test_an_empty_tier_is_noted_when_a_cohort_is_frozen(workspace: Workspace, capsys) -> None:
    put_scans(workspace, [{"distortion_score": 5.0}, {"distortion_score": 80.0}])
    assert main(["freeze", "pool", "-w", str(workspace.root)]) == 0
    assert "note: No scan is in tier B" in capsys.readouterr().err


def test_tiers_and_freeze_say_where_scores_lie_and_that_none_is_low(
    workspace: Workspace, tmp_path: Path, capsys
) -> None:
    put_scans(workspace, [{"distortion_score": 5.0}, {"distortion_score": 9.0}])
    path, place = tmp_path / "rule.yaml", ["-w", str(workspace.root)]
    path.write_text(rule_yaml.to_yaml(TierRule(("A", "B"), (8.0,))))
    for asked in (["tiers", "--out", str(tmp_path / "list.tsv")], ["freeze", "pool"]):
        assert main([*asked, "--rule", str(path), *place]) == 0
        said = capsys.readouterr()
        assert "Distortion scores of the pool: A 5.0 to 5.0, B 9.0 to 9.0." in said.out
        assert "note: All tiers of the pool lie within what counts as good" in said.err


def test_rules_are_listed_printed_and_saved(scored: Workspace, tmp_path: Path, capsys) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text("# mine\n" + rule_yaml.to_yaml(RULE))
    base = ["rules", "-w", str(scored.root)]
    assert main([*base, "strict", "--save", str(path), "--author", "Ada"]) == 0
    path.write_text(rule_yaml.to_yaml(TierRule()))
    assert main([*base, "strict", "--save", str(path), "--author", "Ada"]) == 0
    assert "strict, version 2" in capsys.readouterr().out
    assert main(base) == 0
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "strict, version 2",
        "strict, version 1",
    ]
    assert main([*base, "strict", "--version", "1"]) == 0
    assert capsys.readouterr().out == "# mine\n" + rule_yaml.to_yaml(RULE)
    assert main([*base, "mild"]) == 2
    assert main([*base, "--save", str(path)]) == 2
    path.write_text("tiers: [A]")
    assert main([*base, "strict", "--save", str(path)]) == 2
    assert "rule.yaml: " in capsys.readouterr().err
