"""The rules of a pool and of its target: only by the same rule is the same letter the same quality."""

from collections.abc import Iterable

from curation.cohorts.frozen_cohort import CohortHeader
from curation.tiers.tier_rule import TierRule


def newest_pool(headers: Iterable[CohortHeader]) -> CohortHeader | None:
    """Return the first pool cohort of some, newest first: its rule a target takes unless told otherwise."""
    return next((header for header in headers if header.role == "pool"), None)


def same(pool: TierRule, target: TierRule) -> bool:
    """Tell whether two rules do the same to every scan."""
    return pool.identity() == target.identity()


def in_words(rule: TierRule) -> str:
    """Return a rule in one line that names no site: what is cut, what each tier holds, gates."""
    parts = [f"{rule.measure.label.lower()}, {', '.join(rule.describe())}"]
    parts += [gate.describe() for gate in rule.gates]
    parts += ["some sites have cut-offs of their own"] if rule.by_site else []
    return "; ".join(parts)


def difference(pool: TierRule, target: TierRule) -> str:
    """Say that two rules differ, and how; empty where they are the same."""
    if same(pool, target):
        return ""
    return (
        "Pool and target were cut by different rules, so the same letter is not the same quality in both. "
        f"Pool: {in_words(pool)}. Target: {in_words(target)}."
    )
