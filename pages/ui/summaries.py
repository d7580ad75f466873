"""What the pages say of many scans: pure functions from tables to small tables."""

from collections.abc import Callable, Collection

import pandas as pd

from curation import tables, tiers
from curation.tables import STATUSES
from curation.tiers import UNSCORED, TierRule
from curation.workspace import Source

#: Orders of the list on Review: label -> the scans in that order.
SORTS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "worst first": lambda t: t.sort_values("distortion_score", ascending=False, kind="stable"),
    "best first": lambda t: t.sort_values("distortion_score", kind="stable"),
    "by name": lambda t: t.sort_values("scan_id"),
}


def usable(scans: pd.DataFrame) -> pd.DataFrame:
    """Return the scans that can be scored: readable ones, and those whose metrics were imported."""
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
    said = f"{known.mean():.1f} ({known.min():.0f}–{known.max():.0f})"
    return said + (f", {missing} not known" if missing else "")


def problems(scans: pd.DataFrame) -> pd.DataFrame:
    """Return the scans that cannot be used, with the reason of each."""
    columns = ["status", "source", "participant_id", "reason", "path"]
    return scans.loc[~scans["status"].isin(tables.SCORABLE), columns]


def review_list(
    scored: pd.DataFrame, *, sort: str, sources: Collection[str] = (),
    tier_names: Collection[str] = (), leave_out: Collection[str] = (),
    only: Collection[str] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Return the scans to look at, in order.

    Parameters
    ----------
    scored : pandas.DataFrame
        Usable scans with ``distortion_score`` and ``tier``.
    sort : str
        Key in :data:`SORTS`; scans without a score come last.
    sources, tier_names : collection of str
        Keep only these; empty keeps all.
    leave_out : collection of str
        Ids of scans that are not shown.
    only : collection of str, optional
        Ids of the only scans that are shown.
    """
    keep = ~scored["scan_id"].isin(leave_out)
    if only is not None:
        keep &= scored["scan_id"].isin(only)
    if sources:
        keep &= scored["source"].isin(sources)
    if tier_names:
        keep &= scored["tier"].isin(tier_names)
    return SORTS[sort](scored[keep])


def open_scan(scans: pd.DataFrame, scan_id: str | None) -> tuple[str, float] | None:
    """Return id and distortion score of the scan that is open, if it is among these and scored."""
    found = scans.loc[scans["scan_id"] == scan_id, "distortion_score"].dropna()
    return (str(scan_id), float(found.iloc[0])) if len(found) else None


def tier_table(scans: pd.DataFrame, rule: TierRule) -> pd.DataFrame:
    """Describe each tier: scans, share, people, ages, sex.

    Parameters
    ----------
    scans : pandas.DataFrame
        With ``tier``, ``subject_id``, ``age_years`` and ``sex``.
    rule : TierRule
        Made the tiers.

    Returns
    -------
    pandas.DataFrame
        One row a tier: ``tier scans share people age_mean_years age_sd_years female``; ``female``
        is the share among those whose sex is known, 0 to 1.
    """
    table = tiers.counts(scans["tier"], rule)
    groups = scans.groupby("tier")
    sex = scans["sex"].astype("str").str.upper().str[:1]
    female = (sex == "F").where(sex.isin(["F", "M"])).groupby(scans["tier"]).mean()
    return table.assign(
        people=table["tier"].map(groups["subject_id"].nunique()).fillna(0).astype(int),
        age_mean_years=table["tier"].map(groups["age_years"].mean()),
        age_sd_years=table["tier"].map(groups["age_years"].std()),
        female=table["tier"].map(female.astype("float64")),
    )


def tiers_by_site(scans: pd.DataFrame, rule: TierRule) -> pd.DataFrame:
    """Count the scans of each site per tier.

    Returns
    -------
    pandas.DataFrame
        One row a site (``not known`` where none is given), one column a tier, ``scans`` in all.
    """
    site = scans["site"].fillna("not known").rename("site")
    found = pd.crosstab(site, scans["tier"])
    order = [*rule.names, *([UNSCORED] if UNSCORED in found else [])]
    return found.reindex(columns=order, fill_value=0).assign(scans=found.sum(axis=1))


def tier_ranges(rule: TierRule) -> dict[str, str]:
    """Say for each tier which scores it holds."""
    held = (line.split(": ", 1)[1] for line in rule.describe())
    return dict(zip(rule.names, held, strict=True))
