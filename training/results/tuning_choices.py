"""Choices of a study's tuning: the recipe of each kind of arm in each fold, from the trials' results."""

from dataclasses import dataclass

from curation.errors import StudyError
from curation.storage import files
from training.studies import runs, tuning
from training.studies.planned_study import Study
from training.studies.runs import Run
from training.studies.tuning import Recipe


@dataclass(frozen=True)
class Choice:
    """The recipe of a kind of arm in one fold.

    Parameters
    ----------
    kind : str
        Key of :data:`training.studies.tuning.KINDS`.
    fold : int
        The held-out fold, whose people had no part in it.
    arm : str
        The arm that was tuned on.
    recipe : Recipe
        The trial with the smallest error; among equals the one nearest to the preset.
    errors_years : tuple of float
        Mean absolute error of each trial on the inner validation people, years, in the order of
        :meth:`training.studies.tuning.Tuning.trials`.
    people : int
        Inner validation people.
    """

    kind: str
    fold: int
    arm: str
    recipe: Recipe
    errors_years: tuple[float, ...]
    people: int


def choice(study: Study, kind: str, fold: int) -> Choice | None:
    """Return the choice of a kind of arm in a fold; none while a trial is missing."""
    trials = runs.trials_of(study, kind, fold)
    results = [files.read_json(run.result_path) for run in trials]
    if not study.tuning or not results or not all(results):
        return None
    errors = tuple(float(result["age_mae_years"]) for result in results)
    recipe = study.tuning.trials(study.preset, kind)[errors.index(min(errors))]
    people = len({row["subject_id"] for row in results[0]["predictions"]})
    return Choice(kind, fold, trials[0].arm, recipe, errors, people)


def choices(study: Study) -> list[Choice]:
    """Return all choices that are made, kind by kind and fold by fold."""
    if study.tuning is None:
        return []
    every = [
        choice(study, kind, fold)
        for kind in tuning.kinds_of(study.arms)
        for fold in range(study.folds)
    ]
    return [one for one in every if one]


def recipe_of(study: Study, run: Run) -> Recipe:
    """Return rate and length of a fine-tuning, or of a trial.

    Raises
    ------
    StudyError
        When it is tuned, and a trial of its kind and fold is not finished.
    """
    kind, fold = tuning.kind_of(study.arm(run.arm)), run.fold or 0
    if kind is None:
        raise StudyError(f"The arm {run.arm} has no learning rate.")
    if study.tuning is None:
        return tuning.usual_recipe(study.preset, kind)
    if run.trial is not None:
        return study.tuning.trials(study.preset, kind)[run.trial]
    chosen = choice(study, kind, fold)
    if chosen is None:
        raise StudyError(
            f"The tuning of {tuning.KINDS[kind]} in fold {fold + 1} is not finished. Resume the study."
        )
    return chosen.recipe


def as_record(study: Study) -> list[dict[str, object]]:
    """Return all choices as plain JSON-ready values, for ``tuning.json``."""
    return [
        {
            "kind": one.kind,
            "fold": one.fold,
            "arm": one.arm,
            **one.recipe._asdict(),
            "validation_people": one.people,
            "trials": [
                {**tried._asdict(), "age_mae_years": error}
                for tried, error in zip(
                    study.tuning.trials(study.preset, one.kind), one.errors_years, strict=True
                )
            ]
            if study.tuning
            else [],
        }
        for one in choices(study)
    ]
