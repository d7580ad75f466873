"""Helpers of the tests: workspaces named by what they hold, made images, servers."""
