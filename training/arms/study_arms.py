"""Arms of a study: pretraining scans of an encoder, and the method of its fine-tuning.

An arm's name says all of it: ``A+B`` (tiers), ``keep-80`` (the best 80 % by score), ``control-keep-80`` (as
many at random), ``all-labels-25`` (``all``, fine-tuned on a quarter of the people), ``probe-all`` (the
encoder of ``all`` as it is, with a head), ``cnn`` and ``ridge`` (baselines without an encoder).
"""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import pandas as pd

from curation.cohorts import matched_controls
from curation.cohorts.frozen_cohort import Cohort, CohortHeader
from curation.errors import StudyError

ArmKind = Literal["scratch", "tiers", "sweep", "control"]
#: What is trained while fine-tuning: encoder and head; the head only; a plain 3D CNN; ridge regression.
Method = Literal["full", "probe", "cnn", "ridge"]

SCRATCH = "scratch"
ALL = "all"
_CONTROL, _KEEP, _PROBE = "control-", "keep-", "probe-"
_COMBAT = "-combat"
_LABELS = re.compile(r"(?P<base>.+)-labels-(?P<percent>[1-9][0-9]?)")
_SWEEP = re.compile(rf"(?P<control>{_CONTROL})?{_KEEP}(?P<percent>[1-9][0-9]?)")


@dataclass(frozen=True)
class Arm:
    """One way of pretraining.

    Parameters
    ----------
    name : str
        Short name, unique in a study: ``scratch``, ``A``, ``A+B``, ``all``, ``keep-80``, ``control-A``.
    label : str
        The name in words.
    kind : {'scratch', 'tiers', 'sweep', 'control'}
        No pretraining; the scans of some tiers; the best scans by score; a random sample of all tiers.
    tiers : tuple of str
        Tiers that the scans come from; none for ``scratch``.
    matches : str or None
        For a control: the arm whose size, sites (or sources) and ages it has, as far as they are known.
    keep_percent : int
        For a sweep: the share of the scans that is kept, best first, 1 to 100.
    method : {'full', 'probe', 'cnn', 'ridge'}
        What is trained while fine-tuning.
    label_percent : int
        The share of the people of the training folds that it is fine-tuned on, 1 to 100.
    base : str or None
        The arm whose pretraining this one shares; none where it has its own, or none at all.
    """

    name: str
    label: str
    kind: ArmKind
    tiers: tuple[str, ...] = ()
    matches: str | None = None
    keep_percent: int = 100
    method: Method = "full"
    label_percent: int = 100
    base: str | None = None

    @property
    def encoder(self) -> str | None:
        """Name of the pretraining that it starts from; none where there is none."""
        return None if self.kind == "scratch" else self.base or self.name

    @property
    def way(self) -> tuple[Method, int, bool]:
        """Key of how an arm is trained: seeds of arms with the same key spread alike.

        Its method, its share of the labels, and whether it is a control: these draw other scans a seed.
        """
        return self.method, self.label_percent, self.kind == "control"

    @property
    def harmonised(self) -> bool:
        """Whether its features are harmonised between sites (ComBat), as a sensitivity analysis."""
        return self.method == "ridge" and self.name.endswith(_COMBAT)

    @property
    def is_scratch(self) -> bool:
        """Whether it is the plain one without pretraining, fine-tuned whole on everybody."""
        return self.kind == "scratch" and self.method == "full" and self.label_percent == 100

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        return asdict(self) | {"tiers": list(self.tiers)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Arm":
        """Build an arm from what :meth:`as_dict` gave."""
        return cls(**{**values, "tiers": tuple(values["tiers"])})


#: Ways without any encoder, which a reader will ask for.
BASELINES: dict[str, Arm] = {
    "cnn": Arm("cnn", "a plain 3D network, no pretraining", "scratch", method="cnn"),
    "ridge": Arm("ridge", "ridge regression on tissue volumes", "scratch", method="ridge"),
    f"ridge{_COMBAT}": Arm(
        f"ridge{_COMBAT}", "ridge regression, sites harmonised (ComBat)", "scratch", method="ridge"
    ),
}


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
    controls = [_control(arm, filled) for arm in tiers]
    everything = [Arm(ALL, f"all tiers ({' + '.join(filled)})", "tiers", filled)] if filled else []
    return [Arm(SCRATCH, "no pretraining", "scratch"), *tiers, *everything, *controls]


def find(cohort: CohortHeader, name: str) -> Arm | None:
    """Return the arm that a name means; none where the cohort cannot carry it.

    Beside the names of :func:`available_arms` there are, for percentages from 1 to 99, ``keep-80`` with
    ``control-keep-80``, and any arm fine-tuned on a share of the people, ``all-labels-25``; further
    ``probe-all`` for any arm that is pretrained, and :data:`BASELINES`.
    """
    if name in BASELINES:
        return BASELINES[name]
    available = {arm.name: arm for arm in available_arms(cohort)}
    if name in available:
        return available[name]
    if ALL in available and (sweep := _SWEEP.fullmatch(name)):
        kept = _sweep(available[ALL].tiers, int(sweep["percent"]))
        return _control(kept, kept.tiers) if sweep["control"] else kept
    if name.startswith(_PROBE):
        return _probe(find(cohort, name.removeprefix(_PROBE)))
    labels = _LABELS.fullmatch(name)
    arm = find(cohort, labels["base"]) if labels else None
    if arm is None or labels is None or arm.label_percent < 100:
        return None
    percent = int(labels["percent"])
    return replace(
        arm,
        name=name,
        label=f"{arm.label}, {percent} % of the labels",
        label_percent=percent,
        base=arm.encoder,
    )


def choose(cohort: Cohort, names: list[str]) -> tuple[Arm, ...]:
    """Return the named arms of a cohort.

    Raises
    ------
    StudyError
        When no arm is named, one is named twice, or the cohort cannot carry one.
    """
    if not names:
        available = ", ".join(arm.name for arm in available_arms(cohort))
        raise StudyError(f"A study needs at least one arm; choose from {available}.")
    if len(set(names)) < len(names):
        raise StudyError(f"Each arm is named once; these are {', '.join(names)}.")
    chosen = []
    for name in names:
        arm = find(cohort, name)
        if arm is None:
            raise StudyError(
                f"Cohort {cohort.id} cannot carry the arm {name!r}: {counts(cohort)}. "
                f"{what_it_carries(cohort)} Move the cut-offs and freeze again, or leave the arm out."
            )
        if arm.base not in (None, *names):
            raise StudyError(
                f"The arm {name} shares the pretraining of {arm.base}, against which it is compared; "
                f"take {arm.base} into the study too."
            )
        chosen.append(arm)
    return tuple(chosen)


def scans_of(
    arm: Arm, pool: pd.DataFrame, *, matched: Arm | None = None, seed: int = 0
) -> list[str]:
    """Return the scans that an arm is pretrained on.

    Parameters
    ----------
    arm : Arm
        The arm.
    pool : pandas.DataFrame
        ``scan_id, tier, distortion_score, site, age_years`` of the pretraining pool; ``source`` where it
        is known.
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
    A sweep keeps the scans with the lowest distortion scores; among equals the ``scan_id`` decides.
    A control is drawn from all tiers, the matched arm's included, by
    :func:`curation.cohorts.matched_controls.sample_control`.
    """
    members = pool[pool["tier"].isin(arm.tiers)].sort_values("scan_id")
    if arm.kind == "sweep":
        best = members.sort_values(["distortion_score", "scan_id"])
        return sorted(best["scan_id"].head(max(1, round(len(best) * arm.keep_percent / 100))))
    if arm.kind != "control":
        return members["scan_id"].tolist()
    if matched is None:
        raise StudyError(f"The control {arm.name!r} needs the arm that it matches.")
    group = members["scan_id"].isin(scans_of(matched, pool)).to_numpy()
    return matched_controls.sample_control(members, group, seed)


def matched_arm(arm: Arm) -> Arm:
    """Rebuild the arm that a control matches; it need not be part of the study itself.

    Raises
    ------
    StudyError
        When the control matches neither tiers nor a sweep.
    """
    if sweep := _SWEEP.fullmatch(arm.matches or ""):
        return _sweep(arm.tiers, int(sweep["percent"]))
    tiers = tuple(name for name in arm.tiers if name in (arm.matches or "").split("+"))
    if "+".join(tiers) != arm.matches:
        raise StudyError(
            f"The control {arm.name} matches {arm.matches!r}, which is no set of tiers."
        )
    return Arm(arm.matches, arm.matches, "tiers", tiers)


def _sweep(tiers: tuple[str, ...], percent: int) -> Arm:
    return Arm(
        f"{_KEEP}{percent}", f"the best {percent} % by score", "sweep", tiers, keep_percent=percent
    )


def _probe(arm: Arm | None) -> Arm | None:
    if arm is None or arm.encoder is None or arm.method != "full":
        return None
    return replace(
        arm,
        name=f"{_PROBE}{arm.name}",
        label=f"{arm.label}, linear probe",
        method="probe",
        base=arm.encoder,
    )


def _control(arm: Arm, tiers: tuple[str, ...]) -> Arm:
    return Arm(
        f"{_CONTROL}{arm.name}", f"random, as many as {arm.name}", "control", tiers, arm.name
    )


def what_it_carries(cohort: CohortHeader) -> str:
    """Describe the arms that a cohort can carry."""
    available = ", ".join(arm.name for arm in available_arms(cohort))
    return (
        f"It can carry {available}, keep-1 to keep-99 with their controls, probe- before each, -labels-1 to "
        "-labels-99 behind each, cnn, ridge and ridge-combat."
    )


def counts(cohort: CohortHeader) -> str:
    """Describe the number of scans in each tier of a cohort."""
    return ", ".join(f"{number} scans in {name}" for name, number in cohort.counts.items())
