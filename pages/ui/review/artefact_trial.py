"""Trial of an artefact on one scan, in memory alone: the altered image and its metrics.

Nothing of a trial is stored, and the file is only read.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import streamlit as st

from curation.assessment.assess_scan import assess_volume
from curation.imaging import volumes
from curation.imaging.volumes import Volume
from curation.simulation import artefacts
from curation.simulation.artefacts import ARTEFACTS
from pages.ui.shell import cache
from pages.ui.viewer import niivue_viewer
from pages.ui.viewer.browser_image import PreparedImage
from pages.ui.viewer.image_overlays import MEASURING


@dataclass(frozen=True)
class Trial:
    """An artefact with its severity and seed.

    Parameters
    ----------
    artefact : str
        Key in :data:`curation.simulation.artefacts.ARTEFACTS`.
    severity : float
        0 (the scan as it is) to 1.
    seed : int
        Which draw of it.
    """

    artefact: str
    severity: float
    seed: int = 0

    @property
    def words(self) -> str:
        """Artefact and severity in words."""
        return f"{ARTEFACTS[self.artefact].label}, severity {self.severity:g}"

    @property
    def alters(self) -> bool:
        """Whether the image differs from the scan."""
        return self.severity > 0


def altered(volume: Volume, trial: Trial) -> Volume:
    """Return the image with the artefact; the volume stays as it is."""
    data = artefacts.apply(trial.artefact, volume.data, trial.severity, trial.seed)
    return replace(volume, data=data)


def altered_image(path: Path, window: str, trial: Trial) -> PreparedImage:
    """Return the altered image for the browser; cached.

    Raises
    ------
    VolumeError
        When the file cannot be read as an image.
    """
    return niivue_viewer.prepare_image(
        ("trial", str(path), cache.stamp(path), trial),
        lambda: altered(volumes.conform(volumes.load(path)), trial),
        window,
        "Making the artefact …",
    )


def measure_altered(path: Path, sha256: str, trial: Trial) -> pd.Series:
    """Measure the altered image; the last 64 are cached.

    Returns
    -------
    pandas.Series
        Like a row of the metrics table: ``scan_id`` and ``sha256`` (of the untouched file) and a value a
        metric.

    Raises
    ------
    VolumeError
        When the file cannot be read as an image.
    """
    return _measured(str(path), sha256, cache.stamp(path), trial)


def metric_changes(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Say which metrics moved, by how much their penalty changed.

    Parameters
    ----------
    before, after : pandas.DataFrame
        As :func:`curation.scoring.distortion_score.explain` returns.

    Returns
    -------
    pandas.DataFrame
        ``metric family value_before value_after penalty_before penalty_after``, the largest change
        first; what was or became not measurable counts as the largest.
    """
    kept = ["metric", "family", "value", "penalty"]
    both = before[kept].merge(
        after[kept], on=["metric", "family"], how="outer", suffixes=("_before", "_after")
    )
    change = (both["penalty_after"] - both["penalty_before"]).abs()
    lost = both["penalty_after"].isna() != both["penalty_before"].isna()
    order = change.where(~lost, 101.0).fillna(0.0).sort_values(ascending=False, kind="stable")
    return both.loc[order[order > 0].index].reset_index(drop=True)


@st.cache_resource(max_entries=64, show_spinner=False)
def _measured(path: str, sha256: str, changed: cache.Stamp, trial: Trial) -> pd.Series:
    with MEASURING:
        volume = altered(volumes.conform(volumes.load(Path(path))), trial)
        values, *_ = assess_volume(volume)
    return pd.Series({"scan_id": "", "sha256": sha256} | values, dtype=object)
