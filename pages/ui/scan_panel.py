"""What Review says beside and below the image of one scan."""

import html
import json
import math
from typing import Any

import pandas as pd
import streamlit as st

from curation import ratings
from curation import scores as scores_
from curation.metrics import METRICS
from curation.workspace import Workspace
from pages.ui import cached, frame, marks, state, text, viewer

#: Families of metrics, as the screen calls them.
FAMILIES: dict[str, str] = {
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


def foot(image: viewer.Prepared, window: str) -> str:
    """Return the line below the image: the display convention and the window."""
    limits = f"{text.significant(image.black)} to {text.significant(image.white)}"
    return (
        f'<div class="ts-caption"><span>{html.escape(viewer.convention())}</span>'
        f"<span>{html.escape(window)} window: {limits}</span></div>"
    )


def scores(scan: pd.Series) -> None:
    """Draw the distortion score, the tier and the sub-scores of a scan."""
    families = list(scores_.SUBSCORES)
    values = {FAMILIES.get(name, name): _value(scan, name) for name in families}
    measured = sum(math.isfinite(value) for value in values.values())
    st.html(marks.score(_value(scan, "distortion_score"), scan["tier"], measured, len(families)))
    if measured:
        st.html(marks.bars(values))
        st.caption(
            "Sub-scores from 0 to 100, higher is worse. Hatched: not measurable on this scan."
        )
    else:
        st.caption("The page Cohort starts the scoring.")


def _value(row: Any, name: str) -> float:
    value = row.get(name)
    return float(value) if value is not None else math.nan


# ---- ratings ---------------------------------------------------------------------------------------


def rate(workspace: Workspace, scan_id: str, following: str | None) -> None:
    """Draw the rating form of a scan and the ratings that it has; nothing is preselected."""
    given = ratings.list_ratings(workspace, scan_id)
    state.keep_one_of(state.SCALE, list(ratings.SCALES))
    name = st.selectbox(
        "Your rating, on the scale", list(ratings.SCALES), key=state.SCALE,
        format_func=lambda key: ratings.SCALES[key].label, persist_state="session",
    )  # fmt: skip
    # the count in the key makes an empty form after each rating
    with st.form(f"rate-{scan_id}-{name}-{len(given)}", border=False):
        _form(workspace, scan_id, ratings.SCALES[name], following)
    _past(given)


def _form(workspace: Workspace, scan_id: str, scale: ratings.Scale, following: str | None) -> None:
    value = st.radio(
        "Rating", list(scale.values), index=None, horizontal=True,
        format_func=lambda v: f"{scale.values[v]} ({text.number(v, 0)})",
        label_visibility="collapsed",
    )  # fmt: skip
    rater = st.text_input(
        "Your name or initials", value=state.get(state.PERSON, ""), max_chars=ratings.MAX_RATER
    )
    comment = st.text_area(
        "Comment (optional)", max_chars=ratings.MAX_COMMENT, height=68,
        placeholder="what you see, and where",
    )  # fmt: skip
    with st.container(horizontal=True):
        stay = st.form_submit_button("Save")
        onward = st.form_submit_button("Save, next scan", type="primary", disabled=not following)
    if not (stay or onward):
        return
    if value is None:
        st.error("Choose a rating first; none is chosen for you.")
    else:
        with frame.in_words():
            ratings.add_rating(
                workspace, scan_id=scan_id, rater=rater, scale=scale.name, value=value,
                comment=comment,
            )  # fmt: skip
            state.put(state.PERSON, rater.strip())
            state.put(state.PENDING_SCAN, following if onward else None)
            st.toast("Rating saved.", icon=":material/check:")
            st.rerun()


def _past(given: pd.DataFrame) -> None:
    if given.empty:
        st.caption("Nobody has rated this scan yet.")
        return
    rows = [
        (
            text.moment(row.at), row.rater, f"{row.label} ({text.number(row.value, 0)})",
            row.comment or text.DASH,
        )
        for row in given.iloc[::-1].itertuples()
    ]  # fmt: skip
    st.html(marks.table(("When (UTC)", "Who", "Rating", "Comment"), rows))


# ---- measurements ----------------------------------------------------------------------------------


def measurements(workspace: Workspace, scan: pd.Series) -> None:
    """Draw every metric of a scan: value, how bad, direction, meaning or why there is none."""
    st.subheader("What was measured")
    table = cached.metrics(workspace)
    found = table[table["scan_id"] == scan["scan_id"]]
    if found.empty:
        st.caption("This scan is not measured yet. The page Cohort starts the scoring.")
        return
    row = found.iloc[0]
    if isinstance(row.get("failure"), str):
        st.error(f"Measuring failed: {text.escape(row['failure'])}")
        return
    reasons = json.loads(row.get("reasons") or "{}")
    badness = scores_.explain(row, scores_.builtin()).set_index("metric")["badness"]
    rows = [
        line for family in scores_.SUBSCORES for line in _family_rows(family, row, badness, reasons)
    ]
    head = ("Metric", "Value", "How bad, 0–100", "Direction", "What it says")
    st.html(marks.table(head, rows, numeric=(1,)))


def _family_rows(
    family: str, row: pd.Series, badness: pd.Series, reasons: dict[str, str]
) -> list[tuple[object, ...]]:
    lines: list[tuple[object, ...]] = [(FAMILIES.get(family, family),)]
    for metric in (metric for metric in METRICS.values() if metric.family == family):
        value = _value(row, metric.name)
        known = math.isfinite(value)
        why = reasons.get(metric.name, "no reason was noted")
        lines.append(
            (
                metric.label,
                text.significant(value, metric.unit) if known else "not measurable",
                marks.Cell(marks.track(float(badness.get(metric.name, math.nan)))),
                metric.direction,
                metric.meaning if known else why[:1].upper() + why[1:],
            )
        )
    return lines
