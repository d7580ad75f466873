"""Active learning: the scan whose rating is most informative comes next.

The rule is meant to be explained in a sentence. First come scans where ratings and score are at odds (the
score is on one side of the cut-off, most raters on the other) and that fewer than three people have
rated, the widest gap first: another opinion says whether the score or the rater is wrong. Then come scans
that nobody has rated, the nearest to the cut-off first: there the score decides by a hair. Equal ones
come by their id, so that the order is the same each time.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from curation.ratings import rating_log
from curation.sessions import passed_on_cutoff
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.tiers.tier_rule import DEFAULT_RULE

#: With this many raters, a dispute between score and ratings is for people to settle, not for another rating.
ENOUGH_RATERS = 3
SUGGESTION_COLUMNS = ["scan_id", "distortion_score", "kind", "gap", "reason"]


def next_to_rate(
    workspace: Workspace,
    *,
    rater: str | None = None,
    cutoff: float | None = None,
    leave_out: Collection[str] = (),
) -> pd.DataFrame:
    """Return the scans worth rating next, the one that would teach most first.

    Parameters
    ----------
    workspace : Workspace
        Its scored scans with an image are looked at.
    rater : str, optional
        Scans that this person has rated are left out.
    cutoff : float, optional
        Where bad scans begin. By default what was suggested and passed on, if it is of these scores; else
        the last cut-off of the default rule.
    leave_out : collection of str
        More ids to leave out, such as those of a list that is being rated.

    Returns
    -------
    pandas.DataFrame
        ``scan_id``, ``distortion_score``, ``kind`` (``'at odds'`` or ``'near the cut-off'``), ``gap`` (points
        between score and cut-off) and ``reason`` in a sentence; no rows where there is nothing to learn.
    """
    scans = tables.read_scored_scans(workspace)
    cut = _cutoff(workspace, scans) if cutoff is None else cutoff
    scans = scans[(scans["status"] == "ok") & scans["distortion_score"].notna()]
    given = rating_log.current(rating_log.list_ratings(workspace))
    given = given[~given["repeat"]].drop_duplicates(["rater", "scan_id"], keep="last")
    barred = set(leave_out) | set(given.loc[given["rater"] == rater, "scan_id"])
    # of a session that is running it is told that a scan was rated, not how it lies against the score
    verdicts = given.groupby("scan_id")["excluded"].agg(["size", "mean"])
    against = rating_log.counted(given).groupby("scan_id")["excluded"].mean()
    verdicts["mean"] = against.reindex(verdicts.index)
    table = scans[["scan_id", "distortion_score"]].merge(
        verdicts, left_on="scan_id", right_index=True, how="left"
    )
    table = table[~table["scan_id"].isin(list(barred))]
    table["gap"] = (table["distortion_score"] - cut).abs().round(6)
    bad = table["distortion_score"] >= cut
    odds = (table["size"] < ENOUGH_RATERS) & np.where(bad, table["mean"] < 0.5, table["mean"] > 0.5)
    disputed = table[odds].sort_values(["gap", "scan_id"], ascending=[False, True])
    unrated = table[table["size"].isna()].sort_values(["gap", "scan_id"])
    listed = pd.concat([disputed.assign(kind="at odds"), unrated.assign(kind="near the cut-off")])
    reasons = [_reason(row.kind, row.distortion_score, cut, row.gap) for row in listed.itertuples()]
    return listed.assign(reason=pd.Series(reasons, listed.index, dtype="str"))[
        SUGGESTION_COLUMNS
    ].reset_index(drop=True)


def _cutoff(workspace: Workspace, scored: pd.DataFrame) -> float:
    latest = passed_on_cutoff.latest_suggestion(workspace)
    holds = latest is not None and passed_on_cutoff.is_of(latest, scored)
    return latest.cutoff if latest and holds else DEFAULT_RULE.cutoffs[-1]


def _reason(kind: str, score: float, cut: float, gap: float) -> str:
    if kind == "at odds":
        side, said = ("above", "keep") if score >= cut else ("below", "exclude")
        return (
            f"Its score, {score:.1f}, is {side} the cut-off of {cut:.1f}, but most of its ratings {said} it: "
            "another opinion says which of them is wrong."
        )
    return f"Nobody has rated it, and its score is {gap:.1f} points from the cut-off of {cut:.1f}."
