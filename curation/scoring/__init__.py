"""The distortion score of a scan's metrics, by a reference of anchors or a learned exclusion model."""
