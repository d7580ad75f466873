"""What cut-offs do besides: balance of covariates, selection bias, stability."""
