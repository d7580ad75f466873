"""What the pages share: state, caches, charts, the viewer, live progress."""
