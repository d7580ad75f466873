"""Every page and some commands on a workspace, told as JSON: a process with fewer rights than the tests."""

import contextlib
import io
import json
import os
import sys

from streamlit.testing.v1 import AppTest

from curation.__main__ import main as curation_main
from curation.storage.workspace import ENVIRONMENT_VARIABLE
from pages.ui.shell import door
from pages.ui.shell.frame import PAGES, ROOT
from tests.helpers.page_words import words
from training.__main__ import main as training_main

#: Commands that only read, and commands that write; words in capitals are filled in.
READING = ("database", "rules", "status", "check-cohort COHORT")
WRITING = (
    "assess",
    "ingest IMAGES",
    "freeze new --author Ada",
    "export-ratings",
    "stop STUDY",
    "database --adopt",
)


def page(key: str) -> dict[str, object]:
    """Run a page and return what it says."""
    door._built = True  # as if it were served through the door
    run = AppTest.from_file(ROOT / PAGES[key].path, default_timeout=60).run()
    broken = [error.value for error in (*run.exception, *run.error)]
    return {"broken": broken, "said": words(run)}


def command(line: str, root: str, names: dict[str, str]) -> dict[str, object]:
    """Run a command and return its status, what it said and what it complained of."""
    name, *arguments = [names.get(word, word) for word in line.split()]
    main = training_main if name in ("status", "stop") else curation_main
    out, error = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        status = main([name, *arguments, "--workspace", root])
    return {"status": status, "said": out.getvalue(), "error": error.getvalue()}


def main(root: str, names: str) -> None:
    """Look at a workspace and print what was seen."""
    os.environ[ENVIRONMENT_VARIABLE] = root
    given = json.loads(names)
    seen = {key: page(key) for key in PAGES}
    print(json.dumps(seen | {line: command(line, root, given) for line in (*READING, *WRITING)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
