"""What came of a study: curves, summary, comparisons, subgroups, conclusions."""
