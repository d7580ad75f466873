"""Kappa and alpha equal published worked examples, and other people's programs."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from curation.ratings.agreement_coefficients import alpha_of_counts, kappa, kappa_with_interval

#: Two radiologists on 85 xeromammograms: Boyd et al. 1982, in Altman 1991, p. 403, and Stata's manual of kap.
RADIOLOGISTS = [[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]]
#: Husbands and wives: Hout et al. 1987, in Agresti 1990; figures from R's vcd::Kappa(SexualFun).
COUPLES = [[7, 7, 2, 3], [2, 8, 3, 7], [1, 5, 4, 9], [2, 8, 9, 14]]
#: Diagnoses by two psychiatrists: Fleiss, Statistical Methods for Rates and Proportions, 1981, ch. 13: 0.68,
#: which is 23/34.
DIAGNOSES = [[75, 1, 4], [5, 4, 1], [0, 0, 10]]

_ = None
#: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", example C: four observers, twelve units.
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, _, _, _],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, _, 3],
    [_, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, _],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, _],
]
#: Krippendorff 2011, example B, nominal, two observers, twelve units: alpha = 0.692.
LETTERS = ["aabbdcccedda", "babbbccceddd"]


@pytest.mark.parametrize(
    ("counts", "weights", "published"),
    [
        (RADIOLOGISTS, "none", 0.4728),
        (RADIOLOGISTS, "linear", 0.5684),
        (COUPLES, "none", 0.1293),
        (COUPLES, "linear", 0.2374),
        (DIAGNOSES, "none", 0.6765),
    ],
)
def test_kappa_equals_published_examples_to_four_decimals(counts, weights, published) -> None:
    assert round(float(kappa(counts, weights)), 4) == published


@pytest.mark.parametrize("counts", [RADIOLOGISTS, COUPLES, DIAGNOSES])
@pytest.mark.parametrize(("ours", "theirs"), [("none", None), ("linear",) * 2, ("quadratic",) * 2])
def test_kappa_equals_that_of_scikit_learn(counts, ours, theirs) -> None:
    first, second = (
        np.repeat(np.indices(np.shape(counts))[axis].ravel(), np.ravel(counts)) for axis in (0, 1)
    )
    assert float(kappa(counts, ours)) == pytest.approx(
        cohen_kappa_score(first, second, weights=theirs), abs=1e-12
    )


def test_quadratic_kappa_is_the_intraclass_correlation_of_ranks() -> None:
    # Fleiss and Cohen 1973: kappa = 2 cov / (var + var + (difference of means)^2), population moments
    counts = np.array(RADIOLOGISTS)
    ranks = np.arange(4)
    total = counts.sum()
    rows, columns = counts.sum(axis=1) / total, counts.sum(axis=0) / total
    means = rows @ ranks, columns @ ranks
    spreads = rows @ ranks**2 - means[0] ** 2, columns @ ranks**2 - means[1] ** 2
    together = ranks @ counts @ ranks / total - means[0] * means[1]
    correlation = 2 * together / (sum(spreads) + (means[0] - means[1]) ** 2)
    assert float(kappa(counts)) == pytest.approx(correlation, abs=1e-12)


@pytest.mark.parametrize(("ours", "theirs"), [("linear", "linear"), ("quadratic", "fc")])
def test_the_bootstrap_agrees_with_the_asymptotic_interval_on_many_scans(ours, theirs) -> None:
    counts = 20 * np.array(RADIOLOGISTS)
    found = kappa_with_interval(counts, ours)
    expected = cohens_kappa(counts, wt=theirs)
    assert found.low == pytest.approx(expected.kappa_low, abs=0.01)
    assert found.high == pytest.approx(expected.kappa_upp, abs=0.01)


def test_kappa_is_one_zero_and_minus_one_where_it_must_be() -> None:
    assert float(kappa(np.diag([3, 5, 2]))) == 1.0
    assert float(kappa(np.outer([2, 4, 6], [1, 3, 5]))) == pytest.approx(0.0, abs=1e-12)
    assert float(kappa([[0, 5], [5, 0]])) == -1.0


def test_where_nothing_can_be_told_apart_kappa_is_not_a_number() -> None:
    assert np.isnan(kappa([[9, 0], [0, 0]]))
    assert np.isnan(kappa_with_interval(np.zeros((3, 3)))).all()


def test_few_scans_have_no_interval_and_the_same_scans_the_same_one() -> None:
    value, low, high = kappa_with_interval([[4, 1], [1, 3]])
    assert value == pytest.approx(0.55) and np.isnan(low) and np.isnan(high)
    found = kappa_with_interval(COUPLES)
    assert found == kappa_with_interval(COUPLES)
    assert found.low < found.value < found.high


def _counted(rows, levels) -> np.ndarray:
    return np.array(
        [[column.count(level) for level in levels] for column in zip(*rows, strict=True)]
    )


@pytest.mark.parametrize(
    ("level", "published", "to_four"),
    [("nominal", 0.743, 0.7434), ("ordinal", 0.815, 0.8154), ("interval", 0.849, 0.8491)],
)
def test_alpha_equals_krippendorffs_example_with_missing_ratings(level, published, to_four) -> None:
    found = alpha_of_counts(_counted(OBSERVERS, [1, 2, 3, 4, 5]), [1, 2, 3, 4, 5], level).value
    assert round(found, 3) == published
    assert round(found, 4) == to_four


def test_nominal_alpha_equals_krippendorffs_own_fraction() -> None:
    # [(n-1) sum(o_cc) - sum n_c(n_c-1)] / [n(n-1) - sum n_c(n_c-1)], n = 40, diagonal 7 + 10 + 8 + 4 + 3
    same = 9 * 8 + 13 * 12 + 10 * 9 + 5 * 4 + 3 * 2
    expected = Fraction(39 * (7 + 10 + 8 + 4 + 3) - same, 40 * 39 - same)
    found = alpha_of_counts(_counted(OBSERVERS, [1, 2, 3, 4, 5]), [1, 2, 3, 4, 5], "nominal")
    assert found.value == pytest.approx(float(expected), abs=1e-12)


def test_alpha_of_letters_equals_krippendorffs_example() -> None:
    found = alpha_of_counts(_counted(LETTERS, "abcde"), [1, 2, 3, 4, 5], "nominal")
    assert round(found.value, 3) == 0.692
    # 1 - (24 - 1) * 6 / (24^2 - sum n_c^2), with six off-diagonal coincidences, by hand
    sizes = [sum(row.count(letter) for row in LETTERS) for letter in "abcde"]
    off = sum(a != b for a, b in zip(*LETTERS, strict=True)) * 2
    by_hand = 1 - 23 * off / (24**2 - sum(size**2 for size in sizes))
    assert found.value == pytest.approx(by_hand, abs=1e-12)


def test_alpha_counts_no_scan_with_one_rating_and_needs_two_levels() -> None:
    counts = _counted(OBSERVERS, [1, 2, 3, 4, 5])
    alone = np.vstack([counts, np.eye(5, dtype=int)])
    assert alpha_of_counts(alone, range(5), "ordinal") == alpha_of_counts(
        counts, range(5), "ordinal"
    )
    assert np.isnan(alpha_of_counts([[2, 0], [2, 0]], [0, 1], "nominal")).all()
    assert np.isnan(alpha_of_counts(np.zeros((0, 2)), [0, 1], "nominal")).all()


def test_ordinal_and_interval_alpha_know_that_far_is_worse_than_near() -> None:
    near = [[2, 0, 0, 0]] * 5 + [[1, 1, 0, 0]] + [[0, 0, 0, 2]] * 5 + [[0, 2, 0, 0]] * 2
    far = [[2, 0, 0, 0]] * 5 + [[1, 0, 0, 1]] + [[0, 0, 0, 2]] * 5 + [[0, 2, 0, 0]] * 2
    for level in ("ordinal", "interval"):
        assert (
            alpha_of_counts(near, range(4), level).value
            > alpha_of_counts(far, range(4), level).value
        )
