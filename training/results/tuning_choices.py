"""Choices of a study's tuning: the recipe of each kind of arm in each fold, from the trials' results."""

from dataclasses import dataclass

from curation.errors import StudyError
from curation.storage import files
from training.held_out import age_metrics
from training.settings import tuning
from training.settings.tuning import Recipe
from training.studies import runs
from training.studies.planned_study import Study
from training.studies.runs import Run


@dataclass(frozen=True)
class Choice:
    """The recipe of a kind of arm in one fold.

    Parameters
    ----------
    kind : str
        Key of :data:`training.settings.tuning.KINDS`.
    fold : int
        The held-out fold, whose people had no part in it.
    arm : str
        The arm that was tuned on.
    recipe : Recipe
        The trial with the smallest error, or the largest AUC; among equals the one nearest to the preset.
    figures : tuple of float
        What each trial is judged by on the inner validation people, in the unit of the outcome, in the order
        of :meth:`training.settings.tuning.Tuning.trials`: mean absolute errors, or AUCs.
    people : int
        Inner validation people.
    figure : float
        That of the trial that was chosen.
    """

    kind: str
    fold: int
    arm: str
    recipe: Recipe
    figures: tuple[float, ...]
    people: int
    figure: float


def choice(study: Study, kind: str, fold: int) -> Choice | None:
    """Return the choice of a kind of arm in a fold; none while a trial is missing."""
    trials = runs.trials_of(study, kind, fold)
    results = [files.read_json(run.result_path) for run in trials]
    if not study.tuning or not results or not all(results):
        return None
    name = age_metrics.figure_name(study.outcome)
    figures = tuple(float(result[name]) for result in results)
    best = max(figures) if study.outcome.higher_is_better else min(figures)
    recipe = study.tuning.trials(study.preset, kind)[figures.index(best)]
    people = len({row["subject_id"] for row in results[0]["predictions"]})
    return Choice(kind, fold, trials[0].arm, recipe, figures, people, best)


def choices(study: Study) -> list[Choice]:
    """Return all choices that are made, kind by kind and fold by fold."""
    if study.tuning is None:
        return []
    every = [
        choice(study, kind, fold)
        for kind in tuning.kinds_of(study.arms)
        for fold in study.run_folds
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
                {**tried._asdict(), age_metrics.figure_name(study.outcome): figure}
                for tried, figure in zip(
                    study.tuning.trials(study.preset, one.kind), one.figures, strict=True
                )
            ]
            if study.tuning
            else [],
        }
        for one in choices(study)
    ]
