"""Summaries of many scans: pure functions from tables to small tables and words."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from curation.ratings import rating_log
from curation.ratings.rating_record import ARTEFACTS
from curation.sessions import suggested_cutoff
from curation.storage import tables
from curation.storage.tables import STATUSES
from curation.storage.workspace import Source
from curation.wording import plural
from pages.ui.shell import formatting

#: The order in which scans are looked at first.
WORST_FIRST = "worst first"
#: Orders of the list on Review: label -> the scans in that order.
SORTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    WORST_FIRST: lambda t: t.sort_values("distortion_score", ascending=False, kind="stable"),
    "best first": lambda t: t.sort_values("distortion_score", kind="stable"),
    "by name": lambda t: t.sort_values("scan_id"),
}

#: The order of a list of scans that are like one of them: as they were found.
BY_LIKENESS = "by likeness"


def usable(scans: pd.DataFrame) -> pd.DataFrame:
    """Return the scans that can be scored: readable ones, and those with imported metrics."""
    return scans[scans["status"].isin(tables.SCORABLE)]


def sources_table(sources: list[Source], scans: pd.DataFrame) -> pd.DataFrame:
    """Describe each source: role, scans by status, people, ages, sites.

    Returns
    -------
    pandas.DataFrame
        One row a source: ``source role scans people`` ``usable``, one column a status, ``age_years`` (text,
        mean and range in years), ``sites`` (number), ``simulated``, ``path``.
    """
    rows = []
    for source in sources:
        its = scans[scans["source"] == source.name]
        good = usable(its)
        rows.append(
            {
                "source": source.name,
                "role": source.role,
                "scans": len(its),
                "usable": len(good),
                "people": good["subject_id"].nunique(),
                **{status: int((its["status"] == status).sum()) for status in STATUSES},
                "age": ages(good["age_years"]),
                "sites": good["site"].nunique(),
                "simulated": source.simulated,
                "kind": source.kind,
                "path": source.path,
            }
        )
    return pd.DataFrame(rows)


def ages(years: pd.Series) -> str:
    """Say mean, range and gaps of some ages, in years."""
    known = years.dropna()
    if known.empty:
        return "not known"
    missing = len(years) - len(known)
    text = f"{known.mean():.1f} ({known.min():.0f}–{known.max():.0f})"
    return text + (f", {missing} not known" if missing else "")


def problems(scans: pd.DataFrame) -> pd.DataFrame:
    """Return the scans that cannot be used, with the reason of each."""
    columns = ["status", "source", "participant_id", "reason", "path"]
    return scans.loc[scans["status"].isin(tables.TROUBLES), columns]


def without_image(scans: pd.DataFrame) -> pd.Series:
    """Return which rows are people of whom a source names no image, rather than scans."""
    return (scans["status"] == "missing") & scans["path"].isna()


def not_shown_words(scans: pd.DataFrame) -> str:
    """Say how many scans cannot be shown, and how many people are listed without one; else nothing."""
    unusable = scans[scans["status"].isin(tables.TROUBLES)]
    people = int(without_image(unusable).sum())
    told = []
    if unread := len(unusable) - people:
        told.append(f"{plural(unread, 'more scan')} cannot be shown; the page Cohort says why.")
    if people:
        are = "person is" if people == 1 else "people are"
        told.append(f"{people:,} {are} listed without an image; the page Cohort names them.")
    return " ".join(told)


def rating_words(ratings: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return each rater's newest word of each scan that has any, each word once, the newest first.

    Parameters
    ----------
    ratings : pandas.DataFrame
        Those that count, see :func:`curation.ratings.rating_log.counted`. Of a scan that was adjudicated the
        adjudicator's opinion alone is told.
    """
    standing = rating_log.current(ratings)
    standing = standing[~standing["repeat"]].drop_duplicates(
        ["rater", "scan_id", "role"], keep="last"
    )
    standing = standing.iloc[::-1]
    settled = standing[standing["role"] == "adjudicator"].drop_duplicates("scan_id")
    open_ones = standing[~standing["scan_id"].isin(settled["scan_id"])]
    told = pd.concat([settled, open_ones]).drop_duplicates(["scan_id", "label"])
    return {str(scan_id): tuple(its) for scan_id, its in told.groupby("scan_id")["label"]}


def running_words(ratings: int, sessions: int, happens: str = "counted") -> str:
    """Say how many ratings of how many sessions wait until they are ended, and for what; nothing without any.

    See :func:`curation.ratings.rating_log.not_counted`.
    """
    if not ratings:
        return ""
    several = f"{sessions:,} blinded sessions that are still running"
    whose = "a blinded session that is still running" if sessions == 1 else several
    when = "it is ended" if sessions == 1 else "these are ended"
    are = "is" if ratings == 1 else "are"
    shown = "one that is rated through is ended by Show what was hidden"
    return f"{plural(ratings, 'rating')} of {whose} {are} {happens} when {when}; {shown}."


@dataclass(frozen=True)
class CountedScans:
    """Which rated scans count for the cut-off, and why others do not.

    Parameters
    ----------
    rated : int
        Scans that anybody rated, on whatever scale.
    counted : int
        Those that are set against their score.
    unscored : int
        Those that only lack a score.
    left_out : str
        How many others there are, for each reason; empty where there are none.
    """

    rated: int
    counted: int
    unscored: int
    left_out: str


def counted_scans(
    ratings: pd.DataFrame, counting: pd.DataFrame, scored: Collection[str]
) -> CountedScans:
    """Count the rated scans that a cut-off of the score is found from.

    Parameters
    ----------
    ratings, counting : pandas.DataFrame
        All ratings, and those that count, see :func:`curation.ratings.rating_log.counted`.
    scored : collection of str
        Ids of the scans that have a score.
    """
    rated = set(suggested_cutoff.exclusion_labels(ratings)["scan_id"])
    labels = suggested_cutoff.exclusion_labels(counting)
    judged = labels[labels["scan_id"].isin(scored)]
    unscored = len(labels) - len(judged)
    reasons = (
        (len(rated) - len(labels), "rated only in a blinded session that is still running"),
        (unscored, "without a score"),
        (
            int((~judged["decided"]).sum()),
            "that as many raters keep as exclude (an adjudication decides)",
        ),
    )
    left_out = [f"{count:,} {reason}" for count, reason in reasons if count]
    return CountedScans(len(rated), int(judged["decided"].sum()), unscored, ", ".join(left_out))


def said_besides(artefacts: tuple[str, ...], comment: str, marked: int, how_sure: str = "") -> str:
    """Return tags, certainty, comment and number of marked places of a rating."""
    labels = ", ".join(ARTEFACTS[key].label for key in artefacts if key in ARTEFACTS)
    places = f"{plural(marked, 'place')} marked" if marked else ""
    return (
        ". ".join(part for part in (labels, how_sure, comment, places) if part) or formatting.DASH
    )


def with_ends_worth_telling(scans: pd.DataFrame) -> pd.DataFrame:
    """Return scans whose ``score_high`` is known only where it lies notably above the score."""
    if "score_high" not in scans:
        return scans
    apart = scans["score_high"] - scans["distortion_score"]
    return scans.assign(score_high=scans["score_high"].where(apart >= formatting.WORTH_TELLING))


def review_list(
    scored: pd.DataFrame,
    *,
    sort: str,
    sources: Collection[str] = (),
    tier_names: Collection[str] = (),
    leave_out: Collection[str] = (),
    only: Collection[str] | None = None,
    alike: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the scans to look at, in order.

    Parameters
    ----------
    scored : pandas.DataFrame
        Usable scans with ``distortion_score`` and ``tier``.
    sort : str
        Key in :data:`SORTS`, or :data:`BY_LIKENESS`; scans without a score come last.
    sources, tier_names : collection of str
        Keep only these; empty keeps all.
    leave_out : collection of str
        Ids of scans that are not shown.
    only : collection of str, optional
        Ids of the only scans that are shown.
    alike : sequence of str
        Ids in the order of :data:`BY_LIKENESS`; a scan that is not among them comes last.
    """
    keep = ~scored["scan_id"].isin(leave_out)
    if only is not None:
        keep &= scored["scan_id"].isin(only)
    if sources:
        keep &= scored["source"].isin(sources)
    if tier_names:
        keep &= scored["tier"].isin(tier_names)
    if sort == BY_LIKENESS:
        places = {scan_id: place for place, scan_id in enumerate(alike)}
        return scored[keep].sort_values("scan_id", key=lambda ids: ids.map(places), kind="stable")
    return SORTS[sort](scored[keep])
