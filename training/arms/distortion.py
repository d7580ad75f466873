"""Simulated distortion of an arm's scans: the artefact, its dose, and its spelling in the arm's name.

``A~motion-0.5``: the scans of ``A``, each distorted. ``A+A~motion-0.5``: each as it is and distorted.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from curation.simulation.artefacts import ARTEFACTS

MARK = "~"
_SPELLED = re.compile(
    rf"(?P<before>[^{MARK}]+){MARK}(?P<artefact>[^{MARK}]+?)-(?P<severity>[0-9]*\.?[0-9]+)"
)
#: Decimals of a severity.
_DIGITS = 3
#: Part of every seed; another number would distort every scan anew.
_SEED = 2026


@dataclass(frozen=True)
class Distortion:
    """A distortion by simulation.

    Parameters
    ----------
    artefact : str
        Key in :data:`curation.simulation.artefacts.ARTEFACTS`.
    severity : float
        Above 0, at most 1.
    of : str
        Name of the arm whose scans are distorted; it is the clean arm that is compared with.
    clean_too : bool
        Each scan is trained on as it is too: distortion as augmentation.
    """

    artefact: str
    severity: float
    of: str
    clean_too: bool = False

    @property
    def name(self) -> str:
        """Name of the arm that is pretrained on these scans."""
        before = f"{self.of}+{self.of}" if self.clean_too else self.of
        return f"{before}{MARK}{self.artefact}-{self.severity:g}"

    @property
    def words(self) -> str:
        """Artefact and severity in words."""
        return f"{label_of(self.artefact)}, severity {self.severity:g}"

    @property
    def label(self) -> str:
        """What was done to the scans, in words."""
        how = "as they are and distorted" if self.clean_too else "distorted"
        return f"{how} by simulation ({self.words})"


def label_of(artefact: str) -> str:
    """Return what people call an artefact."""
    return ARTEFACTS[artefact].label


def parse(name: str) -> Distortion | None:
    """Return the distortion that an arm's name spells; none where it spells none.

    Examples
    --------
    >>> parse("A+B~motion-0.5").of, parse("A+A~dropped-slab-0.30").name
    ('A+B', 'A+A~dropped_slab-0.3')
    >>> parse("A"), parse("A~nothing-0.5"), parse("A~motion-0")
    (None, None, None)
    """
    found = _SPELLED.fullmatch(name)
    if found is None or problem(name):
        return None
    before, half = found["before"], (len(found["before"]) - 1) // 2
    clean_too = before == f"{before[:half]}+{before[:half]}"
    return Distortion(
        _known(found["artefact"]),
        round(float(found["severity"]), _DIGITS),
        before[:half] if clean_too else before,
        clean_too,
    )


def problem(name: str) -> str:
    """Return what is wrong with the distortion that a name spells; empty where nothing is."""
    if MARK not in name:
        return ""
    found = _SPELLED.fullmatch(name)
    if found is None:
        return (
            f"A distorted arm is written ARM{MARK}ARTEFACT-SEVERITY, such as A{MARK}motion-0.5, not "
            f"{name!r}."
        )
    if not _known(found["artefact"]):
        return (
            f"There is no artefact {found['artefact']!r} for the arm {name!r}; there are "
            f"{', '.join(ARTEFACTS)}."
        )
    return severity_problem(float(found["severity"]))


def severity_problem(severity: float) -> str:
    """Return why something is no severity; empty where it is one."""
    if 0 < round(severity, _DIGITS) <= 1:
        return ""
    return f"A severity lies above 0 and is at most 1 (0.5); {severity:g} came."


def with_seeds(scans: pd.DataFrame, distortions: Iterable[Distortion | None]) -> pd.DataFrame:
    """Return the scans of a study with ``distortion_seed`` where any arm distorts; else as they are."""
    if not any(distortions):
        return scans
    return scans.assign(distortion_seed=seeds(scans["sha256"]))


def seeds(sha256: Iterable[str]) -> list[int]:
    """Return the seed of each scan's distortion, from the hash of its file: the same in every study.

    One seed serves all artefacts and severities, so that a higher severity is more of the same.
    """
    digests = (hashlib.sha256(f"{_SEED}/{one}".encode()).digest() for one in sha256)
    return [int.from_bytes(digest[:4]) for digest in digests]


def _known(spelled: str) -> str:
    """Return the artefact that is meant, hyphens for underscores or not; empty for none."""
    wanted = spelled.replace("_", "-")
    return next((name for name in ARTEFACTS if name.replace("_", "-") == wanted), "")
