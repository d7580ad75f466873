import pytest

from curation.errors import StudyError
from training.world.dials import Dials


@pytest.mark.parametrize(
    ("dials", "words"),
    [
        ({"labels": 0}, "8 people or more with a known age.*not 0"),
        ({"dose": 1.5}, "dose of a world lies between 0 and 1, not 1.5"),
        ({"dose": -0.1}, "dose of a world lies between 0 and 1"),
        ({"dose": float("nan")}, "dose of a world lies between 0 and 1"),
        ({"share": 2.0}, "share of a world"),
        ({"pool": 1}, "pool of 2 scans or more"),
        ({"strength": -1.0}, "0 or more"),
        ({"seed": -1}, "0 or more"),
        ({"confounded": "weight"}, "nothing, age, site"),
        ({"confounding": 0.5}, "needs to know with what"),
        ({"artefacts": ("glitter",)}, "no artefact glitter; there are noise"),
        ({"artefacts": (), "dose": 0.5}, "needs an artefact"),
        ({"colour": 1}, "no dial colour"),
    ],
)
def test_dials_that_make_no_world_are_refused_in_words(dials: dict, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        Dials().changed(dials)


def test_a_pool_smaller_than_a_batch_is_refused_in_words() -> None:
    with pytest.raises(StudyError, match=r"20 scans does not fill one batch.*32 scans"):
        Dials(pool=20).refuse_small_pool(32)
    Dials(pool=32).refuse_small_pool(32)


def test_dials_survive_being_written_down() -> None:
    dials = Dials(pool=50, dose=0.5, artefacts=("blur",), confounded="age", confounding=0.3)
    assert Dials.from_dict(dials.as_dict()) == dials
