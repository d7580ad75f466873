"""Bundle of a report: every file in a folder, and all of them in one zip file."""

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.decisions import actions
from curation.storage import files
from curation.storage.workspace import Workspace
from training.report import content
from training.report.plots import Report
from training.report.source import ALL, DECK, METHODS, REMOVED, REPORT, Options
from training.report_files import deck, page, pictures

#: A moment that every entry of a zip file carries: the same report is the same file.
_MOMENT = (1980, 1, 1, 0, 0, 0)


@guarded(Action.WRITE_REPORT)
def write(
    workspace: Workspace,
    study_id: str,
    folder: Path,
    options: Options | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write everything that is handed on of a study.

    Parameters
    ----------
    workspace : Workspace
        Where the study is.
    study_id : str
        Which.
    folder : Path
        Made where it is not there; files of the same names are replaced.
    options : Options, optional
        What is kept of sites and pictures.
    progress : callable, optional
        Called with (files written, files in all).

    Returns
    -------
    list of Path
        The files, the zip file last.

    Raises
    ------
    StudyError
        When there is no study of that id.
    """
    report = content.build(workspace, study_id, options)
    total = 5 + 2 * len(report.plots) + len(report.numbers)
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    with (
        files.replacing(folder / ALL) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, data in _files(report):
            target = folder / name
            with files.replacing(target) as part:
                part.write_bytes(data)
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), data, zipfile.ZIP_DEFLATED)
            written.append(target)
            if progress:
                progress(len(written), total)
    if progress:
        progress(total, total)
    actions.note(workspace, "report written", study_id, files=len(written) + 1)
    return [*written, folder / ALL]


def _files(report: Report) -> Iterator[tuple[str, bytes]]:
    yield REPORT, page.page(report).encode()
    yield DECK, deck.deck(report)
    for plot in report.plots:
        yield f"figures/{plot.name}.png", pictures.png(plot, report.state)
        yield f"figures/{plot.name}.svg", pictures.svg(plot, report.state)
    for name, table in report.numbers.items():
        yield f"numbers/{name}.csv", table.encode()
    yield METHODS, _text(report, "Methods", (*report.methods, *_flow_lines(report)))
    yield (
        REMOVED,
        _text(report, "What was removed from these files", report.removed),
    )


def _text(report: Report, title: str, paragraphs: tuple[str, ...]) -> bytes:
    lines = [
        title,
        f"Study {report.study} · {report.date} · Tierscope",
        *filter(None, [report.state]),
    ]
    return "\n\n".join([*lines, *paragraphs, ""]).encode()


def _flow_lines(report: Report) -> tuple[str, ...]:
    """Return the flow charts of inclusion as text."""
    told = []
    for message in report.messages:
        for flow in message.flows:
            lines = [f"{flow.title}:"]
            for box in flow.boxes:
                lines.append(f"  {box.title}: {', '.join(box.lines)}")
                lines += [f"    left out: {out}" for out in box.left]
            lines += [f"  {box.title}: {', '.join(box.lines)}" for box in flow.ends]
            told.append("\n".join(lines))
    return tuple(told)
