"""Learning rate and length of fine-tuning in the words of a study's Methods section."""

from collections import Counter

from curation.wording import plural
from training.results import tuning_choices
from training.settings import tuning
from training.studies.planned_study import Study


def length(study: Study) -> str:
    """Return over how many epochs encoder and head were fine-tuned, and who chose them."""
    if study.tuning is None:
        epochs = plural(study.preset.finetune_epochs, "epoch")
        return f"over {epochs}, fixed beforehand; the last weights were used."
    chosen = tuning_choices.choices(study)
    kinds = dict.fromkeys(one.kind for one in chosen)
    told = [
        f"{tuning.KINDS[kind]}: {_listed([one for one in chosen if one.kind == kind], len(study.run_folds))}"
        for kind in kinds
    ]
    trials = len(study.tuning.rates) * len(study.tuning.lengths)
    found = f" Chosen were, for {'; '.join(told)}." if told else ""
    return (
        "with a learning rate and a number of epochs chosen for each kind of arm in each fold by an inner "
        f"validation on {_held_out(study)}, among {trials} trials for every kind, on one of its "
        f"arms by turns; the last weights were used.{found}"
    )


def _held_out(study: Study) -> str:
    """Return whom trials were judged on."""
    if study.judging.folds_by == "site":
        return "whole sites among those of its training people"
    return "a third of its training people"


def rate(study: Study) -> str:
    """Return the learning rate of fine-tuning."""
    return f"{study.preset.finetune_lr:g}" if study.tuning is None else "as tuned"


def _listed(chosen: list[tuning_choices.Choice], folds: int) -> str:
    """Return the recipes and in how many folds each was chosen."""
    counts = Counter(one.recipe for one in chosen)
    return ", ".join(
        f"rate {recipe.lr:.2g} over {plural(recipe.epochs, 'epoch')} in {count} of {folds} folds"
        for recipe, count in counts.most_common()
    )
