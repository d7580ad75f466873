"""Whatever a table or JSON file holds, its reader answers or says what is wrong, in words."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from curation.errors import TierscopeError
from curation.interchange import mriqc_tables, mriqc_widget, session_import
from curation.interchange.rating_export import OVERRIDE_COLUMNS, RATING_COLUMNS
from curation.sources import discovery, participants_table, sidecar
from curation.sources.allowed_roots import EVERYTHING
from curation.storage import bids_tables
from curation.storage.workspace import Source
from curation.tiers import rule_yaml
from curation.upkeep import backup

FILES, CHANGES = 60, 4
_PLAN = {
    "name": "n",
    "rater": "r",
    "scale": "mriqc-4",
    "choice": "all",
    "size": 3,
    "repeats_share": 0.1,
    "blinded": True,
    "seed": 1,
}
_SESSION = {
    "name": "x",
    "rater": "y",
    "at": "2020-01-01T00:00:00",
    "version": "1",
    "items": [["a", None], ["b", 0]],
    "plan": _PLAN,
}
_SCALE = {
    "name": "own",
    "label": "o",
    "values": [[1, "a"], [2, "b"]],
    "direction": "higher is worse",
    "citation": "c",
}


def people(path: Path) -> object:
    rows = participants_table.participants(path).rows.values()
    return [participants_table.describe(row) for row in rows]


def beside(path: Path) -> object:
    image = path.with_suffix(".nii")
    return sidecar.told(image, None), sidecar.scanner(image, path.parent)


#: By the name of a file what it holds when it is sound, and its reader.
SOUND: dict[str, tuple[str, Callable[[Path], object]]] = {
    "mriqc.json": (
        json.dumps({"cjv": 0.4, "size_x": 3, "bids_meta": {"subject_id": "1"}, "provenance": {}}),
        mriqc_tables.read,
    ),
    "group.tsv": (
        "bids_name\tcjv\tsize_x\trater_1\tsite\nsub-01_T1w\t0.4\t3\t1\tA\nsub-02_T1w\tnan\t\t-1\tB\n",
        mriqc_tables.read,
    ),
    "ratings.tsv": (
        "scan_id\trater\tscale\tvalue\tat\tconfidence\tartefacts\trepeat\tshown\n"
        "A\tAda\tpass-fail\t1\t2026-01-01T10:00:00\t2\tinu\tfalse\t{}\n",
        lambda path: bids_tables.read(path, RATING_COLUMNS),
    ),
    "overrides.tsv": (
        "scan_id\tauthor\tat\ttier\treason\nA\tAda\t2026-01-01T10:00:00\tC\tcut off\n",
        lambda path: bids_tables.read(path, OVERRIDE_COLUMNS),
    ),
    "sessions.json": (
        json.dumps({"scales": [_SCALE], "sessions": [_SESSION]}),
        session_import.read,
    ),
    "widget.json": (
        json.dumps({"dataset": "d", "subject": "s", "rating": 3.2, "artifacts": ["head-motion"]}),
        lambda path: mriqc_widget.read(path, None),
    ),
    "list.csv": (
        "path,age,sex,participant_id\na.nii,34,M,x\n~b.nii,89+,F,y\n",
        lambda path: discovery.list_manifest(Source("m", str(path), "manifest"), None, EVERYTHING),
    ),
    "people.tsv": ("participant_id\tage\tsex\tsite\nsub-01\t34\tM\tA\nsub-01\t35\tF\tB\n", people),
    "rule.yaml": (
        "column: distortion_score\ntiers: [A, B]\ncutoffs: [20]\nby_site: {X: [10]}\n"
        "gates:\n- {column: noise, above: 30, tier: unusable}\n",
        rule_yaml.read,
    ),
    "side.json": (
        json.dumps({"EchoTime": 0.003, "SeriesDescription": "T1", "MagneticFieldStrength": 3}),
        beside,
    ),
    backup.MANIFEST: (
        json.dumps({"files": {"a": ["x", 1]}}),
        lambda path: backup.restore(path.parent, path.parent / "new"),
    ),
}
#: What is put somewhere, or in the place of a value.
PIECES = (
    *("null", "[]", "{}", '"x"', "1e999", "-1", "NaN", "true", "0x10", "1_000", "∞", "０"),
    *("9" * 5000, "[" * 3000, '{"a":', "\\ud800", "\0", "\ufeff", "\t", "\n", "\r", '"', "'", ","),
    *("n/a", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "é", "=cmd", "~nosuch/x"),
    *("&a", "*a", "<<", "!!python/object:os.system x", "--", "? ", "| ", "%YAML 9", "\x1b[31m"),
    *("path", "age", "cjv", "scan_id"),
)
_VALUE = re.compile(r'"[^"]*"|-?\d+(\.\d+)?|true|null|\[[^\[\]]*\]|\{[^{}]*\}')


def changed(text: str, rng: random.Random) -> bytes:
    """Return a text with a few changes as bytes, of which one may be any."""
    for _ in range(rng.randint(1, CHANGES)):
        place, other = sorted(rng.randrange(len(text) or 1) for _ in range(2))
        values = list(_VALUE.finditer(text)) or [re.match("", "")]
        value = rng.choice(values)
        assert value is not None
        text = rng.choice(
            (
                text[:place] + rng.choice(PIECES) + text[place:],
                text[:place],
                text[:place] + text[place + rng.randint(1, 12) :],
                text[:place] + chr(rng.randrange(1, 0x2FF)) + text[place + 1 :],
                text[:other] + text[place:],
                text[: value.start()] + rng.choice(PIECES) + text[value.end() :],
            )
        )
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    if data and rng.random() < 0.1:
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


@pytest.mark.parametrize("name", SOUND)
def test_any_content_is_read_or_refused_in_words(name: str, tmp_path: Path) -> None:
    text, read = SOUND[name]
    path, rng, refused = tmp_path / name, random.Random(name), 0
    if name != backup.MANIFEST:  # which names a file that is not there
        path.write_text(text)
        read(path)
    for _ in range(FILES):
        path.write_bytes(changed(text, rng))
        try:
            read(path)
        except (TierscopeError, OSError) as error:
            assert str(error)
            refused += 1
    assert refused or name == "side.json"  # a sidecar that is none is as if it were not there
