"""The page around every page: door, frame, state, caches, formatting, background tasks."""
