"""Screen of Present: one message at a time in large type, the report behind it, and its files."""

import html
from pathlib import Path

import streamlit as st

from curation import __version__
from curation.access.actions import Action
from curation.storage import files
from curation.storage.workspace import Workspace
from pages.ui.compare import compare_studies
from pages.ui.shell import (
    background_tasks,
    cache,
    controls,
    downloads,
    formatting,
    frame,
    html_marks,
    person,
    state,
)
from training.report import content, source
from training.report.plots import Message, Picture, Plot, Report, Table
from training.report.source import ALL, DECK, METHODS, REPORT, Options
from training.report_files import interactive, page
from training.studies import runs
from training.studies.planned_study import Study
from training.world import planted

#: Letters of a plot, pixels; of one with many rows smaller ones, which so many pixels hold.
LETTERS_PX, ROWS_PX = 24, 460
#: How far rows may be drawn apart: as a share of what they need.
_LOOSE = 1.2
#: With what a number begins, or a dash or an empty cell in its place; they are set to the right.
_BEGINS_A_NUMBER = ("", *"0123456789−–<>≥+")
_PRESENTATION = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
#: What can be taken: label, file, type.
_FILES = (
    ("Everything (zip)", ALL, "application/zip"),
    ("Report (HTML, opens without a network)", REPORT, "text/html"),
    ("Slides (PowerPoint)", DECK, _PRESENTATION),
    ("Methods (text)", METHODS, "text/plain"),
)


# ---- the message ---------------------------------------------------------------------------------


def begin_anew(study: Study) -> None:
    """Go back to the first message where another study was shown before."""
    if state.get(state.SLIDE_OF) not in (None, study.id):
        state.put(state.SLIDE, 0)
    state.put(state.SLIDE_OF, study.id)


def choose_message(report: Report) -> Message:
    """Draw the way through the messages; return the one to show."""
    count = len(report.messages)
    place = min(max(int(state.get(state.SLIDE) or 0), 0), count - 1)
    state.put(state.SLIDE, place)
    moves = (
        ("First", 0, ":material/first_page:", "Home"),
        ("Back", place - 1, ":material/chevron_left:", "Left"),
        ("Next", place + 1, ":material/chevron_right:", "Right"),
        ("Last", count - 1, ":material/last_page:", "End"),
    )
    for label, to, icon, key in moves:
        _move(label, to, key, icon=icon, disabled=to == place or not 0 <= to < count)
    st.markdown(f"{place + 1} of {count}", width="content")
    with st.container(
        key="present-keys"
    ):  # not seen: what a presenter's clicker and the space bar send
        for label, to, key in (
            ("forward", place + 1, "Space"),
            ("page forward", place + 1, "PageDown"),
            ("page back", place - 1, "PageUp"),
        ):
            _move(label, to, key, disabled=not 0 <= to < count)
        controls.listen(controls.FULL_SCREEN)
        controls.listen(controls.FIT)
    st.markdown("**F**: full screen", width="content")
    return report.messages[place]


def _move(label: str, to: int, key: str, *, disabled: bool, icon: str | None = None) -> None:
    st.button(
        label,
        icon=icon,
        shortcut=key,
        disabled=disabled,
        key=f"present-{key}",
        on_click=state.put,
        args=(state.SLIDE, to),
    )


def show_message(message: Message) -> None:
    """Draw a message over the whole screen: what is drawn takes the room that the words leave."""
    with st.container(key="present-screen", height="stretch"):
        lead = f"<p>{html.escape(message.lead)}</p>" if message.lead else ""
        st.html(f'<div class="ts-shown"><h2>{html.escape(message.title)}</h2>{lead}</div>')
        beside = message.points or message.pictures or message.table
        if message.plot and beside:
            with st.container(horizontal=True, key="split-present", gap="large", height="stretch"):
                _plot(message.plot)
                with st.container(width=430):
                    _beside(message)
        else:
            if message.plot:
                _plot(message.plot)
            _beside(message)
        if message.flows:
            flows = "".join(map(page.flow, message.flows))
            st.html(f'<div class="ts-shown flows">{flows}</div>')
        if message.note:
            st.caption(formatting.escape(message.note))


def _beside(message: Message) -> None:
    if message.pictures:
        st.html(f'<div class="ts-shown pictures">{"".join(map(_picture, message.pictures))}</div>')
    if message.table:
        _table(message.table)
    if message.points:
        small = " many" if sum(map(len, message.points)) > 500 and message.plot else ""
        points = "".join(f"<li>{html.escape(point)}</li>" for point in message.points)
        faded = ' class="faded"' if message.faded else ""
        st.html(f'<div class="ts-shown{small}"><ul{faded}>{points}</ul></div>')


def _plot(plot: Plot) -> None:
    """Draw a plot in all the room there is, with letters that its rows have room for."""
    size = _letters(plot)
    drawn = interactive.figure(plot, size=size)
    if plot.kind in ("intervals", "grid"):  # its rows are not drawn further apart than that
        most = f"{drawn.layout.height * _LOOSE:.0f}px"
        st.html(
            f"<style>:has(> .st-key-present-plot) {{ max-height: {most}; min-height: 0 !important; }}</style>"
        )
    drawn.update_layout(height=None)
    with st.container(key="present-plot", height="stretch"):
        frame.figure(drawn, key=f"present-{plot.name}", alt=plot.alt, height="stretch")


def _letters(plot: Plot) -> int:
    lines = {"intervals": 1.4, "grid": 3.9}.get(plot.kind, 0.0) * plot.table[plot.y].nunique()
    return min(LETTERS_PX, int(ROWS_PX / max(lines, 1.0)))


def _table(table: Table) -> None:
    numeric = [
        place
        for place, cells in enumerate(zip(*table.rows, strict=True))
        if all(cell[:1] in _BEGINS_A_NUMBER for cell in cells)
    ]
    drawn = html_marks.table(table.head, table.rows, numeric=numeric)
    st.html(f'<div class="ts-shown">{drawn}</div>')


def _picture(picture: Picture) -> str:
    return (
        f'<figure><img alt="Example scan, one axial slice" src="{page.address(picture)}">'
        f"<figcaption>{html.escape(picture.label)}</figcaption></figure>"
    )


# ---- the report ----------------------------------------------------------------------------------


def report(workspace: Workspace, study: Study, options: Options) -> Report:
    """Return the report of a study."""
    return _report(workspace, study, options, _changed(workspace, study))


def report_folder(workspace: Workspace, study: Study, options: Options) -> Path:
    """Return where the files of this very report belong: another state of the study is another folder."""
    key = files.short_hash(repr((__version__, options, _changed(workspace, study))))
    return study.reports_dir / key


def _changed(workspace: Workspace, study: Study) -> tuple[object, ...]:
    """Return stamps that change with anything that a report is made from."""
    of_runs = [
        cache.stamp(path)
        for run in runs.runs_of(study)
        for path in (run.metrics_path, run.result_path)
    ]
    others = (
        study.result_path,
        workspace.learned_path,
        workspace.previews_dir,
        workspace.scores_path,
    )
    return (*of_runs, *map(cache.stamp, others))


@st.cache_resource(max_entries=8, show_spinner="Reading the study …", hash_funcs=cache.BY_FOLDER)
def _report(
    workspace: Workspace, study: Study, options: Options, changed: tuple[object, ...]
) -> Report:
    return content.build(workspace, study.id, options)


# ---- its files -----------------------------------------------------------------------------------


def show_exports(workspace: Workspace, study: Study, options: Options) -> None:
    """Draw the options of the files, and the downloads once they are made."""
    compare_studies.say_made_otherwise(workspace, study)
    st.markdown(
        "One HTML file with interactive plots, slides with native charts and tables, figures (PNG, "
        "SVG), "
        "every plotted number (CSV), and the methods. **No names, ids or paths of people leave "
        "with them.**"
    )
    of_world = planted.has(workspace, study.cohort_id)
    st.toggle("Keep the names of sites", key=state.REPORT_SITES, persist_state="session")
    st.toggle(
        "Show an example scan of each tier (one axial slice)",
        value=True,
        key=state.REPORT_PICTURES,
        persist_state="session",
        disabled=of_world,
    )
    if of_world:
        st.caption("Volumes of the simulated world have no pictures: no example scans are shown.")
    st.toggle(
        "Show bias-corrected errors",
        key=state.REPORT_CORRECTED,
        persist_state="session",
        help="The age bias taken out, where predictions follow age: for those who ask for it.",
    )
    folder = report_folder(workspace, study, options)
    if (folder / ALL).exists():
        _downloads(study, folder)
    elif background_tasks.running(workspace, background_tasks.REPORT):
        _wait(workspace, folder)
    else:
        _offer(workspace, study, options, folder)
    with st.expander("What is removed"):
        for line in source.removed(sites_kept=options.sites, pictures=options.pictures):
            st.markdown(f"- {formatting.escape(line)}")


def _offer(workspace: Workspace, study: Study, options: Options, folder: Path) -> None:
    problem = background_tasks.failure(workspace, background_tasks.REPORT)
    if problem and str(folder) in background_tasks.asked(workspace, background_tasks.REPORT):
        st.error(f"The files could not be made: {formatting.escape(problem)}")
    if not person.may(Action.WRITE_REPORT):
        return
    if st.button("Make the files", type="primary", icon=":material/inventory_2:"):
        chosen = ["--sites"] * options.sites + ["--no-pictures"] * (not options.pictures)
        chosen += ["--corrected"] * options.corrected
        background_tasks.start(
            workspace,
            background_tasks.REPORT,
            "--study",
            study.id,
            "--out",
            str(folder),
            *chosen,
            room="training",
        )
        st.rerun()


def _wait(workspace: Workspace, folder: Path) -> None:
    @st.fragment(run_every=1.0)
    def waiting() -> None:
        if (folder / ALL).exists() or not background_tasks.running(
            workspace, background_tasks.REPORT
        ):
            st.rerun(scope="app")
        st.markdown(":material/hourglass_top: The files are being made, some seconds …")

    waiting()


def _downloads(study: Study, folder: Path) -> None:
    for label, name, kind in _FILES:
        downloads.button(
            label,
            (folder / name).read_bytes,
            f"tierscope-{study.id.rsplit('-', 1)[-1]}-{name}",
            kind,
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
            key=f"take-{name}",
        )
