"""Tables from and for other tools: MRIQC's, ratings, rating sessions."""
