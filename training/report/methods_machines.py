"""Networks' sizes and machines in the words of a study's Methods section, from what its runs wrote."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from curation.storage import files
from curation.wording import plural
from training.studies import runs
from training.studies.planned_study import Study

_KINDS = {"pretrain": "pretraining", "finetune": "fine-tuning"}


def told(study: Study) -> str:
    """Return sizes of networks, devices, precision and revision as sentences with a space before each.

    Runs of earlier versions did not write all of it; nothing is said of what none of them wrote.
    """
    results = [files.read_json(run.result_path) or {} for run in runs.runs_of(study)]
    parts = [_sizes(results), _devices(results), _revisions(results)]
    return "".join(f" {part}" for part in parts if part)


def _sizes(results: list[dict[str, Any]]) -> str:
    found = []
    for kind, words in _KINDS.items():
        of_kind = (one.get("parameters") for one in results if one.get("kind") == kind)
        sizes = sorted({size for size in of_kind if isinstance(size, int)})
        if sizes:
            found.append(f"{' or '.join(f'{size:,}' for size in sizes)} in {words}")
    return f"Trained parameters: {', '.join(found)}." if found else ""


def _devices(results: list[dict[str, Any]]) -> str:
    on = [
        f"{_device(one)} in {one['precision']}"
        for one in results
        if isinstance(one.get("device"), str) and isinstance(one.get("precision"), str)
    ]
    torch = _different(one.get("torch") for one in results)
    if not on:
        return ""
    listed = "; ".join(
        f"{what} ({plural(count, 'run')})" for what, count in Counter(on).most_common()
    )
    return f"Runs were trained on {listed}{f' with PyTorch {torch}' if torch else ''}."


def _device(result: dict[str, Any]) -> str:
    processor, cores = result.get("processor"), result.get("cores")
    if result["device"] != "cpu" or not processor:
        return str(result["device"])
    return f"{processor} ({cores} cores)" if cores else str(processor)


def _revisions(results: list[dict[str, Any]]) -> str:
    found = _different(one.get("revision") for one in results)
    return f"Revision of the code: {found}." if found else ""


def _different(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(value for value in values if isinstance(value, str)))
