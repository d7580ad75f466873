"""No cell that leaves is run by a spreadsheet, and every text comes back as it was."""

import csv
import io

import numpy as np
import pandas as pd
import pytest

from curation.cohorts import cohort_draft
from curation.storage import text_tables
from curation.tiers.tier_rule import TierRule
from tests.helpers.paths import ROOT

COMMAND = "=cmd|'/c calc'!A0"
RUN = ("=", "+", "-", "@", "\t", "\r", "\n")


def _is_run(cell: str) -> bool:
    """Tell whether a spreadsheet would run a cell; a plain number it shows."""
    try:
        float(cell)
    except ValueError:
        return cell.startswith(RUN)
    return False


def test_any_text_comes_back_and_none_is_run() -> None:
    rng, letters = np.random.default_rng(0), [*"=+-@'\t\r\n\"\\;, a1.e＝－"]
    for size in rng.integers(0, 7, 20_000):
        text = "".join(rng.choice(letters, size))
        cell = text_tables.guarded(text)
        assert text_tables.unguarded(cell) == text
        assert not _is_run(cell)


@pytest.mark.parametrize(
    "text", [COMMAND, "+1+1", "-2+3", "@SUM(A1)", "\t=1", "－1+1", "-", "-1-1"]
)
def test_what_a_spreadsheet_would_run_has_a_mark_in_front(text: str) -> None:
    assert text_tables.guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-1.5", "+3", "-1e-5", "1", "-,5", "", "n/a", "a=b", "'a'", "é"])
def test_a_number_and_a_plain_text_stay_as_they_are(text: str) -> None:
    assert text_tables.guarded(text) == text_tables.unguarded(text) == text


def test_a_table_for_people_holds_no_formula_and_all_its_numbers() -> None:
    table = pd.DataFrame(
        {
            "=site": pd.array([COMMAND, "Bonn", None], dtype="str"),
            "mixed": [-1.5, "-x", None],
            "kind": pd.Categorical(["@a", "b", "@a"]),
            "value": [-0.1, np.nan, -1e-17],
            "whole": pd.array([-1, None, 3], dtype="Int64"),
            "when": pd.to_datetime(["2026-11-24"] * 3, utc=True),
        },
        index=[7, 7, 2],  # no index that rows could be told by
    )
    head, *rows = csv.reader(io.StringIO(text_tables.csv(table)))
    assert head == ["'=site", "mixed", "kind", "value", "whole", "when"]
    assert [row[:5] for row in rows] == [
        [f"'{COMMAND}", "-1.5", "'@a", "-0.1", "-1"],
        ["Bonn", "'-x", "b", "", ""],
        ["", "", "'@a", "-1e-17", "3"],
    ]
    back = text_tables.unguarded_table(pd.read_csv(io.StringIO(text_tables.csv(table))))
    assert back["=site"].tolist()[:2] == [COMMAND, "Bonn"]
    assert back["kind"].tolist() == ["@a", "b", "@a"]


def test_a_table_that_needs_nothing_is_written_as_pandas_writes_it() -> None:
    table = pd.DataFrame({"site": ["a", None], "n": [1, 2], "x": [0.1, np.nan]})
    assert text_tables.csv(table) == table.to_csv(index=False, lineterminator="\n")
    assert text_tables.guarded_table(table).dtypes.equals(table.dtypes)
    assert text_tables.csv(table.iloc[:0]) == "site,n,x\n"


def test_no_table_leaves_by_another_way() -> None:
    """Those that write text of their own: the rule itself, and simulated people."""
    root = ROOT
    own = {
        "curation/storage/text_tables.py",
        "curation/simulation/demo_workspace.py",
    }
    found = {
        str(path.relative_to(root))
        for room in ("curation", "training", "pages")
        for path in (root / room).rglob("*.py")
        if "to_csv" in path.read_text() or "csv.writer" in path.read_text()
    }
    assert found == own


def test_a_frozen_list_holds_no_formula_and_is_read_back_as_it_was() -> None:
    rule = TierRule()
    scans = pd.DataFrame(
        {"scan_id": ["a", "b"], "group": [COMMAND, "HC"], "site": ["-", None], "simulated": False}
        | {"age_years": [-1.5, np.nan], "distortion_score": 3.0, "tier": "A"}
    )
    text = cohort_draft.to_tsv(scans, rule)
    assert f"\t'{COMMAND}\t" in text
    assert "\t-1.5\t" in text
    back = cohort_draft.from_tsv(text)
    assert back["group"].tolist() == [COMMAND, "HC"]
    assert back["site"].tolist()[0] == "-"
    assert cohort_draft.to_tsv(back, rule) == text
    assert cohort_draft.from_tsv(text.replace(f"'{COMMAND}", COMMAND)).equals(back)  # as 0.3 wrote


def test_ages_from_90_on_leave_as_90_and_others_as_they_are() -> None:
    table = pd.DataFrame({"age_years": [89.9, 90.0, 104.5, np.nan], "score": [95.0, 96, 97, 98]})
    rows = list(csv.reader(io.StringIO(text_tables.csv(table))))[1:]
    assert rows == [["89.9", "95.0"], ["90.0", "96.0"], ["90.0", "97.0"], ["", "98.0"]]
    assert table["age_years"].max() == 104.5


def test_a_long_list_is_to_the_byte_what_pandas_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        text_tables, "_ROWS_AT_ONCE", 40
    )  # several parts, with and without such cells
    rng, texts = np.random.default_rng(0), ["North", "", "ä ö", COMMAND, "-1.5", None]
    size, odd = 200, ['a"b', "c\td", "e\nf", "g\rh"]
    table = pd.DataFrame(
        {
            "plain": pd.Series(rng.choice(np.array(texts, object), size), dtype="str"),
            "odd": pd.Series([*odd, *["quiet"] * (size - len(odd))], dtype="str"),
            "number": np.where(rng.random(size) < 0.1, np.nan, rng.lognormal(0, 9, size)),
            "true": rng.random(size) < 0.5,
            "whole": rng.integers(0, 9, size),
            "some": pd.Series(rng.choice(np.array([1.5, None, "x"], object), size), dtype=object),
        }
    )
    order = rng.permutation(size)
    how = {"sep": "\t", "index": False, "na_rep": "n/a", "float_format": "%.6g"}
    for columns in (["plain", "number", "true"], ["plain", "odd", "true"], list(table)):
        part = text_tables.guarded_table(table[columns].iloc[order])
        expected = part.to_csv(lineterminator="\n", **how)
        assert text_tables.tab_separated(table[columns], order) == expected
