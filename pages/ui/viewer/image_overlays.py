"""Overlays of the viewer: masks of brain, of air and of what raises the score, and the places of metrics.

Computing them takes a second or more. So it is done in the background, one scan at a time, on request and for
a scan that is likely to be asked for; what was found on the last few scans is cached.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from curation.imaging import volumes
from curation.imaging.masks import find_masks
from curation.imaging.volumes import Volume
from curation.metrics import FoundPlace, find_places
from curation.metrics.incompleteness import has_signal, slice_drops
from curation.metrics.motion import averaged_air
from curation.metrics.scan_context import Scan
from pages.ui.shell import cache

#: Lock of the measuring of one scan, which takes seconds and up to two gigabytes: raters share the server.
MEASURING = threading.Lock()
Bools = NDArray[np.bool_]
#: Air this much brighter than the rest of it, as a share of white matter's brightness, is marked.
BRIGHT = 0.05
#: Slices this much darker than their neighbours are marked.
DARK = 0.15
_KEPT = 8
#: How long a scan has to be the one that was opened last before it is looked through unasked.
_PAUSE_S = 2.5


# ---- the layers ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """One mask that can be laid over a scan.

    Parameters
    ----------
    key, label : str
        Its key, and its name on the screen.
    colour_map, colour : str
        NiiVue's name of the colour, and the colour.
    score : bool
        Whether it shows where the score comes from.
    find : callable
        From a scan to the mask on its 2 mm grid.
    """

    key: str
    label: str
    colour_map: str
    colour: str
    score: bool
    find: Callable[[Scan], Bools]


def _air_structure(scan: Scan) -> Bools:
    """Air that is no grain, as MRIQC finds it, and air that stays bright when averaged."""
    smooth, where = scan.remembered(averaged_air)
    usual = float(np.median(smooth[where])) if where.any() else 0.0
    shapes = where & (smooth - usual > BRIGHT * scan.wm_mean)
    return (shapes | scan.air_artefacts) & ~scan.folded


def _missing(scan: Scan) -> Bools:
    """Brain without signal, and brain in slices that are darker than their neighbours."""
    inside = scan.masks.signed_distance_mm > 0
    dark = inside & ~has_signal(scan) & (scan.masks.signed_distance_mm > 4)
    for axis, (slices, drops) in enumerate(scan.remembered(slice_drops)):
        points = np.round(slices[drops > DARK] / scan.masks.step[axis]).astype(int)
        points = np.unique(np.minimum(points, dark.shape[axis] - 1))
        part = [slice(None)] * 3
        part[axis] = points  # type: ignore[call-overload]
        dark[tuple(part)] |= inside[tuple(part)]
    return dark


LAYERS: dict[str, Layer] = {
    layer.key: layer
    for layer in (
        Layer("brain", "Brain", "blue", "#2F6BFF", False, lambda scan: scan.masks.brain),
        Layer("air", "Air", "green", "#00C853", False, lambda scan: scan.masks.air),
        Layer(
            "structure",
            "Ghosts, structure in the air",
            "red",
            "#FF3B30",
            True,
            _air_structure,
        ),
        Layer(
            "folded",
            "Head folded over",
            "violet",
            "#C04DFF",
            True,
            lambda scan: scan.folded,
        ),
        Layer("missing", "Brain without signal, dark slices", "gold", "#FFC400", True, _missing),
    )
}


#: What is offered on the screen: label -> the layers that it shows.
CHOICES: dict[str, tuple[str, ...]] = {
    "Brain": ("brain",),
    "Air": ("air",),
    "Artefact voxels": tuple(layer.key for layer in LAYERS.values() if layer.score),
}


# ---- masks of one scan ---------------------------------------------------------------------------


@dataclass(frozen=True)
class OverlayMasks:
    """Overlay masks of one scan, their extent, and where its metrics are worst.

    Parameters
    ----------
    affine : array of shape (4, 4)
        From the index of the masks to world mm.
    masks : mapping of str to array of bool, shape (X, Y, Z)
        A mask a layer, on a 2 mm grid.
    shares : mapping of str to float
        How much of what it could fill a layer fills: of the air, or of the brain; 0 to 1.
    no_air : str or None
        Why there is no air to look at.
    places : mapping of str to FoundPlace
        As :func:`curation.metrics.find_places` returns.
    """

    affine: NDArray[np.float64]
    masks: Mapping[str, Bools] = field(repr=False)
    shares: Mapping[str, float]
    no_air: str | None
    places: Mapping[str, FoundPlace] = field(default_factory=dict)


def find_overlays(volume: Volume) -> OverlayMasks:
    """Find every layer and every place on a scan.

    Parameters
    ----------
    volume : Volume
        In RAS order.
    """
    with threadpool_limits(1):
        masks = find_masks(volume)
        scan = Scan(volume, masks)
        found = {key: np.asarray(layer.find(scan)) for key, layer in LAYERS.items()}
        places = find_places(scan)
    air, brain = max(1, int(masks.air.sum())), max(1, int((masks.signed_distance_mm > 0).sum()))
    of = {"structure": air, "folded": air, "missing": brain}
    shares = {key: float(found[key].sum()) / of[key] for key in of}
    affine = volume.affine @ np.diag([*masks.step, 1.0])
    return OverlayMasks(affine, found, shares, masks.absent.get("air"), places)


# ---- in the background ---------------------------------------------------------------------------


class OverlayFinder:
    """Computes overlays in the background and caches those of the last scans."""

    def __init__(self, find: Callable[[Path], OverlayMasks]) -> None:
        self._find = find
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="evidence")
        self._found: OrderedDict[object, Future[OverlayMasks]] = OrderedDict()
        self._lock = threading.Lock()
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="evidence-ahead")
        self._newest: Path | None = None

    def ask(self, path: Path) -> Future[OverlayMasks]:
        """Return the present or future overlays of a scan."""
        key = (str(path), cache.stamp(path))
        with self._lock:
            if key not in self._found:
                self._found[key] = self._pool.submit(self._find, path)
            self._found.move_to_end(key)
            while len(self._found) > _KEPT:
                _, oldest = self._found.popitem(last=False)
                oldest.cancel()
            return self._found[key]

    def prepare(self, path: Path) -> None:
        """Look through a scan unasked, unless another one is opened at once.

        The very first is not waited for: it takes far longer than all others.
        """
        if path != self._newest:
            self._newest = path
            self._ahead.submit(self._later, path, _PAUSE_S if self._found else 0.0)

    def _later(self, path: Path, pause_s: float) -> None:
        if path == self._newest:
            time.sleep(pause_s)
        if path == self._newest:
            self.ask(path)


def request_overlays(path: Path) -> Future[OverlayMasks]:
    """Return the present or future overlays of a scan; the first request starts their computation.

    Its result raises :class:`curation.errors.VolumeError` where the file cannot be read.
    """
    return _finder().ask(path)


def prepare_overlays(path: Path) -> None:
    """Let the overlays of a scan be found in the background: they are likely to be asked for."""
    _finder().prepare(path)


@st.cache_resource(show_spinner=False)
def _finder() -> OverlayFinder:
    return OverlayFinder(_look)


def _look(path: Path) -> OverlayMasks:
    with MEASURING:
        return find_overlays(volumes.conform(volumes.load(path)))
