"""References of the score: the library, learning from ratings, cross-validation."""
