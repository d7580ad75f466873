"""Reading back what a report wrote: numbers of native charts and of plots in HTML, every byte of a file."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
from pptx import Presentation

#: What is plotly's own and not of a report.
_LIBRARY = re.compile(r"<script>(?:(?!</script>).){1000000,}</script>", re.DOTALL)


def chart_tables(deck: Path | bytes) -> dict[str, list[list[Any]]]:
    """Return the workbook of each native chart by the chart's name: rows of its first sheet."""
    opened = Presentation(io.BytesIO(deck) if isinstance(deck, bytes) else str(deck))
    found = {}
    for slide in opened.slides:
        for shape in slide.shapes:
            if shape.has_chart:
                blob = shape.chart.part.chart_workbook.xlsx_part.blob
                sheet = openpyxl.load_workbook(io.BytesIO(blob)).active
                found[shape.name] = [list(row) for row in sheet.iter_rows(values_only=True)]
    return found


def deck_texts(deck: Path | bytes) -> str:
    """Return every text of a deck: shapes, tables, notes."""
    opened = Presentation(io.BytesIO(deck) if isinstance(deck, bytes) else str(deck))
    told = []
    for slide in opened.slides:
        told.append(slide.notes_slide.notes_text_frame.text)
        for shape in slide.shapes:
            if shape.has_text_frame:
                told.append(shape.text_frame.text)
            if shape.has_table:
                told += [cell.text for row in shape.table.rows for cell in row.cells]
    return "\n".join(told)


def html_figures(text: str) -> dict[str, dict[str, Any]]:
    """Return the figures of a report's HTML by name, their arrays as lists of numbers."""
    pattern = r'<script type="application/json" data-plot="plot-([^"]+)">(.*?)</script>'
    return {
        name: _plain(json.loads(figure)) for name, figure in re.findall(pattern, text, re.DOTALL)
    }


def _plain(value: Any) -> Any:
    """Turn plotly's packed arrays into lists."""
    if isinstance(value, dict) and set(value) >= {"bdata", "dtype"}:
        array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
        if "shape" in value:
            array = array.reshape([int(n) for n in str(value["shape"]).split(",")])
        return array.tolist()
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def every_byte(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield all that a file says, opened up: members of zip files, what is packed in HTML."""
    yield from _opened(path.name, path.read_bytes())


def _opened(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield f"{name}: comment", archive.comment
            for entry in archive.infolist():
                yield f"{name}/{entry.filename}", entry.filename.encode()
                yield from _opened(f"{name}/{entry.filename}", archive.read(entry))
        return
    if name.endswith(".html"):
        text = _LIBRARY.sub("", data.decode())
        yield name, text.encode()
        for packed in re.findall(r"base64,([A-Za-z0-9+/=]+)", text):
            yield f"{name}: packed", base64.b64decode(packed)
        return
    yield name, data
