"""What a pretrained network makes of masked scans."""
