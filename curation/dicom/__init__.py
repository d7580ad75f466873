"""DICOM folders: what is in them, and their series as images of the workspace."""
