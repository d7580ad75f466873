"""A report as files: HTML, PowerPoint, pictures, and the bundle of all of them."""
