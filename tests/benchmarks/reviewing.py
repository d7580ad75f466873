"""Looking at scans and rating them: figures of :mod:`.review` and :mod:`.ratings` in one JSON object."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks import ratings, review  # noqa: E402

if __name__ == "__main__":
    print(json.dumps(review.figures(200) | ratings.figures()))
