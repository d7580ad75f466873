"""Check of arms whose features are harmonised between sites: what ComBat needs, before a study is planned."""

from collections.abc import Sequence
from importlib.util import find_spec

import pandas as pd

from curation.errors import StudyError
from curation.scoring.comparison_groups import sites_of
from training.arms.study_arms import Arm
from training.judging import judged_scans
from training.judging.judging import Judging

#: A site's spread is estimated from so many people or more.
FEWEST = 3
PACKAGE = "combatlearn"
INSTALL = "pip install --no-deps combatlearn==2.3.0"


def refuse(scans: pd.DataFrame, judged: Judging, chosen: Sequence[Arm]) -> None:
    """Refuse harmonised arms where sites cannot be harmonised.

    Parameters
    ----------
    scans : pandas.DataFrame
        Of the study, dealt into folds.
    judged : Judging
        How it judges.
    chosen : sequence of Arm
        Its arms.

    Raises
    ------
    StudyError
        When the library is not installed, there is one site, a site has too few people outside of a fold, or
        people of unseen sites are to be judged.
    """
    names = [arm.name for arm in chosen if arm.harmonised]
    if not names:
        return
    whose = f"The arm {names[0]} brings sites to one mean and spread"
    if find_spec(PACKAGE) is None:
        raise StudyError(f"{whose} by {PACKAGE}, which is not installed. Install it: {INSTALL}.")
    if judged.folds_by == "site" or judged.external:
        raise StudyError(
            f"{whose}, which it has to learn from people of each: it cannot judge people of a site that it "
            "never saw. Leave it out, or take folds by person and no external cohort."
        )
    target = scans[scans["role"] == "target"]
    sites = sites_of(target)
    if sites.isna().any() or sites.nunique() < 2:
        raise StudyError(f"{whose}, but the target is of one site or its sites are not known.")
    for column in judged_scans.partitions(target):
        for fold, held_out in target.groupby(column):
            learned = target[target[column] != fold]
            people = learned.groupby(sites[learned.index])["subject_id"].nunique()
            few = set(sites[held_out.index]) - set(people.index[people >= FEWEST])
            few |= set(people.index[people < FEWEST])
            if few:
                raise StudyError(
                    f"{whose}, and needs {FEWEST} people of each in the training folds: of "
                    f"{sorted(few)[0]} there are fewer. Leave the arm out, or take a larger target."
                )
