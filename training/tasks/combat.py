"""ComBat: features harmonised between sites, fitted on the people who are learned from alone.

A sensitivity analysis: does ridge regression stay what it is once sites are brought to one mean and spread?
What is predicted is no covariate, because of held-out people it is not known; so differences between sites
that are those of their people go, too.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer

from curation.scoring.comparison_groups import sites_of


def harmonised(
    train: pd.DataFrame, test: pd.DataFrame, train_scans: pd.DataFrame, test_scans: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Harmonise features between sites.

    Parameters
    ----------
    train, test : pandas.DataFrame
        Features of scans, a row each; what could not be measured is taken as the mean of ``train``.
    train_scans, test_scans : pandas.DataFrame
        Those scans, with ``site`` and ``source``; every site of ``test_scans`` is among those of
        ``train_scans``, see :func:`training.studies.harmonised_arms.refuse`.

    Returns
    -------
    train, test : pandas.DataFrame
        Each site's mean and spread brought to those of all, by the empirical Bayes estimates of Johnson et
        al. (2007) as ``combatlearn`` computes them. Nothing of ``test`` has a say in it.
    """
    from combatlearn import ComBat  # looked for when the study was planned

    imputer = SimpleImputer(keep_empty_features=True).fit(train.to_numpy())
    rows = [_table(imputer.transform(one.to_numpy()), one) for one in (train, test)]
    both = pd.concat(rows, ignore_index=True)
    varying = both.columns[np.ptp(rows[0].to_numpy(), axis=0) > 0]
    batch = pd.concat([sites_of(train_scans), sites_of(test_scans)], ignore_index=True)
    known, unknown = both.index[: len(train)], both.index[len(train) :]
    model = ComBat(batch=batch, method="johnson").fit(both.loc[known, varying])
    for places in (known, unknown):
        both.loc[places, varying] = model.transform(both.loc[places, varying]).to_numpy()
    return both.loc[known], both.loc[unknown].reset_index(drop=True)


def _table(values: NDArray[np.float64], like: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(values, columns=like.columns, dtype=float)
