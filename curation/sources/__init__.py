"""Sources of scans: discovery, people, modalities, duplicates, ingest."""
