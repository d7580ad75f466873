"""Simulated people, artefacts and the demo workspace."""
