"""Parts of the page Rate."""
