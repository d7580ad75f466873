"""The plan of a study: its analysis, scans, checks, prepared volumes, runs and their status."""
