"""Upkeep of a workspace: what is damaged or left behind in it, copies of it, and their way back."""
