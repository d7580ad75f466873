"""Side effects of cut-offs: balance of covariates, selection bias, stability."""
