"""Page Model (what does the model see?): reconstruction of one scan, reconstruction errors of all."""

import shlex

import pandas as pd
import streamlit as st

from curation.access.actions import Action
from curation.storage.workspace import Workspace
from curation.tiers import overrides
from pages.ui.model import learned_panel, reconstruction_panel
from pages.ui.review import scan_picker
from pages.ui.scan_table import tried_rule
from pages.ui.shell import cache, controls, formatting, frame, person, state, summaries
from pages.ui.train import study_panel
from training.reconstruction import reconstruction_files
from training.studies.planned_study import Study
from training.studies.runs import Run

_NO_MODEL = (
    "No model is pretrained yet.",
    "Launch a study on the page Train, from cohorts frozen on the page Tiers. As soon as one of its "
    "pretrainings is finished, scans can be looked at through it here.",
)


def body(workspace: Workspace) -> None:
    """Draw the page."""
    planned = study_panel.list_studies(workspace)
    looked = {each.id: reconstruction_files.finished_pretrainings(each) for each in planned}
    if not planned:
        study_panel.no_study(workspace, *_NO_MODEL)
        return
    planned = [each for each in planned if looked[each.id]]
    if not planned:
        frame.nothing_yet(*_NO_MODEL, "train")
        return
    with st.container(horizontal=True, key="split-model-choice"):
        with st.container(width="stretch"):
            chosen = study_panel.choose_study(workspace, planned, elsewhere=state.MODEL_STUDY)
        with st.container(width=330):
            run = _choose_run(chosen, looked[chosen.id])
    if why := reconstruction_files.why_not(chosen):
        st.info(formatting.escape(why))
        _take_along(workspace, chosen, run)
        return
    scans = _scans(workspace, chosen, run)
    if scans.empty:
        st.info(
            "No scan has both an image and an alignment to the template. Score the scans first."
        )
        return
    scan, _ = scan_picker.choose(workspace, scans)
    if scan is None:
        st.info("No scan matches this choice. Widen it above.")
        return
    person.note_view(workspace, scan["scan_id"])
    reconstruction_panel.show(workspace, chosen, run, scan)
    learned_panel.show(workspace, chosen, run)
    _take_along(workspace, chosen, run)


def _choose_run(chosen: Study, found: list[Run]) -> Run:
    by_id = {run.id: run for run in found}
    whole = next((run.id for run in found if run.arm == "all"), found[0].id)
    labels = {arm.name: arm.label for arm in chosen.arms}
    run_id = controls.choose(
        st.selectbox,
        "Model: an encoder pretrained on",
        list(by_id),
        key=state.MODEL,
        first=whole,
        format_func=lambda i: f"{labels.get(by_id[i].arm, by_id[i].arm)}, seed {by_id[i].seed}",
    )
    return by_id[run_id]


def _take_along(workspace: Workspace, chosen: Study, run: Run) -> None:
    """Say by which command an encoder is exported."""
    with st.expander("Use this encoder elsewhere", icon=":material/output:"):
        if not person.may(Action.EXPORT_NETWORK):
            return
        st.markdown(
            "The command writes its weights as safetensors, with a JSON that says how scans are prepared. "
            "Plain MONAI loads it. How, and how a new scan is prepared for it, stands in *docs/training.md* "
            "under *An encoder for elsewhere*; a fine-tuned model under *An age model for elsewhere*."
        )
        root = shlex.quote(str(workspace.root))
        st.code(f"python -m training export {chosen.id} {run.id} --workspace {root}", language="sh")


def _scans(workspace: Workspace, chosen: Study, run: Run) -> pd.DataFrame:
    """Return the scored scans that can be looked at, with tier and whether the model knows them."""
    rule, _ = tried_rule.current()
    scored = summaries.usable(cache.scored_scans(workspace))
    seen = reconstruction_files.usable_scans(workspace, chosen, run)
    pet = [name for name in seen if name.startswith("pet_")]
    seen = seen[["scan_id", "template_affine", "pretrained_on", *pet]]
    scored = scored.drop(columns=["pretrained_on"], errors="ignore").merge(seen, on="scan_id")
    return scored.assign(tier=overrides.tiers_with_overrides(workspace, scored, rule))


scan_picker.take_from_address()
frame.show("model", body)
