"""Faces in images of heads: whether one is shown, and images without it."""
