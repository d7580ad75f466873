"""What raters who share a server take turns with."""

import threading

#: Measuring one scan takes seconds and up to a gigabyte or two.
MEASURING = threading.Lock()
