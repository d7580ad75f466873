"""Entrance of the pages where people sign in: login, sessions, their end, and who acts."""
