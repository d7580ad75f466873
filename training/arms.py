"""Arms: what an encoder is pretrained on, and which scans that is."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from curation.cohorts import Cohort, CohortHeader
from curation.errors import StudyError

Kind = Literal["scratch", "tiers", "control"]

SCRATCH = "scratch"
ALL = "all"
_AGE_BANDS = 3


@dataclass(frozen=True)
class Arm:
    """One way of pretraining.

    Parameters
    ----------
    name : str
        Short name, unique in a study: ``scratch``, ``A``, ``A+B``, ``all``, ``control-A``.
    label : str
        The name in words.
    kind : {'scratch', 'tiers', 'control'}
        No pretraining; the scans of some tiers; a random sample of all tiers.
    tiers : tuple of str
        Tiers that the scans come from; none for ``scratch``.
    matches : str or None
        For a control: the arm whose size (and, where known, sites and ages) it has.
    """

    name: str
    label: str
    kind: Kind
    tiers: tuple[str, ...] = ()
    matches: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return asdict(self) | {"tiers": list(self.tiers)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Arm":
        """Build an arm from what :meth:`as_dict` gave."""
        return cls(**{**values, "tiers": tuple(values["tiers"])})


def available_arms(cohort: CohortHeader) -> list[Arm]:
    """Return the arms that a cohort can carry, in the order in which they are shown.

    Parameters
    ----------
    cohort : Cohort or CohortHeader
        The pretraining pool.

    Returns
    -------
    list of Arm
        ``scratch``; the best tier, the best two, and so on; all tiers; and a size-matched random
        control for each arm that leaves some tier out. Tiers without scans make no arm.
    """
    filled = tuple(name for name in cohort.rule.names if cohort.counts.get(name, 0))
    sets = [filled[: count + 1] for count in range(len(filled) - 1)]
    tiers = [
        Arm("+".join(s), f"tier{'s' * (len(s) > 1)} {' + '.join(s)}", "tiers", s) for s in sets
    ]
    controls = [
        Arm(f"control-{arm.name}", f"random, as many as {arm.name}", "control", filled, arm.name)
        for arm in tiers
    ]
    everything = [Arm(ALL, f"all tiers ({' + '.join(filled)})", "tiers", filled)] if filled else []
    return [Arm(SCRATCH, "no pretraining", "scratch"), *tiers, *everything, *controls]


def choose(cohort: Cohort, names: list[str]) -> tuple[Arm, ...]:
    """Return the named arms of a cohort.

    Raises
    ------
    StudyError
        When no arm is named, one is named twice, or the cohort cannot carry one.
    """
    available = {arm.name: arm for arm in available_arms(cohort)}
    if not names:
        raise StudyError(f"A study needs at least one arm; choose from {', '.join(available)}.")
    if len(set(names)) < len(names):
        raise StudyError(f"Each arm is named once; these are {', '.join(names)}.")
    for name in names:
        if name not in available:
            raise StudyError(
                f"Cohort {cohort.id} cannot carry the arm {name!r}: {_counts(cohort)}. It can carry "
                f"{', '.join(available)}. Move the cut-offs and freeze again, or leave the arm out."
            )
    return tuple(available[name] for name in names)


def scans_of(
    arm: Arm, pool: pd.DataFrame, *, matched: Arm | None = None, seed: int = 0
) -> list[str]:
    """Return the scans that an arm is pretrained on.

    Parameters
    ----------
    arm : Arm
        The arm.
    pool : pandas.DataFrame
        ``scan_id, tier, site, age_years`` of the pretraining pool.
    matched : Arm, optional
        For a control: the arm that it matches.
    seed : int
        Of a control's draw; another seed, another sample.

    Returns
    -------
    list of str
        ``scan_id``, sorted.

    Notes
    -----
    A control draws, without replacement, from all tiers (the matched arm's included) as many scans of
    each site and each third of the age range as the matched arm holds. Scans of unknown site or age
    form strata of their own.
    """
    members = pool[pool["tier"].isin(arm.tiers)].sort_values("scan_id")
    if arm.kind != "control":
        return members["scan_id"].tolist()
    if matched is None:
        raise StudyError(f"The control {arm.name!r} needs the arm that it matches.")
    strata = _strata(members)
    wanted = strata[members["tier"].isin(matched.tiers)].value_counts()
    rng = np.random.default_rng([seed, len(members)])
    chosen: list[str] = []
    for stratum in sorted(wanted.index):
        candidates = members.loc[strata == stratum, "scan_id"].to_numpy(dtype=object)
        chosen += rng.choice(candidates, size=int(wanted[stratum]), replace=False).tolist()
    return sorted(chosen)


def _strata(scans: pd.DataFrame) -> pd.Series:
    """Return a label a scan: its site and its third of the ages."""
    site = scans["site"].astype("object").where(scans["site"].notna(), "?").astype(str)
    edges = scans["age_years"].quantile(np.arange(1, _AGE_BANDS) / _AGE_BANDS).to_numpy()
    band = np.searchsorted(edges, scans["age_years"].to_numpy(dtype=float))
    known = scans["age_years"].notna().to_numpy()
    return site + "/" + pd.Series(np.where(known, band.astype(str), "?"), scans.index)


def _counts(cohort: CohortHeader) -> str:
    return ", ".join(f"{number} scans in {name}" for name, number in cohort.counts.items())
