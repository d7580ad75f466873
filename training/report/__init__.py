"""A finished study as something to hand on: one file to open, slides to edit, figures and numbers."""
