"""The plan of a study: presets, inputs, splits, checks, runs and their status."""
