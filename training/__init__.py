"""Studies: what each quality tier is worth for pretraining."""
