"""Does the whole chain find what was planted, and nothing else? ``make bench-truth``; the last line is JSON.

Studies in worlds with known truth (:mod:`training.world`), with the preset ``world`` and four to eight
seeds, and 400 studies of closed forms. What is finished in the folder is read alone.

``gain_years, gain_p, gain_all_years, gain_all_p``
    What pretraining on the good scans, and on all, gains over scratch where nothing was planted.
``no_harm_verdict, control_p``
    There: the verdict on A against all, and A against its size-matched control.
``harm_years, harm_p, control_harm_p, worst_p``
    Where harm was planted: what all err more than A; its control and the worst tier alone against A.
``naive_p, matched_p, warned``
    Where quality goes with the site and harms nothing: the good against the bad tier, A against its control,
    and whether Tiers warns.
``false_verdicts, false_verdicts_given, false_verdicts_anew, power``
    See :mod:`.truth_verdicts`.
``crossing_dose, built_dose``
    The dose from which pretraining is worth nothing: by arms distorted by intervention, and by worlds built
    with each dose.
``oracle_years, minutes``
    The best possible error, and how long this call took.
"""

import argparse
import json
import os
import time
from pathlib import Path
from tempfile import gettempdir

import torch

from curation import logs
from tests.benchmarks import truth_studies, truth_verdicts
from tests.benchmarks.truth_studies import DOSES, Finished, difference
from training.results import primary_comparison, study_summary
from training.world import planted


def main() -> None:
    """Print what is measured, and the figures as JSON in the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    usual = Path(gettempdir()) / f"tierscope-truth-{os.getuid()}"
    parser.add_argument("--folder", type=Path, default=usual, help="kept, and gone on with")
    parser.add_argument(
        "--seeds", type=int, help="of every study; those of each scenario when not given"
    )
    parser.add_argument("--studies", type=int, default=truth_verdicts.STUDIES)
    chosen = parser.parse_args()
    logs.configure("WARNING")
    print(f"torch {torch.__version__}, load {os.getloadavg()[0]:.1f}, {chosen.folder}", flush=True)
    started = time.monotonic()

    def finished(name: str) -> Finished:
        return truth_studies.run(chosen.folder, name, chosen.seeds)

    harmless = finished("harmless")
    figures = _harmless(harmless) | _harmful(finished("harmful"))
    figures |= _confounded(finished("confounded"))
    figures |= _doses(finished("dose"), {dose: finished(f"built-{dose:g}") for dose in DOSES})
    figures |= truth_verdicts.measure(truth_verdicts.body(harmless.workspace), chosen.studies)
    known = planted.read(harmless.workspace)
    figures["oracle_years"] = known.truth.best if known else None
    figures["minutes"] = (time.monotonic() - started) / 60
    print(json.dumps({name: _rounded(value) for name, value in figures.items()}))


def _harmless(found: Finished) -> dict[str, object]:
    gain, all_gain = difference(found, "A", "scratch"), difference(found, "all", "scratch")
    primary = primary_comparison.of_study(found.held_out, found.study.analysis)
    if primary is None:
        raise SystemExit("The study of the scenario 'harmless' declares no primary comparison.")
    print(f"  {primary.verdict.words}")
    return {
        "gain_years": -gain.mean,
        "gain_p": gain.p,
        "gain_all_years": -all_gain.mean,
        "gain_all_p": all_gain.p,
        "no_harm_verdict": primary.verdict.outcome,
        "control_p": difference(found, "A", "control-A").p,
    }


def _harmful(found: Finished) -> dict[str, object]:
    harm = difference(found, "all", "A")
    return {
        "harm_years": harm.mean,
        "harm_p": harm.p,
        "control_harm_p": difference(found, "control-A", "A").p,
        "worst_p": difference(found, "C", "A").p,
    }


def _confounded(found: Finished) -> dict[str, object]:
    return {
        "naive_p": difference(found, "A", "C").p,
        "matched_p": difference(found, "A", "control-A").p,
        "warned": truth_studies.warned(found.pool),
    }


def _doses(found: Finished, built: dict[float, Finished]) -> dict[str, object]:
    errors = _errors(found)
    by_intervention = {0.0: errors["A"]} | {
        dose: errors[f"A~{truth_studies.ARTEFACT}-{dose:g}"] for dose in DOSES
    }
    of_worlds = {dose: _errors(one) for dose, one in built.items()}
    scratch = sum(one["scratch"] for one in of_worlds.values()) / len(of_worlds)
    as_built = {0.0: errors["A"]} | {dose: one["C"] for dose, one in of_worlds.items()}
    return {
        "crossing_dose": truth_studies.crossing(by_intervention, errors["scratch"]),
        "built_dose": truth_studies.crossing(as_built, scratch),
    }


def _errors(found: Finished) -> dict[str, float]:
    table = study_summary.summarise(found.held_out)
    return dict(zip(table["arm"], table["age_mae_years"], strict=True))


def _rounded(value: object) -> object:
    if not isinstance(value, float):
        return value
    return round(value, 4) if value < float("inf") else None


if __name__ == "__main__":
    main()
