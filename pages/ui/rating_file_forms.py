"""Ratings to and from files."""

import io
import tempfile
import zipfile
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from curation import ratings
from curation.rating_files import export_ratings
from curation.rating_import import Imported, import_ratings
from curation.workspace import Workspace, slug
from pages.ui import frame, text

_UPLOAD_MB = 50
_NAMED = 5


def show(workspace: Workspace) -> None:
    """Draw export and import side by side."""
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True):
        _export(workspace)
    with right, st.container(border=True):
        _import(workspace)


def _export(workspace: Workspace) -> None:
    st.markdown("**Export**")
    st.caption(
        "Ratings, verdicts, tiers by hand and sessions as BIDS tables with their dictionaries; ratings "
        "on MRIQC's scale as its widget saves them."
    )
    if st.button("Write the files", icon=":material/save:"):
        with frame.in_words():
            folder = export_ratings(workspace)
            st.success(f"Written to {text.escape(str(folder))}")
            st.download_button(
                "Download all as one zip", _zipped(folder), "tierscope-ratings.zip", "application/zip",
                on_click="ignore", icon=":material/download:",
            )  # fmt: skip


def _zipped(folder: Path) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder))
    return packed.getvalue()


def _import(workspace: Workspace) -> None:
    st.markdown("**Import**")
    st.caption(
        "A table like the exported ratings.tsv, or files of MRIQC's rating widget. What is here already is "
        "not added again."
    )
    with st.form("import-ratings", border=False):
        given = st.file_uploader(
            "Rating files", ["tsv", "json"], accept_multiple_files=True, label_visibility="collapsed",
            max_upload_size=_UPLOAD_MB,
        )  # fmt: skip
        folder = st.text_input("or a folder on this computer", placeholder="/data/ratings")
        rater = st.text_input("Who rated, where the files do not say", max_chars=ratings.MAX_RATER)
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
    """Import uploaded files: tables one by one, files of the widget together."""
    with tempfile.TemporaryDirectory(prefix="tierscope-ratings-") as holder:
        folder, done = Path(holder), []
        for one in given:
            (folder / slug(Path(one.name).name)).write_bytes(one.getvalue())
        for table in sorted(folder.glob("*.tsv")):
            done.append(import_ratings(workspace, table, rater))
        widget = [path for path in folder.glob("*.json") if not path.with_suffix(".tsv").exists()]
        done += [import_ratings(workspace, path, rater) for path in sorted(widget)]
    return Imported(
        sum(one.added for one in done), sum(one.known for one in done),
        sum(one.overrides for one in done), tuple(name for one in done for name in one.unknown),
    )  # fmt: skip


def _say(done: Imported) -> None:
    said = f"{text.plural(done.added, 'rating')} added, {done.known:,} were here already."
    st.success(text.escape(said))
    if done.unknown:
        named = ", ".join(done.unknown[:_NAMED])
        more = f" and {len(done.unknown) - _NAMED:,} more" if len(done.unknown) > _NAMED else ""
        st.warning(
            text.escape(f"Left out, because this workspace has no such scan: {named}{more}.")
        )
