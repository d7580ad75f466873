"""Snakemake: its command, and profiles by name, as set up by whoever runs Tierscope.

A profile's ``config.yaml`` holds expressions that Snakemake evaluates: whoever may choose its path runs
programs. So a path comes from the environment alone, never from a page, an argument or a stored file.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from curation.errors import ProfileError

#: Keeps Snakemake from a ``profiles/default`` that happens to lie in the folder that someone is in.
NO_OTHER = ("--workflow-profile", "none")
ENVIRONMENT_VARIABLE = "TIERSCOPE_PROFILES"
_EXAMPLE = f"{ENVIRONMENT_VARIABLE}=my-cluster:/path/of/its/folder"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


def named() -> dict[str, Path]:
    """Return the folder of each profile by its name.

    Raises
    ------
    ProfileError
        When the setting is not ``NAME:PATH``, with commas between several.
    """
    found: dict[str, Path] = {}
    for part in os.environ.get(ENVIRONMENT_VARIABLE, "").split(","):
        name, _, path = part.strip().partition(":")
        if not name and not path:
            continue
        if not _NAME.fullmatch(name) or not Path(path).is_absolute() or name in found:
            raise ProfileError(
                f"{part.strip()!r} in {ENVIRONMENT_VARIABLE} is not a new name and an absolute path. Write "
                f"{_EXAMPLE}, with commas between several."
            )
        found[name] = Path(path)
    return found


def folder(name: str) -> Path:
    """Return the folder of a profile.

    Raises
    ------
    ProfileError
        When no profile has this name, or its folder holds none.
    """
    known = named()
    if name not in known:
        there = f"there is: {', '.join(known)}" if known else "none is set up"
        what = f"There is no Snakemake profile named {name!r}" if name else "No profile is chosen"
        raise ProfileError(
            f"{what} ({there}). Profiles are named by whoever runs Tierscope, before it starts: {_EXAMPLE}."
        )
    if not (known[name] / "config.yaml").is_file():
        raise ProfileError(
            f"The Snakemake profile {name!r} cannot be used: there is no config.yaml in {known[name]}."
        )
    return known[name]


def command(
    snakefile: Path,
    folder: Path,
    *,
    config: Sequence[str],
    where: Sequence[str],
    quiet: Sequence[str],
    targets: Sequence[str] = (),
) -> list[str]:
    """Return the Snakemake command of a workflow.

    Every output is written whole or not at all, and its being there says that it is done, so Snakemake's own
    marks of incomplete files and its lock are not used; whoever calls holds a lock. For the same reason it
    removes no output of a job that failed: one that was stopped after its last write is done.

    Parameters
    ----------
    snakefile, folder : Path
        The workflow, and its working directory.
    config : sequence of str
        Arguments that give its configuration.
    where : sequence of str
        Arguments that say where its jobs run.
    quiet : sequence of str
        What Snakemake leaves unsaid.
    targets : sequence of str
        Files to make; all by default.
    """
    return [
        sys.executable,
        "-m",
        "snakemake",
        *targets,
        "--snakefile",
        str(snakefile),
        "--directory",
        str(folder),
        *config,
        "--keep-going",
        "--nolock",
        "--ignore-incomplete",
        "--keep-incomplete",
        "--drop-metadata",
        "--rerun-triggers",
        "mtime",
        "--scheduler",
        "greedy",
        "--runtime-source-cache-path",
        str(folder / "cache"),
        "--nocolor",
        "--quiet",
        *quiet,
        *NO_OTHER,
        *where,
    ]
