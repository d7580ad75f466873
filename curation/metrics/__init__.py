"""Quality metrics: one registry, one small file a family, one pure function a metric."""

import math
from collections.abc import Iterable

from curation.masks import Masks
from curation.metrics import (  # noqa: F401 - importing a family fills the registry
    blur,
    contrast,
    geometry,
    incompleteness,
    inhomogeneity,
    motion,
    mriqc_set,
    noise,
)
from curation.metrics.registry import METRICS, NEEDS, Metric, NotMeasurable
from curation.metrics.scan import Scan
from curation.volumes import Volume

__all__ = ["METRICS", "METRICS_VERSION", "NEEDS", "Metric", "NotMeasurable", "Scan", "measure"]

#: Raised with every change that alters a value, so that scans are measured anew.
METRICS_VERSION = 5


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
