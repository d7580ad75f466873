"""Scans as arrays and histogram bins, and the tier rule of the session, for the pages that use tiers."""
