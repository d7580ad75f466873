"""Workspaces that released versions made, archived in ``tests/fixtures/versions``, in another place.

Each was made by the commands and functions of the last revision of its version (from 0.9 on: the one that
was released), on the same heads: ``ingest``, ``import-mriqc``, ``assess``, then ratings, a reference and
cohorts. :mod:`tests.helpers.released_workspace` makes the next one.
"""

import tarfile
from pathlib import Path

import pandas as pd

from tests.helpers.paths import ROOT

FOLDER = ROOT / "tests" / "fixtures" / "versions"
VERSIONS = sorted(path.name.removesuffix(".tar.xz")[10:] for path in FOLDER.glob("workspace-*"))
POOL = [f"pool_sub-0{number}_T1w" for number in range(4)]


def _extract(name: str, root: Path) -> None:
    with tarfile.open(FOLDER / name) as archive:
        archive.extractall(root, filter="data")


def made_by(version: str, lab: Path) -> Path:
    """Return the workspace of a version in another place, with the paths of its images as they are there."""
    root = lab / "workspace"
    _extract("heads-4mm.tar.xz", lab)
    _extract(f"workspace-{version}.tar.xz", root)
    settings = root / "workspace.toml"
    settings.write_text(settings.read_text().replace('"/lab/', f'"{lab}/'))
    scans = pd.read_parquet(root / "scans.parquet")
    moved = scans["path"].str.replace("/lab/", f"{lab}/", regex=False)
    scans.assign(path=moved).to_parquet(root / "scans.parquet")
    return root


def since(version: str, first: str) -> bool:
    return tuple(map(int, version.split("."))) >= tuple(map(int, first.split(".")))
