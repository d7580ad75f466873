"""Quality metrics: one registry, one module a family, one pure function a metric."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd

from curation.errors import NotMeasurable
from curation.imaging.masks import Masks
from curation.imaging.volumes import Volume
from curation.metrics import (  # noqa: F401 - importing a family fills the registry
    blur,
    contrast,
    geometry,
    incompleteness,
    inhomogeneity,
    motion,
    mriqc_metrics,
    noise,
    prepared,
)
from curation.metrics.registry import METRICS, NEEDS, Metric
from curation.metrics.scan_context import Scan

__all__ = [
    "METRICS",
    "METRICS_VERSION",
    "NEEDS",
    "Metric",
    "NotMeasurable",
    "Scan",
    "measure",
    "up_to_date",
]

#: Raised with every change that alters a value or a flag, so that scans are measured anew.
METRICS_VERSION = 11


def up_to_date(metrics: pd.DataFrame) -> pd.Series:
    """Return which rows of metrics are up to date.

    Parameters
    ----------
    metrics : pandas.DataFrame
        With ``metrics_version``.

    Returns
    -------
    pandas.Series of bool
        True for rows of this version. Version 11 finds breaks between lines of k-space, takes off what chance
        explains of uneven ones, and no longer counts grain that is alike in neighbours as ripples.
    """
    unknown = pd.Series(np.nan, metrics.index)
    version = pd.to_numeric(metrics.get("metrics_version", unknown))
    return version == METRICS_VERSION


def measure(
    volume: Volume, masks: Masks, names: Iterable[str] = METRICS
) -> tuple[dict[str, float], dict[str, str]]:
    """Measure every metric of the registry, or some.

    Parameters
    ----------
    volume : Volume
        In RAS order.
    masks : Masks
        Found on it.
    names : iterable of str
        Keys of the registry.

    Returns
    -------
    values : dict of str to float
        One value a metric; NaN where it cannot be measured.
    reasons : dict of str to str
        Why not, for each NaN.
    """
    scan = Scan(volume, masks)
    values, reasons = {}, {}
    for name in names:
        entry = METRICS[name]
        try:
            values[name] = _value(entry, scan)
        except NotMeasurable as why:
            values[name], reasons[name] = math.nan, str(why)
    return values, reasons


def _value(entry: Metric, scan: Scan) -> float:
    for need in sorted(entry.needs):
        if need in scan.masks.absent:
            raise NotMeasurable(scan.masks.absent[need])
    value = float(entry.function(scan))
    if not math.isfinite(value):
        raise NotMeasurable("its formula has no finite value on this image")
    return value
