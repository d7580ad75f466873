"""The dashboard: ``streamlit run app.py``. Which pages there are stands in :mod:`pages.ui.frame`."""

from pages.ui import frame

frame.navigation()
