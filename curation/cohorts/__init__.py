"""Frozen cohorts: draft, flow chart, matched controls, integrity, export."""
