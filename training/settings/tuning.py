"""Tuning: learning rate and length of the fine-tuning of each kind of arm, to be chosen by inner validation.

Whoever is held out chooses nothing: each fold tunes for itself, on its own training people alone (nested
cross-validation). A third of them, of all ages, is predicted by what the others taught, once for each trial
of a small grid around the preset's values; the trial with the smallest error is what every arm of that kind
is fine-tuned by in that fold, with all seeds. Every kind has the same trials. Arms of a kind take turns from
fold to fold as the one that is tuned on, so that none is favoured.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from math import log
from typing import Any, NamedTuple

from training.arms.study_arms import Arm
from training.settings.preset import Preset

#: Kinds of arms in words, by name: what they start from, and what of them is trained.
KINDS = {
    "scratch": "no pretraining",
    "pretrained": "pretrained encoders",
    "probe": "linear probes of pretrained encoders",
    "random": "linear probes of random features",
    "cnn": "the plain 3D network",
}
#: Share of a fold's training people that trials are judged on: one of so many.
INNER_FOLDS = 3
#: Presets that are tuned unless asked otherwise: fine-tuning is a small part of what their studies take. On
#: a CPU tuning would double the time of most studies.
TUNED_PRESETS = ("gpu-base", "gpu-large")


class Recipe(NamedTuple):
    """Highest learning rate and number of epochs of a fine-tuning."""

    lr: float
    epochs: int


@dataclass(frozen=True)
class Tuning:
    """The grid of trials.

    Parameters
    ----------
    rates : tuple of float
        Learning rates, as factors of the preset's; above 0.
    lengths : tuple of float
        Numbers of epochs, likewise.
    """

    rates: tuple[float, ...] = (0.3, 1.0, 3.0)
    lengths: tuple[float, ...] = (1.0, 2.0)

    def trials(self, preset: Preset, kind: str) -> list[Recipe]:
        """Return what is tried of a kind of arm, first what is nearest to the preset's own values."""
        pairs = sorted(
            product(self.lengths, self.rates),
            key=lambda pair: (abs(log(pair[0])), abs(log(pair[1]))),
        )
        usual = usual_recipe(preset, kind)
        return [
            Recipe(usual.lr * rate, max(1, round(usual.epochs * length))) for length, rate in pairs
        ]

    def as_dict(self) -> dict[str, list[float]]:
        """Return plain JSON-ready values."""
        return {"rates": list(self.rates), "lengths": list(self.lengths)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> "Tuning | None":
        """Read what :meth:`as_dict` gave; none where a study was planned without."""
        return cls(tuple(values["rates"]), tuple(values["lengths"])) if values else None


def kind_of(arm: Arm) -> str | None:
    """Return the kind of an arm, a key of :data:`KINDS`; none of ridge regression, which has no rate."""
    if arm.method == "ridge":
        return None
    if arm.method == "cnn":
        return "cnn"
    if arm.method == "probe":
        return "probe" if arm.encoder else "random"
    return "pretrained" if arm.encoder else "scratch"


def kinds_of(arms: Iterable[Arm]) -> list[str]:
    """Return the kinds among some arms, each once."""
    return list(dict.fromkeys(kind for arm in arms if (kind := kind_of(arm))))


def tuned_on(arms: Iterable[Arm], kind: str, fold: int) -> Arm:
    """Return the arm of a kind that a fold is tuned on: those that learn from all labels take turns."""
    own = [arm for arm in arms if kind_of(arm) == kind]
    whole = [arm for arm in own if arm.label_percent == 100] or own
    return whole[fold % len(whole)]


def usual_recipe(preset: Preset, kind: str) -> Recipe:
    """Return rate and length that a preset gives a kind of arm."""
    rates = {
        "scratch": preset.finetune_lr,
        "pretrained": preset.finetune_lr,
        "probe": preset.probe_lr,
        "random": preset.probe_lr,
        "cnn": preset.cnn_lr,
    }
    return Recipe(rates[kind], preset.finetune_epochs)


def trial_count(tuning: Tuning | None, arms: Iterable[Arm], folds: int) -> int:
    """Return how many trials a study has in all.

    Examples
    --------
    >>> scratch, pretrained = Arm("scratch", "", "scratch"), Arm("all", "", "tiers", ("A",))
    >>> trial_count(Tuning(), [scratch, pretrained], folds=5)  # 2 kinds of arms, 6 trials each a fold
    60
    """
    if tuning is None:
        return 0
    return len(tuning.rates) * len(tuning.lengths) * len(kinds_of(arms)) * folds
