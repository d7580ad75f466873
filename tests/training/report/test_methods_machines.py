"""Methods: sizes of networks, machines and revision as runs wrote them, and nothing where they did not."""

from curation.storage import files
from tests.helpers import workspace_trainable
from training.report import methods_machines
from training.studies import runs


def test_sizes_machines_and_revision_are_those_that_the_runs_wrote(workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    assert methods_machines.told(study) == ""
    every = runs.runs_of(study)
    for place, run in enumerate(every):
        told = {"kind": run.kind, "device": "cpu", "precision": "32-true", "torch": "2.0"}
        more = {"parameters": 12_345 if run.kind == "pretrain" else 678, "processor": "Abacus"}
        more |= {"cores": 2, "revision": "abc" if place else "def"}
        files.write_json(run.result_path, told | more)
    assert methods_machines.told(study) == (
        " Trained parameters: 12,345 in pretraining, 678 in fine-tuning. Runs were trained on Abacus "
        f"(2 cores) in 32-true ({len(every)} runs) with PyTorch 2.0. Revision of the code: def, abc."
    )
    for run in every:  # as an earlier version wrote them
        files.write_json(
            run.result_path, {"kind": run.kind, "device": "cpu", "precision": "32-true"}
        )
    assert (
        methods_machines.told(study) == f" Runs were trained on cpu in 32-true ({len(every)} runs)."
    )
