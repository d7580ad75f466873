"""Reports of studies whose rules look at a tag or a joined table: what people called it is in no file."""

from pathlib import Path

import pandas as pd

from curation.cohorts import frozen_cohort, matched_controls
from curation.decisions import scan_tags
from curation.storage import files, tables
from curation.storage.tag_columns import column_of
from curation.storage.workspace import Workspace
from curation.tiers import rule_versions
from curation.tiers.rule_checks import Gate
from curation.tiers.tier_rule import TierRule
from tests.helpers import report_reader, workspace_judged, workspace_trainable
from training.report_files import bundle

TABLE = "zanzibar_scores"
MOTION = f"worse.{TABLE}.motion_mm"
TAG, OTHER, CONTROL = "Mrs Zanzibar moved", "quixote-ward", "zanzibar-draw"


def _rules() -> tuple[TierRule, TierRule]:
    """Rules with gates on a tag and a joined column, of the pool and, others, of the target."""
    gates = Gate(column_of(TAG), above=0), Gate(MOTION, above=5)
    return TierRule(gates=gates), TierRule(gates=(*gates, Gate(column_of(OTHER), below=1)))


def _read(folder: Path) -> dict[str, bytes]:
    return {
        f"{path}: {name}": data
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for name, data in report_reader.every_byte(path)
    }


def test_no_file_of_a_report_names_a_tag_of_a_rule_or_a_cohort_drawn_from(
    workspace: Workspace, tmp_path: Path
) -> None:
    workspace_trainable.make(workspace, pool=24, target=16)
    scans = tables.read_scans(workspace)
    pool, target = (scans.loc[scans["role"] == role, "scan_id"] for role in ("pool", "target"))
    scan_tags.put_on(workspace, TAG, [*pool[:2], *target[:2]], "Ada")
    scan_tags.put_on(workspace, OTHER, target[:12], "Ada")
    motion = pd.DataFrame({"scan_id": scans["scan_id"], MOTION: 1.0})
    motion.loc[motion["scan_id"].isin(pool[2:4]), MOTION] = 9.0
    files.write_parquet(workspace.joined_columns_path, motion)
    of_pool, of_target = _rules()
    whole = frozen_cohort.freeze(workspace, "zanzibar-pool", author="Ada", rule=of_pool)
    drawn = matched_controls.draw_control(
        workspace, whole.id, tiers=("A",), seed=0, author="Ada", name=CONTROL
    )
    judged = frozen_cohort.freeze(
        workspace, "zanzibar-target", author="Ada", role="target", rule=of_target
    )
    for place, cohort in enumerate((whole, drawn)):
        study = workspace_trainable.plan(
            workspace, arms=["scratch", "all"], cohort_id=cohort.id, target_id=judged.id
        )
        workspace_judged.plant(study)
        out = tmp_path / str(place)
        bundle.write(workspace, study.id, out)
        found = _read(out)
        assert len(found) > 100
        for name, data in found.items():
            for secret in (TAG, OTHER, TABLE, "anzibar-pool", "anzibar-draw", "anzibar-target"):
                assert secret.encode() not in data, (name, secret)
        methods = (out / "methods.txt").read_text()
        assert "unusable by a tag" in methods and "2 scans (by a tag)" in methods
        assert "unusable where motion_mm over 5" in methods
        assert place or "2 scans (motion_mm over 5)" in methods  # what is drawn was not held
        assert "→" not in methods.partition("Pretraining pool:")[0]


def test_on_a_page_the_tag_is_named_in_a_sentence() -> None:
    said = rule_versions.rule_difference(*_rules())
    assert f"with tag {TAG}; unusable where {MOTION} over 5; unusable without tag {OTHER}." in said
    assert "→" not in said


def test_a_rule_that_cuts_a_joined_column_is_handed_on_by_the_columns_own_name() -> None:
    rule = TierRule(column=MOTION, cutoffs=(1.0, 2.0))
    assert rule_versions.summary_line(rule).startswith(f"{TABLE}: motion_mm, ")
    assert rule_versions.summary_line(rule, names=False).startswith("motion_mm, ")
