"""Page Review (is this scan good?): the image of one scan, its metrics and its ratings."""

from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from curation.storage.workspace import Workspace
from pages.ui.review import (
    image_panel,
    metrics_panel,
    overlay_panel,
    rating_panel,
    scan_judgement,
    scan_panel,
    scan_picker,
    trial_panel,
)
from pages.ui.scan_table import rule_in_address, tagging
from pages.ui.shell import background_tasks, cache, frame, person
from pages.ui.viewer import face_view, user_window

#: Width of what stands beside the image.
SIDE_PX = 350


def body(workspace: Workspace) -> None:
    """Draw the page."""
    rule_in_address.follow()
    usable = scan_picker.usable_scans(workspace)
    if usable is None:
        return
    scan, following = scan_picker.choose(workspace, usable)
    if scan is None:
        st.info("No scan matches this choice. Widen it above.")
        return
    trial, judgement = trial_panel.running(scan), scan_judgement.judgement_of(workspace, scan)
    with_image, unseen = scan["status"] == "ok", False
    waiting = background_tasks.when_scored(workspace)
    person.note_view(workspace, scan["scan_id"])
    with st.container(horizontal=True, key="split-review", gap="medium"):
        with st.container(width="stretch"):
            if with_image:
                marks = rating_panel.marks_of(workspace, scan["scan_id"])
                pet = overlay_panel.pet_of(cache.scans(workspace), scan)
                ahead = _image_of(usable, following)
                unseen = not image_panel.show(
                    scan,
                    trial,
                    usable,
                    ahead,
                    marks=marks,
                    pet=pet,
                    why_flat=face_view.why_not_in_3d(workspace, scan),
                    on_beside=partial(person.note_view, workspace, beside=scan["scan_id"]),
                    below=partial(_below, workspace, scan, tried=trial is not None),
                )
            else:
                scan_panel.show_no_image()
                scan_panel.scores(scan, judgement, waiting=waiting)
        with st.container(width=SIDE_PX), frame.in_words():
            if trial:
                trial_panel.response(scan, trial, judgement)
            else:
                with st.container(key="of-scan"):
                    rating_panel.show_ratings(workspace, scan["scan_id"], following, unseen=unseen)
                    tagging.show_of_scan(workspace, scan["scan_id"])
                    if with_image:
                        of_tier = partial(_of_tier, workspace, scan)
                        scan_panel.scores(
                            scan, judgement, of_tier, waiting=waiting, places=not unseen
                        )
                        scan_panel.acquisition(scan, workspace.sources())
                    rating_panel.show_override(workspace, scan["scan_id"])
                    if not unseen:
                        rating_panel.choose_scale(workspace)
    if not trial:
        with st.container(key="of-scan-metrics"):
            scan_panel.offer_alike(workspace, usable, scan)
            metrics_panel.show(scan, judgement, waiting=waiting)


def _below(workspace: Workspace, scan: pd.Series, *, tried: bool) -> None:
    """Draw what belongs to the image below it: what is marked, and what is known of its face."""
    if not tried:
        rating_panel.say_marked(scan["scan_id"])
        overlay_panel.offer_marks(scan, rating_panel.marks_of(workspace, scan["scan_id"]).places)
    face_view.say(workspace, scan)


def _of_tier(workspace: Workspace, scan: pd.Series) -> None:
    """Draw what is to be known of the tier: by whom it was given by hand, and that another rule is newer."""
    scan_panel.say_by_hand(workspace, scan)
    rule_in_address.offer_frozen(workspace, short=True)


def _image_of(usable: pd.DataFrame, scan_id: str | None) -> Path | None:
    """Return the file of a scan; ``None`` where it has none."""
    found = usable.loc[(usable["scan_id"] == scan_id) & (usable["status"] == "ok"), "path"]
    return Path(found.iloc[0]) if len(found) else None


user_window.take_from_address()
rule_in_address.take_from_address()
scan_picker.take_from_address()
frame.show("review", body, compact=True)
