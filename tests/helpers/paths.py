"""Where the checkout and the shared scans are."""

from pathlib import Path

#: The checkout.
ROOT = Path(__file__).parents[2]
#: Real scans beside the checkout; not everywhere.
SHARED_DATA = ROOT.parent / "shared" / "data"
