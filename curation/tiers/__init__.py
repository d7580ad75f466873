"""Tier rules: cut-offs and gates, assignment, overrides, versions and their YAML."""
