"""Folder picker of the server's machine: from folder to folder, within what may be read."""

import os
from pathlib import Path

import streamlit as st

from curation.sources import allowed_roots, discovery
from curation.sources.allowed_roots import AllowedRoots
from curation.storage.workspace import Workspace
from curation.wording import plural
from pages.ui.shell import formatting, state
from pages.ui.shell.state import Key

_MOST = 500
#: Whether the picker is open.
_OPEN = Key[bool]("picker-open")
#: A table that can be named too.
_TABLES = (".csv", ".tsv", ".json")


def show(workspace: Workspace, field: str) -> None:
    """Draw the picker; what is picked stands in the text field of key ``field``.

    Parameters
    ----------
    workspace : Workspace
        Whose allowed roots bound it.
    field : str
        Key of a text input that is drawn later.
    """
    allowed = allowed_roots.of(workspace)
    with st.popover("Browse", icon=":material/folder_open:", key=_OPEN, on_change="rerun"):
        folder = _present(workspace, allowed)
        above = folder.parent
        st.markdown(f"**{formatting.escape(str(folder))}**")
        with st.container(horizontal=True):
            st.button(
                "Up",
                icon=":material/arrow_upward:",
                disabled=above == folder or allowed.reason(above) is not None,
                on_click=_go,
                args=(above,),
                key="picker-up",
            )
            st.button(
                "Take this folder",
                type="primary",
                on_click=_take,
                args=(folder, field),
                key="picker-take",
            )
        _choices(folder, allowed, field)


def _choices(folder: Path, allowed: AllowedRoots, field: str) -> None:
    folders, tables, images = _inside(folder)
    if allowed.named and len(allowed.named) > 1:
        st.selectbox(
            "Begin at",
            [*map(str, allowed.named)],
            index=None,
            key="picker-root",
            on_change=_go_to_chosen,
            args=(None, "picker-root"),
        )
    st.selectbox(
        "Open folder",
        folders,
        index=None,
        placeholder=plural(len(folders), "folder") if folders else "no folders in it",
        disabled=not folders,
        key=f"picker-{folder}",
        on_change=_go_to_chosen,
        args=(folder, f"picker-{folder}"),
    )
    if tables:
        st.selectbox(
            "Take a table",
            tables,
            index=None,
            placeholder=f"{len(tables)} CSV, TSV or JSON files",
            key=f"picker-table-{folder}",
            on_change=_take_table,
            args=(folder, field, f"picker-table-{folder}"),
        )
    st.caption(_what_it_is(folders, images))


def _what_it_is(folders: list[str], images: int) -> str:
    """Say what a folder looks like, by what lies directly in it."""
    if people := sum(name.startswith("sub-") for name in folders):
        return f"A BIDS data set of {plural(people, 'subject')}."
    if images:
        return f"{plural(images, 'NIfTI image lies', 'NIfTI images lie')} directly in it."
    return "No NIfTI image lies directly in it."


def begin_beside(path: Path) -> None:
    """Open the picker, the next time, where a path lies that was given by hand."""
    _go(path.parent)


def _present(workspace: Workspace, allowed: AllowedRoots) -> Path:
    """Return the folder that is open: the last one of this session, else where the last source lies."""
    first = allowed.named[0] if allowed.named else Path.home()
    added = [Path(source.path) for source in workspace.sources()]
    beside = [path.parent for path in reversed(added) if not path.is_relative_to(workspace.root)]
    chosen = state.get(state.PICKED_FOLDER)
    for folder in (*([Path(chosen)] if chosen else []), *beside[:1]):
        if not allowed.reason(folder) and folder.is_dir():
            return folder
    return first


def _inside(folder: Path) -> tuple[list[str], list[str], int]:
    """Return the names of folders and tables in a folder, and how many images it holds."""
    folders, tables, images = [], [], 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    folders.append(entry.name)
                elif entry.name.lower().endswith(discovery.SUFFIXES):
                    images += 1
                elif entry.name.lower().endswith(_TABLES):
                    tables.append(entry.name)
    except OSError as error:
        st.caption(f"It cannot be entered ({formatting.escape(error.strerror or str(error))}).")
    return sorted(folders)[:_MOST], sorted(tables)[:_MOST], images


def _go(folder: Path) -> None:
    state.put(state.PICKED_FOLDER, str(folder))


def _go_to_chosen(folder: Path | None, key: str) -> None:
    if name := state.get(key):
        _go(Path(name) if folder is None else folder / name)


def _take_table(folder: Path, field: str, key: str) -> None:
    if name := state.get(key):
        _take(folder / name, field)


def _take(path: Path, field: str) -> None:
    """Put a path into its field, and let the field be seen."""
    state.put(field, str(path))
    state.put(_OPEN, False)
    st.toast(formatting.escape(f"Taken: {path}"), icon=":material/check:")
