"""Looking at scans and rating them: figures of :mod:`.review` and :mod:`.ratings` in one JSON object."""

import json

from tests.benchmarks import ratings, review_page

KEYS = (
    "first_image_s",
    "next_scan_s",
    "save_ms",
    "contact_sheet_s",
    "memory_growth_mb",
    "ratings_lost",
    "ratings_doubled",
)
SCANS = 200

if __name__ == "__main__":
    found = review_page.figures(SCANS) | ratings.figures()
    print(json.dumps({key: found[key] for key in KEYS} | found))
