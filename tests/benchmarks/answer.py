"""The answer of a study: how often its verdicts are wrong. The last line is one JSON object.

``false_positive_equal, false_positive_unequal, false_positive_unlike_pair``
    Share of comparisons of two arms that are worth the same with a p-value of at most 0.05: where all seeds
    spread alike; where the seeds of the compared pair spread seven times more, or less, than the others';
    where one arm of the pair spreads seven times more than the other. Of all cells the one farthest from 5 %.
``coverage_equal, coverage_unequal, coverage_unlike_pair``
    Share of 95 % intervals that hold the true difference, in the same studies.
``false_equivalence``
    Share of comparisons of arms that differ by just the margin that are said to lie within it; the largest.
``power_promised, power_kept``
    Probability with which a design promises to find a difference, and the share of simulated studies that
    find it; the one farthest from what was promised.
``duplicate_recall, duplicate_false_rate``
    Share of planted near-duplicates that are found, and of pairs of different people that are taken for one.
``calibration_gap_years``
    Error of models calibrated as they are less that of models calibrated on everybody, two sources.
"""

import json

from tests.benchmarks import calibration, duplicate_search, verdict_rates

if __name__ == "__main__":
    figures = verdict_rates.measure() | duplicate_search.measure() | calibration.measure()
    print(json.dumps({key: round(float(value), 4) for key, value in figures.items()}))
