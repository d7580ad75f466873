import pytest

from curation.errors import StudyError
from training.settings.preset_changes import parse_changes
from training.settings.presets import PRESETS

SMOKE = PRESETS["smoke"]


def test_changes_are_numbers_words_and_sizes() -> None:
    words = [
        "pretrain_epochs=100",
        "pretrain_lr=1e-4",
        "shape=[48,48,48]",
        "normalise_targets=true",
    ]
    values = parse_changes(SMOKE, words)
    changed = SMOKE.changed(values)
    assert (changed.pretrain_epochs, changed.pretrain_lr) == (100, 1e-4)
    assert (changed.shape, changed.normalise_targets) == ((48, 48, 48), True)
    assert parse_changes(SMOKE, []) == {}
    assert parse_changes(SMOKE, ["dropout=0"]) == {"dropout": 0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("pretrain_epochs", "written NAME=VALUE"),
        ("epochs=3", "no field epochs"),
        ("dropout=much", "dropout of preset smoke is like 0.1; not 'much'"),
        ("pretrain_steps=2.5", "pretrain_steps of preset smoke is like 16; not 2.5"),
        ("normalise_targets=1", "is like False; not 1"),
        ("pretrain_epochs=many", "is like [0-9]+; not 'many'"),
        ("pretrain_epochs=[1]", r"is like [0-9]+; not \[1\]"),
        ("shape=48", r"is like \(.*\); not 48"),
        ('shape=["a",48,48]', "shape of preset smoke is like"),
        ("finetune_batch=null", "is like [0-9]+; not None"),
    ],
)
def test_what_is_no_change_is_refused_in_words(change: str, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        parse_changes(SMOKE, [change])
