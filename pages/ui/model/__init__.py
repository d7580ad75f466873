"""Parts of the page Model."""
