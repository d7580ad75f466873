"""Methods: sizes of networks, machines and revision as runs wrote them, and nothing where they did not."""

from curation.storage import files
from tests.helpers import workspace_trainable
from training.report import content, methods_machines
from training.studies import runs


def test_sizes_machines_and_revision_are_those_that_the_runs_wrote(workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    assert methods_machines.told(study) == ""
    every = runs.runs_of(study)
    for place, run in enumerate(every):
        told = {"kind": run.kind, "device": "cpu", "precision": "32-true", "torch": "2.0"}
        more = {"parameters": 12_345 if run.kind == "pretrain" else 678, "processor": "Abacus"}
        more |= {"cores": 2, "revision": "abc" if place else "def"}
        more |= {"changed": place > 1} if place else {}
        files.write_json(run.result_path, told | more)
    assert methods_machines.told(study) == (
        " Trained parameters: 12,345 in pretraining, 678 in fine-tuning. Runs were trained on 1 thread "
        f"of Abacus in 32-true ({len(every)} runs) with PyTorch 2.0; of a run that was resumed, its last "
        "machine is told. Commit checked out: def (whether there were changes that were not committed is not "
        "known), abc without other changes, abc with changes that were not committed."
    )
    for run in every:  # as an earlier version wrote them
        files.write_json(
            run.result_path, {"kind": run.kind, "device": "cpu", "precision": "32-true"}
        )
    assert methods_machines.told(study).startswith(
        f" Runs were trained on 1 thread of a CPU in 32-true ({len(every)} runs);"
    )


def test_runs_of_ridge_regression_are_told_beside_those_that_trained_a_network(workspace) -> None:
    made = workspace_trainable.make(workspace)
    study = workspace_trainable.plan(made, arms=["scratch", "A", "ridge"])
    every = runs.runs_of(study)
    network = {"device": "cpu", "precision": "32-true"}
    for run in every:
        files.write_json(
            run.result_path, {"kind": run.kind} | (network if run.arm != "ridge" else {})
        )
    said = methods_machines.told(study)
    assert f"({len(every) - 2} runs)" in said
    assert "2 runs fitted ridge regression, without a network." in said and "not known" not in said
    files.write_json(every[0].result_path, {"kind": every[0].kind})
    assert "Of 1 run the machine is not known." in methods_machines.told(study)


def test_threads_and_gpus_are_those_that_runs_computed_on(workspace) -> None:
    overrides = {"threads": 3, "devices": 2}
    study = workspace_trainable.plan(workspace_trainable.make(workspace), overrides=overrides)
    every = runs.runs_of(study)
    for device, precision, alone in (
        ("cpu", "32-true", "3 threads of Abacus in 32-true ("),
        ("H200", "32-true", "H200 in 32-true with TF32 products where the GPU has them ("),
        ("H200", "bf16-mixed", "H200 in bf16-mixed ("),
    ):
        for run in every:
            told = {"kind": run.kind, "device": device, "precision": precision}
            files.write_json(run.result_path, told | {"processor": "Abacus", "cores": 64})
        said = methods_machines.told(study)
        assert f"on {alone}{len(every) - 1} runs); 2 × {alone}1 run);" in said
        assert "64" not in said


def test_time_is_told_as_what_runs_took_on_the_clock(workspace) -> None:
    study = workspace_trainable.plan(workspace_trainable.make(workspace))
    files.write_json(study.result_path, {"training_seconds": 7200.0})
    said = " ".join(content.build(workspace, study.id).methods)
    assert "Added up, runs took 2 hours of time on the clock." in said
