"""Predictions of people who were held out, and the figures of them; all that is said rests on these."""
