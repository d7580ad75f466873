"""A made table of MRIQC's metrics with ratings: bad scans have a high cjv and a low snr_total for a site."""

from pathlib import Path

import numpy as np
import pandas as pd


def table(scans: int = 120, sites: int = 3, seed: int = 0) -> pd.DataFrame:
    """Return rows with the columns of a rated table; sites differ more than scans do."""
    rng = np.random.default_rng(seed)
    site = np.arange(scans) % sites
    bad = rng.normal(size=scans)
    return pd.DataFrame(
        {
            "bids_name": [f"sub-{number:03d}_ses-1_T1w" for number in range(scans)],
            "site": [f"site-{number}" for number in site],
            "rater_1": np.where(bad > 1, -1, np.where(bad > 0, 0, 1)),
            "cjv": 0.5 + 2 * site + 0.05 * bad + 0.02 * rng.normal(size=scans),
            "snr_total": 10 - 4 * site - 0.5 * bad + 0.2 * rng.normal(size=scans),
            "efc": 0.5 + 0.1 * rng.normal(size=scans),
            "qi_1": np.where(np.arange(scans) == 3, -1.0, 0.01),
            "size_x": 160,
            "size_y": 192,
            "size_z": 192,
            "spacing_x": 1.0,
            "spacing_y": 1.33,
            "spacing_z": 1.33,
        }
    )


def write(path: Path, rows: pd.DataFrame) -> Path:
    """Write rows as a table, by the ending of the path."""
    rows.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",", na_rep="n/a")
    return path
