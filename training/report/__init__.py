"""Reports of finished studies: one HTML file, slides to edit, figures and tables."""
