"""The dashboard: each page reads state, calls, draws."""
