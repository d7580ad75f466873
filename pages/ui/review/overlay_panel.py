"""What is found on the image of Review: masks with their legend, places of metrics; and the PET over it."""

import html
import time
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pandas as pd
import streamlit as st

from curation.errors import VolumeError
from curation.metrics import PLACES
from curation.ratings.artefact_places import Place
from pages.ui.shell import formatting, frame, state
from pages.ui.viewer import image_overlays, niivue_viewer, user_window
from pages.ui.viewer.display_window import AIR_WINDOW, FIRST_WINDOW
from pages.ui.viewer.image_overlays import LAYERS, OverlayMasks
from pages.ui.viewer.laid_over import ImageOverlay, Overlay
from pages.ui.viewer.place_marks import Aim

#: The key of the first place that is offered.
KEY = "W"
#: What lies in the air, where the tissue window shows black.
_IN_AIR = frozenset({"ghost_x", "ghost_y", "ghost_z", "air_structure", "folded_share"})
#: Marked places that have a button.
_MARKS = 6
#: NiiVue's colours of a PET; what is below this share of its range is not drawn.
_PET_COLOUR, _PET_SHOWN, _PET_FROM = "hot", "linear-gradient(90deg, #b00000, #ffd000)", 0.25


# ---- what is chosen ------------------------------------------------------------------------------


def is_on(pet: pd.Series | None) -> bool:
    """Return whether anything is laid over the image."""
    return bool(state.get(state.OVERLAYS)) or (pet is not None and bool(state.get(state.PET_OVER)))


def choose(pet: pd.Series | None) -> list[str]:
    """Draw the choice of masks and, where the person has one, of the PET; return the layers of masks."""
    state.keep_among(state.OVERLAYS, list(image_overlays.CHOICES))
    labels = st.pills(
        "Lay over the image",
        list(image_overlays.CHOICES),
        key=state.OVERLAYS,
        selection_mode="multi",
        persist_state="session",
        help="Masks that the metrics were measured in, and what of the image raises the score.",
    )
    if pet is not None:
        _choose_pet(pet)
    return [key for label in labels for key in image_overlays.CHOICES[label]]


def _choose_pet(pet: pd.Series) -> None:
    over = st.toggle(
        "PET of the same session",
        key=state.PET_OVER,
        persist_state="session",
        help=f"{pet['scan_id']}, where its header says that it lies: it is not aligned anew.",
    )
    if over:
        if state.get(state.PET_OPACITY) is None:
            state.put(state.PET_OPACITY, 50)
        st.slider(
            "Opacity of the PET (%)",
            10,
            90,
            step=10,
            key=state.PET_OPACITY,
            persist_state="session",
        )


# ---- PET -----------------------------------------------------------------------------------------


def pet_of(scans: pd.DataFrame, scan: pd.Series) -> pd.Series | None:
    """Return the PET of the same person and session; ``None`` where there is none, or more than one.

    Parameters
    ----------
    scans : pandas.DataFrame
        All scans, PET included.
    scan : pandas.Series
        The scan that is looked at.
    """
    session = scans["session_id"].fillna("")
    own = session.eq(scan["session_id"] if isinstance(scan["session_id"], str) else "")
    found = scans[(scans["status"] == "pet") & (scans["subject_id"] == scan["subject_id"]) & own]
    return found.iloc[0] if len(found) == 1 else None


def pet_overlay(pet: pd.Series | None) -> list[ImageOverlay]:
    """Return the PET as an overlay where it is asked for; why it cannot be drawn is said."""
    if pet is None or not state.get(state.PET_OVER):
        return []
    try:
        image = niivue_viewer.prepare_scan(Path(pet["path"]), FIRST_WINDOW)
    except VolumeError as error:
        frame.report(f"The PET cannot be shown: {error}")
        return []
    black = image.black + _PET_FROM * (image.white - image.black)
    opacity = (state.get(state.PET_OPACITY) or 50) / 100
    return [ImageOverlay("pet", _PET_COLOUR, image, black, image.white, opacity)]


def say_pet(pet: pd.Series | None) -> None:
    """Draw which PET lies over the image; nothing where none does."""
    if pet is None or not state.get(state.PET_OVER):
        return
    named = html.escape(f"PET {pet['scan_id']}, at {state.get(state.PET_OPACITY) or 50} %")
    st.html(
        f'<div class="ts-legend"><div><i style="background:{_PET_SHOWN}"></i>{named}</div></div>'
    )


# ---- masks ---------------------------------------------------------------------------------------


def found(scan: pd.Series, chosen: list[str]) -> OverlayMasks | None:
    """Return the masks of a scan once they are found; ``None`` until then, and where none is asked for."""
    if not chosen:
        return None
    return _done(Path(scan["path"]))


def _done(path: Path) -> OverlayMasks | None:
    asked = image_overlays.request_overlays(path)
    return asked.result() if asked.done() and asked.exception() is None else None


def overlays(found: OverlayMasks | None, chosen: list[str]) -> list[Overlay]:
    """Return the chosen masks that hold anything."""
    if found is None:
        return []
    return [
        Overlay(key, LAYERS[key].colour_map, found.masks[key], found.affine)
        for key in chosen
        if found.masks[key].any()
    ]


def legend_of(scan: pd.Series, found: OverlayMasks | None, chosen: list[str]) -> None:
    """Draw the legend of the chosen masks, or how long they have been looked for."""
    if found is None:
        _waiting(Path(scan["path"]), "brain and air", "Nothing can be laid over this scan")
        return
    st.html(legend(found, chosen))


@st.fragment(run_every=1.0)
def _waiting(path: Path, sought: str, in_vain: str) -> None:
    asked = image_overlays.request_overlays(path)
    if not asked.done():
        seconds = formatting.duration(state.seconds_of(state.SEARCHED, str(path)))
        said = html.escape(f"Looking for {sought} … {seconds}")
        st.html(f'<div class="ts-caption" role="status"><span>{said}</span></div>')
        return
    if asked.exception() is not None:
        st.error(f"{in_vain}: {formatting.escape(str(asked.exception()))}")
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


# ---- places --------------------------------------------------------------------------------------


def offer_places(scan: pd.Series, names: Sequence[str]) -> None:
    """Draw a button for the place of each of these metrics, and what became of the one that was pressed.

    Parameters
    ----------
    scan : pandas.Series
        The scan that is looked at.
    names : sequence of str
        Metrics of :data:`curation.metrics.PLACES`.
    """
    if not names:
        _say_no_place()
        return
    image_overlays.prepare_overlays(Path(scan["path"]))
    with st.container(horizontal=True, key="places", gap="small"):
        for number, name in enumerate(names):
            st.button(
                f"Show where: {PLACES[name].label}",
                icon=":material/my_location:",
                key=f"place-{name}",
                shortcut=KEY if number == 0 else None,
                on_click=_seek,
                args=(scan["scan_id"], name),
            )
    say_search(scan)
    if (sought := _sought(scan)) and (found := _done(Path(scan["path"]))):
        _say_place(found, sought)


def _say_no_place() -> None:
    """Have the key of the first place say that there is none: else it would seem not to be heard."""
    with st.container(key="listener-no-place"):
        if st.button("No place to show", key="no-place", shortcut=KEY):
            st.toast("Nothing of this scan's score has one place on the image\\.")


def _seek(scan_id: str, name: str) -> None:
    _show_window_of(name)
    state.put(state.SOUGHT, (scan_id, name, time.time_ns() // 1_000_000))
    if state.get(state.VIEW) in (niivue_viewer.LIGHTBOX, niivue_viewer.SOLID):
        state.put(state.VIEW, next(iter(niivue_viewer.VIEWS)))


def _show_window_of(name: str) -> None:
    """Show the background window for what lies in the air, and for tissue the one that was there before."""
    now, before = state.get(state.WINDOW), state.get(state.WINDOW_BEFORE)
    if name in _IN_AIR:
        if now != AIR_WINDOW:
            state.put(state.WINDOW_BEFORE, now or FIRST_WINDOW)
            user_window.choose_window(AIR_WINDOW)
        return
    state.put(state.WINDOW_BEFORE, None)
    if before is not None and now == AIR_WINDOW:
        user_window.choose_window(before)


def _sought(scan: pd.Series) -> str | None:
    """Return the metric whose place in this scan was asked for last, until another scan is opened."""
    scan_id, name, _ = state.get(state.SOUGHT) or ("", "", 0)
    if scan_id != scan["scan_id"]:
        state.put(state.SOUGHT, None)
        return None
    return name


def offer_marks(scan: pd.Series, places: Sequence[Place]) -> None:
    """Draw a button for each place that somebody marked, the first few: it moves the cross hair there."""
    if not places:
        return
    with st.container(horizontal=True, key="marks", gap="small"):
        for number, place in enumerate(places[:_MARKS]):
            st.button(
                f"Marked place: {_in_mm(place)}",
                icon=":material/my_location:",
                key=f"mark-{number}",
                type="tertiary",
                on_click=state.put,
                args=(state.MARK_SOUGHT, (scan["scan_id"], place, time.time_ns() // 1_000_000)),
            )


def aim(scan: pd.Series) -> Aim | None:
    """Return where the cross hair goes: the place that was asked for last, once it is found."""
    scan_id, place, asked = state.get(state.MARK_SOUGHT) or ("", (0.0, 0.0, 0.0), 0)
    if scan_id == scan["scan_id"] and asked > (state.get(state.SOUGHT) or (0,))[-1]:
        return Aim(place, "marked place", asked)
    name = _sought(scan)
    found = _done(Path(scan["path"])) if name else None
    if name is None or found is None or name not in found.places:
        return None
    *_, asked_ms = state.get(state.SOUGHT) or (0,)
    return Aim(found.places[name].mm, f"The {_named(found, name)}", asked_ms)


def say_search(scan: pd.Series) -> None:
    """Draw how long the place that was asked for has been looked for; nothing where none is."""
    name, path = _sought(scan), Path(scan["path"])
    if name is not None and _done(path) is None:
        _waiting(path, f"the {PLACES[name].label}", "No place can be looked for in this scan")


def _say_place(found: OverlayMasks, name: str) -> None:
    if name in found.places:
        where = _in_mm(found.places[name].mm)
        said = f"Cross hair moved to the {_named(found, name)}: {where}."
        if name in _IN_AIR:
            said += (
                f" The background window is on; key {user_window.KEY} shows the tissue."
                if state.get(state.WINDOW) == AIR_WINDOW
                else f" It shows in the background window (key {user_window.KEY})."
            )
    else:
        said = f"This image shows no one place for the {PLACES[name].label}."
    st.html(f'<div class="ts-caption" role="status"><span>{html.escape(said)}</span></div>')


def _named(found: OverlayMasks, name: str) -> str:
    """Return what lies at a place, with the plane in which a slice is meant."""
    label, (_, plane, beyond) = PLACES[name].label, found.places[name]
    if beyond:
        return f"edge of the image nearest to the {label}"
    return f"{label}, {plane}" if plane else label


def _in_mm(place: Place) -> str:
    """Return a place as the line below the image tells it: browsers round halves away from 0."""
    whole = (int(Decimal(each).quantize(Decimal(1), ROUND_HALF_UP)) for each in place)
    numbers = (f"{each:d}".replace("-", "\N{MINUS SIGN}") for each in whole)
    return f"{', '.join(numbers)} mm"
