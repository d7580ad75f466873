"""History of all decisions, and export and import of ratings."""

import io
import shlex
import tempfile
import zipfile
from pathlib import Path

import pandas as pd
import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from curation.access import guard
from curation.access.actions import Action
from curation.decisions import audit_chain, audit_trail, database, erasure
from curation.decisions.audit_trail import history
from curation.errors import RatingError
from curation.interchange.rating_export import OVERRIDES, RATINGS, SESSIONS, TAGS, export_ratings
from curation.interchange.rating_import import Imported, import_ratings
from curation.ratings import rating_log
from curation.ratings.rating_record import ARTEFACTS, MAX_RATER
from curation.ratings.scales import all_scales
from curation.storage.bids_tables import DESCRIPTION
from curation.storage.files import slug
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.rate import rating_keys
from pages.ui.shell import cache, downloads, formatting, frame, html_marks, person, summaries

_UPLOAD_MB = 50
_NAMED = 5
#: Lines that are read where nothing is looked for, and lines shown.
_READ, _SHOWN = 5000, 40


# ---- the history ---------------------------------------------------------------------------------


def show(workspace: Workspace) -> None:
    """Draw the part of Rate."""
    if guard.may(Action.EXPORT_RATINGS) or guard.may(Action.IMPORT_RATINGS):
        with st.expander("Export and import ratings", icon=":material/import_export:"):
            show_rating_files(workspace)
    _complain(workspace)
    _offer_audit(workspace)
    if running := summaries.running_words(*cache.not_counted(workspace), "listed"):
        st.caption(formatting.escape(running))
    _lines(workspace, _history(workspace, _READ))


def _history(workspace: Workspace, limit: int | None = None) -> pd.DataFrame:
    """Return the history in the words of the screen.

    Without what would tell a rater which scans a running session shows, or when others come and go.
    """
    with database.engine(workspace).connect() as connection:
        running = rating_log.running_sessions(connection)
    names = {key: scale.label for key, scale in all_scales(workspace).items()}
    names |= {key: artefact.label for key, artefact in ARTEFACTS.items()}
    names |= {f"confidence {step}": f"how sure: {word}" for step, word in rating_keys.SURE.items()}
    return history(
        workspace,
        limit,
        views=person.sees_views(),
        entries=person.sees_entries(),
        hidden=running,
        names=names,
    )


def _offer_audit(workspace: Workspace) -> None:
    """Offer to look whether anything of the history was changed by another way."""
    if not st.button("Was anything of it changed?", icon=":material/verified_user:"):
        return
    with frame.in_words(), database.engine(workspace).connect() as connection:
        if not audit_chain.is_there(connection):
            st.info("This workspace has no chain of hashes yet: an earlier version wrote it.")
            return
        wrong, head = audit_trail.verify(connection), audit_chain.head(connection)
        forgotten = erasure.told(connection)
    _answer(workspace, wrong, head)
    if forgotten:
        told = f"Not counted as changed: {'; '.join(forgotten)}. Hold that against what you know of it."
        st.caption(formatting.escape(told))


def _complain(workspace: Workspace) -> None:
    """Say that decisions were found that came by another way, though all others follow from each other."""
    found = audit_trail.put_in_by_another_way(workspace)
    if found:
        came = f"By another way than Tierscope came {plural(found, 'decision')} into the database."
        st.error(
            f"{came} What came so counts as all else does. The button below names it: find out who may write "
            "to the database, and take back what nobody decided."
        )


def _answer(workspace: Workspace, wrong: list[str], head: tuple[int, str]) -> None:
    if wrong:
        more = f" and {len(wrong) - _NAMED:,} more" if len(wrong) > _NAMED else ""
        st.error(formatting.escape(f"Yes: {'; '.join(wrong[:_NAMED])}{more}."))
        return
    st.success(
        formatting.escape(
            f"No: {plural(head[0], 'line')} follow from each other. That is as far as the chain tells: "
            "whoever may write to the database can link what they put in, or make all links anew. Note this "
            "command where they cannot write; it tells later whether all up to here is still as it is now:"
        )
    )
    asked = f"--workspace {shlex.quote(str(workspace.root))} --expect {head[0]}:{head[1]}"
    st.code(f"python -m curation audit {asked}", language=None, wrap_lines=True)


def _lines(workspace: Workspace, table: pd.DataFrame) -> None:
    if table.empty:
        frame.nothing_yet(
            "Nobody has decided anything yet.",
            "Ratings, adjudications, tiers given by hand, cut-offs passed on and frozen cohorts are listed "
            "here, with who and when. Nothing of it is ever overwritten.",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sought = st.text_input("Find", placeholder="a scan, a person, a word", key="history-sought")
        people = st.multiselect("Who", sorted(set(table["who"]) - {""}), placeholder="everybody")
        kinds = st.multiselect("What", sorted(set(table["what"])), placeholder="everything")
    partly = len(table) == _READ
    if partly and (people or kinds or sought):
        table, partly = _history(workspace), False
    found = table
    if people:
        found = found[found["who"].isin(people)]
    if kinds:
        found = found[found["what"].isin(kinds)]
    if sought:
        words = found["who"] + " " + found["what"] + " " + found["subject"] + " " + found["detail"]
        found = found[words.str.contains(sought, case=False, regex=False)]
    rows = [
        (formatting.moment(row.at), row.who or formatting.DASH, row.what, row.subject, row.detail)
        for row in found.head(_SHOWN).itertuples()
    ]
    st.html(
        html_marks.table(("When (UTC)", "Who", "What", "Of what", "In detail"), rows, whole=(0,))
    )
    if len(found) > _SHOWN:
        more = "more than " if partly else ""
        st.caption(
            f"The newest {_SHOWN} of {more}{len(found):,}. Search, or export the ratings, for the others."
        )


# ---- export --------------------------------------------------------------------------------------


def show_rating_files(workspace: Workspace) -> None:
    """Draw export and import side by side."""
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _export(workspace)
    with right, st.container(border=True):
        _import(workspace)


def _export(workspace: Workspace) -> None:
    st.markdown("**Export**")
    st.caption(
        "Ratings, adjudications, tiers by hand and sessions as BIDS tables with their dictionaries; ratings "
        "on MRIQC's scale as its widget saves them."
    )
    if not person.may(Action.EXPORT_RATINGS):
        return
    if st.button("Write the files", icon=":material/save:"):
        with frame.in_words():
            folder = export_ratings(workspace)
            st.success(f"Written to {formatting.escape(str(folder))}")
            downloads.button(
                "Download all as one zip",
                _zipped(folder),
                "tierscope-ratings.zip",
                "application/zip",
                on_click="ignore",
                icon=":material/download:",
            )


def _zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder))
    return packed.getvalue()


# ---- import --------------------------------------------------------------------------------------


def _import(workspace: Workspace) -> None:
    st.markdown("**Import**")
    st.caption(
        f"A table like the exported {RATINGS}, with {OVERRIDES}, {TAGS} and {SESSIONS} where they lay beside "
        "it, or files of MRIQC's rating widget. What is here already is not added again."
    )
    if not person.may(Action.IMPORT_RATINGS):
        return
    with st.form("import-ratings", border=False):
        given = st.file_uploader(
            "Rating files",
            ["tsv", "json"],
            accept_multiple_files=True,
            label_visibility="collapsed",
            max_upload_size=_UPLOAD_MB,
        )
        folder = st.text_input("or a folder on this computer", placeholder="/data/ratings")
        rater = st.text_input("Who rated, where the files do not say", max_chars=MAX_RATER)
        sent = st.form_submit_button("Import")
    if not sent:
        return
    if not given and not folder.strip():
        st.error("Choose files or name a folder first.")
        return
    with frame.in_words():
        if folder.strip():
            _say(import_ratings(workspace, folder.strip(), rater.strip() or None))
        if given:
            _say(_from_upload(workspace, given, rater.strip() or None))


def _from_upload(workspace: Workspace, given: list[UploadedFile], rater: str | None) -> Imported:
    """Import uploaded files one by one, several of one name too."""
    done: list[Imported] = []
    with tempfile.TemporaryDirectory(prefix="tierscope-ratings-") as holder:
        for path in _unpacked(Path(holder), given):
            try:
                done.append(import_ratings(workspace, path, rater, uploaded=True))
            except RatingError as error:
                before = "What came before it is imported; it is not doubled." if done else ""
                raise RatingError(f"{error} {before}".strip()) from error
    return Imported(
        sum(one.added for one in done),
        sum(one.known for one in done),
        sum(one.overrides for one in done),
        sum(one.tags for one in done),
        tuple(name for one in done for name in one.unknown),
    )


def _unpacked(holder: Path, given: list[UploadedFile]) -> list[Path]:
    """Write uploaded files, each that is imported into a folder of its own; return these.

    What is exported beside a table of ratings (sessions, tiers by hand, tags) goes beside it again: the first
    of a name to the first table, and so on; one alone to every table, as what is there is not doubled.
    """
    named = [(slug(Path(one.name).name.strip(".") or "ratings"), one.getvalue()) for one in given]
    beside = {
        name: [data for called, data in named if called == name]
        for name in (OVERRIDES, SESSIONS, TAGS)
    }
    tables = [one for one in named if one[0].endswith(".tsv") and one[0] not in beside]
    twins = {f"{Path(name).stem}.json" for name in (*dict(tables), OVERRIDES, TAGS)}  # dictionaries
    known = twins | {SESSIONS, DESCRIPTION}
    others = [one for one in named if one[0].endswith(".json") and one[0] not in known]
    written = []
    for number, (name, data) in enumerate((*tables, *others)):
        folder = holder / str(number)
        folder.mkdir()
        (folder / name).write_bytes(data)
        written.append(folder / name)
    for name, found in beside.items():
        if len(found) not in (0, 1, len(tables)) or (found and not tables):
            raise RatingError(
                f"{len(found)} {name} came with {plural(len(tables), 'table')} of ratings: it is not known "
                f"which belong together. Import each {RATINGS} by itself with what was exported beside it."
            )
        for number in range(len(tables) if found else 0):
            (holder / str(number) / name).write_bytes(found[number if len(found) > 1 else 0])
    return written


def _say(done: Imported) -> None:
    text = f"{plural(done.added, 'rating')} added, {done.known:,} were here already."
    if done.overrides:
        text += f" {plural(done.overrides, 'tier', 'tiers')} by hand added."
    if done.tags:
        text += f" {plural(done.tags, 'tag')} added."
    st.success(formatting.escape(text))
    if done.unknown:
        named = ", ".join(done.unknown[:_NAMED])
        more = f" and {len(done.unknown) - _NAMED:,} more" if len(done.unknown) > _NAMED else ""
        st.warning(
            formatting.escape(f"Left out, because this workspace has no such scan: {named}{more}.")
        )
