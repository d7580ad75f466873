"""Files of a workspace: atomic writing, tables, BIDS tables, processes and locks."""
