"""Site probes of a study's arms, as its runs measured them: how well features tell the site."""

import numpy as np
import pandas as pd

from curation.storage import files
from training.studies import runs
from training.studies.planned_study import Study

COLUMNS = (
    "arm",
    "label",
    "balanced_accuracy",
    "chance",
    "chance_high",
    "p",
    "sites",
    "people",
    "seeds",
)
#: Headings of a table for people.
HEAD = ("Arm", "Put right, %", "By chance, %", "p", "Sites", "People", "Seeds")
#: What the numbers mean, in sentences.
WORDS = (
    "How well a linear classifier tells the site of the target's people from an arm's features before "
    "fine-tuning, in cross-validation: the share put right, each site counting alike. Exploratory: sites "
    "differ in people, too, and a feature that tells them may be age. p is not corrected; over several seeds "
    "it is twice the mean of theirs, at most 1, which holds however they depend (Rüschendorf 1982)."
)


def read(study: Study) -> pd.DataFrame:
    """Read the site probes of a study.

    Returns
    -------
    pandas.DataFrame
        A row an arm, :data:`COLUMNS`: balanced accuracy, and mean and 95 % quantile of permuted sites,
        averaged over seeds; the p-value, see :func:`combined_p`; numbers of sites, people and seeds. No
        rows where none was measured: one site, too few people, or runs of versions before.
    """
    rows = []
    for run in runs.runs_of(study):
        if run.kind == "finetune" and run.fold == 0:
            result = files.read_json(run.result_path, "Do the run again.") or {}
            if found := result.get("site_probe"):
                rows.append({"arm": run.arm, **found})
    if not rows:
        return pd.DataFrame(columns=list(COLUMNS))
    grouped = pd.DataFrame(rows).groupby("arm", sort=False)
    table = grouped.mean(numeric_only=True).assign(
        seeds=grouped.size(), p=grouped["p"].apply(combined_p)
    )
    labels = {arm.name: arm.label for arm in study.arms}
    table = table.reset_index()
    table = table.assign(label=table["arm"].map(labels))[list(COLUMNS)]
    whole = ["sites", "people", "seeds"]
    return table.astype(dict.fromkeys(whole, np.int64))


def combined_p(of_seeds: pd.Series) -> float:
    """Return one p-value of those of several seeds: twice their mean, at most 1; of one seed its own.

    Valid under any dependence, where the mean itself is no p-value (Rüschendorf 1982, Adv Appl Probab
    14:623; Vovk & Wang 2020, Biometrika 107:791).
    """
    return float(of_seeds.iloc[0] if len(of_seeds) == 1 else min(1.0, 2 * of_seeds.mean()))
