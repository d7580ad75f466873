"""Arms of a study: pretraining scans of an encoder, and the method of its fine-tuning.

An arm's name says all of it: ``A+B`` (tiers, any of them), ``keep-80`` and ``worst-20`` (the best and the
worst by score), ``control-keep-80`` (as many at random), ``not-keep-20`` (as many at random of the others),
``A-share-25-draw-1`` (:mod:`.random_subset`), ``A~motion-0.5`` (:mod:`.distortion`),
``all-labels-25`` (fine-tuned on a quarter of the people), ``probe-all`` (the encoder of ``all`` as it is,
with a head), ``random``, ``cnn`` and ``ridge`` (baselines without pretraining).
"""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from curation.cohorts.frozen_cohort import CohortHeader
from curation.errors import StudyError
from training.arms import distortion, random_subset
from training.arms.distortion import Distortion
from training.arms.random_subset import Subset

ArmKind = Literal["scratch", "tiers", "part", "sweep", "worst", "subset", "control"]
#: What is trained while fine-tuning: encoder and head; the head only; a plain 3D CNN; ridge regression.
Method = Literal["full", "probe", "cnn", "ridge"]
#: Key of how an arm is trained: method, share of labels, whether other scans a seed, whether fewer steps.
Way = tuple[Method, int, bool, bool]

SCRATCH = "scratch"
ALL = "all"
_CONTROL, _NOT, _PROBE = "control-", "not-", "probe-"
_COMBAT = "-combat"
_LABELS = re.compile(r"(?P<base>.+)-labels-(?P<percent>[1-9][0-9]?)")
_BY_SCORE = re.compile(r"(?P<which>keep|worst)-(?P<percent>[1-9][0-9]?)")
#: Fields of an arm that are written down only where they are not these.
_DEFAULTS = {"apart": False, "subset": None, "distortion": None}


@dataclass(frozen=True)
class Arm:
    """One way of pretraining.

    Parameters
    ----------
    name : str
        Short name, unique in a study: ``scratch``, ``A``, ``A+B``, ``all``, ``keep-80``, ``control-A``.
    label : str
        The name in words.
    kind : {'scratch', 'tiers', 'part', 'sweep', 'worst', 'subset', 'control'}
        No pretraining; the scans of the tiers from the best on; those of other tiers; the best scans by
        score; the worst; a random share of the people; a random sample of as many scans as another arm.
    tiers : tuple of str
        Tiers that the scans come from; none for ``scratch``.
    matches : str or None
        For a control: the arm whose size, sites (or sources) and ages it has, as far as they are known.
    keep_percent : int
        For a sweep or the worst: the share of the scans that is kept, 1 to 100.
    method : {'full', 'probe', 'cnn', 'ridge'}
        What is trained while fine-tuning.
    label_percent : int
        The share of the people of the training folds that it is fine-tuned on, 1 to 100.
    base : str or None
        The arm whose pretraining this one shares; none where it has its own, or none at all.
    apart : bool
        For a control: it shares no scan with the arm that it matches.
    subset : Subset or None
        Which random share.
    distortion : Distortion or None
        What is done to the scans before they are pretrained on.
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
    apart: bool = False
    subset: Subset | None = None
    distortion: Distortion | None = None

    @property
    def encoder(self) -> str | None:
        """Name of the pretraining that it starts from; none where there is none."""
        return None if self.kind == "scratch" else self.base or self.name

    @property
    def way(self) -> Way:
        """Key of how an arm is trained: seeds of arms with the same key spread alike.

        Its method, its share of the labels, whether it is a control (these draw other scans a seed), and
        whether it is pretrained for fewer steps.
        """
        return self.method, self.label_percent, self.kind == "control", self.share_of_steps < 1

    @property
    def harmonised(self) -> bool:
        """Whether its features are harmonised between sites (ComBat), as a sensitivity analysis."""
        return self.method == "ridge" and self.name.endswith(_COMBAT)

    @property
    def is_scratch(self) -> bool:
        """Whether it is the plain one without pretraining, fine-tuned whole on everybody."""
        return self.kind == "scratch" and self.method == "full" and self.label_percent == 100

    @property
    def share_of_steps(self) -> float:
        """About the share of the study's steps that it is pretrained for, 0 to 1."""
        if self.subset is None or not self.subset.equal_passes:
            return 1.0
        return self.subset.percent / 100

    @property
    def clean(self) -> str | None:
        """Name of the arm of the same scans as they are; none where this one distorts none."""
        if self.distortion is None:
            return None
        return self.name.replace(self.distortion.name, self.distortion.of)

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON-ready values."""
        values = asdict(self) | {"tiers": list(self.tiers)}
        return {
            name: value
            for name, value in values.items()
            if name not in _DEFAULTS or value != _DEFAULTS[name]
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Arm":
        """Build an arm from what :meth:`as_dict` gave."""
        subset, distorted = values.get("subset"), values.get("distortion")
        known = {
            "tiers": tuple(values["tiers"]),
            "subset": Subset(**subset) if subset else None,
            "distortion": Distortion(**distorted) if distorted else None,
        }
        return cls(**(values | known))


#: Ways without pretraining, which a reader will ask for.
BASELINES: dict[str, Arm] = {
    "random": Arm("random", "frozen random features, linear probe", "scratch", method="probe"),
    "cnn": Arm("cnn", "a plain 3D network, no pretraining", "scratch", method="cnn"),
    "ridge": Arm("ridge", "ridge regression on tissue volumes", "scratch", method="ridge"),
    f"ridge{_COMBAT}": Arm(
        f"ridge{_COMBAT}", "ridge regression, sites harmonised (ComBat)", "scratch", method="ridge"
    ),
}


# ---- what a cohort can carry -----------------------------------------------------------------------


def available_arms(cohort: CohortHeader) -> list[Arm]:
    """Return the arms that every cohort offers, in the order in which they are shown.

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
    filled = filled_tiers(cohort)
    sets = [filled[: count + 1] for count in range(len(filled) - 1)]
    tiers = [_of_tiers(s, filled) for s in sets]
    controls = [_control(arm, filled) for arm in tiers]
    everything = [_of_tiers(filled, filled)] if filled else []
    return [Arm(SCRATCH, "no pretraining", "scratch"), *tiers, *everything, *controls]


def filled_tiers(cohort: CohortHeader) -> tuple[str, ...]:
    """Return the tiers of a cohort that have scans, best first."""
    return tuple(name for name in cohort.rule.names if cohort.counts.get(name, 0))


def find(cohort: CohortHeader, name: str) -> Arm | None:
    """Return the arm that a name means; none where the cohort cannot carry it.

    Beside the names of :func:`available_arms` there are those of :func:`scan_set`, each with ``control-`` or
    ``not-`` before it or distorted, and any arm fine-tuned on a share of the people, ``all-labels-25``;
    further ``probe-all`` for any arm that is pretrained, and :data:`BASELINES`.
    """
    if name in BASELINES:
        return BASELINES[name]
    available = {arm.name: arm for arm in available_arms(cohort)}
    if name in available:
        return available[name]
    if arm := _pretrained(name, filled_tiers(cohort)):
        return arm
    if name.startswith(_PROBE):
        return _probe(find(cohort, name.removeprefix(_PROBE)))
    labels = _LABELS.fullmatch(name)
    arm = find(cohort, labels["base"]) if labels else None
    if arm is None or labels is None or arm.label_percent < 100:
        return None
    percent = int(labels["percent"])
    return replace(
        arm,
        name=f"{arm.name}-labels-{percent}",
        label=f"{arm.label}, {percent} % of the labels",
        label_percent=percent,
        base=arm.encoder,
    )


def scan_set(name: str, tiers: Sequence[str]) -> Arm | None:
    """Return the arm of a set of scans: ``A``, ``B+C``, ``all``, ``keep-80``, ``worst-20``, a random subset.

    Parameters
    ----------
    name : str
        Of the set.
    tiers : sequence of str
        Those with scans, best first.

    Returns
    -------
    Arm or None
        None where the name means no set of these tiers.
    """
    tiers = tuple(tiers)
    parts = name.split("+")
    wanted = tiers if name == ALL else tuple(tier for tier in tiers if tier in parts)
    if wanted and (name == ALL or "+".join(wanted) == name):
        return _of_tiers(wanted, tiers)
    if tiers and (found := _BY_SCORE.fullmatch(name)):
        return _by_score(found["which"], int(found["percent"]), tiers)
    subset = random_subset.parse(name)
    whole = scan_set(subset.of, tiers) if subset else None
    if subset is None or whole is None or whole.kind not in ("tiers", "part"):
        return None
    label = f"{whole.label}, {subset.label}"
    return Arm(subset.name, label, "subset", whole.tiers, subset=subset)


def _pretrained(name: str, tiers: tuple[str, ...]) -> Arm | None:
    """Return a set of scans, its control, or the set distorted."""
    for prefix in (_CONTROL, _NOT):
        if name.startswith(prefix):
            arm = scan_set(name.removeprefix(prefix), tiers)
            is_part = arm is not None and arm.name != ALL
            return _control(arm, tiers, apart=prefix == _NOT) if arm and is_part else None
    distorted = distortion.parse(name)
    if distorted is None:
        return scan_set(name, tiers)
    clean = scan_set(distorted.of, tiers)
    return clean and replace(
        clean,
        name=distorted.name,
        label=f"{clean.label}, {distorted.label}",
        distortion=distorted,
    )


def choose(cohort: CohortHeader, names: list[str]) -> tuple[Arm, ...]:
    """Return the named arms of a cohort.

    Raises
    ------
    StudyError
        When no arm is named, one is named twice, the cohort cannot carry one, or one is without the arm that
        it shares its pretraining with or is compared with.
    """
    if not names:
        available = ", ".join(arm.name for arm in available_arms(cohort))
        raise StudyError(f"A study needs at least one arm; choose from {available}.")
    chosen = [_carried(cohort, name) for name in names]
    known = [arm.name for arm in chosen]
    if len(set(known)) < len(known):
        raise StudyError(f"Each arm is named once; these are {', '.join(known)}.")
    for arm in chosen:
        needed = {
            arm.base: f"shares the pretraining of {arm.base}, against which it is compared",
            arm.clean: f"is compared with {arm.clean}, the same scans as they are",
        }
        for name, why in needed.items():
            if name not in (None, *known):
                raise StudyError(f"The arm {arm.name} {why}; take {name} into the study too.")
    return tuple(chosen)


def _carried(cohort: CohortHeader, name: str) -> Arm:
    arm = find(cohort, name)
    if arm is None:
        labels = _LABELS.fullmatch(name)
        if why := distortion.problem(labels["base"] if labels else name):
            raise StudyError(why)
        raise StudyError(
            f"Cohort {cohort.id} cannot carry the arm {name!r}: {counts(cohort)}. "
            f"{what_it_carries(cohort)} Move the cut-offs and freeze again, or leave the arm out."
        )
    return arm


# ---- kinds of arms ---------------------------------------------------------------------------------


def _of_tiers(wanted: tuple[str, ...], tiers: tuple[str, ...]) -> Arm:
    if wanted == tiers:
        return Arm(ALL, f"all tiers ({' + '.join(tiers)})", "tiers", tiers)
    kind: ArmKind = "tiers" if wanted == tiers[: len(wanted)] else "part"
    label = f"tier{'s' * (len(wanted) > 1)} {' + '.join(wanted)}"
    return Arm("+".join(wanted), label, kind, wanted)


def _by_score(which: str, percent: int, tiers: tuple[str, ...]) -> Arm:
    kind: ArmKind = "sweep" if which == "keep" else "worst"
    said = "best" if which == "keep" else "worst"
    label = f"the {said} {percent} % by score"
    return Arm(f"{which}-{percent}", label, kind, tiers, keep_percent=percent)


def _probe(arm: Arm | None) -> Arm | None:
    if arm is None or arm.encoder is None or arm.method != "full":
        return None
    name, label = f"{_PROBE}{arm.name}", f"{arm.label}, linear probe"
    return replace(arm, name=name, label=label, method="probe", base=arm.encoder)


def _control(arm: Arm, tiers: tuple[str, ...], *, apart: bool = False) -> Arm:
    begins, none = (_NOT, ", none of its scans") if apart else (_CONTROL, "")
    label = f"random, as many as {arm.name}{none}"
    return Arm(f"{begins}{arm.name}", label, "control", tiers, arm.name, apart=apart)


# ---- words -----------------------------------------------------------------------------------------


def what_it_carries(cohort: CohortHeader) -> str:
    """Describe the arms that a cohort can carry."""
    available = ", ".join(arm.name for arm in available_arms(cohort))
    return (
        f"It can carry {available}, keep-1 to keep-99, worst-1 to worst-99 and any tiers joined by +, each "
        "with control- or not- before it, -share-25-draw-1 behind tiers, or ~ARTEFACT-SEVERITY (~motion-0.5) "
        f"behind it; probe- before each, -labels-1 to -labels-99 behind each, {', '.join(BASELINES)}."
    )


def counts(cohort: CohortHeader) -> str:
    """Describe the number of scans in each tier of a cohort."""
    return ", ".join(f"{number} scans in {name}" for name, number in cohort.counts.items())
