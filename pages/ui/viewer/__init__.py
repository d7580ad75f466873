"""The image viewer: NiiVue, image cache, windows, overlays, slices, tiles."""
