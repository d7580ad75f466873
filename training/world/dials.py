"""The dials of a simulated world: how many people, how strong, how distorted, what is confounded."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from curation.errors import StudyError
from curation.simulation.artefacts import ARTEFACTS

#: What quality can be confounded with.
CONFOUNDERS = ("nothing", "age", "site")
#: Artefacts that distorted scans get in turn: by default the one of which a contrast learns most in place of
#: people, since where the empty slab lies tells a scan from all others.
DEFAULT_ARTEFACTS = ("dropped_slab",)
#: Fewest people whose ages are known of whom anything can be learned, and to be judged on.
FEWEST_LABELS = 8
_SHARES = ("share", "dose", "confounding", "batch_effect")


@dataclass(frozen=True)
class Dials:
    """What a world is built with.

    Parameters
    ----------
    pool : int
        Scans to pretrain on, one a person.
    labels : int
        People with a known age that a fold learns from; as many again are judged, so that the target holds
        twice as many people, for two folds.
    strength : float
        How far what all people share moves a volume, against noise; 1 as it was tuned, 0: nothing is shared.
    share : float
        Share of the pool that is distorted, 0 to 1. The planted quality tells which.
    dose : float
        Severity of their artefact, 0 to 1; 0: bad by their quality, and yet the same.
    artefacts : tuple of str
        Keys of :data:`curation.simulation.artefacts.ARTEFACTS`, taken in turn.
    confounded : {'nothing', 'age', 'site'}
        What the quality goes with besides.
    confounding : float
        How closely, 0 (not at all) to 1 (all of it).
    batch_effect : float
        How much fainter site ``North`` shows the same tissue, 0 (alike) to 1 (hardly at all). The target is
        of site ``South``.
    seed : int
        Of the people and their noise; the anatomy is the same in all worlds.

    Raises
    ------
    StudyError
        When a dial stands where there is no world.
    """

    pool: int = 600
    labels: int = 60
    strength: float = 1.0
    share: float = 0.65
    dose: float = 0.0
    artefacts: tuple[str, ...] = DEFAULT_ARTEFACTS
    confounded: str = "nothing"
    confounding: float = 0.0
    batch_effect: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.labels < FEWEST_LABELS:
            raise StudyError(
                f"A world needs {FEWEST_LABELS} people or more with a known age to learn from (labels), not "
                f"{self.labels}: without labels there is nothing to fine-tune on, and no error to measure."
            )
        if self.pool < 2:
            raise StudyError(
                f"A world needs a pool of 2 scans or more to pretrain on, not {self.pool}."
            )
        if not 0 <= self.strength < float("inf"):
            raise StudyError(f"The strength of a world is 0 or more, not {self.strength:g}.")
        if self.seed < 0:
            raise StudyError(f"The seed of a world is 0 or more, not {self.seed}.")
        self._check_shares()
        self._check_choices()

    def _check_shares(self) -> None:
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise StudyError(
                    f"The {name.replace('_', ' ')} of a world lies between 0 and 1, not "
                    f"{getattr(self, name):g}."
                )

    def _check_choices(self) -> None:
        if self.confounded not in CONFOUNDERS:
            raise StudyError(
                f"Quality is confounded with one of {', '.join(CONFOUNDERS)}, not {self.confounded!r}."
            )
        if self.confounding and self.confounded == "nothing":
            raise StudyError(
                f"A confounding of {self.confounding:g} needs to know with what: age or site (confounded)."
            )
        if unknown := [name for name in self.artefacts if name not in ARTEFACTS]:
            raise StudyError(
                f"There is no artefact {', '.join(unknown)}; there are {', '.join(ARTEFACTS)}."
            )
        if self.dose and not self.artefacts:
            raise StudyError(f"A dose of {self.dose:g} needs an artefact; name one or more.")

    @property
    def target(self) -> int:
        """People of the target: those of two folds."""
        return 2 * self.labels

    @property
    def distorted(self) -> int:
        """Scans of the pool that are distorted."""
        return round(self.share * self.pool)

    def refuse_small_pool(self, batch: int) -> None:
        """Refuse a pool that does not fill one batch of the pretraining.

        Raises
        ------
        StudyError
            With what to do.
        """
        if self.pool < batch:
            raise StudyError(
                f"The pool of {self.pool} scans does not fill one batch of the pretraining, {batch} scans. "
                "Take a larger pool or a smaller pretrain_batch."
            )

    def changed(self, values: Mapping[str, Any]) -> "Dials":
        """Return a copy with some dials moved.

        Raises
        ------
        StudyError
            When there is no such dial, or it cannot stand there.
        """
        known = [field.name for field in fields(self)]
        if unknown := [name for name in values if name not in known]:
            raise StudyError(
                f"A world has no dial {', '.join(unknown)}; it has {', '.join(known)}."
            )
        return replace(self, **_with_tuple(values))

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return asdict(self) | {"artefacts": list(self.artefacts)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Dials":
        """Build dials from what :meth:`as_dict` gave."""
        return cls().changed(values)


def _with_tuple(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if name == "artefacts" else value for name, value in values.items()}
