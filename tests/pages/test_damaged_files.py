"""One file of a workspace damaged at a time: pages and commands name it, and go on where they can."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from curation.__main__ import main as curation_main
from curation.decisions import database
from curation.storage import files, tables
from curation.storage.workspace import Workspace
from pages.ui.shell import state
from tests.helpers.page_words import words
from training.__main__ import main as training_main
from training.studies.planned_study import Study

pytestmark = pytest.mark.usefixtures("few_draws")


@dataclass(frozen=True)
class Damage:
    """Which file, what is done to it, and what is still on the pages then.

    Parameters
    ----------
    find : callable
        Returns the file of a workspace.
    pages : dict of str to str
        By page what it says although the file is damaged; empty where the file's name and the way out is all.
    how : callable
        Damages it; cut in half by default.
    unnamed : tuple of str
        Pages that go on without naming the file, as it can be done without there.
    command : tuple of str
        A command that meets the file; none where none does.
    status : int
        How the command ends.
    """

    find: Callable[[Workspace, Study], Path]
    pages: dict[str, str]
    how: Callable[[Path], object] = lambda path: path.write_bytes(
        path.read_bytes()[: path.stat().st_size // 2]
    )
    unnamed: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    status: int = 2


def _nonsense(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"\x00\xff{ nonsense")


def _newer(path: Path) -> None:
    values = json.loads(path.read_text())
    values["preset"]["field_of_tomorrow"] = 1
    path.write_text(json.dumps(values))


def _replaced(before: str, after: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(path.read_text().replace(before, after, 1))


def _thumbnails(path: Path) -> None:
    for scan_id in tables.read_scans(Workspace(path.parent.parent))["scan_id"]:
        _nonsense(path.with_name(f"{scan_id}.png"))


def _learned(path: Path) -> None:
    files.write_parquet(path, pd.DataFrame({"scan_id": ["a"]}))


DAMAGES = {
    "scans": Damage(
        lambda w, _: w.scans_path, {"cohort": "", "review": "", "tiers": ""}, command=("assess",)
    ),
    "metrics": Damage(
        lambda w, _: w.metrics_dir / "part-made.parquet",
        {
            "cohort": "made-target",
            "sheet": "made-pool_sub-01",
            "review": "distortion score",
            "explore": "",
        },
        command=("assess",),
    ),
    "scores": Damage(
        lambda w, _: w.scores_path,
        {"review": "distortion score", "tiers": "Export"},
        how=lambda path: path.write_bytes(b""),
        command=("assess", "--gather", "--jobs", "1"),
        status=0,
    ),
    "learned": Damage(lambda w, _: w.learned_path, {"tiers": "", "review": ""}, how=_learned),
    "decisions": Damage(
        lambda w, _: w.database_path,
        {"review": "", "rate": "", "tiers": ""},
        how=_nonsense,
        command=("export-ratings",),
    ),
    "note of decisions": Damage(
        lambda w, _: w.database_note_path, {"rate": ""}, how=_nonsense, command=("export-ratings",)
    ),
    "study": Damage(
        lambda w, half: half.folder / "study.json",
        {"train": "finished", "compare": "finished", "present": "finished", "model": "No model"},
        command=("status",),
        status=0,
    ),
    "study of a newer version": Damage(
        lambda w, half: half.folder / "study.json",
        {"train": "finished"},
        how=_newer,
        command=("status",),
        status=0,
    ),
    "scans of a study": Damage(
        lambda w, half: half.scans_path,
        {"compare": "finished", "train": "finished"},
    ),
    "status of a run": Damage(
        lambda w, half: next(half.runs_dir.glob("pretrain*/status.json")),
        {"train": "Fine-tuning", "compare": "half"},
        unnamed=("compare",),
        command=("status",),
        status=0,
    ),
    "leader of a study": Damage(
        lambda w, half: half.folder / "workflow.json",
        {"train": "half", "compare": "half"},
        how=_nonsense,
        unnamed=("train", "compare"),
    ),
    "cohort": Damage(
        lambda w, _: next(w.cohorts_dir.glob("target-*.json")),
        {"train": "A study needs two frozen cohorts", "tiers": "pool-"},
        command=("check-cohort", "target"),
    ),
    "list of a cohort": Damage(
        lambda w, _: next(w.cohorts_dir.glob("target-*.tsv")),
        {"train": "finished"},
    ),
    "task": Damage(
        lambda w, _: w.tasks_dir / "assess.json",
        {"cohort": "made-target", "train": "half"},
        how=_nonsense,
        unnamed=("cohort", "train"),
        command=("assess", "--gather", "--jobs", "1"),
        status=0,
    ),
    "thumbnails": Damage(
        lambda w, _: w.previews_dir / "any.png",
        {"present": "finished", "sheet": "made-pool_sub-01"},
        how=_thumbnails,
        unnamed=("present", "sheet"),
    ),
    "settings: not UTF-8": Damage(
        lambda w, _: w.settings_path,
        {"cohort": ""},
        how=lambda path: path.write_bytes(b"\xff\xfe"),
        command=("assess",),
    ),
    "settings: schema is a text": Damage(
        lambda w, _: w.settings_path,
        {"cohort": ""},
        how=_replaced("schema = 1", 'schema = "one"'),
        command=("assess",),
    ),
    "settings: a newer field": Damage(
        lambda w, _: w.settings_path,
        {"cohort": "made-target"},
        unnamed=("cohort",),
        how=_replaced('kind = "folder"', 'kind = "folder"\ntomorrow = 1'),
    ),
    "settings: a source without path": Damage(
        lambda w, _: w.settings_path,
        {"cohort": ""},
        how=_replaced("path = ", "way = "),
        command=("ingest", "."),
    ),
}
#: Which part of a page is looked at.
SESSION = {"tiers": {state.TIERS_PART: "Cohorts"}}
CASES = [(name, page) for name, damage in DAMAGES.items() for page in damage.pages]


@pytest.mark.parametrize(("name", "page"), CASES)
def test_a_page_names_the_damaged_file_and_goes_on(name, page, ours, run) -> None:
    workspace, _, half = ours
    damage = DAMAGES[name]
    path = damage.find(workspace, half)
    damage.how(path)
    database.close()
    said = _everything(run(page, workspace, **SESSION.get(page, {})))
    assert (str(path) in said) is (page not in damage.unnamed)
    assert damage.pages[page] in said
    assert "Traceback" not in said


def _everything(page: AppTest) -> str:
    return "\n".join([words(page), *(option for box in page.selectbox for option in box.options)])


@pytest.mark.parametrize("name", [name for name, damage in DAMAGES.items() if damage.command])
def test_a_command_names_the_damaged_file(name, ours, capfd) -> None:
    workspace, _, half = ours
    damage = DAMAGES[name]
    path = damage.find(workspace, half)
    damage.how(path)
    database.close()
    command, *arguments = damage.command
    main = training_main if command == "status" else curation_main
    if command == "check-cohort":
        arguments = [path.stem]
    assert main([command, *arguments, "--workspace", str(workspace.root)]) == damage.status
    said = capfd.readouterr()
    assert "Traceback" not in said.err
    assert said.err.startswith("error: ") is bool(damage.status)
    assert (command == "assess" and not damage.status) or str(path) in said.out + said.err


def test_scores_that_cannot_be_read_are_made_anew(ours, run) -> None:
    workspace = ours.workspace
    workspace.scores_path.write_bytes(b"")
    page = run("tiers", workspace)
    assert "made anew from the metrics" in words(page) and not page.error
    assert tables.read_scores(workspace)["distortion_score"].notna().sum() == 38
    assert "made anew" not in words(run("tiers", workspace))


def test_a_damaged_result_names_the_run_to_be_done_again(ours, run) -> None:
    workspace, finished, _ = ours
    result = next(finished.runs_dir.glob("finetune*/result.json"))
    result.write_text(result.read_text()[:40])
    page = run("compare", workspace, study=finished.id)
    assert str(result) in words(page) and "retry" in words(page)


def test_without_metrics_a_scan_of_a_person_is_looked_at_and_rated_all_the_same(ours, run) -> None:
    workspace = ours.workspace
    settings = workspace.root / "workspace.toml"
    settings.write_text(settings.read_text().replace("simulated = true", "simulated = false"))
    path = workspace.metrics_dir / "part-made.parquet"
    path.write_bytes(path.read_bytes()[:100])
    page = run("review", workspace)
    assert "Whether this image shows a face is not known" in words(page)
    assert "Your rating" in words(page) and str(path) in words(page)


def test_what_is_damaged_is_told_once_where_it_is_missed(ours, run) -> None:
    path = ours.workspace.metrics_dir / "part-made.parquet"
    path.write_bytes(path.read_bytes()[:100])
    drawn = run("cohort", ours.workspace)
    told = [one.value.replace("\\", "") for one in (*drawn.warning, *drawn.error)]
    assert sum(str(path) in one for one in told) == 1
