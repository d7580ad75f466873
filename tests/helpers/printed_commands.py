"""What the documentation prints: the commands of its code blocks, as they are typed."""

import re
import shlex
from pathlib import Path

from tests.helpers.paths import ROOT

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def commands(page: Path) -> list[list[str]]:
    """Return the commands ``python -m curation …`` and ``python -m training …`` of a page, as words.

    Comments and files that output goes into are left out, and lines that end in a backslash go on.
    """
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    words = [shlex.split(re.sub(r" > \S+", "", line), comments=True) for line in lines]
    return [
        one for one in words if one[:2] == ["python", "-m"] and one[2] in ("curation", "training")
    ]
