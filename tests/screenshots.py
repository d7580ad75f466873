"""Pictures of the documentation, taken of a workspace in Chromium: ``make screenshots WORKSPACE=workspace``.

They are taken anew whenever pages change, of the demo with its study finished, so that what they show is so.
"""

import argparse
import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from curation.errors import TierscopeError
from curation.storage.workspace import Workspace
from tests.helpers import chromium
from tests.helpers.dashboard import Dashboard
from tests.helpers.paths import ROOT

FOLDER = ROOT / "docs" / "images"
#: What pages draw after streamlit is done, plots and images, is given this long.
_DRAWN_MS = 2500


class Picture(NamedTuple):
    """One picture of the documentation.

    Parameters
    ----------
    name : str
        Of its file.
    page : str
        Which page it is of.
    before : callable, optional
        What is done on the page first.
    """

    name: str
    page: str
    before: Callable[[Page], object] | None = None


def _first_image(page: Page) -> None:
    chromium.drawn(page)


def _plan(page: Page) -> None:
    plan = page.get_by_text("Plan a new study").first
    plan.click()
    page.get_by_role(
        "button", name="Launch the study"
    ).wait_for()  # else there is nothing to scroll by
    chromium.settled(page)
    plan.evaluate("header => header.scrollIntoView({block: 'start'})")
    page.mouse.move(700, 500)
    page.mouse.wheel(0, -70)  # the bar above covers what lies at the very top


PICTURES = (
    Picture("cohort", "cohort"),
    Picture("scans", "sheet"),
    Picture("review", "review", _first_image),
    Picture("rate", "rate"),
    Picture("explore", "explore"),
    Picture("tiers", "tiers"),
    Picture("train", "train"),
    Picture("plan", "train", _plan),
    Picture("compare", "compare"),
    Picture("present", "present"),
)


def take(browser: Browser, address: str, folder: Path, names: list[str]) -> None:
    """Take pictures of a dashboard and write them into a folder."""
    for picture in PICTURES:
        if names and picture.name not in names:
            continue
        context = chromium.fresh_context(browser)
        page = context.new_page()
        chromium.opened(page, address, picture.page)
        if picture.before:
            picture.before(page)
            chromium.settled(page)
        page.wait_for_timeout(_DRAWN_MS)
        seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
        # all colours: a palette of few blends the tiers' where greys or large areas take it up
        seen.save(folder / f"{picture.name}.png", optimize=True)
        print(folder / f"{picture.name}.png")
        context.close()


def main(arguments: list[str]) -> int:
    """Take all pictures, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("names", nargs="*", help="only these")
    chosen = parser.parse_args(arguments)
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if not program:
        print("There is no Chromium on this machine (Debian: apt-get install chromium).")
        return 2
    try:
        workspace = Workspace.open(chosen.workspace)
    except TierscopeError as error:
        print(f"{error} 'make demo' makes the workspace that is pictured.")
        return 2
    with (
        tempfile.TemporaryDirectory() as folder,
        Dashboard(workspace, Path(folder) / "log") as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=program, args=chromium.CHROMIUM_ARGUMENTS
        )
        take(browser, address, FOLDER, chosen.names)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
