"""References of the score: anchors, anchors of each site, or a model learned from ratings.

A reference is data, one readable JSON file: with it and a row of metrics, anybody can compute the score. It
says for whom it holds, too.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from curation import errors
from curation.errors import TierscopeError
from curation.scoring.combination import Combination
from curation.scoring.comparison_groups import pooled
from curation.scoring.directed_model import DirectedModel
from curation.scoring.exclusion_model import ExclusionModel
from curation.scoring.reference_population import Population
from curation.storage import files

#: The penalty is a logistic step: this steep, it is 20 at ``good`` and 80 at ``bad``.
STEEPNESS = 2 * math.log(4.0)
ASSETS = Path(__file__).parents[2] / "assets" / "references"

#: Built-in references of before, the newest first, and the last version whose own they were.
_EARLIER = ((2, "0.9"), (1, "0.5"))

ReferenceKind = Literal["builtin", "cohort", "learned"]


@dataclass(frozen=True)
class Anchor:
    """Where one metric is good and where it is bad.

    Parameters
    ----------
    good, bad : float
        Values of penalty 20 and 80. ``bad`` may lie below ``good``.
    scale : {'linear', 'log'}
        Whether equal differences or equal ratios count the same.
    source : str
        Where the two values come from.
    """

    good: float
    bad: float
    scale: str = "linear"
    source: str = ""

    def penalty(self, values: np.ndarray) -> np.ndarray:
        """Return the penalty, 0 to 100; NaN stays NaN."""
        good, bad = to_scale(np.array([self.good, self.bad]), self.scale)
        position = (to_scale(values, self.scale) - good) / (bad - good)
        return 100.0 / (1.0 + np.exp(-STEEPNESS * (np.clip(position, -20, 20) - 0.5)))


def to_scale(values: np.ndarray, scale: str) -> np.ndarray:
    """Return ``values`` as they are, or their logarithms where the scale is ``'log'``."""
    if scale == "linear":
        return np.asarray(values, dtype=np.float64)
    return np.log(np.maximum(np.asarray(values, dtype=np.float64), 1e-9))


@dataclass(frozen=True)
class Reference:
    """A reference of the score.

    Parameters
    ----------
    name, version : str
        Together the ``id`` that stands beside every score.
    description : str
        How it was made.
    anchors : dict of str to Anchor
        The metrics that count. Others are shown, not scored.
    kind : {'builtin', 'cohort', 'learned'}
        Absolute anchors, anchors from the scans themselves, or people's ratings.
    label : str
        What the screen calls it.
    evidence : dict
        How well it was found to do, and on what.
    sites : dict of str to dict of str to Anchor
        Anchors of one group of scans (see :mod:`curation.scoring.comparison_groups`), instead of ``anchors``.
    model : ExclusionModel or DirectedModel, optional
        What was learned from ratings.
    combination : {'mean', 'any'}
        How penalties become scores, see :mod:`curation.scoring.combination`. References of before have none
        written down and mean ``'mean'``.
    anatomy : dict of str to Anchor
        What says how usual a brain is, not how good its image: usual at ``good``, unusual half way to
        ``bad``. It counts for no score, see :mod:`curation.scoring.unusual_anatomy`.
    population : Population
        For whom the reference holds.
    kinds : dict of str to dict of str to Anchor
        Anchors, instead of the others, of scans with a flag of :data:`curation.imaging.image_flags.FLAGS`.
    """

    name: str
    version: str
    description: str
    anchors: dict[str, Anchor]
    kind: ReferenceKind = "builtin"
    label: str = "Built-in"
    evidence: dict[str, Any] = field(default_factory=dict)
    sites: dict[str, dict[str, Anchor]] = field(default_factory=dict)
    model: ExclusionModel | DirectedModel | None = None
    combination: Combination = "mean"
    anatomy: dict[str, Anchor] = field(default_factory=dict)
    population: Population = field(default_factory=Population)
    kinds: dict[str, dict[str, Anchor]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.name}-{self.version}"

    def anchors_of(self, group: str) -> dict[str, Anchor]:
        """Return the anchors for one group of scans: its own, those of all sites, or the general ones."""
        for key in (group, pooled(group)):
            if key in self.sites:
                return self.sites[key]
        return self.anchors

    def anchors_for(self, group: str, flags: Iterable[str]) -> dict[str, Anchor]:
        """Return the anchors for a scan of a group with some flags."""
        general = self.anchors_of(group)
        own = [self.kinds[flag] for flag in flags if flag in self.kinds]
        return general | {k: v for table in own for k, v in table.items() if k in general}

    def as_dict(self) -> dict[str, Any]:
        """Return it for a JSON file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Reference":
        """Build it from the result of :meth:`as_dict`."""
        values = dict(raw)
        values["anchors"] = _anchors(values["anchors"])
        values["sites"] = {site: _anchors(table) for site, table in values.get("sites", {}).items()}
        values["model"] = _model(values.get("model"))
        values["kinds"] = {kind: _anchors(table) for kind, table in values.get("kinds", {}).items()}
        values["anatomy"] = _anchors(values.get("anatomy", {}))
        values["population"] = Population.from_dict(values.get("population", {}))
        return cls(**values)


def _model(raw: Mapping[str, Any] | None) -> ExclusionModel | DirectedModel | None:
    if not raw:
        return None
    return (DirectedModel if "quantities" in raw else ExclusionModel).from_dict(raw)


def _anchors(raw: Mapping[str, Mapping[str, Any]]) -> dict[str, Anchor]:
    return {name: Anchor(**values) for name, values in raw.items()}


@lru_cache(maxsize=1)
def builtin() -> Reference:
    """Return the built-in reference, ``assets/references/builtin-3.json``."""
    return read_reference(ASSETS / "builtin-3.json")


@lru_cache(maxsize=1)
def earlier_builtin() -> tuple[Reference, ...]:
    """Return the built-in references of before, the newest first: they can still be chosen."""
    return tuple(
        replace(before, label=f"{before.label}, until version {last}")
        for number, last in _EARLIER
        for before in [read_reference(ASSETS / f"builtin-{number}.json")]
    )


def read_reference(path: Path) -> Reference:
    """Read a reference from its JSON file.

    Raises
    ------
    TierscopeError
        When there is none at ``path``, or the file is damaged.
    """
    remedy = (
        f"It holds the reference {path.stem!r}: put back a copy of it, or choose another reference."
    )
    with errors.readable(path, remedy):
        raw = files.read_json(path, remedy)
        if raw is not None:
            return Reference.from_dict(raw)
    raise TierscopeError(f"There is no reference {path.stem!r}. Choose another one.")
