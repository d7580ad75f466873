"""Page Cohort (what do I have?): sources, people, unusable scans with the reason, progress of scoring."""

import pandas as pd
import streamlit as st

from curation.access import guard
from curation.access.actions import Action
from curation.sources import image_modality, source_summary
from curation.storage import tables
from curation.storage.workspace import Workspace
from curation.upkeep import forgetting
from curation.wording import plural
from pages.ui.cohort import alike_panel, people_panel, source_form, source_outcome
from pages.ui.shell import (
    background_tasks,
    cache,
    controls,
    flags,
    formatting,
    frame,
    html_marks,
    plots_ahead,
    progress,
    summaries,
)


def body(workspace: Workspace) -> None:
    """Draw the page."""
    scans = cache.scans(workspace)
    if not workspace.sources():
        source_form.show(workspace, opened=True)
        frame.nothing_yet(
            "There are no scans yet.",
            "Name above where yours are. Tierscope only reads them; nothing is written among your data. A "
            "real example, published with experts' ratings, is one click away."
            if guard.may(Action.INGEST)
            else f"To {Action.INGEST.words} one has to be {Action.INGEST.rank.one} here: ask one.",
        )
        return
    _numbers(scans)
    gone = [source for source in workspace.sources() if source_summary.is_gone(source)]
    for source in gone:
        st.warning(formatting.escape(source_summary.of_gone(source)), icon=":material/folder_off:")
    with frame.in_words():
        source_outcome.say_added(workspace)
        progress.scoring(workspace)
    _problems(scans)
    source_form.show(workspace, opened=False)
    with frame.in_words():
        flags.overview(workspace, summaries.usable(scans))
    _sources(workspace, scans, {source.name for source in gone})
    people_panel.show(workspace)
    alike_panel.show(workspace)
    _taken_differently(scans)
    plots_ahead.read_when_idle()


def _numbers(scans: pd.DataFrame) -> None:
    pool, target = (scans[scans["role"] == role] for role in ("pool", "target"))
    unusable = len(summaries.problems(scans))
    st.html(
        html_marks.cards(
            [
                _role_card("Pretraining pool", pool),
                _role_card("Target cohort", target),
                html_marks.Card(
                    "Cannot be used",
                    f"{unusable:,}",
                    _why_unusable(scans) if unusable else "every file was readable",
                ),
            ]
        )
    )


def _why_unusable(scans: pd.DataFrame) -> str:
    """Say of how many scans what is wrong, such as ``4 unreadable, 2 listed twice: see below``."""
    found = summaries.problems(scans)
    nobody = summaries.without_image(found)
    counts = found.loc[~nobody, "status"].value_counts()
    words = {"duplicate": "listed twice"}
    each = {words.get(one, one): int(counts[one]) for one in tables.TROUBLES if one in counts}
    if nobody.any():
        each["person without an image" if nobody.sum() == 1 else "people without an image"] = int(
            nobody.sum()
        )
    told = [name if len(each) == 1 else f"{count:,} {name}" for name, count in each.items()]
    return f"{', '.join(told)}: see below"


def _role_card(title: str, found: pd.DataFrame) -> html_marks.Card:
    scans = summaries.usable(found)
    people = plural(scans["subject_id"].nunique(), "person", "people")
    detail = (
        f"scans of {people}, age (years): {summaries.ages(scans['age_years'])}"
        if len(scans)
        else "no scans"
    )
    imported = int((scans["status"] == "table").sum())
    detail += f"; {imported:,} without image" if imported else ""
    listed = found.loc[found["status"].isin(tables.LISTED), "modality"].value_counts()
    detail += (
        f"; and {image_modality.counts_in_words(listed.to_dict())}, not scored"
        if len(listed)
        else ""
    )
    return html_marks.Card(title, f"{len(scans):,}", detail)


def _sources(workspace: Workspace, scans: pd.DataFrame, gone: set[str]) -> None:
    st.subheader("Sources")
    table = summaries.sources_table(workspace.sources(), scans)
    besides = dict(_BESIDES)
    if summaries.without_image(scans[scans["status"] == "missing"]).all():
        besides["missing"] = "No image"
    counted = {status: label for status, label in besides.items() if table[status].any()}
    rows = [
        (
            row["source"] + (" (simulated)" if row["simulated"] else ""),
            row["role"],
            f"{row['people']:,}",
            f"{row['usable']:,}",
            *(f"{row[status]:,}" if row[status] else formatting.DASH for status in counted),
            row["age"],
            f"{row['sites']:,}" if row["sites"] else formatting.DASH,
            row["path"] + (" – not there" if row["source"] in gone else ""),
        )
        for row in table.to_dict("records")
    ]
    head = (
        "Source",
        "Role",
        "People",
        "Usable scans",
        *counted.values(),
        "Age (years): mean (range)",
        "Sites",
        "Path",
    )
    age = 4 + len(counted)
    st.html(
        html_marks.table(head, rows, numeric=(*range(2, age), age + 1), whole=(0, age, age + 2))
    )
    _say_what_is_not_scored(workspace, scans)
    _offer_again(workspace)
    source_form.describe_examples(workspace)


def _offer_again(workspace: Workspace) -> None:
    """Offer to list all sources of images again (changed files alone are read), and to take one out."""
    if not guard.may(Action.INGEST):
        return
    of_images = any(source.kind != "mriqc" for source in workspace.sources())
    if of_images:
        st.caption(
            "To give a source sites, ages or another table of people afterwards: Add data, with the same "
            "path, role and short name, and the table. Its scans, scores and ratings stay."
        )
    busy = background_tasks.running(workspace, background_tasks.INGEST) is not None
    with st.container(horizontal=True):
        if of_images and st.button(
            "List the sources again", icon=":material/refresh:", disabled=busy
        ):
            background_tasks.start(workspace, background_tasks.INGEST, "--again")
            st.rerun()
        with st.popover("Take a source out", icon=":material/playlist_remove:", disabled=busy):
            _take_out(workspace)


def _take_out(workspace: Workspace) -> None:
    names = [source.name for source in workspace.sources()]
    name = st.selectbox("Source", names, index=None, placeholder="choose one")
    st.caption(
        "Its scans leave the list, the tiers and what is frozen from now on. Nothing that was measured or "
        "decided is deleted: it is there again when the source is added again. Frozen cohorts stay as they "
        "are."
    )
    if st.button("Take it out", disabled=name is None) and name is not None:
        with frame.in_words():
            count = forgetting.take_out(workspace, name)
            st.toast(
                formatting.escape(f"{name} is taken out, with {plural(count, 'row')} of scans.")
            )
            st.rerun()


def _say_what_is_not_scored(workspace: Workspace, scans: pd.DataFrame) -> None:
    """Say why some images are only listed, and which were scored before that was so."""
    if (scans["status"] == "pet").any():
        st.caption(
            "A PET is not scored: the scores are for structural MR. It has no tier of its own and goes "
            "with the T1w of the same person and session, where a study looks at PET."
        )
    if lent := int((scans["status"] == "world").sum()):
        st.caption(
            f"Beside them lie {lent:,} volumes of a simulated world, for studies of its cohorts alone: what "
            "was planted there is known, so that it can be seen whether a study finds it (page Compare)."
        )
    if (scans["status"] == "other").any():
        st.caption(
            "Of each source one kind of image is scored, plain T1w unless another was asked for. Others are "
            "listed, so that nothing is mistaken for a T1w."
        )
    for sentence in source_summary.of_older(workspace.sources(), scans):
        st.warning(formatting.escape(sentence), icon=":material/contrast:")


#: Statuses that are counted beside the usable scans, where a source has any of them.
_BESIDES = {
    "table": "Without image",
    "pet": "PET",
    "other": "Other kinds",
    "unreadable": "Unreadable",
    "missing": "Missing",
    "duplicate": "Twice",
}


def _problems(scans: pd.DataFrame) -> None:
    """Draw the scans that cannot be used, each with its reason; open where a few files are to be mended."""
    found = summaries.problems(scans)
    if found.empty:
        return
    of = "person without an image", "people without an image"
    lacking = summaries.without_image(found).all()
    title = f"Cannot be used, and why: {plural(len(found), *(of if lacking else ('scan',)))}"
    few = len(found) <= _PROBLEMS_OPEN and (found["status"] != "missing").any()
    with st.expander(title, expanded=bool(few), icon=":material/error:"):
        _problem_table(found)
        controls.offer_tables("scans", {"cannot-be-used": found})


def _taken_differently(scans: pd.DataFrame) -> None:
    noted = scans.loc[scans["note"].notna(), ["source", "participant_id", "note"]]
    if len(noted):
        with st.expander(f"Taken differently than written: {plural(len(noted), 'scan')}"):
            st.dataframe(
                noted, hide_index=True, placeholder=formatting.DASH, column_config=_PROBLEM_COLUMNS
            )


def _problem_table(found: pd.DataFrame) -> None:
    if len(found) > _PROBLEMS_AS_TEXT:
        st.dataframe(
            found, hide_index=True, placeholder=formatting.DASH, column_config=_PROBLEM_COLUMNS
        )
        return
    rows = found.fillna(formatting.DASH).itertuples(index=False, name=None)
    st.html(html_marks.table(("Status", "Source", "Person", "Reason", "Path"), rows))


_PROBLEMS_AS_TEXT, _PROBLEMS_OPEN = 40, 8
_PROBLEM_COLUMNS = {
    "status": st.column_config.TextColumn("Status", width="small"),
    "source": st.column_config.TextColumn("Source", width="small"),
    "participant_id": st.column_config.TextColumn("Person", width="small"),
    "reason": st.column_config.TextColumn("Reason", width="large"),
    "note": st.column_config.TextColumn("What was done", width="large"),
    "path": st.column_config.TextColumn("Path"),
}


frame.show("cohort", body)
