"""Overrides: tiers given to single scans by hand, against the rule, each with its reason."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
import sqlalchemy as sa

from curation import __version__
from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import database, schema
from curation.errors import OverrideError
from curation.ratings.rating_record import MAX_COMMENT, MAX_RATER
from curation.storage.workspace import Workspace
from curation.tiers import assignment, rule_values
from curation.tiers.tier_rule import TierRule


@dataclass(frozen=True)
class TierByHand:
    """A tier that a scan has by hand, as it is kept with a frozen cohort.

    Parameters
    ----------
    scan_id, tier : str
        Which scan, and its tier.
    reason, author, at : str
        Why, who decided, and when (ISO 8601, UTC).
    """

    scan_id: str
    tier: str
    reason: str
    author: str
    at: str


@guarded(Action.OVERRIDE, author="author")
def override(workspace: Workspace, scan_id: str, author: str, tier: str | None, reason: str) -> int:
    """Append the decision that a scan belongs to a tier, whatever its score says.

    Parameters
    ----------
    workspace : Workspace
        Where it goes.
    scan_id, author : str
        Which scan, and who decides.
    tier : str or None
        The tier; ``None`` gives the scan back to the rule.
    reason : str
        Why. Never empty.

    Returns
    -------
    int
        The number of the decision, safely stored.

    Raises
    ------
    OverrideError
        Without author or reason.
    """
    author, reason = author.strip(), reason.strip()
    if not author or len(author) > MAX_RATER:
        raise OverrideError(f"Say who decides, in at most {MAX_RATER} letters.")
    if not reason or len(reason) > MAX_COMMENT:
        raise OverrideError(
            f"An override needs a reason, of at most {MAX_COMMENT} letters: say what the score misses."
        )
    if tier is not None and not 0 < len(tier) <= 50:
        raise OverrideError("Name the tier that the scan belongs to.")
    row = {
        "at": database.now(),
        "scan_id": scan_id,
        "author": author,
        "tier": tier,
        "reason": reason,
        "version": __version__,
    }
    insert = schema.overrides.insert().values(row).returning(schema.overrides.c.id)
    with database.writing(workspace) as connection:
        return connection.execute(insert).scalar_one()


def list_overrides(workspace: Workspace, scan_id: str | None = None) -> pd.DataFrame:
    """Return all decisions with the columns of the table ``overrides``, oldest first.

    ``tier`` is ``None`` where a scan was given back to the rule. See
    :func:`curation.decisions.database.oldest_first`.
    """
    table = schema.overrides
    query = sa.select(table)
    if scan_id is not None:
        query = query.where(table.c.scan_id == scan_id)
    with database.engine(workspace).connect() as connection:
        rows = connection.execute(query)
        found = pd.DataFrame(database.oldest_first(rows), columns=list(rows.keys()))
    tier = found["tier"].astype(object)
    return found.assign(tier=tier.where(tier.notna(), None))  # none: given back to the rule


def in_force(workspace: Workspace) -> pd.DataFrame:
    """Return the decisions that hold: each scan's newest, unless it gives the scan back to the rule."""
    newest = list_overrides(workspace).drop_duplicates("scan_id", keep="last")
    return newest[newest["tier"].notna()].reset_index(drop=True)


def reasons(workspace: Workspace, scans: pd.DataFrame, rule: TierRule) -> pd.Series:
    """Return why each scan has its tier by hand, a tier that the rule has.

    Returns
    -------
    pandas.Series of object
        The reason, ``None`` where the rule gave the tier; the index of ``scans``.
    """
    decided = _of_rule(in_force(workspace), rule)
    reason = dict(zip(decided["scan_id"], decided["reason"], strict=True))
    told = np.full(len(scans), None, dtype=object)
    held = np.flatnonzero(scans["scan_id"].isin(list(reason)))  # few of many
    told[held] = [reason[scan_id] for scan_id in scans["scan_id"].iloc[held]]
    return pd.Series(told, scans.index, dtype=object)


def of_scans(
    decided: pd.DataFrame, scan_ids: Collection[str], rule: TierRule
) -> tuple[TierByHand, ...]:
    """Return the tiers by hand that hold for some scans under a rule, ordered by ``scan_id``.

    Parameters
    ----------
    decided : pandas.DataFrame
        As of :func:`in_force`.
    scan_ids : collection of str
        Which scans.
    rule : TierRule
        A decision for a tier that it does not have counts for nothing.
    """
    held = _of_rule(decided, rule)
    held = held[held["scan_id"].isin(list(scan_ids))].sort_values("scan_id")
    return tuple(
        TierByHand(
            row.scan_id, row.tier, row.reason, row.author, row.at.isoformat(timespec="seconds")
        )
        for row in held.itertuples()
    )


def _of_rule(decided: pd.DataFrame, rule: TierRule) -> pd.DataFrame:
    return decided[decided["tier"].isin(rule.tiers)]


def tiers_with_overrides(workspace: Workspace, scans: pd.DataFrame, rule: TierRule) -> pd.Series:
    """Return the tier of each scan: by hand where somebody decided, else by the rule.

    Parameters
    ----------
    workspace : Workspace
        Where the decisions are, and the metrics that the rule looks at and ``scans`` lacks.
    scans : pandas.DataFrame
        With ``scan_id``, ``sha256``, ``site`` and the scores.
    rule : TierRule
        The rule. A decision for a tier that it does not have counts for nothing.

    Returns
    -------
    pandas.Series of str
        One of ``rule.labels`` a scan; the index of ``scans``.
    """
    table = rule_values.beside(workspace, scans, rule.columns)
    arrays = assignment.prepare(table, rule.columns)
    codes = assignment.assign_codes(arrays, rule)
    decided, _ = assignment.with_decisions(codes, arrays, rule, in_force(workspace))
    return pd.Series(assignment.names(decided, rule), scans.index)
