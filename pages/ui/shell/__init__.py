"""Shell of all pages: door, frame, session state, caches, controls, formatting, background tasks."""
