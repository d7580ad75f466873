"""One metric of a table as numbers."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def column_of(metrics: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """Return a metric of each scan, shape (N,); NaN where it was not measured or the table lacks it."""
    if name not in metrics:
        return np.full(len(metrics), np.nan)
    return pd.to_numeric(metrics[name]).to_numpy(dtype=np.float64)
