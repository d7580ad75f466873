"""Reconstructions of masked scans by a pretrained network."""
