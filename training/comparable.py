"""Whether the arms of two studies may be compared: only on the same people in the same folds."""

import pandas as pd

from training import images
from training.study import Study


def why_not(study: Study, other: Study) -> str:
    """Say why the arms of another study cannot be set beside those of this one.

    Parameters
    ----------
    study, other : Study
        Two planned studies.

    Returns
    -------
    str
        A sentence; empty where they can be compared: both judge their arms on the same scans, of the same
        content, in the same folds.
    """
    mine, theirs = (_target(of) for of in (study, other))
    both = mine.merge(theirs, left_index=True, right_index=True, suffixes=("", "_other"))
    if not len(both):
        return f"{other.name} was judged on other people ({other.target_id})."
    missing, more = len(mine) - len(both), len(theirs) - len(both)
    if missing or more:
        return (
            f"{other.name} was judged on another list of scans: {missing} of these {len(mine)} are "
            f"missing there, and {more} are there that are not here."
        )
    changed = int((both["sha256"] != both["sha256_other"]).sum())
    if changed:
        return f"{changed} of the {len(both)} test scans had other content in {other.name}."
    moved = int((both["fold"] != both["fold_other"]).sum())
    if moved:
        return (
            f"{other.name} cut the same people into other folds ({moved} of {len(both)} scans lie "
            "elsewhere), so its models learned from people that these were tested on."
        )
    aged = int((both["age_years"] != both["age_years_other"]).sum())
    return f"{aged} of the {len(both)} test scans had another age in {other.name}." if aged else ""


def what_else_differs(study: Study, other: Study) -> list[str]:
    """Name what differs besides the arms, so that nobody takes it for the arms' doing."""
    differs = []
    mine, theirs = images.of(study.preset), images.of(other.preset)
    if mine != theirs:
        differs.append(f"the images ({mine.label} here, {theirs.label} there)")
    if study.preset != other.preset.changed(mine.overrides):
        differs.append(
            f"the preset ({study.preset.name} here, {other.preset.name} there, or changed fields of it)"
        )
    if study.cohort_id != other.cohort_id:
        differs.append(f"the pretraining pool ({study.cohort_id} here, {other.cohort_id} there)")
    return differs


def _target(study: Study) -> pd.DataFrame:
    target = study.scans().query("role == 'target'")
    return target.set_index("scan_id")[["sha256", "fold", "age_years"]]
