"""What a world was built with and what is true of it, as its workspace keeps it, and in words."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curation import __version__
from curation.simulation.artefacts import ARTEFACTS
from curation.storage import files
from curation.storage.workspace import Workspace
from training.world.dials import Dials

#: Name of the sources and cohorts of a world: those of simulated people.
POOL, TARGET = "world-pool", "world-target"
#: Which error is which, in words.
LINES: Mapping[str, str] = {
    "best": "best possible: all that was planted of a person is known",
    "latents": "ridge regression on what was planted of a person",
    "components": "ridge regression on principal components of the pool",
    "voxels": "ridge regression on voxels",
    "mean": "predicting the mean age of the other half",
}
#: Those that are drawn beside the arms; predicting the mean stands there already.
DRAWN: Mapping[str, str] = {"best": "best possible", "voxels": "ridge on voxels"}
_REMEDY = "Put back a copy of it, or make the world again in another folder."


@dataclass(frozen=True)
class Truth:
    """Errors of the target's people without a network, years; :data:`LINES` says in words which is which.

    Parameters
    ----------
    best, latents, components, voxels, mean : float
        Mean absolute errors.
    """

    best: float
    latents: float
    components: float
    voxels: float
    mean: float

    def as_dict(self) -> dict[str, float]:
        """Return plain JSON-ready values, to a hundredth of a year."""
        return {name: round(value, 2) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Truth":
        """Build it from what :meth:`as_dict` gave."""
        return cls(**{name: float(values[name]) for name in LINES})


@dataclass(frozen=True)
class Planted:
    """What was planted in a workspace.

    Parameters
    ----------
    dials : Dials
        What its world was built with.
    truth : Truth
        What is true of it.
    """

    dials: Dials
    truth: Truth

    @property
    def harm(self) -> str:
        """What was planted, in a few words."""
        return "distorted scans harm" if self.dials.dose else "the bad scans do no harm"

    @property
    def words(self) -> str:
        """What was planted, in sentences."""
        dials = self.dials
        told = [
            f"Everything here is simulated. {dials.distorted} of the {dials.pool} scans to pretrain on are "
            f"bad by their planted quality, and {_harm(dials)}"
        ]
        if dials.confounding:
            told.append(
                f"Quality goes with {dials.confounded} besides ({dials.confounding:g} of 1)."
            )
        if dials.batch_effect:
            told.append(
                f"Site North shows the same tissue fainter than South ({dials.batch_effect:g} of 1)."
            )
        told.append(f"A fold learns age from {dials.labels} people.")
        return " ".join(told)

    def rows(self) -> list[tuple[str, float]]:
        """Return what is known of the error in words, with it in years."""
        return [(LINES[name], value) for name, value in self.truth.as_dict().items()]


def write(workspace: Workspace, planted: Planted, *, lent: bool = False) -> None:
    """Keep what was planted in a workspace, or in a world that was lent to it."""
    about = {"simulated": True, "version": __version__}
    kept = about | {"dials": planted.dials.as_dict(), "truth": planted.truth.as_dict()}
    files.write_json(workspace.lent_world_path if lent else workspace.world_path, kept)


def read(workspace: Workspace) -> Planted | None:
    """Return what was planted in a workspace; none where it is no world.

    Raises
    ------
    DamagedError
        When its file cannot be read.
    """
    return _read(workspace.world_path)


def has(workspace: Workspace, cohort_id: str) -> bool:
    """Tell whether a cohort is of a world, also of a lent one: its scores are planted, and never change."""
    there = workspace.world_path.exists() or workspace.lent_world_path.exists()
    return there and cohort_id.startswith((POOL, TARGET))


def of_cohort(workspace: Workspace, cohort_id: str) -> Planted | None:
    """Return what was planted in the world of a pool, also of a lent one; none where it is of something else.

    Raises
    ------
    DamagedError
        When its file cannot be read.
    """
    if not cohort_id.startswith(POOL):
        return None
    return read(workspace) or _read(workspace.lent_world_path)


def _read(path: Path) -> Planted | None:
    if not path.exists():
        return None
    kept = files.read_json(path, _REMEDY)
    return Planted(Dials.from_dict(kept["dials"]), Truth.from_dict(kept["truth"]))


def _harm(dials: Dials) -> str:
    if not dials.dose:
        return "yet as good as all others: leaving them out can only lose people."
    kinds = ", ".join(ARTEFACTS[name].label for name in dials.artefacts)
    return f"distorted: {kinds}, at severity {dials.dose:g} of 1."
