"""One scan has one score, written one way on every page and in what is handed on."""

import json
import re
from types import SimpleNamespace

import pandas as pd
import pytest
from PIL import Image

from curation.imaging import thumbnails
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from curation.tiers.rule_columns import SCORE_DIGITS
from pages import tiers
from pages.ui.compare.picked_points import _OF_SCAN
from pages.ui.shell import formatting, html_marks, state
from tests.helpers.page_words import checked, components, words
from training.report import content_data

SCAN, SCORE, WRITTEN = "made-pool_sub-03_T1w", 65.68, "65.7"


@pytest.fixture
def scored(own: Workspace) -> Workspace:
    scores = tables.read_scores(own).set_index("scan_id", drop=False)
    scores.loc[SCAN, "distortion_score"] = SCORE
    files.write_parquet(own.scores_path, scores.reset_index(drop=True))
    return own


def _tile(page) -> str:  # type: ignore[no-untyped-def]
    drawn = [tile for part in components(page) for tile in part.get("scans", []) if tile]
    (score,) = {tile["score"] for tile in drawn if isinstance(tile, dict) and tile["id"] == SCAN}
    return score


def _format(page, column: str) -> set[str]:  # type: ignore[no-untyped-def]
    configs = [json.loads(table.proto.columns or "{}") for table in page.dataframe]
    return {held[column]["type_config"]["format"] for held in configs if column in held}


@pytest.mark.parametrize(("high", "written"), [(SCORE, WRITTEN), (90.0, f"≥ {WRITTEN}")])
def test_tiles_tables_and_headlines_write_a_score_alike(high, written, scored, run) -> None:
    scores = tables.read_scores(scored)
    scores.loc[scores["scan_id"] == SCAN, "score_high"] = high
    files.write_parquet(scored.scores_path, scores)
    assert _tile(run("sheet", scored)) == written
    explore = run("explore", scored, **{state.SELECTED: (SCAN,)})
    assert _tile(explore) == written
    assert _format(explore, "distortion_score") == {formatting.SCORE_COLUMN}
    review = words(run("review", scored, **{state.SCAN: SCAN}))
    assert f'<span class="ts-value">{written}</span>' in review
    near = run("tiers", scored, **{state.TIERS_PART: tiers.NEAR})
    near.session_state[state.TRIED] = {
        "names": ["A", "B"],
        "cutoffs": [65.5],
        "column": "distortion_score",
        "gates": [],
        "by_site": {},
    }
    assert _tile(checked(near.run())) == written


def test_columns_and_artefact_trials_write_it_as_text_does() -> None:
    assert formatting.score(SCORE) == WRITTEN == formatting.SCORE_COLUMN % SCORE
    assert html_marks.arrow(SCORE, 70) == f"{WRITTEN} → <b>70.0</b>"
    assert f">{WRITTEN}<" in html_marks.bars({"Noise": SCORE})
    assert _OF_SCAN["distortion_score"]["type_config"]["format"] == formatting.SCORE_COLUMN
    assert f".{SCORE_DIGITS}f" == formatting.D3_SCORE


def test_the_example_of_a_tier_in_a_report_writes_it_alike(workspace: Workspace) -> None:
    picture = workspace.preview_path(SCAN)
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (3 * thumbnails.TILE, thumbnails.TILE)).save(picture)
    pool = pd.DataFrame({"scan_id": [SCAN], "tier": ["A"], "distortion_score": [SCORE]})
    (example,) = content_data._examples(SimpleNamespace(workspace=workspace), pool, ["A"])
    assert example.label == f"Tier A, score {WRITTEN}"


def test_shares_of_a_score_are_of_one_kind_and_add_up(scored, run) -> None:
    review = words(run("review", scored, **{state.SCAN: SCAN, state.METRICS_VIEW: "all"}))
    assert " points)" not in review
    cells = re.findall(r"<td class=.ts-whole.>(\d+) %</td>", review)
    assert len(cells) > 1 and 97 <= sum(map(int, cells)) <= 103
