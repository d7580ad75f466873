"""Hostile files of every kind that is read, and the product's own doors through which they are read."""
