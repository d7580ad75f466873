"""What the files of a report are called."""

REPORT, DECK, METHODS, REMOVED, ALL = (
    "report.html",
    "deck.pptx",
    "methods.txt",
    "README.txt",
    "report.zip",
)
