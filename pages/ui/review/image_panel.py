"""Image panel of Review: the viewer with its tools, overlays, legend, and a reference scan beside it."""

import html
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from curation.errors import VolumeError
from curation.scoring.comparison_groups import sites_of
from pages.ui.review import artefact_trial, scan_panel, trial_panel
from pages.ui.review.artefact_trial import Trial
from pages.ui.shell import controls, formatting, state
from pages.ui.viewer import image_overlays, niivue_viewer, slice_images, user_window
from pages.ui.viewer.browser_image import PreparedImage
from pages.ui.viewer.display_window import WINDOWS
from pages.ui.viewer.image_overlays import LAYERS, OverlayMasks
from pages.ui.viewer.niivue_viewer import Overlay

#: Stands beside the 3D view.
IN_3D = "3D window: the outer surface alone; to judge a scan, look at its planes."


# ---- the panel -----------------------------------------------------------------------------------


def show(
    scan: pd.Series, trial: Trial | None, usable: pd.DataFrame, following: Path | None
) -> None:
    """Draw the image of a scan, or the artefact that is tried on it, with its convention in words.

    Parameters
    ----------
    scan : pandas.Series
        Its row.
    trial : Trial or None
        What is tried on it.
    usable : pandas.DataFrame
        Where a reference scan is looked for.
    following : Path or None
        The image that is likely to be looked at next.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="toolbar"):
        window, of_window = _window_tools()
        chosen, beside = ([], None) if trial else _more_tools(scan, usable)
        trial_panel.toggle(scan, trial)
    if trial:
        trial_panel.choose_artefact()
    tried = trial if trial and trial.alters else None
    try:
        # before anything of it is drawn, so that the frame changes together with the image
        prepare = partial(_prepared, scan, tried)
        image, home = (
            user_window.apply_window(window, prepare),
            prepare(user_window.home_window(window)),
        )
        set_window = partial(user_window.set_window, home=home, tissue=prepare("Tissue"))
    except VolumeError as error:
        st.error(f"This scan cannot be shown: {formatting.escape(str(error))}")
        return
    found = _found(scan, chosen)
    ahead = None if trial or following is None else niivue_viewer.address_of(following)
    in_3d = niivue_viewer.current_view() == niivue_viewer.SOLID and not _cannot_be_drawn(image)
    with of_window:
        if in_3d:
            st.caption(IN_3D)
        else:
            with st.container(horizontal=True, vertical_alignment="center", key="level-width"):
                user_window.level_and_width(image, set_window)
                scan_panel.offer_scanner_window(scan, set_window)
    drawn = partial(
        draw_image,
        image,
        _name(scan, tried),
        _overlays(found, chosen),
        following=ahead,
        home=(home.black, home.white),
        on_window=set_window,
    )
    with st.container(key="viewer-altered" if tried else "viewer"):
        if tried:
            st.html(_banner(tried))
        st.html(scan_panel.caption(scan))
        if chosen:
            _legend(scan, found, chosen)
        if beside is None:
            drawn()
        else:
            _draw_beside(drawn, scan["scan_id"], beside, window)
        st.html(scan_panel.foot(image.in_3d() if in_3d else image, IN_3D if in_3d else ""))
    for warning in image.warnings:
        st.warning(formatting.escape(warning))
    if following is not None and not trial:
        niivue_viewer.prefetch(following)


def show_no_image() -> None:
    """Draw the reason why the scan has no image."""
    with st.container(border=True):
        st.markdown("**No image: imported from an MRIQC table.**")
        st.markdown(
            "Its metrics, its score and its ratings are here. To look at scans, add their images as a "
            "source on the page Cohort."
        )


def _name(scan: pd.Series, tried: Trial | None) -> str:
    return f"{scan['scan_id']}-simulated-artefact" if tried else scan["scan_id"]


def _prepared(scan: pd.Series, tried: Trial | None, window: str) -> PreparedImage:
    path = Path(scan["path"])
    return (
        artefact_trial.altered_image(path, window, tried)
        if tried
        else niivue_viewer.prepare_scan(path, window)
    )


def _banner(trial: Trial) -> str:
    return (
        '<div class="ts-altered" role="alert"><b>Simulated artefact: '
        f"{html.escape(trial.words)}</b> – not the scan</div>"
    )


# ---- tools ---------------------------------------------------------------------------------------


def _window_tools() -> tuple[str, DeltaGenerator]:
    """Draw the choice of view and window; return the window, and where its level and width belong."""
    view = niivue_viewer.choose_view()
    button = st.container(width="content")
    of_window = st.popover("Window", key="of-window")
    with of_window:
        window = str(
            controls.choose_movable(
                st.segmented_control,
                "Window",
                user_window.window_options(),
                key=state.WINDOW,
                required=True,
                label_visibility="collapsed",
                disabled=view == niivue_viewer.SOLID,
                help=" · ".join(f"{w.label}: {w.meaning}" for w in WINDOWS.values()),
            )
        )
    with button:
        user_window.toggle_button(window, disabled=view == niivue_viewer.SOLID)
    user_window.keep_in_address(user_window.home_window(window))
    return window, of_window


def _more_tools(scan: pd.Series, usable: pd.DataFrame) -> tuple[list[str], pd.Series | None]:
    """Draw the choice of overlays and of the reference scan; return the layers and the reference."""
    other = reference_scan(scan, usable)
    state.keep_among(state.OVERLAYS, list(image_overlays.CHOICES))
    on = bool(state.get(state.OVERLAYS)) or bool(other is not None and state.get(state.BESIDE))
    with st.popover("Overlays (on)" if on else "Overlays", key="of-overlays"):
        labels = st.pills(
            "Lay over the image",
            list(image_overlays.CHOICES),
            key=state.OVERLAYS,
            selection_mode="multi",
            persist_state="session",
            help="Masks that the metrics were measured in, and what of the image raises the score.",
        )
        beside = st.toggle(
            "Reference scan beside",
            key=state.BESIDE,
            persist_state="session",
            disabled=other is None,
            help="The scan of the lowest distortion score of the same site and modality."
            if other is not None
            else "There is no other scored scan of this site and modality.",
        )
    layers = [key for label in labels for key in image_overlays.CHOICES[label]]
    return layers, other if beside else None


# ---- drawing -------------------------------------------------------------------------------------


def draw_image(
    image: PreparedImage,
    name: str,
    overlays: Sequence[Overlay],
    *,
    key: str = "niivue",
    width_px: int = niivue_viewer.PANEL_PX,
    following: str | None = None,
    home: tuple[float, float] | None = None,
    on_window: Callable[[float, float], None] | None = None,
) -> None:
    """Draw a scan in NiiVue; in slices where NiiVue or this browser cannot."""
    reason = _cannot_be_drawn(image)
    if reason is None:
        failed = niivue_viewer.show(
            image,
            scan_id=name,
            view=niivue_viewer.current_view(),
            overlays=overlays,
            key=key,
            width_px=width_px,
            following=following,
            home=home,
            on_window=on_window,
        )
        if failed is not None:
            known = state.get(state.CANNOT_DRAW, {})
            state.put(state.CANNOT_DRAW, {**known, image.file.name: failed})
            st.rerun()
        return
    slice_images.show(image, niivue_viewer.current_view(), overlays, reason, key=key)


def _cannot_be_drawn(image: PreparedImage) -> str | None:
    """Return why NiiVue or this browser cannot draw an image; ``None`` where no reason is known."""
    return image.too_large or state.get(state.CANNOT_DRAW, {}).get(image.file.name)


def _draw_beside(drawn: Callable[..., None], name: str, beside: pd.Series, window: str) -> None:
    half = niivue_viewer.PANEL_PX // 2
    left, right = st.columns(2, gap="small")
    with left:
        st.html(_two_lines("This scan", name))
        drawn(width_px=half)
    with right:
        st.html(_two_lines(*reference_caption(beside)))
        try:
            other = user_window.apply_window(
                window, partial(niivue_viewer.prepare_scan, Path(beside["path"]))
            )
        except VolumeError as error:
            st.error(f"The reference scan cannot be shown: {formatting.escape(str(error))}")
            return
        draw_image(other, beside["scan_id"], (), key="niivue-reference", width_px=half)


def _two_lines(first: str, second: str) -> str:
    inner = f"<b>{html.escape(first)}</b><br>{html.escape(second)}"
    return f'<div class="ts-caption ts-two"><span>{inner}</span></div>'


# ---- overlays ------------------------------------------------------------------------------------


def _found(scan: pd.Series, chosen: list[str]) -> OverlayMasks | None:
    if not chosen:
        return None
    asked = image_overlays.request_overlays(Path(scan["path"]))
    return asked.result() if asked.done() and asked.exception() is None else None


def _overlays(found: OverlayMasks | None, chosen: list[str]) -> list[Overlay]:
    if found is None:
        return []
    return [
        Overlay(key, LAYERS[key].colour_map, found.masks[key], found.affine)
        for key in chosen
        if found.masks[key].any()
    ]


def _legend(scan: pd.Series, found: OverlayMasks | None, chosen: list[str]) -> None:
    if found is None:
        _waiting(Path(scan["path"]))
        return
    st.html(legend(found, chosen))


@st.fragment(run_every=1.0)
def _waiting(path: Path) -> None:
    asked = image_overlays.request_overlays(path)
    if not asked.done():
        seconds = formatting.duration(state.seconds_of(state.SEARCHED, str(path)))
        st.html(f'<div class="ts-caption"><span>Looking for brain and air … {seconds}</span></div>')
        return
    if asked.exception() is not None:
        st.error(f"Nothing can be laid over this scan: {formatting.escape(str(asked.exception()))}")
        return
    st.rerun()


def legend(found: OverlayMasks, chosen: list[str]) -> str:
    """Return the legend of the overlays, with the extent of each, as HTML."""
    rows = "".join(
        f'<div><i style="background:{LAYERS[key].colour}"></i>{html.escape(_extent(found, key))}</div>'
        for key in chosen
    )
    if any(LAYERS[key].score for key in chosen):
        rows += "<div>Noise, blur, contrast and shading affect the whole image and cannot be outlined.</div>"
    return f'<div class="ts-legend">{rows}</div>'


def _extent(found: OverlayMasks, key: str) -> str:
    label = LAYERS[key].label
    if found.no_air and key in ("air", "structure", "folded"):
        return f"{label}: not measurable ({found.no_air})"
    if key not in found.shares:
        return label if found.masks[key].any() else f"{label}: none found"
    of = "brain" if key == "missing" else "air"
    share = found.shares[key]
    if not share:
        return f"{label}: none found"
    much = "under 0.1" if share < 0.001 else f"{100 * share:.1f}"
    return f"{label}: {much} % of the {of}"


# ---- the reference scan --------------------------------------------------------------------------


def reference_scan(scan: pd.Series, usable: pd.DataFrame) -> pd.Series | None:
    """Return the scan of the lowest distortion score among those of the same site and modality.

    Parameters
    ----------
    scan : pandas.Series
        The scan that is looked at; never its own reference.
    usable : pandas.DataFrame
        The scans to choose from, with ``distortion_score``; see
        :func:`curation.scoring.comparison_groups.sites_of` for where they were made.

    Returns
    -------
    pandas.Series or None
        ``None`` where there is no other scored scan with an image.
    """
    site = sites_of(scan.to_frame().T).iloc[0]
    alike = usable[
        (usable["status"] == "ok")
        & (usable["scan_id"] != scan["scan_id"])
        & usable["distortion_score"].notna()
        & (sites_of(usable) == site)
        & (usable["modality"].fillna("") == (scan["modality"] or ""))
    ]
    if alike.empty:
        return None
    return alike.sort_values(["distortion_score", "scan_id"], kind="stable").iloc[0]


def reference_caption(reference: pd.Series) -> tuple[str, str]:
    """Return the two lines of the caption of a reference scan."""
    where = sites_of(reference.to_frame().T).iloc[0]
    score = formatting.score(float(reference["distortion_score"]))
    return f"Best-scoring scan of {where}: {score}", reference["scan_id"]
