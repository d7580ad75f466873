"""Quality metrics: one registry, one module a family, one pure function a metric."""

import contextlib
import math
from collections.abc import Iterable
from typing import NamedTuple

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
from curation.metrics.registry import METRICS, NEEDS, PLACES, Metric
from curation.metrics.scan_context import Scan

__all__ = [
    "METRICS",
    "METRICS_VERSION",
    "NEEDS",
    "PLACES",
    "FoundPlace",
    "Metric",
    "NotMeasurable",
    "Scan",
    "find_places",
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


class FoundPlace(NamedTuple):
    """Where in an image something is.

    Parameters
    ----------
    mm : tuple of float
        In mm of the scan's world.
    plane : str
        In a slice of which plane; empty where none is meant.
    beyond : bool
        Whether it lies out of view, and this is the edge of the image nearest to it.
    """

    mm: tuple[float, float, float]
    plane: str = ""
    beyond: bool = False


#: What slices across each axis of a scan in RAS order are called.
_PLANES = ("sagittal", "coronal", "axial")


def find_places(scan: Scan) -> dict[str, FoundPlace]:
    """Find where in a scan the things that metrics measure are worst.

    Parameters
    ----------
    scan : Scan
        In RAS order.

    Returns
    -------
    dict of str to FoundPlace
        A place inside the image for each metric of :data:`PLACES` that has one in this scan.
    """
    found = {}
    for name, place in PLACES.items():
        with contextlib.suppress(NotMeasurable):
            _see_that_it_has(METRICS[name], scan)
            if (spot := place.spot(scan)) is not None:
                plane = "" if spot.axis is None else _PLANES[spot.axis]
                beyond = not scan.in_view(spot.point)
                found[name] = FoundPlace(scan.in_world(spot.point), plane, beyond)
    return found


def _see_that_it_has(entry: Metric, scan: Scan) -> None:
    """Refuse a metric that needs what the scan lacks."""
    for need in sorted(entry.needs):
        if need in scan.masks.absent:
            raise NotMeasurable(scan.masks.absent[need])


def _value(entry: Metric, scan: Scan) -> float:
    _see_that_it_has(entry, scan)
    value = float(entry.function(scan))
    if not math.isfinite(value):
        raise NotMeasurable("its formula has no finite value on this image")
    return value
