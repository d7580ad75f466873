"""The plan of a study: presets, arms, designs, inputs, checks, runs and their status."""
