"""What the documentation prints can be typed; the first study runs as it stands."""

from pathlib import Path

import pytest

from curation import __main__ as curation_main
from curation import __version__
from curation.cli import framework
from curation.cohorts import frozen_cohort
from curation.storage.workspace import Workspace
from tests.helpers.launched_studies import ended, wait
from tests.helpers.printed_commands import PAGES, ROOT, commands
from training import __main__ as training_main
from training.results import study_summary
from training.studies import planned_study

MAINS = {"curation": curation_main, "training": training_main}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_printed_can_be_typed(page: Path) -> None:
    for words in commands(page):
        main = MAINS[words[2]]
        typed = [word.replace("$images", "T1w") for word in words[3:]]  # of a loop
        framework.parser("python", None, main.COMMANDS).parse_args(typed)


def test_enough_commands_are_found_to_be_tested() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 30


def test_the_newest_release_of_the_changelog_is_the_version() -> None:
    releases = [
        line.removeprefix("## ")
        for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    ]
    assert releases[0] == __version__


@pytest.mark.soak
def test_the_first_study_runs_as_it_is_printed(
    tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores 90 real scans and trains a study on them: half an hour."""
    monkeypatch.chdir(shared_data)
    root = tmp_path / "w"
    for words in commands(ROOT / "docs" / "first-study.md"):
        assert MAINS[words[2]].main([_filled(word, root) for word in words[3:]]) == 0, words
    workspace = Workspace.open(root)
    (study,) = planned_study.list_studies(workspace)
    assert wait(workspace, study, ended, every_s=5).state == "finished"
    errors = study_summary.final_errors(workspace, study.id).set_index("arm")
    assert errors["n_subjects"].eq(72).all()
    print(errors.to_string())


def _filled(word: str, root: Path) -> str:
    if word == "W":
        return str(root)
    if word in ("POOL-ID", "TARGET-ID"):
        role = word.partition("-")[0].lower()
        found = [
            one for one in frozen_cohort.list_cohorts(Workspace.open(root)) if one.role == role
        ]
        return found[0].id
    return word
