"""What Review says above, below and beside the image of one scan."""

import html
import math

import pandas as pd
import streamlit as st

from curation.metrics.registry import FAMILIES
from pages.ui import flags, marks, text, verdict, viewer
from pages.ui.judged import Judged
from pages.ui.prepared import Prepared

#: Families of metrics, as the screen calls them.
FAMILY_NAMES: dict[str, str] = {
    "noise": "Noise",
    "motion": "Motion, ghosting",
    "blur": "Blur",
    "contrast": "Weak contrast",
    "inhomogeneity": "Inhomogeneity",
    "incompleteness": "Incompleteness",
    "geometry": "Geometry",
}


def caption(scan: pd.Series) -> str:
    """Return the line above the image: its id, and what kind of image it is."""
    shape = " × ".join(f"{int(n)}" for n in scan["shape"])
    edges = " × ".join(f"{edge:.3g}" for edge in scan["spacing_mm"])
    what = f"{scan['modality'] or 'image'} · {shape} voxels of {edges} mm · stored {_stored(scan)}"
    return (
        f'<div class="ts-caption"><b>{html.escape(scan["scan_id"])}</b>'
        f"<span>{html.escape(what)}</span></div>"
    )


def _stored(scan: pd.Series) -> str:
    known = isinstance(scan["orientation"], str) and scan["orientation"]
    return scan["orientation"] if known else "without orientation"


def foot(image: Prepared) -> str:
    """Return the line below the image: the display convention and the window."""
    limits = f"{text.significant(image.black)} to {text.significant(image.white)}"
    return (
        f'<div class="ts-caption"><span>{html.escape(viewer.convention(image.oriented))}</span>'
        f"<span>{html.escape(image.window)} window: {limits}</span></div>"
        f'<div class="ts-caption ts-handling"><span>{html.escape(viewer.HANDLING)}</span></div>'
    )


def scores(scan: pd.Series, judged: Judged) -> None:
    """Draw the score, the tier, what is wrong in one line, what was recognised, and the sub-scores."""
    families = list(FAMILIES)
    values = {FAMILY_NAMES[name]: value_of(scan, name) for name in families}
    measured = sum(math.isfinite(value) for value in values.values())
    sure = verdict.certainty(value_of(scan, "certainty"))
    st.html(marks.score(value_of(scan, "distortion_score"), scan["tier"], sure))
    if measured and judged.measured:
        said = verdict.headline(scan, judged.parts, judged.anchors)
        st.html(f'<div class="ts-verdict">{said}</div>')
    if judged.flags:
        st.html(flags.chips(judged.flags))
    if not measured:
        st.caption("The page Cohort starts the scoring.")
        return
    st.html(marks.bars(values))
    st.caption(
        "Sub-scores from 0 to 100, higher is worse. Hatched: not measurable on this scan. Made from "
        f"{measured} of {len(families)} kinds of measures{': ' if sure else ''}{sure}. "
        f"Judged by: {text.escape(judged.reference.label)}."
    )


def value_of(row: pd.Series, name: str) -> float:
    """Return a number of a row; NaN where there is none."""
    value = row.get(name)
    return float(value) if value is not None else math.nan
