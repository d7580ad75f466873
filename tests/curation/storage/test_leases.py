from pathlib import Path

import pytest

from curation.storage.processes import lease
from training.tasks.stop_signal import Stopped


def _give_up() -> None:
    raise Stopped


def test_each_holder_gets_a_place_of_its_own_and_a_free_one_is_lent_again(tmp_path: Path) -> None:
    places = [tmp_path / "0", tmp_path / "1"]
    with lease(places, check=_give_up) as first, lease(places, check=_give_up) as second:
        assert {first, second} == {0, 1}
        with pytest.raises(Stopped), lease(places, check=_give_up):
            pass
    with lease(places, check=_give_up) as again:
        assert again == 0
