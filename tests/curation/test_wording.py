"""Numbers in words."""

import numpy as np

from curation.wording import percentages


def test_percentages_add_up_and_lie_less_than_one_from_the_truth() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        counts = rng.integers(0, rng.choice([3, 100, 10**6]), rng.integers(1, 9)).tolist()
        shares = percentages(counts)
        assert sum(shares) == (100 if sum(counts) else 0)
        for share, count in zip(shares, counts, strict=True):
            assert abs(share - 100 * count / max(sum(counts), 1)) < 1
