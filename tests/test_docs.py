"""What the documentation prints can be typed and found."""

import re
import tomllib
from pathlib import Path

import pytest

from curation import __main__ as curation_main
from curation import __version__
from curation.cli import framework
from tests import screenshots
from tests.helpers.printed_commands import PAGES, ROOT, commands
from training import __main__ as training_main

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
    headings = [
        line.removeprefix("## ")
        for line in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    ]
    # what is finished since stands above the newest release, under a heading of its own
    releases = headings[1:] if headings[0] == "Unreleased" else headings
    assert releases[0] == __version__ and "Unreleased" not in releases


DEVELOPERS = (ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md")
#: Made up where something is added.
_EXAMPLES = ("pages/sites.py", "pages/ui/cohort/age_range.py")


@pytest.mark.parametrize("page", (*DEVELOPERS, *PAGES), ids=lambda page: page.name)
def test_every_path_that_is_named_is_there(page: Path) -> None:
    named = re.findall(
        r"`((?:assets|curation|docs|pages|tests|training)/[a-z0-9_./-]*)`", page.read_text("utf-8")
    )
    assert not [path for path in named if path not in _EXAMPLES and not (ROOT / path).exists()]


def test_every_test_that_the_table_of_threats_names_is_there() -> None:
    told = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[a-z0-9_/]+\.py)::(\w+)`", told)
    absent = [
        f"{path}::{name}"
        for path, name in named
        if not re.search(rf"^def {name}\(", (ROOT / path).read_text("utf-8"), re.M)
    ]
    assert len(named) > 40 and not absent


def test_the_rooms_are_drawn_and_listed_in_the_order_in_which_they_call_each_other() -> None:
    text = DEVELOPERS[0].read_text(encoding="utf-8")
    drawing = text.split("```")[1]
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    floors = {one["containers"][0]: one["layers"] for one in contracts if "containers" in one}
    for floor, lines in floors.items():
        layers = [name for line in lines for name in line.split(" | ")]
        folder = floor.replace(".", "/")
        drawn = drawing.split(f"\n{folder}/ ")[1].split("   │")[0]
        assert re.findall(r"\w+", drawn) == layers, floor
        rooms = [name for name in layers if (ROOT / folder / name).is_dir()]
        assert re.findall(rf"^\| `{folder}/(\w+)/` \|", text, re.M) == rooms


def test_the_glossary_has_at_most_30_words() -> None:
    text = DEVELOPERS[0].read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z ,-]+) \| ", text.split("## Words")[1].split("\n## ")[0], re.M)
    words = [word for row in rows[1:] for word in row.split(", ")]
    assert len(words) == len(set(words)) <= 30


def test_the_pictures_of_the_first_hour_are_those_that_are_taken_by_command() -> None:
    told = (ROOT / "docs" / "first-hour.md").read_text()
    shown = set(re.findall(r"\(images/([a-z-]+)\.png\)", told))
    taken = {picture.name for picture in screenshots.PICTURES}
    assert shown <= taken
    assert all((screenshots.FOLDER / f"{name}.png").stat().st_size > 10_000 for name in taken)
