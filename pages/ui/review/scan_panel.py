"""Captions and scores around the image of one scan on Review."""

import html
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from curation.metrics import METRICS
from curation.metrics.registry import FAMILIES
from curation.sources import sidecar
from curation.storage.workspace import Source, Workspace
from curation.tier_effects import metric_pca
from curation.tiers import assignment, overrides
from curation.wording import plural
from pages.ui.review import overlay_panel, scan_judgement, scan_picker
from pages.ui.review.scan_judgement import ScanJudgement
from pages.ui.scan_table import tried_rule
from pages.ui.shell import flags, formatting, html_marks, state
from pages.ui.viewer import niivue_viewer
from pages.ui.viewer.browser_image import PreparedImage

#: So many scans are most like one.
ALIKE = 12
#: From this share of what the reference judges on, all of it was measured.
_ALL = 0.995
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
    """Return the line above the image: id, modality, grid and orientation."""
    shape = " × ".join(f"{int(n)}" for n in scan["shape"])
    edges = " × ".join(f"{edge:.3g}" for edge in scan["spacing_mm"])
    what = f"{scan['modality'] or 'image'} · {shape} voxels of {edges} mm · orientation {_stored(scan)}"
    name, what = html.escape(scan["scan_id"]), html.escape(what)  # what is cut is read as a title
    return f'<div class="ts-caption"><b title="{name}">{name}</b><span title="{what}">{what}</span></div>'


def _scanner(scan: pd.Series) -> list[str]:
    """Return what the sidecar says of the scanner, as far as it does."""
    maker, tesla = scan.get("manufacturer"), value_of(scan, "field_strength_t")
    field = [f"{tesla:.3g} T"] if math.isfinite(tesla) else []
    return [maker, *field] if isinstance(maker, str) else field


def _stored(scan: pd.Series) -> str:
    known = isinstance(scan["orientation"], str) and scan["orientation"]
    return scan["orientation"] if known else "unknown"


def show_no_image() -> None:
    """Draw the reason why the scan has no image."""
    with st.container(border=True):
        st.markdown("**No image: imported from an MRIQC table.**")
        st.markdown(
            "Its metrics, its score and its ratings are here. To look at scans, add their images as a "
            "source on the page Cohort."
        )


def notes(image: PreparedImage) -> None:
    """Draw what a reader of the image must know, above it: below it lies the end of the screen."""
    if image.warnings:
        lines = "<br>".join(html.escape(warning) for warning in image.warnings)
        st.html(f'<div class="ts-note ts-of-image" role="status">{lines}</div>')


def foot(image: PreparedImage, note: str = "") -> str:
    """Return the line below the image: the display convention, the window, and what hands do on it.

    Parameters
    ----------
    image : PreparedImage
        What is shown.
    note : str
        What else must be known of the view.
    """
    limits = f"{formatting.significant(image.black)} to {formatting.significant(image.white)}"
    return foot_line(image.oriented, note or f"{image.window} window: {limits}")


def foot_line(oriented: bool, seen: str) -> str:
    """Return the line below an image whose window ``seen`` tells."""
    convention, seen = html.escape(niivue_viewer.convention(oriented)), html.escape(seen)
    how = "".join(
        f"<dt>{html.escape(what)}</dt><dd>{html.escape(by)}</dd>"
        for what, by in niivue_viewer.HANDLING.items()
    )
    return (
        f'<details class="ts-foot"><summary class="ts-caption"><span>{convention}</span>'
        f"<span>{seen} · <u>Mouse, keys and fingers</u></span></summary><dl>{how}</dl></details>"
    )


def acquisition(scan: pd.Series, sources: Sequence[Source]) -> None:
    """Draw how the scan was acquired, and what of it no sidecar tells."""
    source = next((one for one in sources if one.name == scan["source"]), None)
    path = Path(scan["path"])
    root = Path(source.path) if source else path.parent
    said = [*_scanner(scan), *sidecar.acquisition(path, root)]
    if said or not (source and source.simulated):
        st.caption(
            formatting.escape(_acquired(scan, said, has_sidecar=sidecar.has_any(path, root)))
        )


def _acquired(scan: pd.Series, said: Sequence[str], *, has_sidecar: bool) -> str:
    """Return how a scan was acquired, and what of scanner, field strength, TR and TE is not known."""
    known = {
        "scanner": isinstance(scan.get("manufacturer"), str),
        "field strength": math.isfinite(value_of(scan, "field_strength_t")),
        **{time: any(one.startswith(f"{time} ") for one in said) for time in ("TR", "TE")},
    }
    unknown = [name for name, told in known.items() if not told]
    told = (
        f"Acquisition, as the file beside the image (its sidecar) tells: {' · '.join(said)}."
        if said
        else ""
    )
    if not unknown:
        return told
    *others, last = unknown
    names = f"{', '.join(others)} and {last} are" if others else f"{last} is"
    why = (
        "its sidecar does not tell"
        if has_sidecar
        else "no file that tells it (a JSON sidecar) came with this image"
    )
    return f"{told} {names[0].upper()}{names[1:]} not known: {why}.".strip()


def say_by_hand(workspace: Workspace, scan: pd.Series) -> None:
    """Draw who gave a scan its tier by hand, and why; nothing where the rule did."""
    if not scan.get("by_hand", False):
        return
    last = overrides.list_overrides(workspace, scan["scan_id"]).iloc[-1]
    st.markdown(
        f"Tier by hand: **{formatting.escape(last['reason'])}** "
        f"({formatting.escape(last['author'])}, {formatting.escape(formatting.moment(last['at']))} UTC)"
    )


def offer_scanner_window(scan: pd.Series, on_choice: Callable[[float, float], None]) -> None:
    """Draw the button that shows a scan as the scanner did, where its sidecar tells."""
    if ends := sidecar.window(Path(scan["path"])):
        st.button(
            "As in the DICOM",
            key="scanner-window",
            on_click=on_choice,
            args=ends,
            help="Level and width that the scanner stored with the images.",
        )


def offer_alike(workspace: Workspace, usable: pd.DataFrame, scan: pd.Series) -> None:
    """Draw the button that makes the scans most like this one the worklist, and what has come of it."""
    with st.container(horizontal=True, vertical_alignment="center", key="alike"):
        st.button(
            "More like this",
            icon=":material/join_inner:",
            on_click=_walk_through_alike,
            args=(workspace, usable, scan["scan_id"]),
            help=f"Next and Previous then walk through the {ALIKE} scans of the same role that are nearest "
            "by all metrics; Explore shows them as selected.",
        )
        if alike := scan_picker.walked_alike():
            st.caption(formatting.escape(_walked(alike)))


def _walked(alike: tuple[str, ...]) -> str:
    """Return that Next leads from a scan to those most like it, the first of ``alike`` being that scan."""
    return (
        f"Next (N) and Previous (P) now walk through {alike[0]} and the "
        f"{plural(len(alike) - 1, 'scan')} most like it, the nearest first. All scans, at the top, ends that."
    )


def _walk_through_alike(workspace: Workspace, usable: pd.DataFrame, scan_id: str) -> None:
    role = usable.loc[usable["scan_id"] == scan_id, "role"].iloc[0]
    among = usable[usable["role"] == role].reset_index(drop=True)
    values = metric_pca.read_matrix(workspace, among, list(METRICS))
    place = int(among.index[among["scan_id"] == scan_id][0])
    found = among["scan_id"].iloc[metric_pca.nearest(values, place, ALIKE)].tolist()
    if not found:
        st.toast("No scan has enough of the metrics of this one\\.")
        return
    alike = (scan_id, *found)
    state.put(state.SELECTED, alike)
    state.put(state.ALIKE, alike)
    state.put(state.WORKLIST, True)
    st.toast(formatting.escape(_walked(alike)), icon=":material/join_inner:")


def scores(
    scan: pd.Series,
    judgement: ScanJudgement,
    of_tier: Callable[[], None] | None = None,
    *,
    waiting: str,
    places: bool = False,
) -> None:
    """Draw score, tier and what ``of_tier`` says of it, headline, flags and sub-scores.

    ``waiting`` says how a scan without a score comes by one. With ``places`` the way from the headline to its
    place stands below it.
    """
    families = list(FAMILIES)
    values = {FAMILY_NAMES[name]: value_of(scan, name) for name in families}
    measured = sum(math.isfinite(value) for value in values.values())
    score, tier = value_of(scan, "distortion_score"), scan["tier"]
    high = value_of(scan, "score_high")
    seen = coverage(value_of(scan, "certainty"), score, high)
    by_hand, colour = bool(scan.get("by_hand", False)), tried_rule.tier_colour(tier)
    called = tried_rule.current()[0].called(tier)
    worst = str(assignment.at_worst(scan.to_frame().T, tried_rule.current()[0]).iloc[0])
    of_score = html_marks.score(
        score,
        called,
        colour,
        seen,
        high=high,
        worst="" if worst == tier else worst,
        by_hand=by_hand,
    )
    st.html(of_score)
    if of_tier:
        of_tier()
    unjudged = "no_reference" in judgement.flags
    if (measured or unjudged) and judgement.measured:
        text = scan_judgement.headline(scan, judgement.parts, judgement.anchors, judgement.flags)
        lead = '<span class="ts-muted">By the score alone: </span>' if by_hand else ""
        st.html(f'<div class="ts-scan-headline">{lead}{text}</div>')
        if places:
            _places(scan, judgement)
    if judgement.flags:
        st.html(flags.chips(judgement.flags))
    if not measured:
        if not unjudged:
            st.caption(waiting)
        return
    st.html(html_marks.bars(values, _measured_in_part(judgement)))
    whole = value_of(scan, "certainty") >= _ALL and measured < len(families)
    no_more = ", all that its reference judges" if whole else ""
    st.caption(
        "Sub-scores from 0 to 100, higher is worse. Hatched: not measurable on this scan; in part: some of "
        "it was not, and might be worse. Based on "
        f"{measured} of {len(families)} groups of measures{no_more}. "
        f"Reference: {formatting.escape(judgement.reference.label)}."
    )


def coverage(share: float, score: float = math.nan, upper: float = math.nan) -> str:
    """Return the coverage of a score in words, with the upper end of what it may be; empty for NaN.

    Parameters
    ----------
    share : float
        The measured part of what is judged, 0 to 1.
    score, upper : float
        The score and its upper end.
    """
    if not math.isfinite(share):
        return ""
    if share >= _ALL:
        return "all that is judged was measured"
    words = f"{math.floor(100 * share)} % of what is judged was measured"
    if end := formatting.raised(score, upper):
        words += f"; {end}"
    return words


def _places(scan: pd.Series, judgement: ScanJudgement) -> None:
    """Draw the buttons that lead from the headline to the image, or why there is none."""
    names, whole = scan_judgement.places(scan, judgement)
    if whole:
        st.caption(whole)
    overlay_panel.offer_places(scan, names)


def _measured_in_part(judgement: ScanJudgement) -> list[str]:
    """Return the families, as the screen calls them, of which some judged metric has no value."""
    if judgement.parts.empty:
        return []
    gaps = judgement.parts["value"].isna().groupby(judgement.parts["family"]).mean()
    some = gaps.index[gaps.between(0, 1, inclusive="neither")]
    return [FAMILY_NAMES[name] for name in some if name in FAMILY_NAMES]


def value_of(row: pd.Series, name: str) -> float:
    """Return a number of a row; NaN where it is missing."""
    value = row.get(name)
    return float(value) if value is not None else math.nan
