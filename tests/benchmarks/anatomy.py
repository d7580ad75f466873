"""Whether the score is of the image and not of the person: clean sets, lesions, missing metrics, foreign
damage.

``python -m tests.benchmarks.anatomy`` prints a table each and, last, one JSON object:

- ``clean_in_A``: of each set of clean scans the share that is in tier A at the usual cut-offs, the least;
- ``lesion_rise_max``: by how much the score of a clean scan rose at most when a cavity, a mass or atrophy
  was put into it, or the head made smaller;
- ``missing_rise_max``: by how much a score rose at most when metrics were taken away;
- ``missing_covered``: how often the score by all metrics was no more than the upper end of that by some;
- with TorchIO: ``foreign_rising``: share of steps of severity by which the score rose;
- ``foreign_rising_known``: the same of the difference to the clean scan, voxel by voxel, which no score of
  one image knows;
- ``youden_mild``, ``youden_strong``: of damaged against clean scans (severity 1, and 3 to 10), the cut-off
  chosen on them.

With ``--keep FILE``, measurements are kept there and not taken again.
"""

import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from curation.assessment.assess_scan import assess_volume
from curation.imaging import volumes
from curation.imaging.image_flags import recognise
from curation.imaging.masks import Masks, find_masks
from curation.imaging.volumes import Volume
from curation.scoring import distortion_score
from curation.scoring.score_reference import builtin
from curation.simulation import demo_workspace, phantom_t1w
from curation.tiers.tier_rule import DEFAULT_RULE
from tests.benchmarks import anatomy_cases, foreign_damage
from tests.helpers.paths import ROOT

DATA = ROOT.parent / "shared" / "data"
CLEAN = "clean"
#: Sets of clean scans: what lies where. The anchors were set with a look at all of them but the thick slices.
SETS = {
    "ds000011": "ds000011/sub-*/anat/*_T1w.nii.gz",
    "ixi": "ixi_2mm/*.nii.gz",
    "ds002748": "t1w_2mm/ds002748*.nii.gz",
    "thick slices": "thick_slice_ms/*.nii.gz",
}
DEMO = "demo"
#: Of a set, so many scans are measured.
MOST = 12
#: Lesions and foreign damage are put into so many scans of each of these sets.
CHANGED, PER_SET = ("ds000011", "ixi", "ds002748"), 1
STRONG = 3


@dataclass(frozen=True)
class Case:
    """One image to be measured: a scan, and what is done to it."""

    of_set: str
    scan: str
    kind: str = CLEAN
    name: str = "none"
    amount: float = 0.0


def plan() -> list[Case]:
    """Return all cases."""
    clean = [Case(name, scan) for name in (*SETS, DEMO) for scan in _scans(name)]
    changed = [case for name in CHANGED for case in clean if case.of_set == name]
    first = [
        case for name in CHANGED for case in [c for c in changed if c.of_set == name][:PER_SET]
    ]
    lesions = [
        replace(case, kind="anatomy", name=name, amount=amount)
        for case in first
        for name, (_, amounts) in anatomy_cases.CASES.items()
        for amount in amounts
    ]
    foreign = [
        replace(case, kind="foreign", name=name, amount=float(severity))
        for case in first
        for name in foreign_damage.DAMAGES
        for severity in foreign_damage.SEVERITIES
    ]
    return [*clean, *lesions, *(foreign if find_spec("torchio") else ())]


def _scans(of_set: str) -> list[str]:
    if of_set == DEMO:
        plans = [*demo_workspace.pool_plans(), *demo_workspace.target_plans()]
        return [str(number) for number, each in enumerate(plans) if not each.artefact][::5]
    return [str(path) for path in sorted(DATA.glob(SETS[of_set]))][:MOST]


@lru_cache(maxsize=1)
def _clean(of_set: str, scan: str) -> Volume:
    if of_set != DEMO:
        return volumes.conform(volumes.load(Path(scan)))
    plans = [*demo_workspace.pool_plans(), *demo_workspace.target_plans()]
    made = plans[int(scan)]
    data, affine = phantom_t1w.scan(made.person, phantom_t1w.SCANNERS[made.site])
    return volumes.conform(
        Volume(np.round(data).astype(np.float32), affine, (2.0, 2.0, 2.0), "RAS", "int16")
    )


@lru_cache(maxsize=1)
def _masks(of_set: str, scan: str) -> Masks:
    return find_masks(_clean(of_set, scan))


def seed_of(case: Case) -> int:
    """Return the seed of what is done to a scan: the same wherever the scans lie."""
    return len(Path(case.scan).name)


def _made(case: Case) -> Volume:
    clean, seed = _clean(case.of_set, case.scan), seed_of(case)
    if case.kind == "anatomy":
        make, _ = anatomy_cases.CASES[case.name]
        return make(clean, _masks(case.of_set, case.scan), case.amount, seed)
    if case.kind == "foreign":
        data = foreign_damage.apply(case.name, clean.data, clean.affine, int(case.amount), seed)
        return replace(clean, data=data)
    return clean


def _measured(case: Case) -> dict[str, object]:
    volume = _made(case)
    values, _, masks = assess_volume(volume)
    flags = json.dumps(recognise(volume, masks, "T1w"))
    named = {"scan_id": str(case), "sha256": "", "flags": flags, "change": change(case, volume)}
    return vars(case) | named | values


def change(case: Case, volume: Volume) -> float:
    """Return by how much an image differs from its clean scan: the root mean square of all voxels."""
    apart = volume.data.astype(np.float64) - _clean(case.of_set, case.scan).data
    return float(np.sqrt(np.mean(apart**2)))


def measure(cases: list[Case], kept: Path | None) -> pd.DataFrame:
    """Measure what is not kept yet; one row a case."""
    table = pd.read_parquet(kept) if kept and kept.exists() else pd.DataFrame({"scan_id": []})
    known = set(table["scan_id"])
    due = [case for case in cases if str(case) not in known]
    rows = []
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for done, row in enumerate(pool.map(_measured, due), start=1):
            rows.append(row)
            print(f"{done} of {len(due)}", file=sys.stderr, flush=True)
    table = pd.concat([table, pd.DataFrame(rows)], ignore_index=True) if rows else table
    if kept and rows:
        table.to_parquet(kept)
    return table[table["scan_id"].isin({str(case) for case in cases})].reset_index(drop=True)


# ---- figures -------------------------------------------------------------------------------------


def clean_sets(table: pd.DataFrame) -> dict[str, float]:
    """Print score, flags and verdict of each clean set; return the share in tier A of each."""
    clean = table[table["kind"] == CLEAN]
    shares = {}
    for name, rows in clean.groupby("of_set", sort=False):
        scores = rows["distortion_score"]
        shares[str(name)] = float((scores < DEFAULT_RULE.cutoffs[0]).mean())
        flags = pd.Series(
            [key for text in rows["score_flags"] for key in json.loads(text)], dtype=str
        )
        print(
            f"{name:13s} {len(rows):3d} scans, in A {shares[str(name)]:.0%}, score {scores.median():.1f} "
            f"({scores.min():.1f} to {scores.max():.1f}), upper end {rows['score_high'].median():.1f}, "
            f"flags {flags.value_counts().to_dict()}"
        )
    return shares


def lesions(table: pd.DataFrame) -> float:
    """Print each lesion's score beside that of its clean scan; return the largest rise."""
    clean = table[table["kind"] == CLEAN].set_index("scan")
    found = table[table["kind"] == "anatomy"]
    before = found["scan"].map(clean["distortion_score"])
    rise = found["distortion_score"] - before
    shown = found.assign(scan=found["scan"].str.split("/").str[-1], before=before, rise=rise)
    columns = ["scan", "name", "amount", "before", "distortion_score", "rise", "unusual_anatomy"]
    print(shown[[*columns, "cavity_volume"]].round(1).to_string(index=False))
    return float(rise.max())


def missing(table: pd.DataFrame, draws: int = 20) -> tuple[float, float]:
    """Take metrics away at random; return the largest rise, and how often the upper end held."""
    rng, names = np.random.default_rng(0), list(builtin().anchors)
    whole = table[table[names].notna().mean(axis=1) > 0.95].reset_index(drop=True)
    rises, covered = [], []
    for share in np.linspace(0.1, 0.8, draws):
        gone = [name for name in names if rng.random() < share]
        some = distortion_score.score(whole.assign(**dict.fromkeys(gone, np.nan)))
        rises.append(float((some["distortion_score"] - whole["distortion_score"]).max()))
        covered.append(float((whole["distortion_score"] <= some["score_high"] + 0.5).mean()))
    return max(rises), float(np.mean(covered))


def foreign(table: pd.DataFrame) -> dict[str, float]:
    """Print dose and response to TorchIO's damage; return the figures of it."""
    clean = table[table["kind"] == CLEAN]
    found = table[table["kind"] == "foreign"]
    if found.empty:
        print("TorchIO is not installed: its damage was not tried (tests/requirements-no-deps.txt)")
        return {}
    before = clean.set_index("scan")["distortion_score"]
    steps, known = [], []
    for (scan, name), rows in found.groupby(["scan", "name"]):
        doses = rows.sort_values("amount")["distortion_score"].to_numpy()
        series = np.concatenate([[before[scan]], doses])
        steps += list(np.diff(series) > 0)
        known += list(np.diff(rows.sort_values("amount")["change"], prepend=0.0) > 0)
        print(
            f"{Path(str(scan)).name:32s} {name:9s}", " ".join(f"{value:5.1f}" for value in series)
        )
    usual = clean.loc[clean["of_set"].isin(CHANGED), "distortion_score"].to_numpy()
    mild, strong = (
        found.loc[here, "distortion_score"].to_numpy()
        for here in (found["amount"] == 1, found["amount"] >= STRONG)
    )
    return {
        "foreign_rising": round(float(np.mean(steps)), 3),
        "foreign_rising_known": round(float(np.mean(known)), 3),
        "youden_mild": round(youden(mild, usual), 3),
        "youden_strong": round(youden(strong, usual), 3),
        "foreign_auc": round(float((strong[:, None] > usual[None]).mean()), 4),
    }


def youden(bad: np.ndarray, good: np.ndarray) -> float:
    """Return the largest sensitivity + specificity − 1 over all cut-offs."""
    cuts = np.unique(np.concatenate([bad, good]))
    return float(max((bad >= cut).mean() - (good >= cut).mean() for cut in cuts))


def report(arguments: list[str]) -> dict[str, float]:
    """Measure, print the tables and return the figures."""
    kept = Path(arguments[arguments.index("--keep") + 1]) if "--keep" in arguments else None
    table = measure(plan(), kept)
    scored = distortion_score.score(table).drop(columns=["scan_id", "sha256"])
    table = pd.concat([table, scored], axis=1)
    shares = clean_sets(table)
    rise = lesions(table)
    missing_rise, covered = missing(table)
    return {
        "clean_in_A": round(min(shares.values()), 3),
        "lesion_rise_max": round(rise, 2),
        "missing_rise_max": round(missing_rise, 2),
        "missing_covered": round(covered, 3),
        **foreign(table),
    }


def main(arguments: list[str]) -> int:
    """Run it; 1 where the scans are absent."""
    if not DATA.exists():
        print(f"no scans below {DATA}: nothing measured")
        return 1
    print(json.dumps(report(arguments)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
