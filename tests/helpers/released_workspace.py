"""Makes the workspace of a released version, as the tests keep one of each.

With the last revision of a version: ``python -m tests.helpers.released_workspace``. It makes ``/lab`` from
the images that all versions share, and writes ``workspace-X.Y.tar.xz``.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

from curation import __version__
from curation.cohorts import frozen_cohort
from curation.ratings import rating_log
from curation.ratings.rating_record import Opinion, Rating
from curation.references import reference_library
from curation.sessions import saved_lists, session_log
from curation.sessions.session_plan import SessionPlan
from curation.storage.workspace import Workspace
from curation.tiers import overrides, rule_versions, rule_yaml
from tests.helpers.earlier_workspaces import FOLDER, POOL

_LAB = Path("/lab")
_KEPT = ("cohorts", "metrics", "references")
_RULE = "tiers: [A, B, C]\ncutoffs: [45, 60]\n"


def make(root: Path) -> None:
    """Make a workspace of the present version from the images beside it."""
    images = root.parent / "images"
    for command in (
        ["ingest", str(images / "pool"), "--simulated"],
        ["ingest", str(images / "target"), "--role", "target", "--simulated"],
        ["import-mriqc", str(root.parent / "mriqc.tsv"), "--name", "table"],
        ["assess", "--jobs", "1"],
    ):
        curation = [sys.executable, "-m", "curation", *command, "--workspace", str(root)]
        subprocess.run(curation, check=True)
    _decide(Workspace.open(root))


def _decide(workspace: Workspace) -> None:
    for scan_id, rater, scale, value, comment in (
        (POOL[0], "Ada", "mriqc-4", 1.0, "clean"),
        (POOL[3], "Ada", "mriqc-4", 4.0, "noisy"),
        (POOL[1], "Bob", "pass-fail", 1.0, ""),
    ):
        rating = Rating(value, comment, scan_id=scan_id, rater=rater, scale=scale)
        rating_log.add_rating(workspace, rating)
    reference_library.choose(workspace, reference_library.fit_cohort(workspace).id)
    overrides.override(workspace, POOL[3], "Eve", "C", "noise")
    plan = SessionPlan("first", "Cleo", "mriqc-4", "random", 4, 0.25, True, 0)
    session = session_log.start(workspace, plan)
    for position, (value, comment) in enumerate(((2.0, "one"), (3.0, "two"))):
        session_log.save(workspace, session.id, position, Opinion(value, comment))
    session_log.undo(workspace, session.id)
    rule_versions.save(workspace, "strict", _RULE, "Eve")
    saved_lists.save(workspace, "odd ones", "Eve", POOL[:2], "look again")
    for name in ("pool", "target"):
        rule = rule_yaml.parse(_RULE)
        frozen_cohort.freeze(workspace, name, author="Eve", role=name, rule=rule)


def main() -> int:
    """Write the archive of the present version's workspace."""
    root = _LAB / "workspace"
    if root.exists():
        print(f"{root} is there already; move it away.")
        return 2
    with tarfile.open(FOLDER / "heads-4mm.tar.xz") as archive:
        archive.extractall(_LAB, filter="data")
    make(root)
    short = __version__.rsplit(".", 1)[0]
    with tarfile.open(FOLDER / f"workspace-{short}.tar.xz", "w:xz") as archive:
        for path in sorted(root.iterdir()):
            if path.name in _KEPT or path.suffix in {".toml", ".json", ".sqlite", ".parquet"}:
                archive.add(path, path.name)
    print(FOLDER / f"workspace-{short}.tar.xz")
    return 0


if __name__ == "__main__":
    sys.exit(main())
