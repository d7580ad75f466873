"""One scan with what it was judged by: its row of metrics, the reference, and what made the score."""

import json
import math
from dataclasses import dataclass, field

import pandas as pd

from curation import scores as scores_
from curation.anchors import Anchor, Reference
from curation.errors import DamagedError
from curation.groups import POOLED, groups_of, sites_of
from curation.metrics import up_to_date
from curation.workspace import Workspace
from pages.ui import cached, flags


@dataclass(frozen=True)
class Judged:
    """What is known of a scan beside its scores.

    Parameters
    ----------
    reference : Reference
        What judged it, or would.
    site : str or None
        Where it was made, see :func:`curation.groups.sites_of`.
    group : str
        The group of comparable scans that it is judged with, see :mod:`curation.groups`.
    row : pandas.Series
        Its row of metrics; empty where it is not measured, or could not be.
    parts : pandas.DataFrame
        As :func:`curation.scores.explain` returns; empty like ``row``.
    anchors : dict of str to Anchor
        What its metrics were judged by; none for those that a model judged.
    flags : dict of str to str
        What was recognised, with the evidence.
    failure : str or None
        Why it could not be measured, or what was measured cannot be read.
    """

    reference: Reference
    site: str | None
    group: str = POOLED
    row: pd.Series = field(default_factory=lambda: pd.Series(dtype=object))
    parts: pd.DataFrame = field(default_factory=pd.DataFrame)
    anchors: dict[str, Anchor] = field(default_factory=dict)
    flags: dict[str, str] = field(default_factory=dict)
    failure: str | None = None

    @property
    def measured(self) -> bool:
        """Whether there is a row of metrics."""
        return not self.row.empty

    def usual(self, metric: str) -> float:
        """Return a metric's median in the scan's group, where a model judges it; NaN elsewhere."""
        model = self.reference.model
        if model is None or metric not in model.metrics:
            return math.nan
        rows = model.groups.get(self.group, model.quantiles)
        row = rows[model.metrics.index(metric)]
        middle = row[len(row) // 2]
        return math.nan if middle is None else float(middle)

    @property
    def outdated(self) -> bool:
        """Whether an older version of the metrics measured it."""
        return self.measured and not up_to_date(self.row.to_frame().T).all()

    @property
    def reasons(self) -> dict[str, str]:
        """Why some metrics have no value."""
        return json.loads(self.row.get("reasons") or "{}")

    def reason(self, metric: str) -> str:
        """Say why a metric has no value."""
        if metric in self.reasons:
            return self.reasons[metric]
        if str(self.row.get("measured_by", "")).startswith("mriqc"):
            return "the imported table has no value"
        if self.outdated:
            return "measured by an older version; score the scans again"
        return "no reason was noted"


def of(workspace: Workspace, scan: pd.Series) -> Judged:
    """Gather what is known of a scan, a row of the scored scans."""
    named = scan.get("reference")
    reference = cached.reference(workspace, named if isinstance(named, str) else None)
    site = sites_of(scan.to_frame().T).iloc[0]
    try:
        row = cached.metrics_row(workspace, scan["scan_id"])
    except DamagedError as error:
        return Judged(reference, site, failure=str(error))
    if row is None:
        return Judged(reference, site)
    if isinstance(row.get("failure"), str):
        return Judged(reference, site, failure=row["failure"])
    table = row.to_frame().T
    group = str(groups_of(table, pd.Series([site], table.index)).iloc[0])
    return Judged(
        reference,
        site,
        group,
        row,
        scores_.explain(row, reference, site),
        _anchors(reference, group),
        flags.of_row(row),
    )


def _anchors(reference: Reference, group: str) -> dict[str, Anchor]:
    """Return the anchors that judge a group's scans, of the metrics that no model judges."""
    modelled = reference.model.metrics if reference.model else ()
    anchors = reference.anchors_of(group).items()
    return {name: anchor for name, anchor in anchors if name not in modelled}
