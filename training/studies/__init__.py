"""The plan of a study: presets, arms, designs, inputs, splits, checks, runs and their status."""
