"""Ratings: scales, the stored record, the log, agreement between raters."""
