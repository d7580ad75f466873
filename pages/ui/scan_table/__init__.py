"""Scans as arrays and histogram bins, shared by Tiers and Explore."""
