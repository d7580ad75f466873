"""What a study is: presets, arms, designs, inputs, splits, checks, its runs."""
