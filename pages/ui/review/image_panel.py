"""Image panel of Review: the viewer with its tools, overlays, legend, and a reference scan beside it."""

import html
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from curation.errors import VolumeError
from curation.scoring.comparison_groups import sites_of
from pages.ui.review import artefact_trial, overlay_panel, scan_panel, trial_panel
from pages.ui.review.artefact_trial import Trial
from pages.ui.shell import formatting, state
from pages.ui.viewer import niivue_viewer, place_marks, slice_images, user_window
from pages.ui.viewer.browser_image import PreparedImage
from pages.ui.viewer.image_overlays import OverlayMasks
from pages.ui.viewer.laid_over import ImageOverlay, Overlay
from pages.ui.viewer.place_marks import Aim, Marks

#: Stands beside the 3D view.
IN_3D = "3D window: the outer surface alone; to judge a scan, look at its planes."


# ---- the panel -----------------------------------------------------------------------------------


def show(
    scan: pd.Series,
    trial: Trial | None,
    usable: pd.DataFrame,
    following: Path | None,
    *,
    marks: Marks | None = None,
    pet: pd.Series | None = None,
    why_flat: str,
    on_beside: Callable[[str], None],
    below: Callable[[], None],
) -> bool:
    """Draw the image of a scan, or the artefact that is tried on it; return whether it could be shown.

    Parameters
    ----------
    scan, trial : pandas.Series, Trial or None
        Its row, and what is tried on it.
    usable : pandas.DataFrame
        Where a reference scan is looked for.
    following : Path or None
        The image that is likely to be looked at next.
    marks : Marks, optional
        Places of artefacts; not drawn on a trial.
    pet : pandas.Series, optional
        The PET of the same person and session, which can be laid over.
    why_flat : str
        Why the scan may not be looked at in 3D; empty where it may be.
    on_beside : callable
        Told the id of the reference scan before it is shown.
    below : callable
        Draws what belongs to the image, below it: both stay in sight together.
    """
    with st.container(horizontal=True, vertical_alignment="center", key="toolbar"):
        window, of_window = _window_tools(why_flat)
        chosen, beside = ([], None) if trial else _more_tools(scan, usable, pet)
        trial_panel.toggle(scan, trial)
    if trial:
        trial_panel.choose_artefact()
    tried = trial if trial and trial.alters else None
    prepare = partial(_prepared, scan, tried)
    try:
        # before anything of it is drawn, so that the frame changes together with the image
        image = user_window.apply_window(window, prepare)
        home = prepare(user_window.home_window(window))
        set_window, set_on_image = user_window.setters(home, prepare("Tissue"))
    except VolumeError as error:
        _say_unseen(scan, error)
        return False
    found = overlay_panel.found(scan, chosen)
    ahead = niivue_viewer.address_of(following) if following is not None and not trial else None
    with of_window:
        in_3d = _level_and_width(scan, image, set_window, solid=not why_flat)
    drawn = partial(
        draw_image,
        image,
        _name(scan, tried),
        [] if trial else _laid_over(found, chosen, marks, pet),
        following=ahead,
        home=(home.black, home.white),
        on_window=set_on_image,
        on_mark=marks.on_mark if marks and not trial else None,
        solid=not why_flat,
        aim=None if trial else overlay_panel.aim(scan),
    )
    with st.container(key="seen"):
        with st.container(key="viewer-altered" if tried else "viewer"):
            _above(scan, tried, image)
            _say_laid_over(scan, found, chosen, None if trial else pet)
            _draw_beside(drawn, scan["scan_id"], beside, window, on_beside)
            _under(scan, trial, image, in_3d)
        below()
    if following is not None and not trial:
        niivue_viewer.prefetch(following)
    return True


def _say_unseen(scan: pd.Series, error: VolumeError) -> None:
    st.error(
        formatting.escape(
            f"This scan cannot be shown: {error}. Its file is listed as {scan['path']}. Put the file back, "
            "whole, or list its source again on Cohort."
        )
    )


def _level_and_width(
    scan: pd.Series, image: PreparedImage, on_change: Callable[[float, float], None], *, solid: bool
) -> bool:
    """Draw the fields of the window, or that there is none in 3D; return whether it is seen in 3D."""
    view = niivue_viewer.current_view(solid=solid)
    if view == niivue_viewer.SOLID and not _cannot_be_drawn(image):
        st.caption(IN_3D)
        return True
    with st.container(horizontal=True, vertical_alignment="center", key="level-width"):
        of = f"{scan['scan_id']}-{user_window.home_window(image.window)}"
        user_window.level_and_width(image, of, on_change)
        scan_panel.offer_scanner_window(scan, on_change)
    return False


def _name(scan: pd.Series, tried: Trial | None) -> str:
    return f"{scan['scan_id']}-simulated-artefact" if tried else scan["scan_id"]


def _prepared(scan: pd.Series, tried: Trial | None, window: str) -> PreparedImage:
    path = Path(scan["path"])
    image = niivue_viewer.prepare_scan(path, window)
    if tried is None:
        return image
    # begun where the scan is: the two are compared
    return replace(artefact_trial.altered_image(path, window, tried), head=image.head)


def _above(scan: pd.Series, tried: Trial | None, image: PreparedImage) -> None:
    if tried:
        st.html(
            '<div class="ts-altered" role="alert"><b>Simulated artefact: '
            f"{html.escape(tried.words)}</b> – not the scan</div>"
        )
    st.html(scan_panel.caption(scan))
    scan_panel.notes(image)


def _say_laid_over(
    scan: pd.Series, found: OverlayMasks | None, chosen: list[str], pet: pd.Series | None
) -> None:
    overlay_panel.say_pet(pet)
    if chosen:
        overlay_panel.legend_of(scan, found, chosen)


def _under(scan: pd.Series, trial: Trial | None, image: PreparedImage, in_3d: bool) -> None:
    if not trial:
        overlay_panel.say_search(scan)
    st.html(scan_panel.foot(image.in_3d() if in_3d else image, IN_3D if in_3d else ""))


# ---- tools ---------------------------------------------------------------------------------------


def _window_tools(why_flat: str) -> tuple[str, DeltaGenerator]:
    """Draw the choice of view and window; return the window, and where its level and width belong."""
    view = niivue_viewer.choose_view(solid=not why_flat, why_not=why_flat)
    button = st.container(width="content")
    of_window = st.popover("Window", key="of-window")
    with of_window:
        window = user_window.choose_named(disabled=view == niivue_viewer.SOLID)
    with button:
        user_window.toggle_button(window, disabled=view == niivue_viewer.SOLID)
    user_window.keep_in_address(user_window.home_window(window))
    return window, of_window


def _more_tools(
    scan: pd.Series, usable: pd.DataFrame, pet: pd.Series | None
) -> tuple[list[str], pd.Series | None]:
    """Draw the choice of overlays and of the reference scan; return the layers and the reference."""
    other = reference_scan(scan, usable)
    beside_on = bool(other is not None and state.get(state.BESIDE))
    on = overlay_panel.is_on(pet) or beside_on
    with st.popover("Overlays (on)" if on else "Overlays", key="of-overlays"):
        layers = overlay_panel.choose(pet)
        beside = st.toggle(
            "Reference scan beside",
            key=state.BESIDE,
            persist_state="session",
            disabled=other is None,
            help="The scan of the lowest distortion score of the same site and modality."
            if other is not None
            else "There is no other scored scan of this site and modality.",
        )
    return layers, other if beside else None


def _laid_over(
    found: OverlayMasks | None, chosen: list[str], marks: Marks | None, pet: pd.Series | None
) -> list[Overlay | ImageOverlay]:
    """Return what lies over the image: the PET below masks, marks on top."""
    rings = place_marks.overlay(marks.places) if marks else []
    return [*overlay_panel.pet_overlay(pet), *overlay_panel.overlays(found, chosen), *rings]


# ---- drawing -------------------------------------------------------------------------------------


def draw_image(
    image: PreparedImage,
    name: str,
    overlays: Sequence[Overlay | ImageOverlay],
    *,
    key: str = "niivue",
    width_px: int = niivue_viewer.PANEL_PX,
    following: str | None = None,
    home: tuple[float, float] | None = None,
    on_window: Callable[[float, float], None] | None = None,
    on_mark: Callable[[list[float]], None] | None = None,
    solid: bool = False,
    aim: Aim | None = None,
) -> None:
    """Draw a scan in NiiVue; in slices where NiiVue or this browser cannot. In 3D only where it may be."""
    reason = _cannot_be_drawn(image)
    if reason is None:
        failed = niivue_viewer.show(
            image,
            scan_id=name,
            view=niivue_viewer.current_view(solid=solid),
            overlays=overlays,
            key=key,
            width_px=width_px,
            following=following,
            home=home,
            on_window=on_window,
            on_mark=on_mark,
            aim=aim,
        )
        if failed is not None:
            known = state.get(state.CANNOT_DRAW, {})
            state.put(state.CANNOT_DRAW, {**known, image.file.name: failed})
            st.rerun()
        return
    masks = [one for one in overlays if isinstance(one, Overlay)]
    view = niivue_viewer.current_view(solid=solid)
    slice_images.show(image, view, masks, reason, key=key, aim=aim)


def _cannot_be_drawn(image: PreparedImage) -> str | None:
    """Return why NiiVue or this browser cannot draw an image; ``None`` where no reason is known."""
    return image.too_large or state.get(state.CANNOT_DRAW, {}).get(image.file.name)


def _draw_beside(
    drawn: Callable[..., None],
    name: str,
    beside: pd.Series | None,
    window: str,
    on_beside: Callable[[str], None],
) -> None:
    if beside is None:
        drawn()
        return
    on_beside(beside["scan_id"])
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
    first, second = html.escape(first), html.escape(second)
    inner = f'<span title="{second}"><b>{first}</b><br>{second}</span>'
    return f'<div class="ts-caption ts-two">{inner}</div>'


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
    score = formatting.score(float(reference["distortion_score"]), reference.get("score_high"))
    return f"Best-scoring scan of {where}: {score}", reference["scan_id"]
