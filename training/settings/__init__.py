"""What a run is set to: presets, hardware, objectives, tuning, input images and the volume grid."""
