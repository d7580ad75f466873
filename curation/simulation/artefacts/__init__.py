"""Seeded artefacts: what scanners, patients and pipelines do to a head, by a severity from 0 to 1.

Each artefact is a pure function of an array, a severity and a random generator. What is drawn never
depends on the severity, so that with one seed a higher severity is more of the same. Axes are taken in
RAS order: 0 from left to right, 1 from back to front, 2 from bottom to top.
"""

from curation.simulation.artefacts import acquisition, image  # noqa: F401 - importing them fills the registry
from curation.simulation.artefacts.registry import ARTEFACTS, Artefact, Family, apply

__all__ = ["ARTEFACTS", "Artefact", "Family", "apply"]
