"""Flags of a score: what is to be known beside it, and which kinds of images get none."""

import json
from collections.abc import Iterable, Mapping
from itertools import repeat
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from curation.scoring.reference_population import ABOUT
from curation.scoring.score_reference import Reference
from curation.scoring.unusual_anatomy import Anatomy

#: Keys of :data:`curation.imaging.image_flags.FLAGS` that only a score knows of.
UNUSUAL, OUTSIDE, UNJUDGED = "unusual_anatomy", "outside_reference", "no_reference"
_NAMED = "the file's name says "
#: Similarity to the template (nats) of anything that shows a head: T1w have 0.35 to 0.6, T2w 0.28, a ball
#: 0.1.
_A_HEAD = 0.15


def of_scans(
    metrics: pd.DataFrame, reference: Reference, anatomy: Anatomy, about: pd.DataFrame | None
) -> tuple[list[str], NDArray[np.bool_]]:
    """Return the flags of scores, and which of these are withheld.

    Parameters
    ----------
    metrics : pandas.DataFrame, N rows
        With the ``flags`` of the images, where there are any.
    reference : Reference
        That judges them.
    anatomy : Anatomy
        How usual the brains are.
    about : pandas.DataFrame, optional
        What is known of the scans, see :data:`curation.scoring.reference_population.ABOUT`.

    Returns
    -------
    flags : list of str
        Of each scan, JSON: keys of flags with the evidence of each, ``{}`` for most.
    withheld : array of bool, shape (N,)
        True for kinds of images that the reference does not hold for.
    """
    images = _of_heads(metrics)
    flags, withheld = ["{}"] * len(metrics), np.zeros(len(metrics), dtype=bool)
    told: dict[Any, dict[str, str]] = {}  # scans are many, and few of them differ in what is asked
    for row, (key, image, unusual) in enumerate(
        zip(_keys(about, len(metrics)), images, anatomy.words, strict=True)
    ):
        if (key, image) not in told:
            told[key, image] = _of_kind(reference, dict(zip(ABOUT, key, strict=False)), image)
        found = told[key, image]
        withheld[row] = UNJUDGED in found
        if found or unusual:
            words = found | ({UNUSUAL: unusual} if unusual else {})
            flags[row] = json.dumps(words, ensure_ascii=False)
    return flags, withheld


def _of_heads(metrics: pd.DataFrame) -> pd.Series:
    """Return the flags of images that show a head; of others, their contrast tells nothing."""
    if "flags" not in metrics:
        return pd.Series("{}", metrics.index)
    if "template_similarity" not in metrics:
        return metrics["flags"]
    lost = pd.to_numeric(metrics["template_similarity"]) < _A_HEAD
    return metrics["flags"].mask(lost, "{}")


def _keys(about: pd.DataFrame | None, count: int) -> Iterable[tuple[Any, ...]]:
    """Return of each scan what is asked of it, in the order of :data:`ABOUT`, as something to look up by."""
    if about is None:
        return repeat((), count)
    table = about.reindex(columns=list(ABOUT))
    edges = [
        None if value is None or np.ndim(value) == 0 else tuple(value)
        for value in table["spacing_mm"]
    ]
    return table.assign(spacing_mm=pd.Series(edges, table.index, dtype=object)).itertuples(
        index=False, name=None
    )


def _of_kind(reference: Reference, about: Mapping[str, Any], image: Any) -> dict[str, str]:
    """Return the flags of all scans of which the same is known."""
    found = {}
    if reason := _unjudged(reference, about, image):
        found[UNJUDGED] = reason
    if outside := reference.population.outside(about):
        found[OUTSIDE] = f"{reference.label}: {'; '.join(outside)}"
    return found


def _unjudged(reference: Reference, about: Mapping[str, Any], flags: Any) -> str | None:
    """Return why an image is of a kind that a reference does not hold for; ``None`` where it is."""
    population = reference.population
    held = ", ".join(population.modalities)
    modality = about.get("modality")
    if population.refuses(modality):
        return f"it is {modality}, and {reference.label} holds for {held} only"
    # What its own brightness tells counts more than a name, and this is all that is known of loose metrics.
    if "T1w" not in population.modalities or not isinstance(flags, str) or "not_t1w" not in flags:
        return None
    evidence = str(json.loads(flags).get("not_t1w", ""))
    named = evidence.removeprefix(_NAMED)
    if evidence and (named == evidence or population.refuses(named)):
        return f"{evidence}, and {reference.label} holds for {held} only"
    return None
