"""Parts of the page Cohort."""
