"""Population of a reference: for whom its anchors were set, and which scans lie outside of it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

#: What a reference may ask of a scan, as columns of the scans table.
ABOUT = ("modality", "age_years", "spacing_mm", "field_strength_t", "manufacturer")
#: Ages are rounded, and so are the edges of voxels in headers: that makes nobody an outsider.
_AGE_SLACK_YEARS, _EDGE_SLACK = 0.5, 1.05
#: A scanner of 2.89 tesla is one of 3.
_FIELD_SLACK = 0.15


@dataclass(frozen=True)
class Population:
    """Scans that a reference holds for; what is empty or NaN it does not say.

    Parameters
    ----------
    modalities : tuple of str
        Kinds of images, as in the scans table.
    beside : tuple of str
        Kinds that are so near to these that they are scored with a flag. All others get **no score**; by all
        that follows, scans only get a flag.
    ages_years : tuple of float
        Youngest and oldest person.
    field_strengths_t : tuple of float
        Of the scanners, tesla.
    manufacturers : tuple of str
        Of the scanners, as sidecars write them; capitals do not matter.
    voxel_mm : tuple of float
        Smallest and largest edge of a voxel.
    words : str
        The same in words, with what is not known of it.
    """

    modalities: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    ages_years: tuple[float, float] | None = None
    field_strengths_t: tuple[float, ...] = ()
    manufacturers: tuple[str, ...] = ()
    voxel_mm: tuple[float, float] | None = None
    words: str = ""

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Population":
        """Build it from the entries of a JSON file."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in raw.items()}
        return cls(**values)

    def refuses(self, modality: Any) -> bool:
        """Return whether the reference has nothing to say of this kind of image."""
        known = bool(self.modalities) and isinstance(modality, str)
        return known and modality not in (*self.modalities, *self.beside)

    def outside(self, about: Mapping[str, Any]) -> list[str]:
        """Return in what a scan lies outside of the population; empty where nothing is known against it.

        Parameters
        ----------
        about : mapping
            Some of :data:`ABOUT`; missing and unknown ones are passed over.

        Examples
        --------
        >>> adults = Population(ages_years=(19, 55), field_strengths_t=(3.0,))
        >>> adults.outside({"age_years": 8.0, "field_strength_t": 2.89})
        ['age 8 (it holds for 19 to 55)']
        """
        told = [
            self._by_kind(about),
            self._by_age(about),
            self._by_field(about),
            self._by_maker(about),
            self._by_voxels(about),
        ]
        return [words for words in told if words]

    def _by_kind(self, about: Mapping[str, Any]) -> str | None:
        kind = about.get("modality")
        near = isinstance(kind, str) and kind in self.beside
        return f"{kind} (it holds for {', '.join(self.modalities)})" if near else None

    def _by_age(self, about: Mapping[str, Any]) -> str | None:
        age = _number(about.get("age_years"))
        if self.ages_years is None or math.isnan(age):
            return None
        low, high = self.ages_years
        if low - _AGE_SLACK_YEARS <= age <= high + _AGE_SLACK_YEARS:
            return None
        return f"age {age:.3g} (it holds for {low:g} to {high:g})"

    def _by_field(self, about: Mapping[str, Any]) -> str | None:
        tesla = _number(about.get("field_strength_t"))
        if not self.field_strengths_t or math.isnan(tesla):
            return None
        if any(abs(tesla - known) <= _FIELD_SLACK * known for known in self.field_strengths_t):
            return None
        held = " and ".join(f"{known:g} T" for known in self.field_strengths_t)
        return f"a scanner of {tesla:.3g} T (it holds for {held})"

    def _by_maker(self, about: Mapping[str, Any]) -> str | None:
        maker = about.get("manufacturer")
        if not self.manufacturers or not isinstance(maker, str):
            return None
        if any(known.lower() in maker.lower() for known in self.manufacturers):
            return None
        return f"a scanner by {maker} (it holds for {', '.join(self.manufacturers)})"

    def _by_voxels(self, about: Mapping[str, Any]) -> str | None:
        edges = about.get("spacing_mm")
        if self.voxel_mm is None or edges is None or not np.size(edges) or np.ndim(edges) == 0:
            return None
        low, high = self.voxel_mm
        shortest, longest = float(min(edges)), float(max(edges))
        if low / _EDGE_SLACK <= shortest and longest <= high * _EDGE_SLACK:
            return None
        said = " × ".join(f"{float(edge):.3g}" for edge in edges)
        return f"voxels of {said} mm (it holds for {low:g} to {high:g} mm)"


def _number(value: Any) -> float:
    return math.nan if value is None or pd.isna(value) else float(value)
