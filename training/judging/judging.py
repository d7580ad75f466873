"""Judging of a study: the outcome, how folds are made, how often, and on which external cohorts besides."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from curation.errors import StudyError
from training.judging.outcome import AGE, Outcome

FoldsBy = Literal["person", "site"]
#: What folds may be made by, with what it means.
FOLDS_BY: dict[str, str] = {
    "person": "folds of people, alike in what is predicted",
    "site": "folds of whole sites, so that every person is of a site that fine-tuning never saw",
}
MOST_REPEATS = 20


class Asked(NamedTuple):
    """What was asked for, in plain values, before it was checked against the cohorts.

    Parameters
    ----------
    outcome : str
        ``age``, or a column of the target.
    folds_by : str
        A key of :data:`FOLDS_BY`.
    repeats : int
        Partitions of the people into folds.
    external : tuple of str
        Ids of target cohorts that models are judged on besides, without learning from them.
    """

    outcome: str = "age"
    folds_by: str = "person"
    repeats: int = 1
    external: tuple[str, ...] = ()


#: What studies are judged on unless something else is asked for.
BY_AGE = Asked()


@dataclass(frozen=True)
class Judging:
    """How a study judges its arms; what a study of before says nothing of is as it was.

    Parameters
    ----------
    outcome : Outcome
        What is predicted.
    folds_by : {'person', 'site'}
        What is held out together.
    repeats : int
        Partitions of the people into folds, 1 or more.
    external : tuple of str
        Ids of the external cohorts.
    """

    outcome: Outcome = AGE
    folds_by: FoldsBy = "person"
    repeats: int = 1
    external: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what differs from the default, JSON-ready; empty where nothing does."""
        values: dict[str, Any] = {}
        if not self.outcome.is_age:
            values["outcome"] = self.outcome.as_dict()
        if self.folds_by != "person":
            values["folds_by"] = self.folds_by
        if self.repeats != 1:
            values["repeats"] = self.repeats
        if self.external:
            values["external"] = list(self.external)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any] | None) -> "Judging":
        """Build it from what :meth:`as_dict` gave."""
        values = values or {}
        return cls(
            Outcome.from_dict(values.get("outcome")),
            values.get("folds_by", "person"),
            values.get("repeats", 1),
            tuple(values.get("external", ())),
        )

    @property
    def folds_words(self) -> str:
        """What a fold is of, in a sentence: ``by person``."""
        again = f", in {self.repeats} partitions of the people" if self.repeats > 1 else ""
        return f"by {self.folds_by}{again}"


def refuse(asked: Asked, target_id: str) -> None:
    """Refuse what no cohort could make right.

    Raises
    ------
    StudyError
        When folds are by something else, repeats are out of range, or an external cohort is named twice or
        is the target.
    """
    if asked.folds_by not in FOLDS_BY:
        raise StudyError(f"Folds are by {' or '.join(FOLDS_BY)}, not by {asked.folds_by!r}.")
    if not 1 <= asked.repeats <= MOST_REPEATS:
        raise StudyError(f"Repeats are 1 to {MOST_REPEATS}, not {asked.repeats}.")
    if asked.repeats > 1 and asked.folds_by == "site":
        raise StudyError(
            "Folds by site are not repeated: sites can be left out in one way alone. Leave --repeats out."
        )
    if len(set(asked.external)) < len(asked.external):
        raise StudyError("An external cohort is named twice. Name each once.")
    if target_id in asked.external:
        raise StudyError(
            f"{target_id} is the target: models learn from it, so it is no external cohort. Name another."
        )
