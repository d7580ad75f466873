"""Curation of brain MRI: sources, metrics, scores, ratings, tiers and cohorts."""

__version__ = "0.16.0"
