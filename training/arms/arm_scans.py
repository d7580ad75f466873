"""Scans of an arm: whole tiers, the best or worst by score, random subsets and matched controls."""

from collections.abc import Sequence

import pandas as pd

from curation.cohorts import matched_controls
from curation.errors import StudyError
from training.arms import random_subset
from training.arms.study_arms import Arm, scan_set

#: Between the names of study and arm where several studies stand beside each other.
BESIDE = " · "


def scans_of(
    arm: Arm, pool: pd.DataFrame, *, matched: Arm | None = None, seed: int = 0
) -> list[str]:
    """Return the scans that an arm is pretrained on.

    Parameters
    ----------
    arm : Arm
        The arm.
    pool : pandas.DataFrame
        ``scan_id, subject_id, tier, distortion_score, site, age_years`` of the pretraining pool; ``source``
        where it is known.
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
    A sweep keeps the scans with the lowest distortion scores, the worst those with the highest; among equals
    the ``scan_id`` decides. A control is drawn by :func:`curation.cohorts.matched_controls.sample_control`
    from all tiers, the matched arm's scans included; one that is apart, without them.
    """
    members = pool[pool["tier"].isin(arm.tiers)].sort_values("scan_id")
    if arm.kind in ("sweep", "worst"):
        ordered = members.sort_values(["distortion_score", "scan_id"])["scan_id"]
        count = max(1, round(len(ordered) * arm.keep_percent / 100))
        return sorted(ordered.head(count) if arm.kind == "sweep" else ordered.tail(count))
    if arm.subset is not None:
        return random_subset.sample(members, arm.subset)
    if arm.kind != "control":
        return members["scan_id"].tolist()
    if matched is None:
        raise StudyError(f"The control {arm.name!r} needs the arm that it matches.")
    (drawn,) = draws_of(arm, pool, matched, [seed])
    return drawn


def draws_of(arm: Arm, pool: pd.DataFrame, matched: Arm, seeds: Sequence[int]) -> list[list[str]]:
    """Return the scans of a control for each of some seeds, see :func:`scans_of`."""
    members = pool[pool["tier"].isin(arm.tiers)].sort_values("scan_id")
    group = members["scan_id"].isin(scans_of(matched, pool)).to_numpy()
    return matched_controls.sample_controls(members, group, seeds, apart=arm.apart)


def without_choice(arm: Arm, pool: pd.DataFrame, matched: Arm) -> int:
    """Return how many scans of a control every draw holds, for want of others like them."""
    members = pool[pool["tier"].isin(arm.tiers)]
    group = members["scan_id"].isin(scans_of(matched, pool)).to_numpy()
    return matched_controls.without_choice(members, group, apart=arm.apart)


def matched_arm(arm: Arm) -> Arm:
    """Rebuild the arm that a control matches; it need not be part of the study itself.

    Raises
    ------
    StudyError
        When the control matches no set of scans.
    """
    found = scan_set(arm.matches or "", arm.tiers)
    if found is None:
        raise StudyError(
            f"The control {arm.name} matches {arm.matches!r}, which is no set of its scans."
        )
    return found


def shortage(arm: Arm, pool: pd.DataFrame) -> str:
    """Return why a control that is apart from its arm cannot be drawn from a pool, and what to do.

    Parameters
    ----------
    arm : Arm
        Of any kind.
    pool : pandas.DataFrame
        As :func:`scans_of` takes it.

    Returns
    -------
    str
        Empty where it can be drawn, or where the arm is no such control.
    """
    if not arm.apart:
        return ""
    members = pool[pool["tier"].isin(arm.tiers)]
    group = members["scan_id"].isin(scans_of(matched_arm(arm), pool)).to_numpy()
    lacking = matched_controls.lacking_apart(members, group)
    if not lacking:
        return ""
    wanted = "; ".join(lacking[:3])
    more = f"; and {len(lacking) - 3} more strata" if len(lacking) > 3 else ""
    return (
        f"The arm {arm.name} cannot be drawn: the scans that are not in {arm.matches} do not have its sites "
        f"and ages ({wanted}{more}). Take control-{arm.matches}, which shares scans with it and says how "
        "many, or a smaller arm, such as keep-20 with not-keep-20."
    )


# ---- arms in words ---------------------------------------------------------------------------------


def what_of(arm: Arm) -> str:
    """Return what an arm was pretrained on, for people who know no names of arms.

    Examples
    --------
    >>> what_of(Arm("A", "tier A", "tiers", ("A",)))
    'tier A alone'
    >>> what_of(Arm("control-A", "random, as many as A", "control", ("A", "B"), "A"))
    'as many scans at random as A holds'
    """
    study, _, _ = arm.name.rpartition(BESIDE)
    if arm.kind in ("scratch", "subset"):
        return arm.label  # says all of it, and the study where there are several
    what = arm.label.partition(",")[0]
    if arm.kind == "control":
        matched = str(arm.matches).rpartition(BESIDE)[2]
        what = f"as many {'of the other ' * arm.apart}scans at random as {matched} holds"
    elif arm.kind in ("sweep", "worst"):
        worst = "worst" if arm.kind == "worst" else "best"
        what = f"the {worst} {arm.keep_percent} % of the scans by score"
    elif arm.kind in ("tiers", "part"):
        whole = arm.label.startswith("all tiers")
        what = (
            "all scans"
            if whole
            else f"tier{'s' * (len(arm.tiers) > 1)} {' + '.join(arm.tiers)} alone"
        )
    told = [
        what,
        *([arm.distortion.label] if arm.distortion else []),
        *["linear probe"] * (arm.method == "probe"),
        *[f"{arm.label_percent} % of the labels"] * (arm.label_percent < 100),
    ]
    return ", ".join(told) + f" ({study})" * bool(study)


def pretrained(arm: Arm) -> str:
    """Return how an arm was made, to stand before what its model does: ``pretrained on tier A alone``."""
    if arm.kind != "scratch":
        return f"pretrained on {what_of(arm)}"
    if arm.method == "full":
        return f"without pretraining{arm.label.removeprefix('no pretraining')}"
    return f"with {arm.label}"
