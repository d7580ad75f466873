"""Frozen cohorts on Tiers: flow chart, facts, controls, exports, and changes since."""

import subprocess
import sys
from pathlib import Path

import pytest

from curation.cohorts import frozen_cohort
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from curation.tiers.tier_rule import TierRule
from pages.tiers import COHORTS
from pages.ui.shell import state
from pages.ui.shell.frame import ROOT
from tests.helpers import workspace_full
from tests.helpers.page_words import button, checked, words


@pytest.fixture
def frozen(own: Workspace) -> frozen_cohort.Cohort:
    return frozen_cohort.freeze(own, "mine", author="Ada", rule=TierRule(cutoffs=(30.0, 60.0)))


def opened(run, workspace: Workspace):  # type: ignore[no-untyped-def]
    return run("tiers", workspace, **{state.TIERS_PART: COHORTS, state.PERSON: "Bob"})


def test_a_cohort_shows_its_flow_hash_and_command(own, frozen, run) -> None:
    page = opened(run, own)
    assert frozen.hash in words(page)
    assert page.get("image")
    (command,) = (code.value for code in page.code)
    assert f"--expect {frozen.hash}" in command


def test_a_cohort_names_its_scans_with_a_tier_by_hand(own, frozen, run) -> None:
    assert "Tiers by hand" not in words(opened(run, own))
    chosen = frozen.scans["scan_id"][0]
    overrides.override(own, chosen, "Ada", "C", "metal artefact")
    held = frozen_cohort.freeze(own, "hands", author="Ada", rule=frozen.rule)
    page = run(
        "tiers", own, **{state.TIERS_PART: COHORTS, state.PERSON: "Bob", state.COHORT: held.id}
    )
    assert "Tiers by hand" in words(page) and f"{chosen} (C)" in words(page)


def test_the_command_that_the_page_shows_gives_the_same_bytes(own, frozen, run, tmp_path) -> None:
    (command,) = (code.value for code in opened(run, own).code)
    parts = command.split()[1:]
    done = subprocess.run(
        [sys.executable, *parts[:-1], str(tmp_path / "again.tsv")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    again = (tmp_path / "again.tsv").read_bytes()
    assert again == (own.cohorts_dir / f"{frozen.id}.tsv").read_bytes()


def test_a_target_is_cut_by_the_rule_of_the_newest_pool_unless_one_chooses_otherwise(
    own, frozen, run
) -> None:
    page = run(
        "tiers", own, **{state.TIERS_PART: COHORTS, state.PERSON: "Bob", state.ROLE: "target"}
    )
    (choice,) = (radio for radio in page.radio if radio.label == "Tiers of the target")
    assert f"As the newest pool cohort, {frozen.id}" in choice.options[0].replace("\\", "")
    checked(button(page, "Freeze this target cohort").click().run())
    target = next(h for h in frozen_cohort.list_cohorts(own) if h.role == "target")
    assert target.rule == frozen.rule
    page = run(
        "tiers", own, **{state.TIERS_PART: COHORTS, state.PERSON: "Bob", state.ROLE: "target"}
    )
    next(radio for radio in page.radio if radio.label == "Tiers of the target").set_value("here")
    checked(button(page, "Freeze this target cohort").click().run())
    rules = {h.rule for h in frozen_cohort.list_cohorts(own) if h.role == "target"}
    assert rules == {frozen.rule, TierRule()}


def test_one_of_several_sources_is_frozen_and_its_command_says_so(own, run) -> None:
    scans = tables.read_scans(own)
    target = scans["role"] == "target"
    outside = target & scans["scan_id"].isin(scans.loc[target, "scan_id"].iloc[::2])
    tables.write_scans(own, scans.assign(source=scans["source"].mask(outside, "out side")))
    shown = {state.TIERS_PART: COHORTS, state.PERSON: "Bob", state.ROLE: "target"}
    page = run("tiers", own, **shown)
    (choice,) = (one for one in page.multiselect if one.label == "Of these sources")
    assert choice.options == ["made-target", "out side"]
    choice.set_value(["out side"])
    page = checked(button(page, "Freeze this target cohort").click().run())
    (header,) = frozen_cohort.list_cohorts(own)
    assert header.sources == ("out side",) and header.size == int(outside.sum())
    (command,) = (code.value for code in page.code)
    assert "--source 'out side'" in command


def test_an_empty_tier_is_said_when_a_cohort_is_frozen(own, run) -> None:
    frozen_cohort.freeze(own, "mine", author="Ada", rule=TierRule(cutoffs=(99.0, 99.5)))
    page = run(
        "tiers", own, **{state.TIERS_PART: COHORTS, state.PERSON: "Bob", state.ROLE: "target"}
    )
    checked(button(page, "Freeze this target cohort").click().run())
    assert "No scan is in tier C" in words(page)


def test_a_freeze_without_readable_metrics_names_the_file_and_the_command_that_makes_them_again(
    own, run
) -> None:
    damaged = own.metrics_dir / "part-made.parquet"
    page = opened(run, own)
    damaged.write_bytes(damaged.read_bytes()[:100])
    page = checked(button(page, "Freeze this pool cohort").click().run())
    said = " ".join(error.value for error in page.error).replace("\\", "")
    assert str(damaged) in said and "python -m curation assess" in said
    assert not frozen_cohort.list_cohorts(own)


def test_the_newest_frozen_cohort_is_shown(own, frozen, run) -> None:
    page = opened(run, own)
    checked(button(page, "Freeze this pool cohort").click().run())
    (newest,) = {cohort.id for cohort in frozen_cohort.list_cohorts(own)} - {frozen.id}
    assert page.selectbox(key=state.COHORT).value == newest
    assert "Frozen as" in words(page)


def test_a_control_is_drawn_with_its_seed(own, frozen, run) -> None:
    page = opened(run, own)
    next(n for n in page.number_input if n.label == "Seed").set_value(7)
    checked(button(page, "Draw and freeze it").click().run())
    assert not page.error
    (control,) = (h for h in frozen_cohort.list_cohorts(own) if h.drawn)
    assert control.drawn == {"cohort": frozen.id, "tiers": ["A"], "seed": 7}
    assert page.selectbox(key=state.COHORT).value == control.id
    assert "seed 7" in words(page)
    assert not page.code  # a draw is no rule: the command would give another list


def test_a_control_of_no_tier_is_refused_in_words(own, frozen, run) -> None:
    page = opened(run, own)
    next(field for field in page.multiselect if field.label == "As tiers").set_value([])
    checked(button(page, "Draw and freeze it").click().run())
    assert "A control matches tiers" in page.error[0].value


@pytest.mark.parametrize("label", ["Plain list", "Folder of links", "BIDS derivatives"])
def test_a_cohort_is_exported(own, frozen, run, label) -> None:
    page = opened(run, own)
    checked(button(page, label).click().run())
    (said,) = (s.value.replace("\\", "") for s in page.success)
    assert Path(said.removeprefix("Written: ")).exists()


def test_a_scan_that_changed_since_is_told(own, frozen, run) -> None:
    scans = tables.read_scans(own)
    first = frozen.scans["scan_id"].iloc[0]
    scans.loc[scans["scan_id"] == first, "sha256"] = "another"
    tables.write_scans(own, scans)
    assert first in opened(run, own).warning[-1].value.replace("\\", "")


def test_files_are_looked_at_when_asked(own, frozen, run) -> None:
    page = opened(run, own)
    checked(button(page, "Look at the files themselves").click().run())
    assert "Every file is what it was" in words(page)
    path = Path(tables.read_scans(own).query("role == 'pool' and status == 'ok'")["path"].iloc[0])
    path.write_bytes(b"other")
    checked(button(page, "Look at the files themselves").click().run())
    assert "no longer what" in words(page)


def test_a_list_that_was_altered_is_refused_and_the_rest_of_the_page_stands(
    own, frozen, run
) -> None:
    path = own.cohorts_dir / f"{frozen.id}.tsv"
    path.write_text(path.read_text().replace("pool", "pond"))
    page = opened(run, own)
    assert any("was changed after it was frozen" in e.value for e in page.error)
    assert button(page, "Freeze this pool cohort")


def test_a_frozen_cohort_is_compared_with_today_and_with_another(own, run) -> None:
    frozen = frozen_cohort.freeze(own, "spring", author="Ada")
    shown = {state.TIERS_PART: COHORTS, state.COHORT: frozen.id}
    page = run("tiers", own, **shown, **{state.DIFF_WITH: "own"})
    assert "hold the same" in words(page)
    rule = TierRule(cutoffs=(5.0, 60.0))
    other = frozen_cohort.freeze(own, "summer", author="Ada", rule=rule)
    page = run("tiers", own, **shown, **{state.DIFF_WITH: other.id})
    said = words(page)
    assert f"From {frozen.id} to {other.id}" in said.replace("\\", "") and "The rule" in said


def test_cohorts_and_studies_say_that_scores_are_made_otherwise_since(own, run) -> None:
    study, _ = workspace_full.add_studies(own)
    for name in ("compare", "tiers"):
        assert "scored otherwise" not in words(run(name, own)).replace("\\", "")
    scores = tables.read_scores(own)
    files.write_parquet(own.scores_path, scores.assign(reference="another-7"))
    said = words(run("compare", own, **{state.STUDY: study.id})).replace("\\", "")
    assert "its scans are scored otherwise" in said and "now by another-7" in said
    assert "now by another-7" in words(opened(run, own))


@pytest.mark.parametrize("name", ["tiers", "review", "sheet"])
def test_a_new_session_says_that_the_newest_pool_was_cut_otherwise_and_takes_its_rule_up(
    name, own, run
) -> None:
    assert "newest pool cohort" not in words(run(name, own))
    frozen = frozen_cohort.freeze(own, "mine", author="Ada", rule=TierRule(cutoffs=(30.0, 60.0)))
    page = run(name, own)
    assert f"The newest frozen pool cohort, {frozen.id}, was cut by another rule" in words(page)
    checked(button(page, "Show its tiers").click().run())
    assert TierRule.from_dict(page.session_state[state.TRIED]) == frozen.rule
    assert "newest pool cohort, " not in words(page).replace("By the same rule as", "")
