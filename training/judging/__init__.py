"""How a study judges: outcome with its values and measures, folds, external cohorts, and their words."""
