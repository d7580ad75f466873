"""Parts of the page Tiers."""
