"""Batches share the scans out whole, whenever each of them starts."""

import pandas as pd
import pytest

from curation.assessment.pending import Batch, batch_numbers
from curation.errors import TierscopeError

IDS = pd.Series([f"site_sub-{number:04d}_T1w" for number in range(1000)])


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_every_scan_is_in_one_batch_and_one_only(count: int) -> None:
    held = [Batch(number, count).holds(IDS) for number in range(1, count + 1)]
    assert (sum(part.astype(int) for part in held) == 1).all()


def test_a_scan_stays_in_its_batch_whatever_other_scans_there_are() -> None:
    some = IDS.sample(100, random_state=0)
    assert batch_numbers(some, 9).equals(batch_numbers(IDS, 9).loc[some.index])


def test_batches_are_about_equally_large() -> None:
    sizes = batch_numbers(IDS, 10).value_counts()
    assert sizes.between(60, 140).all()  # 100 on average, standard deviation 9.5


def test_a_batch_is_written_as_it_is_read() -> None:
    assert Batch.parse("3/8") == Batch(3, 8)
    assert str(Batch(3, 8)) == "3/8"


@pytest.mark.parametrize("text", ["", "3", "0/4", "5/4", "-1/4", "1/0", "a/b", "1.0/2", "1/2/3"])
def test_what_is_no_batch_is_refused_in_words(text: str) -> None:
    with pytest.raises(TierscopeError, match="K/N"):
        Batch.parse(text)
