"""Networks' sizes and machines in the words of a study's Methods section, from what its runs wrote."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from curation.storage import files
from curation.wording import plural
from training.settings.preset import Preset
from training.studies import runs
from training.studies.planned_study import Study

_KINDS = {"pretrain": "pretraining", "finetune": "fine-tuning"}
#: What Fabric calls single precision, of which a GPU rounds factors of products.
_SINGLE = "32-true"
#: By what git told of the checkout when a run began; earlier versions did not ask.
_CHANGED = {
    True: "with changes that were not committed",
    False: "without other changes",
    None: "(whether there were changes that were not committed is not known)",
}


def told(study: Study) -> str:
    """Return sizes of networks, devices, precision and revision as sentences with a space before each.

    Runs of earlier versions did not write all of it; nothing is said of what none of them wrote.
    """
    found = [(run, files.read_json(run.result_path) or {}) for run in runs.runs_of(study)]
    results = [result for _, result in found]
    plain = sum(bool(held) and study.arm(run.arm).method == "ridge" for run, held in found)
    parts = [_sizes(results), _devices(results, study.preset, plain), _revisions(results)]
    return "".join(f" {part}" for part in parts if part)


def _sizes(results: list[dict[str, Any]]) -> str:
    found = []
    for kind, words in _KINDS.items():
        of_kind = (one.get("parameters") for one in results if one.get("kind") == kind)
        sizes = sorted({size for size in of_kind if isinstance(size, int)})
        if sizes:
            found.append(f"{' or '.join(f'{size:,}' for size in sizes)} in {words}")
    return f"Trained parameters: {', '.join(found)}." if found else ""


def _devices(results: list[dict[str, Any]], preset: Preset, plain: int) -> str:
    """Return what runs computed on, and how many did not train a network: ``plain`` of them."""
    on = [
        f"{_device(one, preset)} in {_precision(one)}"
        for one in results
        if isinstance(one.get("device"), str) and isinstance(one.get("precision"), str)
    ]
    torch = _different(one.get("torch") for one in results)
    if not on:
        return ""
    listed = "; ".join(
        f"{what} ({plural(count, 'run')})" for what, count in Counter(on).most_common()
    )
    by = f" with PyTorch {torch}" if torch else ""
    last = "of a run that was resumed, its last machine is told"
    return f"Runs were trained on {listed}{by}; {last}.{_untold(results, len(on), plain)}"


def _untold(results: list[dict[str, Any]], told: int, plain: int) -> str:
    """Say which finished runs are not among those of which a machine is told."""
    others = sum(map(bool, results)) - told - plain
    words = f" {plural(plain, 'run')} fitted ridge regression, without a network." * bool(plain)
    if others > 0:
        words += f" Of {plural(others, 'run')} the machine is not known."
    return words


def _device(result: dict[str, Any], preset: Preset) -> str:
    """Return what one run computed on: threads of a processor or GPUs, of a pretraining perhaps several."""
    several = f"{preset.devices} × " * (preset.devices > 1 and result.get("kind") == "pretrain")
    if result["device"] != "cpu":
        return f"{several}{result['device']}"
    return f"{several}{plural(preset.threads, 'thread')} of {result.get('processor') or 'a CPU'}"


def _precision(result: dict[str, Any]) -> str:
    rounded = result["precision"] == _SINGLE and result["device"] != "cpu"
    return f"{result['precision']}{' with TF32 products where the GPU has them' * rounded}"


def _revisions(results: list[dict[str, Any]]) -> str:
    """Return which commits were checked out, and whether there were changes besides."""
    found = _different(
        f"{one['revision']} {_CHANGED[one.get('changed')]}"
        for one in results
        if one.get("revision")
    )
    return f"Commit checked out: {found}." if found else ""


def _different(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(value for value in values if isinstance(value, str)))
