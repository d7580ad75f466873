"""Assessment of one scan: from its file to its row of the metrics table."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from curation.errors import VolumeError
from curation.faces import face_region, face_state
from curation.imaging.image_flags import recognise
from curation.imaging.masks import Masks, find_masks
from curation.imaging.thumbnails import write_preview
from curation.imaging.volumes import Volume, conform, load
from curation.metrics import METRICS, METRICS_VERSION, measure
from curation.sources import scan_vectors
from curation.sources.scan_vectors import VectorKind
from curation.storage import files

#: What stands in ``measured_by`` of the scans measured here.
MEASURED_BY = "tierscope"
#: The failure of a scan whose file was listed and is not there; it is tried again when it is back.
GONE = "the file is gone"
#: Failures of the moment: a share that was away, a machine without memory, a slip of ours. With these words
#: they begin, also in the tables of earlier versions; the next pass tries again.
UNREACHABLE = "the file cannot be "
OUT_OF_MEMORY = "the memory was used up while it was measured"
ENDED = "the process that measured it was ended by the system: perhaps for want of memory"
OUR_ERROR = "an error inside Tierscope: "
_OF_THE_MOMENT = (GONE, UNREACHABLE, OUT_OF_MEMORY, ENDED, OUR_ERROR)
#: Mutual information (nats) with the template below which there is no brain: noise has 0.01, a head of
#: which most is out of view 0.09, whole heads and brains 0.4 to 0.6.
MIN_SIMILARITY = 0.03


def assess_volume(volume: Volume) -> tuple[dict[str, float], dict[str, str], Masks]:
    """Measure one image in memory.

    Parameters
    ----------
    volume : Volume
        In RAS order.

    Returns
    -------
    values, reasons : dict
        See :func:`curation.metrics.measure`.
    masks : Masks
        What was found on it.
    """
    with one_thread():
        masks = find_masks(volume)
        values, reasons = measure(volume, masks)
    return values, reasons, masks


def one_thread() -> threadpool_limits:
    """Return a context of one thread: the order of sums, so their last bits, would depend on the cores."""
    return threadpool_limits(1)


def assess_file(
    path: Path,
    scan_id: str,
    sha256: str,
    preview_path: Path,
    modality: str | None = None,
    vector_paths: Mapping[str, Path] | None = None,
    whole_head: bool = False,
) -> dict[str, Any]:
    """Measure one file, draw its thumbnail, keep its vectors, and return its row of metrics.

    A file that cannot be read becomes a row with its ``failure``, so that the batch goes on.
    """
    started = time.monotonic()
    row = empty_row(scan_id, sha256)
    try:
        if files.sha256_of(path) != sha256:
            raise VolumeError("the file has changed since it was ingested; ingest it again")
        volume = conform(load(path))
        values, reasons, masks = assess_volume(volume)
        if masks.similarity < MIN_SIMILARITY:
            raise VolumeError("no brain could be found: nothing in this image agrees with one")
        row["template_affine"] = [float(value) for value in masks.template_affine.ravel()]
        row["reasons"] = in_json(reasons)
        with one_thread():
            face = face_region.look(masks.on_grid(volume), masks.template_affine)
        row["face_ml"] = face.ml
        row["flags"] = in_json(recognise(volume, masks, modality) | face_state.flag_of(face))
        row |= values
        write_preview(preview_path, volume, masks.template_affine, whole_head=whole_head)
        for kind, vector_path in (vector_paths or {}).items():
            _write_vector(vector_path, scan_vectors.KINDS[kind], volume, masks)
    except FileNotFoundError:
        row["failure"] = GONE
    except VolumeError as error:
        row["failure"] = str(error)
    except OSError as error:
        row["failure"] = f"{UNREACHABLE}read: {error.strerror or error}"
    except MemoryError:
        row["failure"] = OUT_OF_MEMORY
    row["seconds"] = round(time.monotonic() - started, 3)
    return row


def _write_vector(path: Path, kind: VectorKind, volume: Volume, masks: Masks) -> None:
    with one_thread():
        vector = kind.make(masks.on_grid(volume), masks.template_affine)
    scan_vectors.write(path, kind, vector)


def is_transient(failures: pd.Series) -> pd.Series:
    """Return which failures are transient; all others are of the file and stay."""
    return failures.str.startswith(_OF_THE_MOMENT)


def empty_row(scan_id: str, sha256: str) -> dict[str, Any]:
    """Return a row of the metrics table in which nothing is measured yet."""
    return {
        "scan_id": scan_id,
        "sha256": sha256,
        "metrics_version": METRICS_VERSION,
        "measured_by": MEASURED_BY,
        "template_affine": None,
        "seconds": 0.0,
        "failure": None,
        "reasons": "{}",
        "flags": "{}",
        "face_ml": np.nan,
    } | dict.fromkeys(METRICS, np.nan)


def in_json(words: dict[str, str]) -> str:
    """Return words by key as they are written into the table."""
    return json.dumps(words, ensure_ascii=False, sort_keys=True)
