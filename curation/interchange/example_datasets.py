"""Real examples: published tables of MRIQC's metrics with experts' ratings, from the package mriqc-learn.

The package is optional, and only its tables are read: none of its code is run.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from curation.access.actions import Action
from curation.access.guard import guarded
from curation.errors import SourceError
from curation.interchange import mriqc_import
from curation.interchange.mriqc_import import TableSummary
from curation.storage.workspace import Role, Source, Workspace

PACKAGE, VERSION = "mriqc_learn", "0.0.3"
INSTALL = f"pip install mriqc-learn=={VERSION}"


@dataclass(frozen=True)
class Example:
    """One published table.

    Parameters
    ----------
    name : str
        Key in :data:`EXAMPLES`, and the source's name in a workspace.
    label : str
        For buttons and lists.
    meaning : str
        What is in it, and what is not.
    licence : str
        Under which it may be used.
    citation : str
        Who made it.
    """

    name: str
    label: str
    meaning: str
    licence: str
    citation: str


_CITATION = "Esteban et al. 2017, doi:10.1371/journal.pone.0184661"
EXAMPLES: dict[str, Example] = {
    example.name: example
    for example in (
        Example(
            "abide",
            "ABIDE",
            "1,101 real T1w scans of children and adults from 17 sites: MRIQC's metrics and the ratings of "
            "three raters. No images, and no ages unless you join a table of people.",
            "mriqc-learn: Apache-2.0. ABIDE's own data are for non-commercial research.",
            _CITATION,
        ),
        Example(
            "ds030",
            "DS030",
            "265 real T1w scans of adults from 2 scanners: MRIQC's metrics and the ratings of one rater. No "
            "images, and no ages unless you join a table of people.",
            "mriqc-learn: Apache-2.0. OpenNeuro ds000030: CC0.",
            _CITATION,
        ),
    )
}


def is_installed() -> bool:
    """Return whether the package with the tables is installed."""
    return importlib.util.find_spec(PACKAGE) is not None


def of_source(source: Source) -> Example | None:
    """Return the example that a source of a workspace is, if it is one."""
    example = EXAMPLES.get(source.name)
    published = source.kind == "mriqc" and Path(source.path).parent.parent.name == PACKAGE
    return example if published else None


@guarded(Action.INGEST)
def import_example(
    workspace: Workspace, name: str, *, role: Role = "pool", participants: str | Path | None = None
) -> TableSummary:
    """List an example's scans in a workspace, with metrics, scores, sites and ratings.

    Parameters
    ----------
    workspace : Workspace
        Where they go.
    name : str
        A key of :data:`EXAMPLES`.
    role : {'pool', 'target'}
        What they are for.
    participants : path, optional
        Table of people with ids as in the example, for ages, sexes and groups.

    Raises
    ------
    SourceError
        For another name, or where the package is not installed, with the command that installs it.
    """
    if name not in EXAMPLES:
        raise SourceError(f"There is no example {name!r}; there are {', '.join(EXAMPLES)}.")
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise SourceError(
            f"The example {EXAMPLES[name].label} comes with the package mriqc-learn, which is not "
            f"installed. Install it with '{INSTALL}' and try again."
        )
    table = Path(found.origin).parent / "datasets" / f"{name}.tsv"
    return mriqc_import.import_table(
        workspace,
        table,
        name=name,
        role=role,
        participants=participants,
        raters=f"{EXAMPLES[name].label} ",
        published=True,
    )
