"""HTML page of a report: one file that opens from disk, without a network.

plotly.js is in it once. A content security policy forbids it to ask anything of anyone. Texts are escaped.
"""

import base64
import html
from pathlib import Path

import plotly.io
from plotly.offline import get_plotlyjs

from training.report.plots import Box, FlowTable, Message, Picture, Plot, Report, Table
from training.report_files import interactive

_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: "
    "blob:; font-src data:"
)
#: Draws every plot from the numbers that lie beside it as text.
_SCRIPT = """
for (const data of document.querySelectorAll('script[type="application/json"]')) {
  const figure = JSON.parse(data.textContent), place = document.getElementById(data.dataset.plot);
  Plotly.newPlot(place, figure.data, figure.layout,
    {responsive: true, displaylogo: false, modeBarButtons: [["toImage"]],
     toImageButtonOptions: {format: "svg", filename: data.dataset.plot}})
    .then(() => { place.dataset.drawn = "yes"; });
}
"""


def page(report: Report) -> str:
    """Return the HTML file of a report."""
    title = report.messages[0].title if report.messages else "Report"
    sections = "\n".join(_section(message) for message in report.messages)
    css = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{_said(title)}</title>
<style>{css}</style>
</head>
<body>
<main>
{_state(report)}
<header><h1>{_said(title)}</h1><p>Study {_said(report.study)} · {_said(report.date)} · Tierscope</p></header>
<nav aria-label="Contents"><ol>{_contents(report)}</ol></nav>
{sections}
{_words("methods", "Methods", report.methods)}
{_words("removed", "What was removed from this file", report.removed)}
<footer><p>Every plotted number stands under its plot. This file asks nothing of any network.</p></footer>
</main>
<script>{get_plotlyjs()}</script>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _section(message: Message) -> str:
    parts = [f'<section id="{_said(message.name)}"><h2>{_said(message.title)}</h2>']
    if message.lead:
        parts.append(f'<p class="lead">{_said(message.lead)}</p>')
    if message.flows:
        flows = "".join(map(flow, message.flows))
        parts.append(f'<div class="flows">{flows}</div>')
    if message.plot:
        parts.append(_plot(message.plot))
    if message.table:
        parts.append(_table(message.table))
    if message.pictures:
        shown = "".join(
            f'<figure><img alt="Example scan, one axial slice" src="{address(picture)}">'
            f"<figcaption>{_said(picture.label)}</figcaption></figure>"
            for picture in message.pictures
        )
        parts.append(f'<div class="pictures">{shown}</div>')
    if message.points:
        points = "".join(f"<li>{_said(point)}</li>" for point in message.points)
        parts.append(f"<ul{' class=faded' if message.faded else ''}>{points}</ul>")
    if message.note:
        parts.append(f'<p class="note">{_said(message.note)}</p>')
    if message.plot:
        parts.append(_numbers(message.plot))
    return "\n".join([*parts, "</section>"])


def _plot(plot: Plot) -> str:
    # to_json writes "<" as an escape, so no name in it can end the script
    figure = plotly.io.to_json(interactive.figure(plot)).replace("<", "\\u003c")
    return (
        f'<div class="plot" id="plot-{_said(plot.name)}" role="img" aria-label="{_said(plot.alt)}"></div>\n'
        f'<script type="application/json" data-plot="plot-{_said(plot.name)}">{figure}</script>'
    )


def _numbers(plot: Plot) -> str:
    """Return every plotted number as a table, and as a CSV file to save."""
    rows = tuple(
        tuple(_number(value) for value in row) for row in plot.table.itertuples(index=False)
    )
    csv = base64.b64encode(plot.csv().encode()).decode()
    link = f'<a download="{_said(plot.name)}.csv" href="data:text/csv;base64,{csv}">Save as CSV</a>'
    return (
        f"<details><summary>Numbers of this plot ({len(rows):,})</summary><p>{link}</p>"
        f"{_table(Table(tuple(map(str, plot.table.columns)), rows))}</details>"
    )


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(table: Table) -> str:
    head = "".join(f"<th>{_said(name)}</th>" for name in table.head)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_said(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def address(picture: Picture) -> str:
    """Return a picture as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(picture.png).decode()}"


def flow(drawn: FlowTable) -> str:
    """Return a flow chart as HTML; how it looks stands in ``page.css``."""
    steps = []
    for place, box in enumerate(drawn.boxes):
        left = (
            f'<div class="left">{"<br>".join(map(_said, box.left))}</div>'
            if box.left
            else "<span></span>"
        )
        steps.append(f'<div class="step">{_box(box)}{left}</div>')
        if place + 1 < len(drawn.boxes) or drawn.ends:
            steps.append('<div class="arrow" aria-hidden="true">↓</div>')
    ends = f'<div class="ends">{"".join(map(_box, drawn.ends))}</div>' if drawn.ends else ""
    return f'<div class="flow"><h3>{_said(drawn.title)}</h3>{"".join(steps)}{ends}</div>'


def _box(box: Box) -> str:
    return f'<div class="box"><b>{_said(box.title)}</b>{"<br>".join(map(_said, box.lines))}</div>'


def _words(name: str, title: str, paragraphs: tuple[str, ...]) -> str:
    told = "".join(f"<p>{_said(paragraph)}</p>" for paragraph in paragraphs)
    return f'<section id="{name}"><h2>{_said(title)}</h2>{told}</section>'


def _contents(report: Report) -> str:
    entries = [(message.name, message.title) for message in report.messages]
    entries += [("methods", "Methods"), ("removed", "What was removed from this file")]
    return "".join(f'<li><a href="#{_said(n)}">{_said(title)}</a></li>' for n, title in entries)


def _state(report: Report) -> str:
    return (
        f'<div class="state" role="note"><b>{_said(report.state)}</b></div>' if report.state else ""
    )


def _said(text: str) -> str:
    return html.escape(str(text))
