import subprocess
import sys

import pytest

from curation.errors import StudyError
from training.settings import presets
from training.settings.preset import Preset
from training.settings.presets import PRESETS


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_kept_under_its_name_and_holds_the_brain(name: str) -> None:
    preset = PRESETS[name]
    assert preset.name == name
    sizes_mm = [size * preset.spacing_mm for size in preset.shape]
    assert all(size >= brain for size, brain in zip(sizes_mm, (144, 180, 154), strict=True))


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_being_written_down(name: str) -> None:
    assert Preset.from_dict(PRESETS[name].as_dict()) == PRESETS[name]


def test_pooling_and_start_of_the_head_are_written_down_only_where_they_are_not_as_before() -> None:
    assert not {"pooling", "head_start"} & PRESETS["laptop"].as_dict().keys()
    changed = PRESETS["laptop"].changed({"pooling": "places", "head_start": "ridge"})
    assert {"pooling", "head_start"} <= changed.as_dict().keys()
    assert Preset.from_dict(changed.as_dict()) == changed


def test_a_preset_written_down_before_fields_were_added_begins_as_it_did() -> None:
    old = PRESETS["laptop"].as_dict()
    for field in ("centred", "locality"):
        del old[field]
    read = Preset.from_dict(old)
    assert (read.centred, read.locality) == (False, 0.0)


def test_a_changed_field_changes_that_field_only() -> None:
    changed = PRESETS["smoke"].changed({"finetune_epochs": 3, "shape": [48, 48, 48]})
    assert changed.finetune_epochs == 3
    assert changed.shape == (48, 48, 48)
    assert PRESETS["smoke"].changed(None) == PRESETS["smoke"]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"shape": (41, 48, 40)}, "multiples of 8"),
        ({"hidden": 100}, "multiple of 6"),
        ({"pretrain_epochs": 0}, "1 or more"),
        ({"masking_ratio": 1.0}, "between 0 and 1"),
        ({"finetune_batch": 1}, "2 or more"),
        ({"locality": -1.0}, "locality must be 0 or more"),
        ({"patch": 0}, "patch must be 1 or more"),
        ({"shape": (48, 48)}, "three sizes"),
        ({"shape": (48, 48, -8)}, "three sizes"),
        ({"layers": 0}, "layers must be 1 or more"),
        ({"pretrain_lr": 0.0}, "pretrain_lr must be above 0"),
        ({"finetune_lr": float("nan")}, "finetune_lr must be above 0"),
        ({"clip_norm": float("inf")}, "clip_norm must be above 0"),
        ({"dropout": 1.0}, "dropout must be 0 or more, and below 1"),
        ({"pooling": "max"}, "pooling is one of mean, places"),
        ({"head_start": "zero"}, "head_start is one of random, ridge"),
        ({"depth": 3}, "no field depth"),
        ({"name": "other"}, "no field name"),
    ],
)
def test_values_that_do_not_fit_are_refused_in_words(overrides: dict, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        PRESETS["smoke"].changed(overrides)


def test_without_a_gpu_the_default_is_the_try_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "gpu_count", lambda: 0)
    assert presets.default_preset().name == "smoke"
    monkeypatch.setattr(presets, "gpu_count", lambda: 2)
    assert presets.default_preset().name == "gpu-base"


def test_what_pages_import_brings_no_torch() -> None:
    code = (
        "import sys\n"
        "from training.arms import study_arms\n"
        "from training.judging import splits\n"
        "from training.settings import presets\n"
        "from training.studies import planned_study, runs\n"
        "from training.jobs import launch\n"
        "from training.results import error_curves, study_summary\n"
        "from training.cli import studies\n"
        "print(sorted({'torch', 'monai', 'lightning_fabric', 'SimpleITK'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
