"""Parts of the pages, one folder a page, on top of the shared shell, viewer and scan table."""
