"""Studies of the value of each quality tier for pretraining."""
