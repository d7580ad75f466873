"""The report of a study as Present shows it, kept until something that it is made from changes."""

from pathlib import Path
from typing import Any

import streamlit as st

from curation import files
from curation.workspace import Workspace
from pages.ui import cached
from training import runs
from training.report import content
from training.report.plots import Report
from training.report.source import Options
from training.study import Study

_HASH: dict[Any, Any] = {
    Workspace: lambda workspace: str(workspace.root),
    Study: lambda study: study.id,
}


def report(workspace: Workspace, study: Study, options: Options) -> Report:
    """Return the report of a study."""
    return _report(workspace, study, options, _changed(workspace, study))


def report_folder(workspace: Workspace, study: Study, options: Options) -> Path:
    """Return where the files of this very report belong: another state of the study is another folder."""
    key = files.short_hash(repr((options, _changed(workspace, study))))
    return study.folder / "reports" / key


def _changed(workspace: Workspace, study: Study) -> tuple[object, ...]:
    """Return what changes with anything that a report is made from."""
    of_runs = [
        cached.stamp(path)
        for run in runs.runs_of(study)
        for path in (run.metrics_path, run.result_path)
    ]
    others = (
        study.result_path,
        workspace.learned_path,
        workspace.previews_dir,
        workspace.scores_path,
    )
    return (*of_runs, *map(cached.stamp, others))


@st.cache_resource(max_entries=8, show_spinner="Reading the study …", hash_funcs=_HASH)
def _report(
    workspace: Workspace, study: Study, options: Options, changed: tuple[object, ...]
) -> Report:
    return content.build(workspace, study.id, options)
