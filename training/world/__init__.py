"""A simulated world with known truth: dials, volumes, people, workspace, and what is best possible."""
