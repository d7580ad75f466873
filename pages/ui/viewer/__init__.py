"""Image viewer: NiiVue, image cache, display windows, overlays, slices, tiles."""
