"""Whether the score answers to what is wrong: every artefact at five severities on real scans.

``figures`` returns, of the artefacts that the score claims to find, the smallest Spearman correlation between
severity and distortion score over scans and artefacts, the share of cases in which the artefact's own
sub-score rose most at the middle severity, and the AUC of artefact (middle severity) against clean; of the
others, which look like unusual anatomy, the AUC alone.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from curation.imaging import volumes
from curation.imaging.masks import find_masks
from curation.metrics import measure
from curation.metrics.registry import FAMILIES
from curation.scoring import distortion_score
from curation.scoring.score_reference import builtin
from curation.simulation import artefacts
from tests.helpers.paths import ROOT

DATA = ROOT.parent / "shared" / "data" / "ds000011"
SEVERITIES = (0.25, 0.5, 0.75, 1.0)
MIDDLE = 0.5
CLEAN = "none"


def measured(paths: list[Path], workers: int = 2) -> pd.DataFrame:
    """Measure each scan clean and with each artefact at each severity; one row a case."""
    tasks = [
        (path, seed, name)
        for seed, path in enumerate(paths)
        for name in (CLEAN, *artefacts.ARTEFACTS)
    ]
    rows: list[dict[str, object]] = []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done, found in enumerate(pool.map(_cases, tasks), start=1):
            rows += found
            print(f"{done} of {len(tasks)}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def _cases(task: tuple[Path, int, str]) -> list[dict[str, object]]:
    path, seed, name = task
    clean = volumes.conform(volumes.load(path))
    rows = []
    for severity in (0.0,) if name == CLEAN else SEVERITIES:
        volume = clean
        if severity:
            volume = replace(clean, data=artefacts.apply(name, clean.data, severity, seed))
        values, _ = measure(volume, find_masks(volume), {**builtin().anchors, **builtin().anatomy})
        scan_id = f"{path.name.split('.')[0]}-{name}-{severity:g}"
        keys = {"scan": path.name, "artifact": name, "severity": severity}
        rows.append(keys | {"scan_id": scan_id, "sha256": scan_id} | values)
    return rows


def judged(table: pd.DataFrame) -> pd.DataFrame:
    """Score the cases; return one row a scan and artefact: ``rho``, ``own``, ``rose``, ``scores``."""
    scored = pd.concat(
        [table[["scan", "artifact", "severity"]], distortion_score.score(table)], axis=1
    )
    clean = scored[scored["artifact"] == CLEAN].set_index("scan")
    rows = []
    for (scan, name), cases in scored[scored["artifact"] != CLEAN].groupby(["scan", "artifact"]):
        cases = cases.sort_values("severity")
        base = clean.loc[scan]
        doses = [0.0, *cases["severity"]]
        totals = [base["distortion_score"], *cases["distortion_score"]]
        middle = cases[cases["severity"] == MIDDLE].iloc[0]
        families = list(FAMILIES)
        rise = (middle[families].astype(float) - base[families].astype(float)).fillna(-np.inf)
        rows.append(
            {
                "scan": scan,
                "artifact": name,
                "rho": stats.spearmanr(doses, totals).statistic,
                "own": rise.idxmax() == artefacts.ARTEFACTS[str(name)].family,
                "rose": rise.idxmax(),
                "clean": totals[0],
                "middle": middle["distortion_score"],
                "scores": " ".join(f"{value:.1f}" for value in totals),
            }
        )
    return pd.DataFrame(rows)


def figures(cases: pd.DataFrame) -> dict[str, float]:
    """Return the figures from the output of :func:`judged`."""
    clean = cases.drop_duplicates("scan")["clean"].to_numpy()
    claimed = cases["artifact"].map(lambda name: artefacts.ARTEFACTS[str(name)].claimed)
    others, cases = cases[~claimed], cases[claimed]
    return {
        "spearman_min": round(float(cases["rho"].min()), 3),
        "own_subscore_share": round(float(cases["own"].mean()), 3),
        "auc_artefact": round(_above(cases["middle"].to_numpy(), clean), 4),
        "auc_unclaimed": round(_above(others["middle"].to_numpy(), clean), 4),
    }


def _above(bad: np.ndarray, good: np.ndarray) -> float:
    """Return how often a value of the first is above one of the second; 0.5 for equal ones."""
    return float((bad[:, None] > good).mean() + 0.5 * (bad[:, None] == good).mean())


#: Metrics of MRIQC that are said to answer wrongly, and what they are tried on.
_USUAL = ("snr_total", "qi_1", "qi_2", "cjv", "efc", "fber", "inu_range")
_TRIED = ("blur", "motion", "noise", "bias", "cropped_fov")


def blind_spots(path: Path) -> pd.DataFrame:
    """Return MRIQC's metrics and the score of one scan: clean, distorted (severity 0.5), with zeroed air."""
    clean = volumes.conform(volumes.load(path))
    rows = {"clean": clean.data, "zeroed air": np.where(clean.data < 20, 0, clean.data)}
    rows |= {name: artefacts.apply(name, clean.data, MIDDLE) for name in _TRIED}
    table = []
    for name, data in rows.items():
        volume = replace(clean, data=np.asarray(data, dtype=np.float32))
        names = {*builtin().anchors, *_USUAL}
        values, _ = measure(volume, find_masks(volume), names)
        table.append({"case": name, "scan_id": name, "sha256": name} | values)
    frame = pd.DataFrame(table)
    shown = frame[["case", *_USUAL]].round(4)
    return shown.assign(distortion_score=distortion_score.score(frame)["distortion_score"].round(1))


def report(arguments: list[str]) -> dict[str, float]:
    """Measure (or read ``--metrics FILE``), print every case that is not as it should be; return the figures.

    ``--scans N`` takes the first N scans only.
    """
    kept = Path(arguments[arguments.index("--metrics") + 1]) if "--metrics" in arguments else None
    paths = sorted(DATA.glob("sub-*/anat/*_T1w.nii.gz"))
    if "--scans" in arguments:
        paths = paths[: int(arguments[arguments.index("--scans") + 1])]
    table = pd.read_parquet(kept) if kept and kept.exists() else measured(paths)
    if kept and not kept.exists():
        table.to_parquet(kept)
    cases = judged(table)
    with pd.option_context("display.width", 150, "display.max_rows", None):
        print(cases[(cases["rho"] < 0.95) | ~cases["own"]].to_string(index=False))
        by_kind = cases.groupby("artifact").agg(rho_min=("rho", "min"), own=("own", "mean"))
        print(by_kind.join(cases.groupby("artifact")["middle"].agg(["min", "median"])))
        print(f"\nWhat MRIQC's metrics make of {paths[0].name}, severity {MIDDLE}:")
        print(blind_spots(paths[0]).to_string(index=False))
    return figures(cases)


if __name__ == "__main__":
    print(json.dumps(report(sys.argv[1:])))
