"""Measuring scans: one scan, a workspace, batches on a cluster."""
