"""Looking at scans, scoring them, rating them and sorting them into quality tiers."""

__version__ = "0.4.1"
